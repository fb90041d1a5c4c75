"""Tombstones: what the ledger says was erased counts only under a deed, and only for what it names."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from audit.disclosed import DisclosureCheck
from audit.entry import JsonValue, decode, encode
from audit.erased import Erased, Tombstones, erased_at, read_tombstone
from audit.events import Draft
from audit.packing import unpack, without
from audit.report import Exit, Findings, Problem
from tests.audit.bundles import ERASED, TOMBSTONE, drafts, export_deed, in_force, tombstone
from tests.audit.bundles import TOLD as NAMES
from tests.audit.make import AT, a_ledger
from tests.fakes_audit import MemoryKeys, MemoryLedger

TOLD: dict[str, JsonValue] = json.loads(tombstone([2, 3, 4]).body)
RUNS = Erased(7, ("subject", "operator"), ((1, 2), (5, 5)), "ab" * 32)


def test_a_tombstone_speaks_of_its_entries_and_names_alone() -> None:
    covered = [index for index in range(8) if RUNS.covers(index, "subject")]

    assert covered == [1, 2, 5]
    assert RUNS.count == 3
    assert not RUNS.covers(1, "inner")


UNREADABLE: dict[str, JsonValue] = {
    "nothing": None,
    "a text": "erased",
    "no deed": TOLD | {"deed": "X-1"},
    "no names": TOLD | {"names": "subject"},
    "no runs": TOLD | {"ranges": None},
    "runs that are one": TOLD | {"ranges": [1, 2]},
    "a run of three": TOLD | {"ranges": [[1, 2, 3]]},
    "a run of texts": TOLD | {"ranges": [["1", "2"]]},
    "a run that falls": TOLD | {"ranges": [[2, 1]]},
    "a run before nought": TOLD | {"ranges": [[-1, 1]]},
    "runs that overlap": TOLD | {"ranges": [[1, 3], [3, 4]]},
    "runs in another order": TOLD | {"ranges": [[3, 4], [1, 2]]},
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_erases_nothing(case: str) -> None:
    assert read_tombstone(7, UNREADABLE[case]) is None


def a_log(said: Sequence[Draft], keys: MemoryKeys) -> MemoryLedger:
    log = MemoryLedger()
    a_ledger(keys=keys).append(log, said, AT)
    return log


def checked(log: MemoryLedger, keys: MemoryKeys | None) -> tuple[Problem, ...]:
    """What a walk through the log finds."""
    findings = Findings()
    check = DisclosureCheck(keys, findings)
    for row in log.rows:
        entry = decode(row.entry)
        assert isinstance(entry, dict)
        check.take(row.index, entry, row.disclosures)
    check.finish(log)
    return findings.all()


def erase(log: MemoryLedger, index: int, frames: Sequence[str]) -> None:
    """Takes frames away, as an erasure does, or whoever wants something gone."""
    log.rows[index] = replace(log.rows[index], disclosures=without(log.rows[index].disclosures, frames))


def spoil(log: MemoryLedger, index: int) -> None:
    log.rows[index] = replace(log.rows[index], disclosures=b"rubbish")


def put(index: int, draft: Draft) -> Callable[[list[Draft]], list[Draft]]:
    return lambda said: [*said[:index], draft, *said[index + 1 :]]


def honest(said: list[Draft]) -> list[Draft]:
    return said


SAID: dict[str, tuple[Callable[[list[Draft]], list[Draft]], Exit | None, int | None]] = {
    "by a deed": (honest, None, None),
    "by no deed": (lambda said: [*said[:6], tombstone(sha256="00" * 32)], Exit.TAMPERED, 6),
    "by a deed of another kind": (put(6, in_force("grant", "X-1", "e1" * 32)), Exit.TAMPERED, TOMBSTONE),
    "by a deed that came later": (lambda said: [*said[:6], said[7], said[6]], Exit.TAMPERED, 6),
    "of what is not there yet": (put(7, tombstone([ERASED, 8])), Exit.TAMPERED, TOMBSTONE),
    "of nothing that can be read": (put(7, Draft("erasure.applied", None, b'"x"')), Exit.TAMPERED, TOMBSTONE),
    "of another entry": (put(7, tombstone([1])), Exit.INCOMPLETE, ERASED),
    "of other names": (put(7, tombstone(names=["operator"])), Exit.INCOMPLETE, ERASED),
}


@pytest.mark.parametrize("case", SAID)
def test_what_is_gone_was_erased_only_where_a_deed_and_an_entry_say_so(case: str) -> None:
    change, verdict, index = SAID[case]
    keys = MemoryKeys()
    log = a_log(change(drafts(export_deed())), keys)
    for frame in frames_of(log, keys):
        erase(log, ERASED, [frame])

    problems = checked(log, keys)

    if verdict is None:
        assert problems == ()
    else:
        assert (verdict, index) in {(each.verdict, each.index) for each in problems}


def frames_of(log: MemoryLedger, keys: MemoryKeys) -> list[str]:
    """The frames that hold what was erased."""
    return sorted({each.label for each in unpack(log.rows[ERASED].disclosures)})


def test_what_was_erased_and_put_back_is_seen() -> None:
    keys = MemoryKeys()
    log = a_log(drafts(export_deed()), keys)

    problems = checked(log, keys)

    assert {(each.verdict, each.index) for each in problems} == {(Exit.TAMPERED, ERASED)}
    assert "put back" in problems[0].cause
    assert checked(log, None) == ()


def test_bytes_that_are_no_disclosures_are_seen_also_where_something_was_erased() -> None:
    keys = MemoryKeys()
    log = a_log(drafts(export_deed()), keys)
    spoil(log, ERASED)

    assert {(each.verdict, each.index) for each in checked(log, keys)} == {(Exit.TAMPERED, ERASED)}


# ----------------------------------------------------------------------------------------- one entry, looked up


def raw(log: MemoryLedger, index: int, **changes: JsonValue) -> MemoryLedger:
    """The log with an entry written over."""
    told = json.loads(log.rows[index].entry) | changes
    log.rows[index] = replace(log.rows[index], entry=encode({k: v for k, v in told.items() if v is not None}))
    return log


LOOKED_UP: dict[str, tuple[Callable[[MemoryLedger], object], list[int], dict[str, int]]] = {
    "there": (lambda log: None, [TOMBSTONE], dict.fromkeys(NAMES, TOMBSTONE)),
    "not looked for": (lambda log: None, [], {}),
    "no tombstone": (lambda log: None, [1, 99], {}),
    "a tombstone that is none": (lambda log: raw(log, TOMBSTONE, body="x"), [TOMBSTONE], {}),
    "a tombstone without a body": (lambda log: raw(log, TOMBSTONE, body=None), [TOMBSTONE], {}),
    "of other entries": (lambda log: raw(log, TOMBSTONE, body=TOLD | {"ranges": [[1, 1]]}), [TOMBSTONE], {}),
}


@pytest.mark.parametrize("case", LOOKED_UP)
def test_what_was_erased_of_an_entry_is_found_by_its_tombstones(case: str) -> None:
    change, looked, found = LOOKED_UP[case]
    log = a_log(drafts(export_deed()), MemoryKeys())
    change(log)

    assert erased_at(log, looked, ERASED) == found


def test_nothing_is_said_of_entries_that_say_nothing_of_erasing() -> None:
    stones = Tombstones()

    assert stones.take(3, {"type": "comparison.answered", "body": "x"}) is None
    assert stones.take(4, {"type": "deed.in_force", "body": []}) is None
    assert stones.by(1, "subject") is None
