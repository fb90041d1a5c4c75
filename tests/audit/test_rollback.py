"""What became of a log: the table of fates, from what others have of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from audit.entry import leaf_hash
from audit.rollback import Claim, Diagnosis, Fate, Held, diagnose
from audit.tree import StoredTree
from tests.audit.make import AT, a_ledger, an_answer
from tests.audit.make import a_log as fresh
from tests.fakes_audit import MemoryLedger

SIGNED, COMMON = 120, 100
LATER = AT + timedelta(days=1)


def grown(to: int, at: datetime, seed: str) -> MemoryLedger:
    """A log whose first hundred entries are always the same."""
    log = fresh(COMMON)
    a_ledger(seed).append(log, [an_answer()] * (to - COMMON), at)
    return log


TRUE = grown(SIGNED, AT + timedelta(seconds=70), "true")


def claim(size: int, signed: datetime | None = AT + timedelta(seconds=90), source: str = "witness") -> Claim:
    """A checkpoint of the log as it was."""
    return Claim(source, size, StoredTree(size, TRUE.hashes).root(), signed)


def held(index: int, source: str = "payroll") -> Held:
    """A receipt of the log as it was."""
    return Held(source, index, TRUE.rows[index].leaf)


def edited(log: MemoryLedger, index: int) -> MemoryLedger:
    log.rows[index] = replace(log.rows[index], entry=log.rows[index].entry.replace(b"match", b"metch"))
    return log


def written_over(log: MemoryLedger, index: int, entry: bytes) -> MemoryLedger:
    """An entry replaced with its hash."""
    log.rows[index] = replace(log.rows[index], entry=entry, leaf=leaf_hash(entry))
    return log


def gone(log: MemoryLedger, index: int) -> MemoryLedger:
    del log.rows[index]
    return log


WHOLE = Diagnosis(Fate.WHOLE, SIGNED, SIGNED, agreed=SIGNED)
FATES: dict[str, tuple[Callable[[], MemoryLedger], list[Claim], list[Held], Diagnosis]] = {
    "as it was": (
        lambda: grown(SIGNED, AT + timedelta(seconds=70), "true"),
        [claim(50), claim(SIGNED)],
        [held(119)],
        WHOLE,
    ),
    "nobody has anything": (lambda: fresh(5), [], [], Diagnosis(Fate.UNKNOWN, 5, 0)),
    "nothing, and a receipt": (
        MemoryLedger,
        [],
        [held(3)],
        Diagnosis(Fate.RESTORED, 0, 4, 0, 1, 0, ("payroll",)),
    ),
    "an old copy": (
        lambda: fresh(COMMON),
        [claim(50, source="archive"), claim(SIGNED), claim(110)],
        [held(99), held(115)],
        Diagnosis(Fate.RESTORED, COMMON, SIGNED, COMMON, COMMON + 1, 50, ("witness", "payroll")),
    ),
    "an old copy that went on": (
        lambda: grown(SIGNED, LATER, "other"),
        [claim(50), claim(SIGNED)],
        [],
        Diagnosis(Fate.OVERTAKEN, SIGNED, SIGNED, COMMON, COMMON + 1, 50, ("witness",)),
    ),
    "an old copy that went on, and a receipt of what is lost": (
        lambda: grown(SIGNED, LATER, "other"),
        [claim(COMMON), claim(SIGNED)],
        [held(110)],
        Diagnosis(Fate.OVERTAKEN, SIGNED, SIGNED, COMMON, COMMON + 1, COMMON, ("witness", "payroll")),
    ),
    "an old copy that went on at once": (
        lambda: grown(SIGNED, AT + timedelta(seconds=71), "other"),
        [claim(50), claim(SIGNED)],
        [held(110)],
        Diagnosis(Fate.FORKED, SIGNED, SIGNED, 50, 111, 50, ("witness", "payroll")),
    ),
    "a checkpoint that says no time": (
        lambda: grown(SIGNED, LATER, "other"),
        [claim(SIGNED, signed=None)],
        [],
        Diagnosis(Fate.FORKED, SIGNED, SIGNED, 0, SIGNED, 0, ("witness",)),
    ),
    "receipts alone": (
        lambda: grown(SIGNED, LATER, "other"),
        [],
        [held(110), held(105), held(20)],
        Diagnosis(Fate.FORKED, SIGNED, 111, 0, 106, 0, ("payroll",)),
    ),
    "an entry edited where it stands": (
        lambda: edited(written_over(grown(SIGNED, LATER, "true"), 30, b"{}"), 7),
        [claim(SIGNED)],
        [],
        Diagnosis(Fate.ALTERED, SIGNED, SIGNED, 7, 8, 0, ("witness",)),
    ),
    "an entry gone": (
        lambda: gone(grown(SIGNED, AT + timedelta(seconds=70), "true"), 60),
        [claim(50), claim(SIGNED)],
        [],
        Diagnosis(Fate.ALTERED, SIGNED, SIGNED, 60, 61, 50, ("witness",)),
    ),
    "entries without a time": (
        lambda: written_over(written_over(grown(SIGNED, LATER, "other"), 60, b"rubbish"), 61, b"[]"),
        [claim(50), claim(SIGNED)],
        [],
        Diagnosis(Fate.OVERTAKEN, SIGNED, SIGNED, COMMON, COMMON + 1, 50, ("witness",)),
    ),
}


@pytest.mark.parametrize("case", FATES)
def test_what_others_have_tells_what_became_of_a_log(case: str) -> None:
    made, claims, receipts, expected = FATES[case]

    assert diagnose(made(), claims, receipts) == expected


LOST = {
    "nothing": (WHOLE, 0),
    "an old copy": (Diagnosis(Fate.RESTORED, 100, 120, 100, 101), 20),
    "all": (Diagnosis(Fate.RESTORED, 0, 120, 0, 1), 120),
    "an old copy that went on": (Diagnosis(Fate.OVERTAKEN, 130, 120, 100, 101), 20),
    "more than was signed": (Diagnosis(Fate.WHOLE, 130, 120), 0),
}


@pytest.mark.parametrize("case", LOST)
def test_how_many_signed_entries_are_lost(case: str) -> None:
    diagnosis, lost = LOST[case]

    assert diagnosis.lost == lost
