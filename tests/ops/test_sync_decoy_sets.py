"""How long a set of decoys stays, what it needs, and that every engine knows the same ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.index.directory import read_current
from adapters.index.postgres import PostgresIndex
from adapters.keys.files import DECOY_PUBLIC, write_public
from adapters.keys.ring import SyncKeys
from ops.sync import SyncError, workers
from ops.sync.decoys.keeping import lists
from ops.sync.decoys.wanted import CUSTODIANS
from tests.adapters.make_sources import Cells, a_row
from tests.ops.make_decoys import SERVE_KEY, folder, guard, guarded, is_decoy, link, numbers, people, sealed, subject
from tests.ops.make_sync import KEYS, Office

PERSONS = 200
YESTERDAY = "2026-11-02 00:00:00"
ROWS = people(PERSONS)
STRANGER = X25519PrivateKey.from_private_bytes(b"n" * 32)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Two hundred people and, with them, ten decoys."""
    office = guarded(tmp_path)
    office.sync(ROWS)
    return office


def _delta(office: Office, *rows: Cells) -> None:
    assert office.sync([*ROWS, *rows]).mode == "delta"


def test_a_delta_keeps_them_and_their_file(office: Office) -> None:
    before = read_current(office.home.index, KEYS.sync.public_key()).manifest
    _delta(office, a_row(900, 更新时间=YESTERDAY))

    after = read_current(office.home.index, KEYS.sync.public_key()).manifest
    assert after.decoys == before.decoys
    assert all(is_decoy(office, number) for number in numbers(office))


@pytest.mark.parametrize("days", [1, 364])
def test_a_full_sync_keeps_a_young_set(days: int, office: Office) -> None:
    drawn = numbers(office)
    office.clock.at += timedelta(days=days)
    report = office.sync(full=True)

    assert lists(folder(office)) == [name for name in lists(folder(office)) if numbers(office, name) == drawn]
    assert report.decoys == "在用 in force"
    assert {subject(office, number) for number in drawn} < sealed(office).keys()
    assert all(is_decoy(office, number) for number in drawn)


def test_a_full_sync_draws_others_when_the_set_is_old(office: Office) -> None:
    first = numbers(office)
    office.clock.at += timedelta(days=365)
    report = office.sync(full=True)

    assert report.decoys == "新设 drawn anew"
    gone = set(first) - set(numbers(office))
    assert gone
    assert not any(is_decoy(office, number) for number in gone)
    assert not {subject(office, number) for number in gone} & sealed(office).keys()
    assert len(lists(folder(office))) == 2, "the older list is kept: an alarm of last year must be explained"


def test_a_delta_draws_no_others_however_old_they_are(office: Office) -> None:
    drawn = numbers(office)
    office.clock.at += timedelta(days=800)
    _delta(office, a_row(900, 更新时间=YESTERDAY))

    assert numbers(office) == drawn


def _told_another_share(office: Office) -> Office:
    return office.told(decoy_share=0.03)


def _with_another_custodian(office: Office) -> Office:
    (office.path / "keys" / CUSTODIANS / "li.pub").unlink()
    write_public(office.path / "keys" / CUSTODIANS / "zhao.pub", STRANGER)
    return office


def _with_another_sealing_key(office: Office) -> Office:
    return replace(office, keys=SyncKeys(sealing=b"n" * 32, sync=KEYS.sync))


def _without_its_state(office: Office) -> Office:
    (folder(office) / "subjects.sqlite").write_bytes(b"torn")
    return office


CHANGES: dict[str, Callable[[Office], Office]] = {
    "another share": _told_another_share,
    "another custodian": _with_another_custodian,
    "another sealing key": _with_another_sealing_key,
    "a state that was lost": _without_its_state,
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_a_set_was_drawn_by_is_what_it_stays_by(case: str, office: Office) -> None:
    report = CHANGES[case](office).sync(full=True)

    assert report.decoys == "新设 drawn anew"
    assert len(lists(folder(office))) == 2


@pytest.mark.parametrize("statement", ["DELETE FROM facts", "UPDATE facts SET content = x'00'"])
def test_without_the_links_nothing_is_added_to_a_generation_that_has_decoys(statement: str, office: Office) -> None:
    with closing(sqlite3.connect(folder(office) / "subjects.sqlite")) as connection:
        connection.execute(f"{statement} WHERE name = 'decoys'")
        connection.commit()

    with pytest.raises(SyncError, match="bidui sync"):
        office.push([msgspec.json.encode(a_row(900))])
    assert office.sync([*ROWS, a_row(900, 更新时间=YESTERDAY)]).mode == "full"
    assert all(is_decoy(office, number) for number in numbers(office))


# ----------------------------------------------------------------------------------------------- what they need


def _no_custodians(home: Path) -> None:
    for path in (home / "keys" / CUSTODIANS).iterdir():
        path.unlink()


def _one_custodian(home: Path) -> None:
    (home / "keys" / CUSTODIANS / "li.pub").unlink()


def _one_custodian_twice(home: Path) -> None:
    (home / "keys" / CUSTODIANS / "li.pub").write_bytes((home / "keys" / CUSTODIANS / "wang.pub").read_bytes())


def _three_custodians(home: Path) -> None:
    write_public(home / "keys" / CUSTODIANS / "zhao.pub", STRANGER)


def _no_key_of_serve(home: Path) -> None:
    (home / "keys" / DECOY_PUBLIC).unlink()


MISSING: dict[str, tuple[Callable[[Path], None], str]] = {
    "no custodians": (_no_custodians, "bidui decoys key"),
    "one custodian": (_one_custodian, "bidui decoys key"),
    "one custodian twice": (_one_custodian_twice, "bidui decoys key"),
    "three custodians": (_three_custodians, "bidui decoys key"),
    "no key of serve": (_no_key_of_serve, "bidui decoys serve-key"),
}


@pytest.mark.parametrize("case", MISSING)
def test_without_what_they_need_a_full_sync_sets_none_and_says_what_to_do(case: str, office: Office) -> None:
    drawn = numbers(office)
    take_away, says = MISSING[case]
    take_away(office.path)

    report = office.sync(full=True)

    assert says in report.text()
    assert read_current(office.home.index, KEYS.sync.public_key()).manifest.decoys is None
    assert len(sealed(office)) == PERSONS
    assert not any(is_decoy(office, number) for number in drawn)


def test_a_share_of_nothing_sets_none(office: Office) -> None:
    assert "decoy_share = 0" in office.told(decoy_share=0.0).sync(full=True).text()
    assert len(sealed(office)) == PERSONS


@pytest.mark.parametrize("settings", [{"decoy_share": -0.1}, {"decoy_share": 0.06}, {"decoy_days": 0}])
def test_a_share_that_makes_no_sense_is_refused(settings: dict[str, float], office: Office) -> None:
    with pytest.raises(SyncError, match="decoy_share"):
        office.told(**settings).sync(full=True)


def test_what_is_no_key_stops_a_sync_and_changes_nothing(office: Office) -> None:
    (office.path / "keys" / CUSTODIANS / "li.pub").write_text("not a key")

    with pytest.raises(SyncError, match="custodian"):
        office.sync(full=True)
    assert all(is_decoy(office, number) for number in numbers(office))


def test_a_delta_that_drops_one_needs_the_key_of_serve(office: Office) -> None:
    number = numbers(office)[0]
    _no_key_of_serve(office.path)
    _delta(office, a_row(900, 更新时间=YESTERDAY))

    with pytest.raises(SyncError, match=r"put keys/decoys\.pub back"):
        _delta(office, a_row(901, 身份证号=number, 更新时间="2026-11-02 01:00:00"))
    assert is_decoy(office, number), "the old index goes on serving, whole"


def test_a_fresh_home_sets_none_until_custodians_are_there(tmp_path: Path) -> None:
    office = Office(tmp_path)
    assert "bidui decoys key" in office.sync(ROWS).text()
    guard(tmp_path)
    assert "sync --full" in office.sync([*ROWS, a_row(900, 更新时间=YESTERDAY)]).decoys

    assert office.told(decoy_share=0.05).sync(full=True).decoys == "新设 drawn anew"
    assert len(numbers(office)) == 10


def test_a_tiny_register_has_one(tmp_path: Path) -> None:
    office = guarded(tmp_path, decoy_share=0.005)
    office.sync(people(1))

    assert len(numbers(office)) == 1


# ------------------------------------------------------------------------------------------------------ engines


def test_postgresql_and_files_know_the_same_ones(tmp_path: Path, postgres_url: str) -> None:
    office = guarded(tmp_path, index_database=postgres_url)
    office.sync(ROWS)
    number, *others = numbers(office)
    office.sync([*ROWS, a_row(900, 身份证号=number, 更新时间=YESTERDAY)])

    with closing(PostgresIndex.open(postgres_url, KEYS.sync.public_key(), None, SERVE_KEY)) as tables:
        assert not tables.is_decoy(link(number))
        assert all(tables.is_decoy(link(other)) for other in others)
        assert office.answer(number, str(a_row(900)["姓名"]), index=tables, sex="男") == {"sex": "match"}


def test_many_workers_draw_as_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CHUNKS_ALONE", 1)
    monkeypatch.setattr(workers, "_CHUNK_ROWS", 20)
    office = guarded(tmp_path, workers=2)
    office.sync(ROWS)

    assert len(numbers(office)) == 10
    assert len(sealed(office)) == PERSONS + 10
