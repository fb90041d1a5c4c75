"""The tamper matrix over log exports: the single file and our own verifier say the same of each."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from msgspec.structs import replace

from audit import checkpoint
from audit.care_events import Decided, log_closed
from audit.checkpoint import Checkpoint
from audit.cosignature import add, cosign
from audit.export import Export, extent_of, write_export
from audit.standalone.log import verify_log as verify_alone
from audit.standalone.trusting import parse_trust
from audit.standalone.verdicts import INCOMPLETE, PROVEN, TAMPERED, Report
from audit.standalone.witnesses import Policy
from audit.verify import Report as Ours
from audit.verify import verify_log
from audit.zipped import write_zip
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, a_checkpoint_of, a_ledger, a_log, a_trust, an_answer, an_opening
from tests.audit.test_verify import rehash
from tests.audit.witnesses import a_cosigner
from tests.fakes_audit import MemoryLedger

SIZE, CHECKPOINTS = 700, (100, 256, 300, 700)


def exported(log: MemoryLedger, checkpoints: Sequence[bytes], first: int = 0, end: int | None = None) -> BytesIO:
    sink = BytesIO()
    extent = extent_of(checkpoints, origin=ORIGIN, first=first, end=end)
    write_export(sink, extent, log, trust=a_trust().encode(), checkpoints=checkpoints)
    return sink


def repacked(file: BytesIO, change: Callable[[dict[str, bytes]], object]) -> BytesIO:
    """The export with members changed by somebody who then makes a proper zip of it."""

    with ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    sink = BytesIO()
    write_zip(sink, sorted(members.items()))
    return sink


def edit(log: MemoryLedger, index: int) -> None:
    row = log.rows[index]
    log.rows[index] = replace(row, entry=row.entry.replace(b'"payroll', b'"payrolL').replace(b'"pension', b'"pensioN'))


def swap(log: MemoryLedger, one: int, other: int) -> None:
    log.rows[one], log.rows[other] = log.rows[other], log.rows[one]


def nothing(_: object) -> None:
    pass


def edit_299(log: MemoryLedger) -> None:
    edit(log, 299)


def edit_299_anew(log: MemoryLedger) -> None:
    edit(log, 299)
    rehash(log)


def edit_1_anew(log: MemoryLedger) -> None:
    edit(log, 1)
    rehash(log)


def delete_anew(log: MemoryLedger) -> None:
    log.rows.pop(400)
    rehash(log)


def swap_anew(log: MemoryLedger) -> None:
    swap(log, 500, 501)
    rehash(log)


LOGS: dict[str, tuple[Callable[[MemoryLedger], None], int, int | None]] = {
    "untouched": (nothing, PROVEN, None),
    "edit": (edit_299, TAMPERED, 299),
    "edit and hash anew": (edit_299_anew, TAMPERED, 299),
    "edit the first of a partner and hash anew": (edit_1_anew, TAMPERED, None),
    "delete one and hash anew": (delete_anew, TAMPERED, None),
    "swap two and hash anew": (swap_anew, TAMPERED, 500),
}


@pytest.mark.parametrize("case", LOGS)
def test_both_verifiers_say_the_same_of_an_altered_log(case: str) -> None:
    tamper, verdict, first_bad = LOGS[case]
    log = a_log(SIZE)
    checkpoints = [a_checkpoint_of(log, size) for size in CHECKPOINTS]
    tamper(log)

    alone, ours = _both(_forced(log, checkpoints), checkpoints)

    assert alone.verdict == ours.verdict == verdict
    assert alone.first_bad == ours.first_bad
    assert first_bad in (None, alone.first_bad)


def _forced(log: MemoryLedger, checkpoints: Sequence[bytes]) -> BytesIO:
    """As somebody exports it who does not care what is missing."""
    short = [each for each in checkpoints if int(each.split(b"\n")[1]) <= len(log.rows)]
    file = exported(log, short, end=None) if len(short) == len(checkpoints) else exported(log, short)
    extra = {f"checkpoints/{9:016d}-{n}": each for n, each in enumerate(checkpoints) if each not in short}
    return repacked(file, lambda members: members.update(extra))


def _both(file: BytesIO, checkpoints: Sequence[bytes]) -> tuple[Report, Ours]:
    export = Export(file)
    upto = max(export.extent.end, *(int(each.split(b"\n")[1]) for each in checkpoints))
    ours = verify_log(export, export.checkpoints(), a_trust(), upto=upto)
    return verify_alone(file, parse_trust(a_trust().encode())), ours  # two reports of two makings


FILES: dict[str, tuple[Callable[[dict[str, bytes]], object], int]] = {
    "a checkpoint less": (lambda m: m.pop("checkpoints/0000000000000300-0"), PROVEN),
    "the last checkpoint less": (lambda m: m.pop("checkpoints/0000000000000700-0"), INCOMPLETE),
    "no checkpoint": (lambda m: [m.pop(name) for name in list(m) if name.startswith("check")], INCOMPLETE),
    "a bundle less": (lambda m: m.pop("tile/entries/001"), TAMPERED),
    "a hash tile less": (lambda m: m.pop("tile/1/000.p/2"), TAMPERED),
    "a tile of other hashes": (lambda m: m.update({"tile/1/000.p/2": bytes(64)}), TAMPERED),
    "a bundle cut": (lambda m: m.update({"tile/entries/001": m["tile/entries/001"][:-1]}), TAMPERED),
}


@pytest.mark.parametrize("case", FILES)
def test_both_verifiers_say_the_same_of_an_altered_file(case: str) -> None:
    change, verdict = FILES[case]
    log = a_log(SIZE)
    checkpoints = [a_checkpoint_of(log, size) for size in CHECKPOINTS]

    alone, ours = _both(repacked(exported(log, checkpoints), change), [checkpoints[-1]])

    assert alone.verdict == ours.verdict == verdict
    assert alone.first_bad == ours.first_bad


def _stripped(checkpoint: bytes, lines: int) -> bytes:
    return b"\n".join(checkpoint.split(b"\n")[:-2]) + b"\n" if lines else checkpoint


def test_a_stripped_signature_is_missing_and_a_false_one_wrong() -> None:
    log = a_log(300)
    good = a_checkpoint_of(log)
    false = good[:-10] + (b"A" if good[-10:-9] != b"A" else b"B") + good[-9:]
    for content, verdict in ((_stripped(good, 1), INCOMPLETE), (false, TAMPERED), (good, PROVEN)):
        alone, ours = _both(exported(log, [content]), [good])

        assert alone.verdict == ours.verdict == verdict


def test_without_a_trust_file_of_ones_own_nothing_is_proven() -> None:
    log = a_log(300)

    report = verify_alone(exported(log, [a_checkpoint_of(log)]), None)

    assert report.verdict == INCOMPLETE


def test_a_fork_that_somebody_else_was_shown_is_found() -> None:
    log, fork = a_log(300), a_log(300)
    edit(fork, 200)
    rehash(fork)
    trust = parse_trust(a_trust().encode())

    report = verify_alone(exported(log, [a_checkpoint_of(log)]), trust, [a_checkpoint_of(fork, 300)])

    assert report.verdict == TAMPERED


RANGES: dict[str, tuple[Callable[[dict[str, bytes]], object], int, int | None]] = {
    "untouched": (nothing, PROVEN, None),
    "an entry altered": (
        lambda m: m.update({"tile/entries/001": m["tile/entries/001"].replace(b'"payroll', b'"payrolL', 1)}),
        TAMPERED,
        257,
    ),
    "a hash above altered": (lambda m: m.update({"tile/1/000.p/2": bytes(64)}), TAMPERED, 256),
    "the hashes above missing": (lambda m: m.pop("tile/1/000.p/2"), TAMPERED, 256),
    "a tree without end claimed": (
        lambda m: m.update({"export.json": m["export.json"].replace(b'"size":700', b'"size":%d' % 2**52)}),
        INCOMPLETE,
        None,
    ),
    "a bundle missing": (lambda m: m.pop("tile/entries/001"), TAMPERED, 256),
    "the right edge missing": (lambda m: m.pop("tile/0/002.p/188"), INCOMPLETE, None),
}


@pytest.mark.parametrize("case", RANGES)
def test_a_range_is_proven_by_the_hashes_that_came_along(case: str) -> None:
    change, verdict, first_bad = RANGES[case]
    log = a_log(SIZE)
    file = exported(log, [a_checkpoint_of(log)], first=256, end=512)

    report = verify_alone(repacked(file, change), parse_trust(a_trust().encode()))

    assert (report.verdict, report.first_bad) == (verdict, first_bad)
    assert report.size == (0 if case == "a bundle missing" else 256)


def test_a_log_that_was_closed_ends_there() -> None:
    """Both verifiers: what follows the closing entry is not of this log."""
    closing = log_closed(successor="next.example", vkeys=[], decided=Decided("ab" * 32, ["a", "b"]))
    for drafts, verdict, first_bad in (
        ([closing], PROVEN, None),
        ([closing, an_answer()], TAMPERED, 6),
    ):
        log = a_log(5)
        a_ledger("later").append(log, drafts, AT + timedelta(days=1))
        signed = a_checkpoint_of(log)

        alone, ours = _both(exported(log, [signed]), [signed])

        assert (alone.verdict, alone.first_bad) == (ours.verdict, ours.first_bad) == (verdict, first_bad)


def test_a_log_that_opens_as_another_one_is_not_this_one() -> None:
    log = MemoryLedger()
    a_ledger().append(log, [an_opening("other.example"), an_answer()], AT)
    signed = a_checkpoint_of(log)

    alone, ours = _both(exported(log, [signed]), [signed])

    assert (alone.verdict, alone.first_bad) == (ours.verdict, ours.first_bad) == (TAMPERED, 0)


def test_a_tree_without_end_is_not_walked_through_even_for_whoever_brings_their_own_trust() -> None:
    """Without a trust file of one's own, somebody can sign any size: that costs them nothing, and us no time either."""
    log, size = a_log(SIZE), 2**52
    endless = checkpoint.sign(Checkpoint(ORIGIN, size, bytes(32)), LOG_SIGNERS, AT)
    file = exported(log, [a_checkpoint_of(log)], first=256, end=512)

    def change(members: dict[str, bytes]) -> None:
        members["export.json"] = members["export.json"].replace(b'"size":700', b'"size":%d' % size)
        members[f"checkpoints/{9:016d}-1"] = endless

    report = verify_alone(repacked(file, change), None)

    assert report.verdict != PROVEN


def test_a_policy_asks_for_cosignatures() -> None:
    log, here, absent = a_log(300), a_cosigner("here"), a_cosigner("absent")
    signed = a_checkpoint_of(log)
    checkpoint = add(signed, cosign(signed, [here], AT))
    trust = parse_trust(a_trust().encode())

    for witness, verdict in ((here, PROVEN), (absent, INCOMPLETE)):
        policy = Policy(f"witness w {witness.vkey}\nquorum w\n".encode())

        assert verify_alone(exported(log, [checkpoint]), trust, policy=policy).verdict == verdict
