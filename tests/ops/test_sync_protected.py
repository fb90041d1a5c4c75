"""Whom the source names as protected is known to serve by their link, in full syncs, deltas and pushes, and to nobody
who lacks serve's key."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from adapters.index.directory import read_current
from adapters.index.generations import GenerationFiles
from adapters.keys.files import DECOY_PUBLIC, private_folder, write_public
from adapters.sources.mapping import MappingError
from gateway.generation import GenerationError, Manifest
from ops.sync import SyncError
from tests.adapters.make_sources import a_row, number_of
from tests.ops.make_decoys import SERVE_KEY, an_index, link
from tests.ops.make_sync import CSV_MAPPING, KEYS, Office

RULE = '[protected]\nsex = ["女"]\n[codes.sex]'
RULED = CSV_MAPPING.replace("[codes.sex]", RULE)
ROWS = [a_row(1, 性别="F"), a_row(2), a_row(3, 性别="F", 免职="2020-01-01"), a_row(3, 任职="2020-01-01")]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office that knows serve's key, without custodians of decoys."""
    private_folder(tmp_path / "keys" / "sync")
    write_public(tmp_path / "keys" / DECOY_PUBLIC, SERVE_KEY)
    return Office(tmp_path)


def ruled(office: Office) -> Office:
    """The same, with a rule that protects women."""
    office.write(ROWS, RULED)
    return office


def listing(office: Office, *lines: str) -> None:
    path = office.path / "keys" / "sync" / "protected.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    path.chmod(0o600)


def protected(office: Office, among: range = range(1, 6)) -> set[int]:
    """Whom serve finds protected."""
    with closing(an_index(office)) as index:
        return {n for n in among if index.is_protected(link(number_of(n)))}


def manifest(office: Office) -> Manifest:
    return read_current(office.home.index, KEYS.sync.public_key()).manifest


def test_whoever_has_one_of_the_values_in_any_record_is_protected(office: Office) -> None:
    report = ruled(office).sync()

    assert protected(office) == {1, 3}, "3 had the value once"
    assert report.protected == "在用 in force: 2"
    assert "重点人员" in report.text()
    assert msgspec.json.decode(report.json())["protected"] == report.protected


def test_nobody_is_where_nothing_was_asked_for(office: Office) -> None:
    report = office.sync(ROWS)

    assert protected(office) == set()
    assert manifest(office).protected is None
    assert report.protected.startswith("未设 none")


def test_numbers_of_a_file_count_whether_they_are_in_the_register_or_not(office: Office) -> None:
    listing(office, "# 省管干部", number_of(2), "", f"{number_of(5)}  # 尚未入库")

    office.sync(ROWS)

    assert protected(office) == {2, 5}


def test_a_delta_protects_and_lets_go(office: Office) -> None:
    ruled(office).sync()
    before = manifest(office).protected

    later = {"更新时间": "2026-11-02 08:00:00"}
    office.write([a_row(1, 性别="M", **later), a_row(2, 性别="F", **later), a_row(4, 性别="F", **later)], RULED)
    report = office.sync()

    assert report.mode == "delta"
    assert protected(office) == {2, 3, 4}
    assert manifest(office).protected != before


def test_a_delta_that_changes_nobody_keeps_the_file(office: Office) -> None:
    ruled(office).sync()
    before = manifest(office).protected

    office.write([a_row(2, 更新时间="2026-11-02 08:00:00")], RULED)
    assert office.sync().mode == "delta"

    assert manifest(office).protected == before


def test_a_line_more_in_the_file_counts_at_the_next_delta(office: Office) -> None:
    listing(office, number_of(2))
    office.sync(ROWS)
    listing(office, number_of(2), number_of(4))

    assert office.sync(ROWS).mode == "delta"

    assert protected(office) == {2, 4}


def test_whoever_leaves_the_register_is_not_protected_by_a_rule_any_more(office: Office) -> None:
    ruled(office).sync()

    office.write([a_row(1, 性别="F", 删除="1", 更新时间="2026-11-02 08:00:00")], RULED)
    office.sync()

    assert protected(office) == {3}


def test_a_push_protects(office: Office) -> None:
    ruled(office).sync()

    office.push([msgspec.json.encode(a_row(2, 性别="F", 更新时间="2026-11-02 08:00:00"))])

    assert protected(office) == {1, 2, 3}


def test_several_workers_protect_whom_one_would(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.sync.workers._CHUNK_ROWS", 1)
    monkeypatch.setattr("ops.sync.workers._CHUNKS_ALONE", 0)

    ruled(office).told(workers=2).sync(full=True)

    assert protected(office) == {1, 3}


def test_without_the_key_of_serve_nothing_is_sealed(office: Office) -> None:
    (office.path / "keys" / DECOY_PUBLIC).unlink()

    with pytest.raises(SyncError, match=r"decoys serve-key"):
        ruled(office).sync()


def test_whoever_answers_without_the_key_does_not_adopt_it(office: Office) -> None:
    ruled(office).sync()

    with pytest.raises(GenerationError, match=r"protected persons and keys/serve/decoys\.pem"):
        GenerationFiles(office.home.index, KEYS.sync.public_key()).open()


def test_a_file_of_decoys_does_not_pass_for_one_of_protected_persons(office: Office) -> None:
    ruled(office).sync()
    stored = manifest(office).protected
    assert stored is not None

    content = (office.home.index / manifest(office).generation / stored.file).read_bytes()

    assert not [n for n in (1, 3) if link(number_of(n)) in content]
    assert number_of(1).encode() not in content


WRONG_RULES = {
    "a field that the standard has not": ('colour = ["红"]', r"protected\.colour"),
    "a field that is not mapped": ('leader_rank = ["厅局级正职"]', r"protected\.leader_rank"),
    "a value that the standard has not": ('sex = ["红"]', r"protected\.sex, '红'"),
    "no value": ("sex = []", r"protected\.sex: must name"),
}


@pytest.mark.parametrize("case", WRONG_RULES)
def test_a_rule_is_read_strictly(case: str, office: Office) -> None:
    rule, told = WRONG_RULES[case]
    office.write(ROWS, CSV_MAPPING.replace("[codes.sex]", f"[protected]\n{rule}\n[codes.sex]"))

    with pytest.raises(MappingError, match=told):
        office.sync()


def test_a_number_that_is_none_is_told_by_its_line(office: Office) -> None:
    wrong = number_of(1)[:-1] + ("1" if number_of(1)[-1] != "1" else "2")
    listing(office, number_of(2), wrong)

    with pytest.raises(SyncError, match=r"protected\.txt, line 2") as raised:
        office.sync(ROWS)

    assert wrong not in str(raised.value)


def test_a_file_that_others_can_read_is_refused(office: Office) -> None:
    listing(office, number_of(2))
    (office.path / "keys" / "sync" / "protected.txt").chmod(0o640)

    with pytest.raises(SyncError, match="chmod 600"):
        office.sync(ROWS)
