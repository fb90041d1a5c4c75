"""The signing task: it signs what it read back, or seals."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from msgspec.structs import replace

from audit import checkpoint
from audit.ledger import EMPTY_HEAD
from audit.proof import check_consistency
from audit.signer import CheckpointSigner, CheckpointStore, State
from audit.tree import StoredTree
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, a_checkpoint_of, a_ledger, a_log, an_answer, an_ed25519_signer
from tests.fakes_audit import MemoryCheckpoints, MemoryLedger

VERIFIERS = [checkpoint.verifier(signer.vkey) for signer in LOG_SIGNERS]


@dataclass
class Bench:
    """A log, its checkpoints, a signer, and a clock that stands until it is moved."""

    log: MemoryLedger
    store: MemoryCheckpoints = field(default_factory=MemoryCheckpoints)
    at: timedelta = timedelta()

    def signer(self, store: CheckpointStore | None = None) -> CheckpointSigner:
        return CheckpointSigner(
            origin=ORIGIN,
            reader=self.log,
            store=store or self.store,
            signers=LOG_SIGNERS,
            now=lambda: AT + self.at,
        )

    def grow(self, entries: int) -> None:
        a_ledger(str(self.log.head().size)).append(self.log, [an_answer()] * entries, AT)


def test_an_empty_log_is_not_signed() -> None:
    bench = Bench(MemoryLedger())

    assert bench.signer().run_once().state is State.UNCHANGED
    assert bench.store.latest() is None


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
def test_a_log_is_signed_with_both_keys(size: int) -> None:
    bench = Bench(a_log(size))

    run = bench.signer().run_once()

    assert run.state is State.SIGNED
    opened = checkpoint.open_signed(bench.store.latest() or b"", VERIFIERS)
    assert opened.checkpoint == run.checkpoint
    assert opened.checkpoint.root == StoredTree(size, bench.log.hashes).root()
    assert opened.signed_by == {signer.vkey for signer in LOG_SIGNERS}


def test_what_is_signed_once_is_not_signed_again_until_a_sign_of_life_is_due() -> None:
    bench = Bench(a_log(3))
    signer = bench.signer()

    states: list[State] = []
    for minutes in (0, 1, 9, 10, 11, 21):
        bench.at = timedelta(minutes=minutes)
        states.append(signer.run_once().state)

    assert states == [State.SIGNED, *[State.UNCHANGED] * 2, State.SIGNED, State.UNCHANGED, State.SIGNED]


def test_every_checkpoint_extends_the_one_before() -> None:
    bench = Bench(a_log(1))
    roots: list[tuple[int, bytes]] = []
    for entries in (0, 1, 200, 300, 7):
        if entries:
            bench.grow(entries)
        run = bench.signer().run_once()
        assert run.checkpoint is not None
        roots.append((run.checkpoint.size, run.checkpoint.root))

    for old in roots:
        for new in roots[roots.index(old) :]:
            check_consistency(*old, *new, StoredTree(new[0], bench.log.hashes).consistency(old[0]))


def test_only_new_entries_are_read() -> None:
    bench = Bench(a_log(600))
    bench.signer().run_once()
    read: list[tuple[int, int]] = []
    entries = bench.log.entries

    def watched(start: int, end: int) -> Iterator[bytes]:
        read.append((start, end))
        return entries(start, end)

    bench.grow(5)
    bench.log.entries = watched  # type: ignore[method-assign]  # looks over the reader's shoulder
    bench.signer().run_once()

    assert read == [(600, 605)]


def change_entry(log: MemoryLedger, index: int) -> None:
    log.rows[index] = replace(log.rows[index], entry=log.rows[index].entry.replace(b"match", b"misma"))


def change_both(log: MemoryLedger, index: int) -> None:
    change_entry(log, index)
    log.rows[index] = replace(log.rows[index], leaf=b"x" * 32)


def change_leaf(log: MemoryLedger, index: int) -> None:
    log.rows[index] = replace(log.rows[index], leaf=b"x" * 32)


def lose_entry(log: MemoryLedger, index: int) -> None:
    del log.rows[index]


def roll_back(log: MemoryLedger, index: int) -> None:
    del log.rows[index:]
    log.stored_head = a_log(index).head()


def lose_all(log: MemoryLedger, index: int) -> None:
    log.rows.clear()
    log.stored_head = EMPTY_HEAD


def forge_head(log: MemoryLedger, index: int) -> None:
    log.stored_head = log.stored_head._replace(frontier=b"x" * len(log.stored_head.frontier))


def forge_tile(log: MemoryLedger, index: int) -> None:
    log.tiles[0, 0] = replace(log.tiles[0, 0], root=b"x" * 32)


# What was done, to which entry, and the first index named. 300 entries are signed, 320 are there.
TAMPERED: dict[str, tuple[Callable[[MemoryLedger, int], None], int, int | None]] = {
    "a new entry changed": (change_entry, 310, 310),
    "a new entry and its hash changed": (change_both, 310, 310),
    "a new entry's hash changed": (change_leaf, 310, 310),
    "a new entry gone": (lose_entry, 310, 310),
    "the last entry gone": (lose_entry, 319, 319),
    "a signed entry's hash changed, at the right edge": (change_leaf, 290, 290),
    "a signed entry gone, at the right edge": (lose_entry, 290, 290),
    "rolled back": (roll_back, 280, 280),
    "everything gone": (lose_all, 0, 0),
    "another head": (forge_head, 0, 300),
    "another tile": (forge_tile, 0, None),
}


@pytest.mark.parametrize(("tamper", "index", "named"), TAMPERED.values(), ids=TAMPERED.keys())
def test_what_differs_seals_and_is_never_signed(
    tamper: Callable[[MemoryLedger, int], None], index: int, named: int | None
) -> None:
    bench = Bench(a_log(300))
    bench.signer().run_once()
    signed = bench.store.latest()
    bench.grow(20)
    tamper(bench.log, index)

    run = bench.signer().run_once()

    assert (run.state, run.index) == (State.SEALED, named)
    assert run.cause
    assert bench.store.latest() == signed


def test_a_rollback_is_called_one() -> None:
    bench = Bench(a_log(300))
    bench.signer().run_once()
    roll_back(bench.log, 280)

    assert bench.signer().run_once().cause == "the database holds 280 entries, 300 were signed"


STORES = {
    "of another log": a_checkpoint_of(a_log(3), origin="other.example/audit"),
    "of a longer log": a_checkpoint_of(a_log(9)),
    "of a log that was never ours": a_checkpoint_of(a_log(3, partners=("someone",))),
    "by another key": checkpoint.sign(checkpoint.peek(a_checkpoint_of(a_log(3))), [an_ed25519_signer(seed="x")], AT),
    "rubbish": b"rubbish",
}


@pytest.mark.parametrize("latest", STORES.values(), ids=STORES.keys())
def test_a_strange_checkpoint_in_the_store_seals(latest: bytes) -> None:
    bench = Bench(a_log(5), MemoryCheckpoints([latest]))

    assert bench.signer().run_once().state is State.SEALED
    assert bench.store.latest() == latest


def test_of_two_signers_at_once_one_is_outrun() -> None:
    bench = Bench(a_log(5))

    class Slow(MemoryCheckpoints):
        def swap(self, expected: bytes | None, new: bytes) -> bool:
            bench.signer().run_once()
            return bench.store.swap(expected, new)

    run = bench.signer(Slow()).run_once()

    assert run.state is State.OUTRUN
    assert len(bench.store.kept) == 1


def test_a_key_is_rotated_by_signing_with_both_for_a_while() -> None:
    bench = Bench(a_log(5))
    old, new = LOG_SIGNERS[0], an_ed25519_signer(seed="next year")
    for signers in ([old], [old, new], [new]):
        bench.grow(1)
        signer = CheckpointSigner(
            origin=ORIGIN, reader=bench.log, store=bench.store, signers=signers, now=lambda: AT, refresh=timedelta()
        )

        assert signer.run_once().state is State.SIGNED
