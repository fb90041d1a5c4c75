"""Decoys are sealed like people, are nobody, and are told apart by serve alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from adapters.index.directory import read_current
from adapters.index.parquet import ParquetFiles
from adapters.index.parquet import read_part as read_columns
from adapters.index.parts import join
from adapters.index.sqlite import read_part
from gateway.seal import Layout, Sealer, SealingKey
from ops.demo.numbers import with_check
from ops.sync.decoys import donors
from policies.identifiers import parse_id_number
from tests.adapters.make_sources import Cells, a_row, number_of
from tests.ops.make_decoys import an_index, guarded, is_decoy, kept, link, numbers, people, sealed, subject
from tests.ops.make_sync import CATALOGUE, KEYS, NOT_CONFIRMED, Office

PERSONS = 200
YESTERDAY = "2026-11-02 00:00:00"
ROWS = people(PERSONS)
MATCH = {"sex": "match"}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Two hundred people and, with them, ten decoys."""
    office = guarded(tmp_path)
    office.sync(ROWS)
    return office


# ------------------------------------------------------------------------------------------------------ who they are


def test_a_full_sync_seals_the_share_that_was_set(office: Office) -> None:
    drawn = numbers(office)

    assert len(drawn) == 10
    assert all(parse_id_number(number) == number for number in drawn)
    assert len(sealed(office)) == PERSONS + 10
    assert {subject(office, number) for number in drawn} < sealed(office).keys()
    assert all(is_decoy(office, number) for number in drawn)


def test_nobody_of_the_register_is_a_decoy(office: Office) -> None:
    real = {number_of(n) for n in range(1, PERSONS + 1)}

    assert real.isdisjoint(numbers(office))
    assert not any(is_decoy(office, number) for number in real)


def test_a_number_that_is_drawn_and_is_somebodys_is_nobodys_decoy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A town where half of all numbers of one day are given out, of which the sample knows one in ten."""
    monkeypatch.setattr(donors, "ENOUGH", 50)
    real = [with_check(f"15980119800501{code:03}") for code in range(1, 1_000, 2)]
    office = guarded(tmp_path)
    office.sync([a_row(n, 身份证号=number) for n, number in enumerate(real)])

    drawn = numbers(office)
    assert drawn
    assert set(real).isdisjoint(drawn)
    assert not [number for number in real if is_decoy(office, number)]
    assert len(sealed(office)) == len(real) + len(drawn)
    assert kept(office) is not None


def test_counts_leave_them_out(office: Office) -> None:
    report = office.sync(ROWS, full=True)

    manifest = read_current(office.home.index, KEYS.sync.public_key()).manifest
    assert (manifest.kinds["person"].subjects, manifest.kinds["person"].records) == (PERSONS, PERSONS)
    assert (report.subjects, report.records) == ({"person": PERSONS}, {"person": PERSONS})
    assert (report.changed, report.removed, report.kinds["person"].records) == (PERSONS, 0, PERSONS)
    assert "诱饵 decoys: 在用 in force" in report.text()
    assert not [word for word in report.text().replace(",", " ").split() if word in {"10", "210"}]
    assert msgspec.json.decode(report.json())["decoys"] == report.decoys


def test_sizes_of_units_leave_them_out(office: Office) -> None:
    with closing(an_index(office)) as index:
        sealer = Sealer(SealingKey(KEYS.sealing), CATALOGUE, "person", index.version.generation, bytes)
        facts = [index.unit(sealer.unit(unit)) for unit in ("L", "L01", "L0101", "L02")]

    assert [fact.staff for fact in facts if fact] == [50, 50, 50, 50]


# ------------------------------------------------------------------------------------- what a thief of the index sees


def test_in_the_index_they_are_like_people(tmp_path: Path) -> None:
    history = [a_row(n, 单位="L02", 免职="2010-07-01", 任职="2000-01-01") for n in range(1, PERSONS, 3)]
    office = guarded(tmp_path)
    office.sync([*ROWS, *history])
    decoys = {subject(office, number) for number in numbers(office)}
    found = sealed(office)

    shapes = {subject: len(rows) for subject, rows in found.items()}
    assert {shapes[decoy] for decoy in decoys} <= {shape for each, shape in shapes.items() if each not in decoys}
    assert {_units(found[decoy]) for decoy in decoys} <= {_units(found[each]) for each in found if each not in decoys}
    assert len({rows[:8] for rows in found.values()}) == len(found), "no column is alike between two of them"


def test_their_place_among_people_tells_nothing(office: Office) -> None:
    decoys = {subject(office, number) for number in numbers(office)}
    published = read_current(office.home.index, KEYS.sync.public_key())

    for part in published.manifest.stored_as(".sqlite"):
        heads = [each.head for each in read_part(published.directory / part.file)]
        assert heads == sorted(heads)
    order = [join(each.head, each.tail) in decoys for each in read_part(published.directory / "base-0000.sqlite")]
    assert sum(order) == len(decoys)
    assert order.index(True) + len(decoys) < len(order) - order[::-1].index(True), "they do not stand together"


def test_file_jobs_meet_the_same_ones(office: Office) -> None:
    (path,) = ParquetFiles.open(office.home.index, KEYS.sync.public_key(), "person").paths

    columns = {join(each.head, each.tail): each.rows for each in read_columns(path, 0)}

    assert columns == sealed(office)


def test_nothing_that_sync_leaves_behind_holds_a_number_or_a_link(office: Office) -> None:
    drawn = numbers(office)
    files = [path for path in office.path.rglob("*") if path.is_file() and path.name != "人员.csv"]

    for content in (path.read_bytes() for path in files):
        assert not [number for number in drawn if number.encode() in content or link(number) in content]


def test_who_has_the_gateways_host_can_check_a_link_and_make_none(office: Office) -> None:
    """The index, serve's key and every number there is: what is missing is the sealing key."""
    guesses = [SealingKey(bytes(32)), SealingKey(b"s" * 31 + b"t")]
    with closing(an_index(office)) as index:
        made = [
            Sealer(key, CATALOGUE, "person", index.version.generation, bytes).link(number)
            for key in guesses
            for number in numbers(office)
        ]
        plain = [number.encode() for number in numbers(office)]
        hashed = [sha256(number).digest()[:16] for number in plain]
        subjects = [subject(office, number) for number in numbers(office)]

        assert not [each for each in (*made, *plain, *hashed, *subjects) if index.is_decoy(each)]
        assert all(index.is_decoy(link(number)) for number in numbers(office)), "with a link that seal made"


def test_a_decoys_record_says_what_its_number_says(office: Office) -> None:
    for number in numbers(office):
        sex = "男" if int(number[16]) % 2 else "女"
        names = [str(a_row(n)["姓名"]) for n in range(10)]
        answers = [office.answer(number, name, sex=sex) for name in names]
        # As the register would say it; the gateway answers none of this.
        assert answers.count(MATCH) == 1
        assert answers.count(NOT_CONFIRMED) == 9


# -------------------------------------------------------------------------------------- numbers that enter the register


def _delta(office: Office, *rows: Cells) -> None:
    assert office.sync([*ROWS, *rows]).mode == "delta"


def _push(office: Office, *rows: Cells) -> None:
    office.push([msgspec.json.encode(row) for row in rows])


def _full(office: Office, *rows: Cells) -> None:
    office.sync([*ROWS, *rows], full=True)


WAYS: dict[str, Callable[..., None]] = {"a delta": _delta, "a push": _push, "a full sync": _full}


@pytest.mark.parametrize("way", WAYS)
def test_who_enters_the_register_is_nobodys_decoy_any_more(way: str, office: Office) -> None:
    number, *others = numbers(office)

    WAYS[way](office, a_row(900, 身份证号=number, 更新时间=YESTERDAY))

    assert not is_decoy(office, number)
    assert office.answer(number, str(a_row(900)["姓名"]), sex="男") == MATCH
    assert all(is_decoy(office, other) for other in others)
    assert len(kept(office).decoys) == len(others)  # type: ignore[union-attr]  # there is a set


REFUSED: dict[str, list[dict[str, object]]] = {
    "a row that is refused": [{"性别": "X"}],
    "a row without a name": [{"姓名": ""}],
    "a row that is deleted": [{"删除": "1"}],
    "a number under two keys": [{}, {"人员编号": "901"}],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", REFUSED)
def test_a_number_that_the_source_names_at_all_is_no_decoy(case: str, way: str, office: Office) -> None:
    number, *others = numbers(office)
    rows = [a_row(900, 身份证号=number, 更新时间=YESTERDAY, **cells) for cells in REFUSED[case]]

    WAYS[way](office, *rows)

    assert not is_decoy(office, number)
    assert subject(office, number) not in sealed(office)
    assert all(is_decoy(office, other) for other in others)


def test_a_number_that_leaves_the_register_does_not_become_one_again(office: Office) -> None:
    number = numbers(office)[0]
    _delta(office, a_row(900, 身份证号=number, 更新时间=YESTERDAY))
    _full(office)

    assert not is_decoy(office, number)
    assert subject(office, number) not in sealed(office)


def test_who_replaces_a_decoy_counts_and_who_only_removes_one_does_not(office: Office) -> None:
    first, second, *_ = numbers(office)

    entered = office.sync([*ROWS, a_row(900, 身份证号=first, 更新时间=YESTERDAY)])
    refused = office.sync([*ROWS, a_row(901, 身份证号=second, 性别="X", 更新时间="2026-11-02 01:00:00")])

    assert (entered.changed, entered.removed, entered.subjects) == (1, 0, {"person": PERSONS + 1})
    assert (refused.changed, refused.removed) == (0, 0)
    assert refused.records == {"person": PERSONS + 1}


def test_a_corrected_number_may_be_that_of_a_decoy(office: Office) -> None:
    number = numbers(office)[0]
    rows = [a_row(1, 身份证号=number, 更新时间=YESTERDAY), *ROWS[1:]]

    office.sync(rows)

    assert not is_decoy(office, number)
    assert office.answer(number, str(a_row(1)["姓名"]), sex="男") == MATCH
    assert office.answer(number_of(1), str(a_row(1)["姓名"]), sex="男") == NOT_CONFIRMED


def _units(rows: bytes) -> tuple[int, ...]:
    """The token of the first record's unit; the one place that is alike between subjects."""
    layout = Layout(CATALOGUE, "person")
    return tuple(layout.unpack(rows[: layout.bytes])[Layout.UNITS][:1])
