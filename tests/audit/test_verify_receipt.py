"""A receipt, its proof and its opening, checked by somebody who has the trust file alone."""

from collections.abc import Callable

import pytest
from msgspec import Struct
from msgspec.structs import replace

from audit.proof import TlogProof
from audit.receipt import ReceiptBody, ReceiptSigner, salted_digest, sign_turn
from audit.tree import StoredTree
from audit.trust import Trust
from audit.verify import Exit, verify_receipt
from tests.audit.make import (
    AT,
    DATA,
    LOG_SIGNERS,
    ORIGIN,
    POLICY,
    RECEIPT_SIGNER,
    a_checkpoint_of,
    a_ledger,
    a_log,
    a_trust,
    an_answer,
    an_ed25519_signer,
)

SALT = bytes(range(16))
REQUEST, RESPONSE = b"request", b"response"
INDEX = 42


class Case(Struct, frozen=True):
    """What a partner puts before the verifier."""

    receipt: bytes
    proof: bytes | None = None
    entry: bytes | None = None
    request: bytes | None = None
    response: bytes | None = None
    trust: Trust = a_trust()

    def verdict(self) -> Exit:
        report = verify_receipt(
            self.receipt,
            self.trust,
            proof=self.proof,
            entry=self.entry,
            request=self.request,
            response=self.response,
        )
        return report.verdict


LOG = a_log(INDEX)
_DIGESTS = (salted_digest(SALT, "request", REQUEST), salted_digest(SALT, "response", RESPONSE))
_DRAFT = an_answer()
(RECORDED,) = a_ledger("own").append(
    LOG,
    [
        replace(
            _DRAFT, body=_DRAFT.body.replace(b"12" * 32, _DIGESTS[0].encode()).replace(b"34" * 32, _DIGESTS[1].encode())
        )
    ],
    AT,
)
a_ledger("later").append(LOG, [an_answer()] * 30, AT)


def a_receipt(signer: ReceiptSigner = RECEIPT_SIGNER, origin: str = ORIGIN, index: int = INDEX) -> bytes:
    body = ReceiptBody(index, RECORDED.leaf, *_DIGESTS, POLICY, DATA, RECORDED.time, SALT)
    return sign_turn([body], index, origin, signer)[0].json_bytes()


def a_proof(index: int = INDEX, size: int = 60, origin: str = ORIGIN) -> bytes:
    path = tuple(StoredTree(size, LOG.hashes).inclusion(index))
    return TlogProof(index, path, a_checkpoint_of(LOG, size, origin)).encode()


def only_ed25519(proof: bytes) -> bytes:
    lines = proof.splitlines(keepends=True)
    assert lines[-1].startswith(f"— {LOG_SIGNERS[1].name} ".encode())
    return b"".join(lines[:-1])


GOOD = Case(a_receipt(), a_proof(), RECORDED.entry, REQUEST, RESPONSE)
CASES: dict[str, tuple[Callable[[], Case], Exit]] = {
    "everything": (lambda: GOOD, Exit.PROVEN),
    "receipt and proof alone": (lambda: Case(a_receipt(), a_proof()), Exit.PROVEN),
    "no proof": (lambda: replace(GOOD, proof=None), Exit.INCOMPLETE),
    "a proof with a stripped signature": (lambda: replace(GOOD, proof=only_ed25519(a_proof())), Exit.INCOMPLETE),
    "another request": (lambda: replace(GOOD, request=b"other"), Exit.TAMPERED),
    "another answer": (lambda: replace(GOOD, response=b"other"), Exit.TAMPERED),
    "another entry": (lambda: replace(GOOD, entry=LOG.rows[7].entry), Exit.TAMPERED),
    "a proof of another entry": (lambda: replace(GOOD, proof=a_proof(INDEX + 1)), Exit.TAMPERED),
    "a proof for another size": (lambda: replace(GOOD, proof=a_proof().replace(b"\n60\n", b"\n61\n")), Exit.TAMPERED),
    "a proof of another log": (lambda: replace(GOOD, proof=a_proof(origin="other.example")), Exit.TAMPERED),
    "a proof that says another index": (
        lambda: replace(GOOD, proof=a_proof().replace(b"index 42", b"index 43")),
        Exit.TAMPERED,
    ),
    "a proof that is none": (lambda: replace(GOOD, proof=b"rubbish"), Exit.TAMPERED),
    "a proof with a false signature": (
        lambda: replace(GOOD, proof=a_proof().replace(ORIGIN.encode() + b"\n", b"gateway.example/audit/2025-2\n", 1)),
        Exit.TAMPERED,
    ),
    "a receipt that is none": (lambda: replace(GOOD, receipt=b"rubbish"), Exit.TAMPERED),
    "a receipt of another log": (lambda: replace(GOOD, receipt=a_receipt(origin="other.example")), Exit.TAMPERED),
    "a receipt with another answer": (
        lambda: replace(GOOD, receipt=a_receipt().replace(_DIGESTS[1].encode(), b"00" * 32)),
        Exit.TAMPERED,
    ),
    "a receipt by a key nobody trusts": (
        lambda: replace(GOOD, receipt=a_receipt(an_ed25519_signer(f"{ORIGIN}/receipts", "thief"))),
        Exit.INCOMPLETE,
    ),
    "a receipt by the key of the checkpoints": (
        lambda: replace(GOOD, receipt=a_receipt(LOG_SIGNERS[0])),
        Exit.INCOMPLETE,
    ),
    "a receipt by a key that was retired before": (lambda: replace(GOOD, trust=a_trust(until=40)), Exit.INCOMPLETE),
    "an entry that was never recorded": (
        lambda: Case(a_receipt(index=INDEX + 1), a_proof(INDEX + 1)),
        Exit.TAMPERED,
    ),
}


@pytest.mark.parametrize(("case", "verdict"), CASES.values(), ids=CASES.keys())
def test_what_a_receipt_proves(case: Callable[[], Case], verdict: Exit) -> None:
    assert case().verdict() is verdict


ODD_ENTRIES = {"not canonical": b"{} ", "no object": b"[]", "no body": b"{}", "other digests": LOG.rows[7].entry}


@pytest.mark.parametrize("entry", ODD_ENTRIES.values(), ids=ODD_ENTRIES.keys())
def test_an_entry_must_speak_of_the_same_request_and_answer(entry: bytes) -> None:
    """Even when the receipt names that very leaf: then the gateway signed for what it did not record."""
    from audit.entry import leaf_hash

    body = ReceiptBody(INDEX, leaf_hash(entry), *_DIGESTS, POLICY, DATA, RECORDED.time, SALT)
    odd = sign_turn([body], INDEX, ORIGIN, RECEIPT_SIGNER)[0].json_bytes()

    report = verify_receipt(odd, a_trust(), entry=entry)

    assert (report.verdict, report.first_bad) == (Exit.TAMPERED, INDEX)
