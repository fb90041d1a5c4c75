"""A pruned log proves everything that is left; whatever else is missing is deletion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from audit.care_events import Decided, retention_applied
from audit.checkpoint import peek
from audit.deed_events import DeedRef, deed_in_force
from audit.entry import JsonValue, decode
from audit.events import Draft
from audit.fsck import fsck
from audit.proof import TlogProof, check_consistency, check_inclusion, parse_tlog_proof
from audit.reader import first_difference
from audit.report import Exit, Report
from audit.retention import KEPT, Prunings, log_time, prunable
from audit.tree import StoredTree
from audit.verify import verify_log
from tests.audit.make import AT, a_checkpoint_of, a_ledger, a_trust, an_answer, an_opening
from tests.fakes_audit import MemoryLedger

SIZE, MINIMUM = 700, 512
ARCHIVE, DEED = "ab" * 32, "cd" * 32
LATER = AT + timedelta(days=1200)


def allowed(before: int = MINIMUM, archive: str = ARCHIVE, sha256: str = DEED, kind: str = "retention") -> Draft:
    """A deed of retention that comes into force."""
    changed: list[Mapping[str, JsonValue]] = [
        {"at": "/archive", "old": "-", "new": archive},
        {"at": "/before", "old": "-", "new": before},
    ]
    return deed_in_force(
        DeedRef(kind, f"before-{before}", 1, sha256, None),
        path="usual",
        previous=None,
        by=["bb-xitong", "bb-shenji"],
        changed=changed,
        more=0,
        rights="ef" * 32,
    )


def applied(min_index: int = MINIMUM, deleted: int = MINIMUM - 2, archive: str = ARCHIVE, deed: str = DEED) -> Draft:
    decided = Decided(deed, ["bb-xitong", "bb-shenji"])
    return retention_applied(min_index=min_index, archive=archive, deleted=deleted, decided=decided)


@cache
def _whole(size: int) -> MemoryLedger:
    store, ledger = MemoryLedger(), a_ledger()
    drafts = [an_opening(), *(an_answer(("payroll", "pension")[number % 2]) for number in range(size - 1))]
    drafts[100] = allowed(64, "00" * 32, "00" * 32)
    for start in range(0, size, 64):
        ledger.append(store, drafts[start : start + 64], AT + timedelta(seconds=start))
    return store


def a_log(size: int = SIZE) -> MemoryLedger:
    """Two partners, and a deed that came into force long ago: entry 100 is kept when the log is pruned."""
    made = _whole(size)
    return MemoryLedger([*made.rows], made.stored_head, {**made.partners}, {**made.tiles})


def grown(log: MemoryLedger, *drafts: Draft) -> MemoryLedger:
    a_ledger("later").append(log, drafts, LATER)
    return log


def pruned(log: MemoryLedger | None = None, *drafts: Draft) -> MemoryLedger:
    """The log as the maintenance command leaves it."""
    log = grown(log or a_log(), *(drafts or (allowed(), applied())))
    log.prune(MINIMUM, KEPT)
    return log


def verified(log: MemoryLedger, *outside: bytes) -> Report:
    return verify_log(log, [a_checkpoint_of(log), *outside], a_trust())


def test_a_pruned_log_is_proven_also_against_checkpoints_of_long_ago() -> None:
    log = a_log()
    old = [a_checkpoint_of(log, size) for size in (1, 100, 256, 300, 511, 512, 513, SIZE)]

    log = pruned(log)
    report = verified(log, *old)

    assert report.problems == ()
    assert report.verdict is Exit.PROVEN
    assert report.size == SIZE + 2
    assert fsck(log, [a_checkpoint_of(log), *old], a_trust()).verdict is Exit.PROVEN
    assert [row.index for row in log.rows][:3] == [0, 100, 512]


@given(st.data())
def test_every_proof_of_before_holds_and_every_one_of_after_is_given(data: st.DataObject) -> None:
    whole, less = a_log(600), pruned(a_log(600))
    size = data.draw(st.integers(1, 600))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    tree, left = StoredTree(size, whole.hashes), StoredTree(size, less.hashes)

    assert left.root() == tree.root()
    assert left.inclusion(index) == tree.inclusion(index)
    assert left.consistency(old) == tree.consistency(old)
    check_inclusion(less.hashes(0, index, index + 1), index, size, tree.root(), left.inclusion(index))
    check_consistency(old, StoredTree(old, less.hashes).root(), size, tree.root(), left.consistency(old))


def test_a_proof_that_somebody_kept_is_worth_what_it_was() -> None:
    log = a_log()
    path, leaf = tuple(StoredTree(300, log.hashes).inclusion(7)), log.hashes(0, 7, 8)
    kept = TlogProof(index=7, path=path, checkpoint=a_checkpoint_of(log, 300)).encode()

    now = pruned(log)

    proof = parse_tlog_proof(kept)
    check_inclusion(leaf, 7, 300, peek(proof.checkpoint).root, proof.path)
    assert StoredTree(300, now.hashes).root() == peek(proof.checkpoint).root


def test_a_log_is_pruned_again() -> None:
    log = pruned()
    more = [an_answer() for _ in range(400)]
    grown(log, *more, allowed(1024, "11" * 32, "22" * 32))
    deleted = sum(1 for row in log.rows if MINIMUM <= row.index < 1024 and row.type not in KEPT)
    grown(log, applied(1024, deleted, "11" * 32, "22" * 32))
    log.prune(1024, KEPT)

    assert verified(log).verdict is Exit.PROVEN


Tamper = Callable[[MemoryLedger], object]
OURS = (allowed(), applied())


class Case(NamedTuple):
    """What the log says, what is taken out of it then, and where that shows."""

    first: int | None
    says: tuple[Draft, ...] = OURS
    tamper: Tamper = lambda _: None
    kept: frozenset[str] = KEPT


TAMPERED = {
    "head deleted without a word": Case(1, (an_answer(),)),
    "all of the head deleted": Case(0, (an_answer(),), kept=frozenset()),
    "all of it deleted, with a word": Case(None, kept=frozenset()),
    "a word, but no deed": Case(1, (applied(),)),
    "a deed of another kind": Case(1, (allowed(kind="grant"), applied())),
    "a deed that comes later": Case(1, (applied(), allowed())),
    "another archive than allowed": Case(1, (allowed(), applied(archive="99" * 32))),
    "more than the deed allows": Case(1, (allowed(256), applied())),
    "more than the entry says": Case(256, (allowed(256), applied(256, 254))),
    "what is not there yet": Case(1, (allowed(1024), applied(1024, 1000))),
    "a kept entry gone as well": Case(None, tamper=lambda log: _gone(log, 100)),
    "the opening entry gone as well": Case(None, tamper=lambda log: _gone(log, 0)),
    "the first that is left": Case(MINIMUM, tamper=lambda log: _gone(log, MINIMUM)),
    "one in the middle of the rest": Case(600, tamper=lambda log: _gone(log, 600)),
    "a kept entry that was changed": Case(100, tamper=lambda log: _changed(log, 100)),
    "a hash that was kept": Case(0, tamper=lambda log: _rehashed(log, 30)),
}


def _gone(log: MemoryLedger, index: int) -> None:
    log.rows = [row for row in log.rows if row.index != index]


def _changed(log: MemoryLedger, index: int) -> None:
    log.rows = [
        replace(row, entry=row.entry.replace(b"bb-shenji", b"bb-shenjj")) if row.index == index else row
        for row in log.rows
    ]


def _rehashed(log: MemoryLedger, index: int) -> None:
    tile = log.tiles[0, 0]
    at = index * 32
    log.tiles[0, 0] = replace(tile, hashes=tile.hashes[:at] + bytes(32) + tile.hashes[at + 32 :])


@pytest.mark.parametrize("case", TAMPERED.values(), ids=TAMPERED)
def test_whatever_else_is_missing_is_deletion(case: Case) -> None:
    log = grown(a_log(), *case.says)
    signed = a_checkpoint_of(log)
    log.prune(MINIMUM, case.kept)
    case.tamper(log)

    report = verify_log(log, [signed], a_trust())

    assert report.verdict is Exit.TAMPERED
    assert report.first_bad == case.first


def test_a_chain_that_hangs_on_nothing_is_seen() -> None:
    """Two entries of one partner may not both follow the same pruned one, nor one that never was."""
    log = pruned()
    row = next(row for row in log.rows if row.index == MINIMUM)
    entry = decode(row.entry)
    assert isinstance(entry, dict)
    forged = row.entry.replace(str(entry["pprev"]).encode(), b"7" * 64)
    log.rows = [replace(each, entry=forged) if each is row else each for each in log.rows]

    assert verified(log).first_bad == MINIMUM


def test_the_signer_names_the_first_difference_of_what_is_left() -> None:
    log = pruned()
    assert first_difference(log, SIZE) is None
    _changed(log, SIZE)
    assert first_difference(log, SIZE + 1) == SIZE


def test_whole_tiles_that_are_old_and_signed_can_be_pruned() -> None:
    log = a_log()
    at_576 = log_time(log, 576)

    assert prunable(log, SIZE, at_576) == 512
    assert prunable(log, 511, at_576) == 256
    assert prunable(log, SIZE, log_time(log, 255)) == 0
    assert prunable(log, SIZE, "9999") == 512
    log.prune(512, KEPT)
    assert prunable(log, SIZE, "0000") == 512


def _applied(**changes: JsonValue) -> Mapping[str, JsonValue]:
    body: dict[str, JsonValue] = {"min_index": MINIMUM, "deleted": 1, "archive": ARCHIVE, "deed": DEED}
    return {"type": "retention.applied", "body": body | changes}


ODD: dict[str, tuple[Mapping[str, JsonValue], str | None]] = {
    "a body that is a text": ({"type": "retention.applied", "body": "x"}, None),
    "a comparison": ({"type": "comparison.answered", "body": {}}, None),
    "nothing said": ({"type": "retention.applied", "body": {}}, "and not which"),
    "an index that is a truth": (_applied(min_index=True), "and not which"),
    "more deleted than there were": (_applied(deleted=MINIMUM + 1), "and not which"),
    "fewer than none": (_applied(deleted=-1), "and not which"),
    "an archive that is none": (_applied(archive=None), "and not which"),
    "below what is pruned already": (_applied(min_index=0, deleted=0), "and not which"),
    "a deed that changed nothing readable": (_applied(deed="77" * 32), "no deed in force"),
    "a deed of odd changes": (_applied(deed="88" * 32), "no deed in force"),
}


@pytest.mark.parametrize("case", ODD)
def test_an_entry_that_says_something_odd_explains_no_gap(case: str) -> None:
    entry, cause = ODD[case]
    prunings = Prunings()
    told: list[JsonValue] = ["x", [7, "x", {"at": "/before", "new": MINIMUM}]]
    for number, changed in enumerate(told):
        body: dict[str, JsonValue] = {"kind": "retention", "id": f"R-{number}", "sha256": f"{7 + number}" * 64}
        assert prunings.take(600 + number, {"type": "deed.in_force", "body": body | {"changed": changed}}) is None

    found = prunings.take(700, entry)

    assert (found is None) if cause is None else (cause in (found or ""))
    assert prunings.found == []


def test_an_entry_that_cannot_be_read_is_before_all() -> None:
    log = a_log(300)
    for content in (b"rubbish", b"[]", b"{}"):
        log.rows[7] = replace(log.rows[7], entry=content)
        assert log_time(log, 7) == ""
    assert log_time(log, 300) == ""
