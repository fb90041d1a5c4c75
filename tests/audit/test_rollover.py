"""One log closed, and another that goes on: held against each other, every misfit is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from audit import checkpoint
from audit.care_events import Decided, log_closed
from audit.checkpoint import Checkpoint
from audit.entry import JsonValue, encode
from audit.errors import LedgerError, NoteError
from audit.events import Draft, log_opened
from audit.note import parse_vkey
from audit.report import Exit
from audit.rollover import (
    Closed,
    Closing,
    Link,
    carried_checkpoint,
    check_link,
    closing_of,
    successor_trust,
)
from audit.state_events import log_rebuilt
from audit.tree import StoredTree
from audit.trust import Trust, TrustedKey
from tests.audit.make import (
    AT,
    LOG_SIGNERS,
    ORIGIN,
    RECEIPT_SIGNER,
    a_checkpoint_of,
    a_ledger,
    a_trust,
    an_answer,
    an_ed25519_signer,
)
from tests.audit.make import a_log as fresh
from tests.fakes_audit import MemoryLedger

NEXT = "gateway.example/audit/2025-2"
LATER = AT + timedelta(days=1)
VKEYS = ["a", "b"]
STRANGER = an_ed25519_signer(ORIGIN, "stranger")


def closing(successor: str = NEXT, vkeys: list[str] | None = None) -> Draft:
    decided = Decided("ab" * 32, ["bb-xitong", "bb-shenji"])
    return log_closed(successor=successor, vkeys=VKEYS if vkeys is None else vkeys, decided=decided)


def a_closed(*last: Draft) -> MemoryLedger:
    """A log of five entries and its last ones."""
    log = fresh(5)
    if last:
        a_ledger("closing").append(log, last, LATER)
    return log


CLOSED = a_closed(closing())
CARRIED = a_checkpoint_of(CLOSED)


def a_successor(carried: bytes | None = CARRIED, *more: Draft, vkeys: list[str] | None = None) -> MemoryLedger:
    """A log whose first entry carries a checkpoint of the one before."""
    log = MemoryLedger()
    told = None if carried is None else carried.decode()
    opening = log_opened(origin=NEXT, vkeys=VKEYS if vkeys is None else vkeys, previous=told)
    a_ledger("next").append(log, [opening, *(more or (an_answer(),))], LATER + timedelta(days=1))
    return log


def link(successor: MemoryLedger, closed: MemoryLedger | None = CLOSED) -> Link:
    found = check_link(successor, NEXT, None if closed is None else Closed(closed, a_trust()))
    assert found is not None
    return found


def test_the_successor_hangs_on_the_last_checkpoint_of_the_closed_log() -> None:
    found = link(a_successor())

    assert found == Link(Checkpoint(ORIGIN, 6, StoredTree(6, CLOSED.hashes).root()), is_checked=True)
    assert closing_of(CLOSED) == Closing(5, NEXT, frozenset(VKEYS))


def test_a_first_log_hangs_on_nothing() -> None:
    assert check_link(a_successor(None), NEXT, None) is None
    assert check_link(MemoryLedger(), NEXT, None) is None
    assert carried_checkpoint(fresh(3)) is None


def test_without_the_closed_log_nothing_is_checked_and_nothing_is_wrong() -> None:
    found = link(a_successor(), None)

    assert (found.is_checked, found.problems) == (False, ())


def test_a_log_that_says_that_entries_are_lost_is_not_held_against_what_is_left() -> None:
    rebuilt = log_rebuilt(origin=ORIGIN, entries=3, signed=6, spent=None, grants=0, differing=0)

    found = link(a_successor(CARRIED, rebuilt), fresh(3))

    assert (found.is_lost, found.is_checked, found.problems) == (True, False, ())


def test_what_is_no_checkpoint_is_not_carried() -> None:
    with pytest.raises(NoteError):
        link(a_successor(b"rubbish"))


def rewritten(log: MemoryLedger, index: int, **changes: JsonValue) -> MemoryLedger:
    """An entry written over, its hash left as it was."""
    told = json.loads(log.rows[index].entry) | changes
    log.rows[index] = replace(log.rows[index], entry=encode(told))
    return log


def without_leaf(log: MemoryLedger) -> MemoryLedger:
    log.rows[2] = replace(log.rows[2], leaf=b"")
    return log


def signed(size: int, root: bytes, origin: str = ORIGIN) -> bytes:
    return checkpoint.sign(Checkpoint(origin, size, root), LOG_SIGNERS, AT)


def by_a_stranger() -> MemoryLedger:
    return a_successor(checkpoint.sign(checkpoint.peek(CARRIED), [STRANGER], AT))


def falsified() -> MemoryLedger:
    lines = CARRIED.splitlines(keepends=True)
    other = signed(6, bytes(32)).splitlines(keepends=True)
    return a_successor(b"".join([*lines[:4], other[4], *lines[5:]]))


MISFITS: dict[str, tuple[Callable[[], MemoryLedger], Callable[[], MemoryLedger], Exit, str]] = {
    "signed by a stranger": (by_a_stranger, a_closed, Exit.INCOMPLETE, "no signature by a known key"),
    "a false signature": (falsified, a_closed, Exit.TAMPERED, "does not hold"),
    "of another log": (
        lambda: a_successor(signed(6, bytes(32), "other.example")),
        a_closed,
        Exit.TAMPERED,
        "6 entries of other.example",
    ),
    "of fewer entries": (
        lambda: a_successor(a_checkpoint_of(CLOSED, 5)),
        lambda: CLOSED,
        Exit.TAMPERED,
        "has 6",
    ),
    "of other entries": (
        lambda: a_successor(signed(6, bytes(32))),
        lambda: CLOSED,
        Exit.TAMPERED,
        "not of the closed log's entries",
    ),
    "the last entry written over": (
        a_successor,
        lambda: rewritten(a_closed(closing()), 5, node="other"),
        Exit.TAMPERED,
        "not of the closed log's entries",
    ),
    "a hash missing": (
        a_successor,
        lambda: without_leaf(a_closed(closing())),
        Exit.TAMPERED,
        "not of the closed log's entries",
    ),
    "never closed": (
        lambda: a_successor(a_checkpoint_of(a_closed(an_answer()))),
        lambda: a_closed(an_answer()),
        Exit.TAMPERED,
        "not closed by an entry that names this log",
    ),
    "closed in favour of another": (
        lambda: a_successor(a_checkpoint_of(a_closed(closing("other.example")))),
        lambda: a_closed(closing("other.example")),
        Exit.TAMPERED,
        "not closed by an entry that names this log",
    ),
    "closed in favour of other keys": (
        lambda: a_successor(a_checkpoint_of(a_closed(closing(vkeys=["c"])))),
        lambda: a_closed(closing(vkeys=["c"])),
        Exit.TAMPERED,
        "other keys than entry 0 names",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_every_misfit_is_named(case: str) -> None:
    successor, closed, verdict, cause = MISFITS[case]

    found = link(successor(), closed())

    assert [(each.verdict, each.index) for each in found.problems] == [(verdict, 0)]
    assert cause in found.problems[0].cause


# ------------------------------------------------------------------------------------- how a log ends, and who goes on


def _raw(content: bytes) -> MemoryLedger:
    log = a_closed(closing())
    log.rows[5] = replace(log.rows[5], entry=content)
    return log


def _cut() -> MemoryLedger:
    log = a_closed(closing())
    del log.rows[5]
    return log


ENDS: dict[str, Callable[[], MemoryLedger]] = {
    "an empty log": MemoryLedger,
    "a log that goes on": lambda: a_closed(an_answer()),
    "a last entry that is no JSON": lambda: _raw(b"rubbish"),
    "a last entry that is a list": lambda: _raw(b"[]"),
    "a last entry of no kind": lambda: _raw(b"{}"),
    "a last entry that is gone": _cut,
}


@pytest.mark.parametrize("case", ENDS)
def test_a_log_is_closed_only_by_an_entry_that_says_so(case: str) -> None:
    assert closing_of(ENDS[case]()) is None


def test_a_closing_entry_of_odd_members_names_nobody() -> None:
    assert closing_of(rewritten(a_closed(closing()), 5, body=[])) == Closing(5, "None", frozenset())
    assert closing_of(rewritten(a_closed(closing()), 5, body={"successor": 1, "vkeys": "a"})) == Closing(
        5, "1", frozenset()
    )


def test_a_pruned_log_is_read_where_its_entries_are_kept() -> None:
    log = a_closed(closing())
    log.prune(6, frozenset({"log.opened", "log.closed"}))

    assert closing_of(log) == Closing(5, NEXT, frozenset(VKEYS))
    assert carried_checkpoint(log) is None


def test_every_key_that_signs_goes_on_under_the_new_name() -> None:
    ended = TrustedKey(an_ed25519_signer(seed="old").vkey, "checkpoint", 0, 3)
    trust = Trust(ORIGIN, (ended, *a_trust().keys))

    found = successor_trust(trust, NEXT)

    assert found.origin == NEXT
    assert [(each.purpose, each.first, each.until) for each in found.keys] == [
        *[("checkpoint", 0, None)] * len(LOG_SIGNERS),
        ("receipt", 0, None),
    ]
    assert [parse_vkey(each.vkey).public for each in found.keys] == [
        parse_vkey(each.vkey).public for each in (*LOG_SIGNERS, RECEIPT_SIGNER)
    ]
    assert {parse_vkey(each.vkey).name for each in found.keys} == {NEXT}


def test_no_log_follows_itself_or_while_its_keys_change() -> None:
    both = Trust(ORIGIN, (*a_trust().keys, TrustedKey(an_ed25519_signer(seed="new").vkey, "checkpoint", 3)))

    with pytest.raises(LedgerError, match="另取名称"):
        successor_trust(a_trust(), ORIGIN)
    with pytest.raises(LedgerError, match="key end"):
        successor_trust(both, NEXT)
