"""The tamper matrix: what was done to a log, the verdict, and the first bad index."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from audit import checkpoint
from audit.checkpoint import Checkpoint
from audit.entry import leaf_hash
from audit.events import Draft
from audit.ledger import EMPTY_HEAD, Head
from audit.tree import StoredTree, filled_tiles, grow
from audit.trust import Trust, TrustedKey
from audit.verify import Exit, Report, verify_log
from tests.audit.make import (
    AT,
    LOG_SIGNERS,
    ORIGIN,
    a_checkpoint_of,
    a_ledger,
    a_log,
    a_trust,
    an_answer,
    an_ed25519_signer,
    an_opening,
)
from tests.fakes_audit import MemoryKeys, MemoryLedger

SIZES = (1, 100, 256, 300)
SIZE = 300


def rehash(log: MemoryLedger) -> None:
    """What a thief with the whole database does: hashes, tiles and head made anew, to fit the entries."""
    rows = [replace(row, index=index, leaf=leaf_hash(row.entry)) for index, row in enumerate(log.rows)]
    frontier: list[bytes] = []
    for row in rows:
        grow(frontier, row.index, row.leaf)
    log.rows = rows
    log.tiles = {(t.level, t.index): t for t in filled_tiles(0, [row.leaf for row in rows], log.hashes)}
    log.stored_head = Head(len(rows), b"".join(frontier), rows[-1].log_time if rows else 0)


def edit(log: MemoryLedger, index: int, old: bytes, new: bytes) -> None:
    assert old in log.rows[index].entry
    log.rows[index] = replace(log.rows[index], entry=log.rows[index].entry.replace(old, new, 1))


def edited(index: int, old: bytes = b'"mismatch"', new: bytes = b'"match"') -> Callable[[MemoryLedger], None]:
    return lambda log: edit(log, index, old, new)


def edited_and_rehashed(
    index: int, old: bytes = b'"mismatch"', new: bytes = b'"match"'
) -> Callable[[MemoryLedger], None]:
    def tamper(log: MemoryLedger) -> None:
        edit(log, index, old, new)
        rehash(log)

    return tamper


def deleted(start: int, end: int, *, hide: bool = False) -> Callable[[MemoryLedger], None]:
    def tamper(log: MemoryLedger) -> None:
        del log.rows[start:end]
        if hide:
            rehash(log)

    return tamper


def swapped(one: int, other: int) -> Callable[[MemoryLedger], None]:
    def tamper(log: MemoryLedger) -> None:
        log.rows[one], log.rows[other] = log.rows[other], log.rows[one]
        rehash(log)

    return tamper


def duplicated(index: int) -> Callable[[MemoryLedger], None]:
    def tamper(log: MemoryLedger) -> None:
        log.rows.insert(index + 1, log.rows[index])
        rehash(log)

    return tamper


def partners_swapped(log: MemoryLedger) -> None:
    edit(log, 10, b'"partner":"pension"', b'"partner":"payroll"')
    edit(log, 11, b'"partner":"payroll"', b'"partner":"pension"')
    rehash(log)


def wrong_leaf(log: MemoryLedger) -> None:
    log.rows[42] = replace(log.rows[42], leaf=b"x" * 32)


def wrong_head(log: MemoryLedger) -> None:
    log.stored_head = log.stored_head._replace(frontier=log.stored_head.frontier[::-1])


def same_time(log: MemoryLedger) -> None:
    """Both stand in one batch, so `time` allows either, and nothing follows that would not fit."""
    edit(log, 299, log.rows[299].time.encode(), log.rows[298].time.encode())
    rehash(log)


def shorter_head(log: MemoryLedger) -> None:
    log.stored_head = a_log(299).head()


def wrong_tile(log: MemoryLedger) -> None:
    log.tiles[0, 0] = replace(log.tiles[0, 0], root=b"x" * 32)


def restored(log: MemoryLedger) -> None:
    del log.rows[250:]
    rehash(log)


def forked(log: MemoryLedger) -> None:
    other = a_log(200)
    a_ledger("fork").append(other, [an_answer("another")] * 100, AT + timedelta(days=1))
    log.rows, log.tiles, log.stored_head = other.rows, other.tiles, other.stored_head


def emptied(log: MemoryLedger) -> None:
    log.rows, log.tiles, log.stored_head = [], {}, EMPTY_HEAD


# A thief with the whole database is caught by what others hold. Where no entry is wrong on its own, the first bad one
# is only known to lie between two checkpoints, and the lower is named.
TAMPERED: dict[str, tuple[Callable[[MemoryLedger], None], int | None]] = {
    "an entry edited": (edited(137), 137),
    "the first entry edited": (edited(0, b"gateway.example", b"gateway.exbmple"), 0),
    "the last entry edited": (edited(299), 299),
    "an entry edited and everything rehashed": (edited_and_rehashed(137), 137),
    "the last entry edited and everything rehashed": (edited_and_rehashed(299), 256),
    "no longer canonical": (edited_and_rehashed(137, b'"body":', b'"body" :'), 137),
    "a member more": (edited_and_rehashed(260, b'"v":1}', b'"v":1,"w":1}'), 260),
    "a member less": (edited_and_rehashed(260, b',"v":1}', b"}"), 260),
    "another form": (edited_and_rehashed(260, b'"v":1}', b'"v":2}'), 260),
    "another suite": (edited_and_rehashed(260, b'"intl"', b'"none"'), 260),
    "a digest less": (edited_and_rehashed(260, b'{"_sd":[', b'{"_sd":["",'), 260),
    "a later time": (edited_and_rehashed(260, b'"log_time":"2025', b'"log_time":"2026'), 260),
    "an earlier time": (edited_and_rehashed(260, b'"log_time":"2025', b'"log_time":"2024'), 260),
    "a time that is none": (edited_and_rehashed(260, b'"log_time":"2025', b'"log_time":"20255'), 260),
    "the time of the entry before": (same_time, 299),
    "another number": (edited_and_rehashed(260, b'"seq":260', b'"seq":261'), 260),
    "another link": (edited_and_rehashed(260, b'"pprev":"', b'"pprev":"0'), 258),
    "another place in the chain": (edited_and_rehashed(260, b'"pseq":', b'"pseq":1'), 260),
    "a second opening": (edited_and_rehashed(260, b"comparison.answered", b"log.opened"), 260),
    "no object": (lambda log: log.rows.__setitem__(260, replace(log.rows[260], entry=b"[]")), 260),
    "the first entry gone": (deleted(0, 1), 0),
    "an entry gone": (deleted(137, 138), 137),
    "the last entry gone": (deleted(299, 300), 299),
    "all entries gone": (deleted(0, 300), 0),
    "the first entry gone, hidden": (deleted(0, 1, hide=True), 0),
    "an entry gone, hidden": (deleted(137, 138, hide=True), 137),
    "the last entry gone, hidden": (deleted(299, 300, hide=True), 299),
    "everything gone, hidden": (emptied, 0),
    "two entries swapped": (swapped(137, 138), 137),
    "an entry doubled": (duplicated(137), 138),
    "two entries change partners": (partners_swapped, 10),
    "a stored hash": (wrong_leaf, 42),
    "the stored head": (wrong_head, None),
    "the stored head of a shorter log": (shorter_head, None),
    "a stored tile": (wrong_tile, 0),
    "an old backup": (restored, 250),
    "a fork": (forked, 100),
}


def checkpoints_of(log: MemoryLedger, sizes: Sequence[int] = SIZES) -> list[bytes]:
    return [a_checkpoint_of(log, size) for size in sizes]


UNTOUCHED = a_log(SIZE)
CHECKPOINTS = checkpoints_of(UNTOUCHED)


def test_an_untouched_log_is_proven() -> None:
    log = a_log(SIZE)

    report = verify_log(log, checkpoints_of(log), a_trust())

    assert report == Report(SIZE, (), checkpoints=len(SIZES))
    assert (report.verdict, report.first_bad) == (Exit.PROVEN, None)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, 4095, 4096, 4097])
def test_logs_of_any_size_are_proven(size: int) -> None:
    log = a_log(size)

    assert verify_log(log, [a_checkpoint_of(log)], a_trust()).verdict is Exit.PROVEN


@pytest.mark.parametrize(("tamper", "first_bad"), TAMPERED.values(), ids=TAMPERED.keys())
def test_tampering_is_found_and_named(tamper: Callable[[MemoryLedger], None], first_bad: int | None) -> None:
    log = a_log(SIZE)
    checkpoints = checkpoints_of(log)
    tamper(log)

    report = verify_log(log, checkpoints, a_trust())

    assert report.verdict is Exit.TAMPERED
    assert report.first_bad == first_bad
    assert all(problem.cause for problem in report.problems)


@given(st.integers(0, SIZE - 1), st.integers(0, 10_000), st.integers(0, 7))
def test_no_changed_bit_goes_unseen(index: int, place: int, bit: int) -> None:
    log = MemoryLedger(list(UNTOUCHED.rows), UNTOUCHED.stored_head, {}, dict(UNTOUCHED.tiles))
    checkpoints = CHECKPOINTS
    entry = bytearray(log.rows[index].entry)
    entry[place % len(entry)] ^= 1 << bit
    log.rows[index] = replace(log.rows[index], entry=bytes(entry))

    report = verify_log(log, checkpoints, a_trust())

    assert report.verdict is Exit.TAMPERED
    assert report.first_bad is not None
    assert report.first_bad <= index
    rehash(log)
    assert verify_log(log, checkpoints, a_trust()).verdict is Exit.TAMPERED


def a_checkpoint(size: int, root: bytes, origin: str = ORIGIN, seed: str = "log") -> bytes:
    return checkpoint.sign(Checkpoint(origin, size, root), [an_ed25519_signer(origin, seed)], AT)


def test_a_checkpoint_of_another_log_is_no_evidence_for_this_one() -> None:
    log = a_log(3)

    report = verify_log(log, [a_checkpoint_of(log, origin="other.example/audit")], a_trust())

    assert report.verdict is Exit.TAMPERED


def test_a_checkpoint_shown_to_one_reader_alone_is_found() -> None:
    log = a_log(SIZE)
    shown = a_log(200, partners=("other",))

    report = verify_log(log, [*checkpoints_of(log), a_checkpoint_of(shown)], a_trust())

    assert (report.verdict, report.first_bad) == (Exit.TAMPERED, 100)


def test_two_checkpoints_of_one_size_must_agree() -> None:
    log = a_log(SIZE)
    content = a_checkpoint(SIZE, b"x" * 32)

    for pair in ([content, a_checkpoint_of(log)], [a_checkpoint_of(log), content]):
        assert verify_log(log, pair, a_trust()).verdict is Exit.TAMPERED


def test_a_false_signature_is_tampering() -> None:
    log = a_log(3)
    content = a_checkpoint_of(log).replace(b"\n3\n", b"\n2\n")

    assert verify_log(log, [content], a_trust()).verdict is Exit.TAMPERED


def test_a_checkpoint_that_is_none_is_tampering() -> None:
    assert verify_log(a_log(3), [b"rubbish"], a_trust()).verdict is Exit.TAMPERED


INCOMPLETE: dict[str, Callable[[MemoryLedger], list[bytes]]] = {
    "no checkpoint at all": lambda log: [],
    "entries after the last checkpoint": lambda log: [a_checkpoint_of(log, 299)],
    "the second signature stripped": lambda log: [a_checkpoint(SIZE, StoredTree(SIZE, log.hashes).root())],
    "signed by nobody we know": lambda log: [a_checkpoint(SIZE, StoredTree(SIZE, log.hashes).root(), seed="thief")],
}


@pytest.mark.parametrize("evidence", INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_missing_evidence_is_never_proof(evidence: Callable[[MemoryLedger], list[bytes]]) -> None:
    log = a_log(SIZE)

    assert verify_log(log, evidence(log), a_trust()).verdict is Exit.INCOMPLETE


def test_a_log_with_no_entries_proves_nothing() -> None:
    assert verify_log(MemoryLedger(), [], a_trust()).verdict is Exit.INCOMPLETE


def test_a_trust_without_a_key_for_this_size_proves_nothing() -> None:
    log = a_log(SIZE)

    assert verify_log(log, [a_checkpoint_of(log)], a_trust(until=100)).verdict is Exit.INCOMPLETE


def test_a_growing_log_is_verified_up_to_its_last_checkpoint() -> None:
    log = a_log(SIZE)

    report = verify_log(log, [a_checkpoint_of(log, 200)], a_trust(), upto=200)

    assert (report.verdict, report.size) == (Exit.PROVEN, 200)


def test_a_shorter_log_than_its_last_checkpoint_is_not_proven_up_to_there() -> None:
    log = a_log(SIZE)
    content = a_checkpoint_of(log)
    restored(log)

    report = verify_log(log, [content], a_trust(), upto=SIZE)

    assert (report.verdict, report.first_bad) == (Exit.TAMPERED, 250)


def test_a_retired_key_still_signs_for_its_part() -> None:
    log = a_log(SIZE)
    new = an_ed25519_signer(seed="next year")
    keys = [TrustedKey(signer.vkey, "checkpoint", 0, 200) for signer in LOG_SIGNERS]
    trust = Trust(ORIGIN, (*keys, TrustedKey(new.vkey, "checkpoint", 200)))
    whole = StoredTree(SIZE, log.hashes)

    report = verify_log(log, [a_checkpoint_of(log, 199), a_checkpoint(SIZE, whole.root(), seed="next year")], trust)

    assert report.verdict is Exit.PROVEN


def with_keys() -> tuple[MemoryLedger, MemoryKeys, list[bytes]]:
    keys = MemoryKeys()
    log = a_log(40, keys)
    return log, keys, [a_checkpoint_of(log)]


def test_disclosures_are_opened_when_the_keys_are_there() -> None:
    log, keys, checkpoints = with_keys()

    report = verify_log(log, checkpoints, a_trust(), keys=keys)

    assert report == Report(40, (), checkpoints=1, disclosures=39 * 4)


def move(log: MemoryLedger, one: int, other: int) -> None:
    log.rows[one] = replace(log.rows[one], disclosures=log.rows[other].disclosures)


def reseal(log: MemoryLedger, keys: MemoryKeys, index: int) -> None:
    """What a thief with the data key does: another subject under the same entry."""
    other = MemoryLedger()
    a_ledger("other salt", keys).append(other, [an_opening(), *[an_answer(subject="x")] * index], AT)
    from audit.disclosure import SLOT_ENTROPY, Sealer, secret  # the thief's tools
    from audit.frames import SLOTS
    from tests.fakes_audit import CountingEntropy

    sealer = Sealer(keys.current("2025-01"))
    secrets = [secret("comparison", "x", "y", None, {})]
    _, packed = sealer.seal(log.rows[index].id, secrets, CountingEntropy("thief")(SLOTS * SLOT_ENTROPY))
    log.rows[index] = replace(log.rows[index], disclosures=packed)


SIDE_ROWS: dict[str, tuple[Callable[[MemoryLedger, MemoryKeys], None], Exit]] = {
    "of another entry": (lambda log, keys: move(log, 7, 8), Exit.TAMPERED),
    "cut": (
        lambda log, keys: log.rows.__setitem__(7, replace(log.rows[7], disclosures=log.rows[7].disclosures[:-1])),
        Exit.TAMPERED,
    ),
    "sealed anew": (lambda log, keys: reseal(log, keys, 7), Exit.TAMPERED),
    "gone": (lambda log, keys: log.rows.__setitem__(7, replace(log.rows[7], disclosures=b"")), Exit.INCOMPLETE),
    "without their key": (lambda log, keys: keys.kept.clear(), Exit.INCOMPLETE),
}


@pytest.mark.parametrize(("tamper", "verdict"), SIDE_ROWS.values(), ids=SIDE_ROWS.keys())
def test_disclosures_that_are_not_those_of_the_entry(
    tamper: Callable[[MemoryLedger, MemoryKeys], None], verdict: Exit
) -> None:
    log, keys, checkpoints = with_keys()
    tamper(log, keys)

    report = verify_log(log, checkpoints, a_trust(), keys=keys)

    assert report.verdict is verdict
    assert {problem.index for problem in report.problems} >= {7}


def test_a_kind_of_a_later_version_is_no_tampering() -> None:
    log = a_log(3)
    a_ledger("later").append(log, [Draft("case.opened", "payroll", b'{"case":"C-1"}')], AT)

    assert verify_log(log, [a_checkpoint_of(log)], a_trust()).verdict is Exit.PROVEN


def test_a_thousand_wrong_entries_make_a_short_report() -> None:
    log = a_log(SIZE)
    checkpoints = checkpoints_of(log)
    log.rows = [replace(row, leaf=b"x" * 32) for row in log.rows]

    report = verify_log(log, [*checkpoints, a_checkpoint(SIZE, b"x" * 32, seed="thief")], a_trust())

    assert len(report.problems) <= 101
    assert (report.verdict, report.first_bad) == (Exit.TAMPERED, 0)
