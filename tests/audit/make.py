"""Builders for the tests of the audit room; a test shows only what matters to it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from audit import checkpoint
from audit.checkpoint import Checkpoint, MlDsa44Signer
from audit.events import (
    Asked,
    DataRef,
    Draft,
    Inner,
    PolicyRef,
    answered,
    comparison_refused,
    log_opened,
    outcome,
    terms,
)
from audit.ledger import Ledger, Recorded
from audit.note import Ed25519Signer
from audit.tree import StoredTree
from audit.trust import Trust, TrustedKey
from tests.fakes_audit import CountingEntropy, MemoryKeys, MemoryLedger

ORIGIN = "gateway.example/audit/2025-1"
AT = datetime(2025, 1, 31, 16, 30, 0, 123456, tzinfo=UTC)
SUBJECT = "152921199001010018"
OPERATOR = "person:li-na-0007"
POLICY = PolicyRef(3, "ab" * 32)
DATA = DataRef("cd" * 32, "2025-01-31T00:00:00Z")


def an_ed25519_signer(name: str = ORIGIN, seed: str = "log") -> Ed25519Signer:
    return Ed25519Signer(name, Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest()))


def an_ml_dsa_signer(name: str = ORIGIN, seed: str = "log") -> MlDsa44Signer:
    return MlDsa44Signer(name, MLDSA44PrivateKey.from_seed_bytes(sha256(seed.encode()).digest()))


LOG_SIGNERS = (an_ed25519_signer(), an_ml_dsa_signer())
RECEIPT_SIGNER = an_ed25519_signer(f"{ORIGIN}/receipts", "receipt")


def a_trust(until: int | None = None) -> Trust:
    checkpoints = tuple(TrustedKey(signer.vkey, "checkpoint", 0, until) for signer in LOG_SIGNERS)
    return Trust(ORIGIN, (*checkpoints, TrustedKey(RECEIPT_SIGNER.vkey, "receipt", 0, until)))


def asked(
    partner: str = "payroll", subject: str = SUBJECT, operator: str = OPERATOR, matter: str | None = None
) -> Asked:
    return Asked(
        partner=partner,
        client=f"client:{partner}-1",
        grant="G-2025-0001",
        purpose="salary_check",
        matter=matter,
        kind="person",
        fields=(("unit", "equals"), ("post_rank", "at_least")),
        as_of=None,
        network="government",
        request_sha256="12" * 32,
        subject=subject,
        operator=operator,
    )


def comparison_answered(
    asked: Asked,
    inner: Inner,
    *,
    rules: tuple[str, ...],
    policy: PolicyRef,
    data: DataRef,
    counts: Mapping[str, int],
    subject: str,
    fields: Mapping[str, str],
    response_sha256: str,
) -> Draft:
    """An answered comparison whose terms nobody wrote before; `subject` is its code."""
    return answered(
        terms(asked, rules=rules, policy=policy, data=data, counts=counts),
        inner,
        subject=asked.subject,
        operator=asked.operator,
        matter=asked.matter,
        told=subject,
        outcome=outcome(subject, fields),
        request_sha256=asked.request_sha256,
        response_sha256=response_sha256,
    )


def an_answer(partner: str = "payroll", subject: str = SUBJECT, cause: str = "confirmed") -> Draft:
    return comparison_answered(
        asked(partner, subject),
        Inner(cause=cause, budgets={"grant_day": (7, 8)}),
        rules=("salary-01",),
        policy=POLICY,
        data=DATA,
        counts={"rows": 1, "claims": 2},
        subject="confirmed",
        fields={"unit": "match", "post_rank": "mismatch"},
        response_sha256="34" * 32,
    )


def an_answer_of(subject: str, operator: str, partner: str = "payroll") -> Draft:
    """A comparison of somebody by somebody."""
    return comparison_answered(
        asked(partner, subject, operator, "M-2026-1"),
        Inner(cause="confirmed", budgets={"day": (7, 8)}),
        rules=("salary-01",),
        policy=POLICY,
        data=DATA,
        counts={"claims": 1},
        subject="confirmed",
        fields={"unit": "match"},
        response_sha256="34" * 32,
    )


def a_refusal(partner: str = "payroll", cause: str = "rate", rules: tuple[str, ...] = ("watch-per-hour",)) -> Draft:
    return comparison_refused(
        asked(partner),
        Inner(cause=cause, rules=rules, budgets={"grant_day": (8, 8)}),
        policy=POLICY,
        data=None,
        counts={"rows": 1, "claims": 2},
        reason="held",
        incident="I-1",
        response_sha256="34" * 32,
    )


def an_opening(origin: str = ORIGIN) -> Draft:
    return log_opened(origin=origin, vkeys=[signer.vkey for signer in (*LOG_SIGNERS, RECEIPT_SIGNER)])


def a_ledger(seed: str = "seed", keys: MemoryKeys | None = None) -> Ledger:
    return Ledger(node="node-1", keys=keys or MemoryKeys(), entropy=CountingEntropy(seed))


def a_log(
    entries: int, keys: MemoryKeys | None = None, partners: Sequence[str] = ("payroll", "pension")
) -> MemoryLedger:
    """A log of this many entries, its opening entry among them, written in batches of up to 64."""
    store, ledger = MemoryLedger(), a_ledger(keys=keys)
    drafts = [an_opening(), *(an_answer(partners[number % len(partners)]) for number in range(entries - 1))]
    for start in range(0, entries, 64):
        ledger.append(store, drafts[start : start + 64], AT + timedelta(seconds=start))
    return store


def a_checkpoint_of(store: MemoryLedger, size: int | None = None, origin: str = ORIGIN) -> bytes:
    """A signed checkpoint of the first `size` entries as they are stored."""
    size = store.head().size if size is None else size
    return checkpoint.sign(Checkpoint(origin, size, StoredTree(size, store.hashes).root()), LOG_SIGNERS, AT)


def last(recorded: Sequence[Recorded]) -> Recorded:
    return recorded[-1]
