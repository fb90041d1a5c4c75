"""The state of the ledger: each cause by what was looked up, and what it comes to."""

import errno
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from audit.causes import RULES, Cause, Recovery, State, markdown
from audit.signer import Run
from audit.signer import State as Outcome
from audit.stamps import microseconds
from audit.states import MIB, Facts, Limits, Place, Standing, Why, Witnessed, judge, standing
from tests.audit.make import AT

LIMITS = Limits()
FINE = Facts(now=AT, log_time=microseconds(AT), free=10_000 * MIB)
SHORTER = Run(Outcome.SEALED, cause="the database holds 5 entries, 9 were signed", index=5, is_shorter=True)

CASES: dict[str, tuple[dict[str, object], set[Cause]]] = {
    "nothing": ({}, set()),
    "a commit that failed": ({"commit": "OperationalError"}, {Cause.COMMIT}),
    "a database that hangs": ({"waits": 4.0, "is_readable": False}, {Cause.STALLED}),
    "a database that answers late": ({"waits": 2.0}, set()),
    "a database that is down": ({"is_readable": False}, {Cause.DOWN}),
    "a file that is gone": ({"place": Place.LOST}, {Cause.LOST}),
    "a file that is another": ({"place": Place.REPLACED}, {Cause.REPLACED}),
    "a full disk": ({"trial": errno.ENOSPC, "free": 0}, {Cause.DISK_FULL}),
    "less than the limit": ({"free": 255 * MIB}, {Cause.DISK_FULL}),
    "little": ({"free": 1000 * MIB}, {Cause.DISK_LOW}),
    "a disk that nobody measured": ({"free": None}, set()),
    "a read-only file system": ({"trial": errno.EROFS}, {Cause.READ_ONLY}),
    "a folder of somebody else": ({"trial": errno.EACCES}, {Cause.FORBIDDEN}),
    "a folder that is gone": ({"trial": errno.ENOENT}, {Cause.FORBIDDEN}),
    "a disk that breaks": ({"trial": errno.EIO}, {Cause.DISK_BROKEN}),
    "no checkpoints": ({"has_checkpoints": False, "run": SHORTER}, {Cause.CHECKPOINTS}),
    "a log that is shorter": ({"run": SHORTER}, {Cause.ROLLED_BACK}),
    "a log that is another": ({"run": Run(Outcome.SEALED, cause="x", index=3)}, {Cause.MISMATCH}),
    "a signer that is late": ({"signed_ago": 11.0}, {Cause.SIGNER_LATE}),
    "a signer that stopped": ({"signed_ago": 901.0}, {Cause.SIGNER_STOPPED}),
    "a day behind the log": ({"now": AT - timedelta(days=1)}, {Cause.CLOCK_BACK}),
    "a second behind the log": ({"now": AT - timedelta(seconds=1)}, set()),
    "a leap of a day": ({"drift": timedelta(days=1)}, {Cause.CLOCK_LEAPT}),
    "a leap back": ({"drift": timedelta(days=-1)}, {Cause.CLOCK_BACK}),
    "a clock that stands": ({"stands": 6.0}, {Cause.CLOCK_STANDS}),
    "late witnesses": ({"witnessed": Witnessed(Cause.WITNESS_LATE)}, {Cause.WITNESS_LATE}),
    "no witness for too long": ({"witnessed": Witnessed(Cause.WITNESS_LIMIT)}, {Cause.WITNESS_LIMIT}),
    "a witness that saw more": ({"witnessed": Witnessed(Cause.WITNESS_AHEAD)}, {Cause.WITNESS_AHEAD}),
    "undecided": ({"is_undecided": True}, {Cause.UNDECIDED}),
    "found and still so": ({"is_undecided": True, "run": SHORTER}, {Cause.ROLLED_BACK}),
    "two at once": ({"commit": "x", "free": 1}, {Cause.COMMIT, Cause.DISK_FULL}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_fact_is_its_cause(case: str) -> None:
    told, causes = CASES[case]

    found = judge(replace(FINE, **told), LIMITS)

    assert {why.cause for why in found.whys} == causes
    sealed = any(RULES[cause].state is State.SEALED for cause in causes)
    assert found.answers is not sealed
    assert found.state is (State.SEALED if sealed else State.DEGRADED if causes else State.OK)


def test_every_cause_is_found_by_some_fact() -> None:
    assert set(Cause) == set(RULES) == {cause for _, causes in CASES.values() for cause in causes}


def test_nothing_is_written_into_a_log_that_is_not_what_was_signed() -> None:
    shut = {cause for cause, rule in RULES.items() if not rule.may_write}

    assert shut == {
        Cause.LOST,
        Cause.REPLACED,
        Cause.CHECKPOINTS,
        Cause.ROLLED_BACK,
        Cause.MISMATCH,
        Cause.WITNESS_AHEAD,
    }
    assert not standing([Why(Cause.MISMATCH), Why(Cause.DISK_LOW)]).may_write
    assert standing([Why(Cause.UNDECIDED)]).may_write, "else nobody could sign that it goes on"


def test_people_decide_what_cannot_be_undone() -> None:
    assert {cause for cause, rule in RULES.items() if rule.recovery is Recovery.PEOPLE} == {
        Cause.ROLLED_BACK,
        Cause.MISMATCH,
        Cause.WITNESS_AHEAD,
        Cause.UNDECIDED,
    }
    assert standing([Why(Cause.COMMIT), Why(Cause.MISMATCH, index=3)]).to_decide == (Why(Cause.MISMATCH, index=3),)


def test_no_cause_is_no_seal() -> None:
    assert Standing().answers
    assert Standing().may_write


def test_the_first_index_is_told() -> None:
    (why,) = judge(replace(FINE, run=SHORTER), LIMITS).whys

    assert why.index == 5


def test_the_table_has_a_row_for_each_cause_and_is_that_of_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")

    assert all(f"| `{cause}` |" in markdown() for cause in Cause)
    assert markdown() in manual
