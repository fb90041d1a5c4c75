"""Both keys of a log are replaced while it goes on: what was signed before, and after, and by a thief in between."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import KeyFileError
from adapters.sql.ledger_reader import SqlLedgerReader
from audit import checkpoint
from audit.care_kinds import KEY_ENDED, KEY_TRUSTED
from audit.errors import NoteError
from audit.note import Algorithm, parse, parse_vkey
from audit.proof import TlogProof
from audit.receipt import ReceiptBody, sign_turn
from audit.report import Exit
from audit.rotation import CHECKPOINT, RECEIPT, differences, follow
from audit.signer import CheckpointSigner, State
from audit.trail_events import trail_read
from audit.tree import StoredTree
from audit.verify import verify_log
from audit.verify_receipt import verify_receipt
from gateway.deeds.document import Kind
from gateway.domain.errors import ConflictError
from gateway.domain.people import Duty
from ops import rotation
from ops.demo.office import SyntheticOffice
from ops.log_keys import LogKeys, live_keys, read_log_keys
from ops.office import open_office
from ops.rotation import OVERLAP, Change, Rotation, make_key, read_trust, waiting
from ops.settings import ServeSettings, load
from tests.audit.make import POLICY
from tests.fakes import DrivenClock
from tests.homes import a_home

ALL = ((CHECKPOINT, Algorithm.ED25519), (CHECKPOINT, Algorithm.ML_DSA_44), (RECEIPT, Algorithm.ED25519))


class Log:
    """A home whose log grows, is signed, and changes its keys."""

    def __init__(self, path: Path) -> None:
        self.clock = DrivenClock()
        self.home = a_home(path, clock=self.clock)
        self.settings = load(self.home, "serve.toml", ServeSettings)
        self.office = open_office(self.home)
        self.reader = SqlLedgerReader.open(self.home.database_url(self.settings))
        self.live = live_keys(self.home, self.settings, None, pytest.fail)
        self.checkpoints = FileCheckpoints(self.home.checkpoints)
        self.signer = CheckpointSigner(
            origin=self.settings.origin,
            reader=self.reader,
            store=self.checkpoints,
            signers=self.live,
            now=self.clock.now,
        )

    def close(self) -> None:
        self.office.store.close()
        self.reader.close()

    @property
    def size(self) -> int:
        return self.reader.head().size

    @property
    def keys(self) -> LogKeys:
        return read_log_keys(self.home, self.settings, None)

    def rotation(self) -> Rotation:
        return Rotation(self.home, self.office, None)

    def grow(self) -> bytes:
        """One more entry; its receipt."""
        draft = trail_read(person="bb-shenji", duty="audit_admin", use="explanation", first=0, last=0)
        with self.office.store.begin() as work:
            (entry,) = self.office.ledger.append(work.ledger, [draft], self.clock.now())
            body = ReceiptBody(entry.index, entry.leaf, "12" * 32, "34" * 32, POLICY, None, entry.time, b"s" * 16)
            (receipt,) = sign_turn([body], entry.index, self.settings.origin, self.live)
            work.commit()
        return receipt.json_bytes()

    def sign(self) -> bytes:
        self.live.refresh()
        assert self.signer.run_once().state in {State.SIGNED, State.UNCHANGED}
        latest = self.checkpoints.latest()
        assert latest
        return latest

    def signed_receipt(self) -> tuple[bytes, bytes]:
        """A receipt with its proof under the checkpoint of its time."""
        receipt, latest = self.grow(), self.sign()
        index = json.loads(receipt)["body"]["index"]
        path = tuple(StoredTree(checkpoint.peek(latest).size, self.reader.hashes).inclusion(index))
        return receipt, TlogProof(index=index, path=path, checkpoint=latest).encode()

    def decide(self, *vkeys: tuple[str, str]) -> None:
        with closing(SyntheticOffice(self.home)) as office:
            for purpose, vkey in vkeys:
                content = {"purpose": purpose, "vkey": vkey}
                name = f"{purpose}-{parse_vkey(vkey).key_id.hex()}"
                office.put_in_force(Kind.LOG_KEY, name, content, Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)

    def make_all(self) -> list[tuple[str, str]]:
        return [(purpose, make_key(self.home, purpose, make, None, os.urandom)) for purpose, make in ALL]

    def rotate(self) -> tuple[list[Change], list[Change]]:
        """The whole way."""
        self.decide(*self.make_all())
        came = self.rotation().switch()
        self.sign()
        self.clock.pass_by(seconds=OVERLAP.total_seconds() + 60)
        went = self.rotation().end()
        self.sign()
        return came, went

    def verdict(self, *outside: bytes) -> Exit:
        return verify_log(self.reader, [*self.checkpoints.history(), *outside], read_trust(self.home)).verdict


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path / "home")
    yield made
    made.close()


def test_all_keys_are_replaced_and_everything_signed_keeps_its_worth(log: Log) -> None:
    old_receipt, first = log.signed_receipt(), log.checkpoints.latest()
    log.decide(*log.make_all())

    came = log.rotation().switch()
    between_receipt, both = log.signed_receipt(), log.checkpoints.latest()
    log.clock.pass_by(seconds=OVERLAP.total_seconds() + 60)
    went = log.rotation().end()
    new_receipt, last = log.signed_receipt(), log.checkpoints.latest()

    trust = read_trust(log.home)
    assert first
    assert both
    assert last
    assert [len(parse(each).signatures) for each in (first, both, last)] == [2, 4, 2]
    assert log.verdict(first, both, last) is Exit.PROVEN
    for receipt, proof in (old_receipt, between_receipt, new_receipt):
        assert verify_receipt(receipt, trust, proof=proof).verdict is Exit.PROVEN
    assert [each.purpose for each in came] == [CHECKPOINT, CHECKPOINT, RECEIPT]
    assert {each.at for each in went} <= {each.until for each in trust.keys}
    assert [each.is_good_for(log.size) for each in trust.keys] == [False] * 3 + [True] * 3


def test_the_old_private_keys_are_gone_and_the_new_ones_are_named_by_their_id(log: Log) -> None:
    before = {path.name for path in (log.home.keys / "serve").glob("*.pem")}
    log.rotate()

    after = {path.name for path in (log.home.keys / "serve").glob("*.pem")}
    assert before - after == {"checkpoints.pem", "checkpoints-mldsa44.pem", "receipts.pem"}
    assert len(after - before) == 3
    assert log.keys.vkeys == [each.vkey for each in read_trust(log.home).keys[3:]]


def test_whoever_has_the_old_keys_signs_nothing_after_their_end(log: Log) -> None:
    thief = log.keys
    log.rotate()
    log.grow()
    size, trust = log.size, read_trust(log.home)
    root = StoredTree(size, log.reader.hashes).root()

    stolen = checkpoint.sign(checkpoint.Checkpoint(trust.origin, size, root), thief.checkpoints, log.clock.now())
    leaf = log.reader.hashes(0, size - 1, size)
    body = ReceiptBody(size - 1, leaf, "12" * 32, "34" * 32, POLICY, None, "2026-01-01T00:00:00.000000Z", b"s" * 16)
    (forged,) = sign_turn([body], size - 1, trust.origin, thief.receipts)

    assert log.verdict(stolen) is Exit.TAMPERED
    assert verify_receipt(forged.json_bytes(), trust).verdict is Exit.INCOMPLETE
    assert verify_log(log.reader, [stolen], trust).verdict is Exit.TAMPERED


def test_a_fork_by_the_old_keys_within_their_range_is_seen(log: Log) -> None:
    thief = log.keys
    log.grow()
    log.sign()
    log.rotate()

    forked = checkpoint.Checkpoint(log.settings.origin, 5, b"\1" * 32)
    assert log.verdict(checkpoint.sign(forked, thief.checkpoints, log.clock.now())) is Exit.TAMPERED


def test_whoever_trusts_the_old_keys_alone_finds_the_new_ones_under_them(log: Log) -> None:
    founding = read_trust(log.home)
    log.rotate()

    told = [content for kind in (KEY_TRUSTED.type, KEY_ENDED.type) for _, content in log.reader.of_type(kind)]
    assert follow(founding, told) == read_trust(log.home)
    assert differences(read_trust(log.home), told) == []
    assert len(differences(founding, told)) == 6


def test_a_key_needs_a_deed_and_must_be_here(log: Log) -> None:
    with pytest.raises(ConflictError, match="log key new"):
        log.rotation().switch()
    made = make_key(log.home, RECEIPT, Algorithm.ED25519, None, os.urandom)
    with pytest.raises(ConflictError):
        log.rotation().switch()
    assert list(waiting(log.home, None)) == [(RECEIPT, made)]

    log.decide((CHECKPOINT, made))
    with pytest.raises(ConflictError):
        log.rotation().switch()
    log.decide((RECEIPT, made))
    assert [each.vkey for each in log.rotation().switch()] == [made]
    with pytest.raises(ConflictError):
        log.rotation().switch()


def test_the_old_key_goes_on_until_the_new_one_was_seen_and_a_day_has_passed(log: Log) -> None:
    log.decide(*log.make_all())
    log.rotation().switch()

    with pytest.raises(ConflictError, match="24"):
        log.rotation().end()
    with pytest.raises(ConflictError, match="检查点"):
        log.rotation().end(at_once=True)
    log.sign()
    assert len(log.rotation().end(at_once=True)) == 3
    with pytest.raises(ConflictError):
        log.rotation().end(at_once=True)


def test_receipts_are_not_signed_with_ml_dsa(log: Log) -> None:
    with pytest.raises(NoteError):
        make_key(log.home, RECEIPT, Algorithm.ML_DSA_44, None, os.urandom)


def test_serve_does_not_start_without_a_key_that_must_sign(log: Log) -> None:
    log.rotate()
    next((log.home.keys / "serve").glob("receipts-*.pem")).unlink()

    with pytest.raises(KeyFileError, match="restore"):
        read_log_keys(log.home, log.settings, None)


class PowerCutError(Exception):
    """The machine stops here."""


CUTS = ["before the trust file", "before the commit", "before the old key is destroyed"]


@pytest.mark.parametrize("cut", CUTS)
def test_a_crash_anywhere_is_mended_by_the_same_command(log: Log, monkeypatch: pytest.MonkeyPatch, cut: str) -> None:
    log.decide(*log.make_all())
    steps: list[Callable[[], object]] = [log.rotation().switch, lambda: log.rotation().end(at_once=True)]

    for step in steps:
        with monkeypatch.context() as patched:
            _cut(patched, cut)
            if cut == CUTS[2] and step is steps[0]:
                step()
            else:
                with pytest.raises(PowerCutError):
                    step()
        log.grow()
        log.sign()
        if cut == CUTS[2]:
            log.rotation().destroy()
        else:
            step()
        log.sign()

    told = [content for kind in (KEY_TRUSTED.type, KEY_ENDED.type) for _, content in log.reader.of_type(kind)]
    assert len(told) == 6
    assert differences(read_trust(log.home), told) == []
    assert log.verdict() is Exit.PROVEN
    assert not (log.home.keys / "serve" / "receipts.pem").exists()


def _cut(patched: pytest.MonkeyPatch, cut: str) -> None:
    def stop(*_: object) -> None:
        raise PowerCutError

    if cut == CUTS[0]:
        patched.setattr(rotation, "write_trust", stop)
    elif cut == CUTS[1]:
        patched.setattr("adapters.sql.store.SqlWork.commit", stop)
    else:
        patched.setattr(rotation, "_destroy", stop)
