"""Receipts under the suite gm: the same object, SM3 in its path and SM2 under it, held by gateway and partner alike."""

from __future__ import annotations

import json

import pytest

from audit import checkpoint
from audit.events import PolicyRef
from audit.receipt import Held, Receipt, ReceiptBody, read, salted_digest, sign_turn, verify
from audit.sm2 import Sm2Signer, make_key
from audit.suite import GM
from bidui_client import ReceiptError, check_receipt
from bidui_client.receipt import canonical

ORIGIN, SALT = "bidui.example/audit/2026-1", bytes(16)
REQUEST, ANSWER = b'{"asked":1}', {"subject": "confirmed", "fields": {}}
SIGNER = Sm2Signer(ORIGIN, make_key())


def a_turn(size: int) -> list[Receipt]:
    digests = [
        salted_digest(SALT, part, content, GM.digest)
        for part, content in (("request", REQUEST), ("response", canonical(ANSWER)))
    ]
    bodies = [
        ReceiptBody(
            index=number,
            leaf=GM.digest(bytes([number])),
            request_sha256=digests[0],
            response_sha256=digests[1],
            policy=PolicyRef(1, "ab" * 32),
            data=None,
            time="2026-01-01T00:00:00.000000Z",
            salt=SALT,
        )
        for number in range(size)
    ]
    return sign_turn(bodies, 0, ORIGIN, SIGNER, GM.digest)


def held(receipt: Receipt) -> Held:
    return verify(read(receipt.json_bytes()), checkpoint.verifier(SIGNER.vkey))


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_both_sides_hold_every_receipt_of_a_turn(size: int) -> None:
    for receipt in a_turn(size):
        answer = {**ANSWER, "receipt": json.loads(receipt.json_bytes())}

        assert held(receipt).opens("request", REQUEST)
        assert not held(receipt).opens("request", b"{}")
        check_receipt(SIGNER.vkey, request=REQUEST, answer=answer)
        for wrong in ({"request": b"{}", "answer": answer}, {"request": REQUEST, "answer": answer | {"subject": "x"}}):
            with pytest.raises(ReceiptError):
                check_receipt(SIGNER.vkey, **wrong)  # type: ignore[arg-type]  # a table


def test_another_key_of_the_suite_holds_nothing() -> None:
    (receipt,) = a_turn(1)
    answer = {**ANSWER, "receipt": json.loads(receipt.json_bytes())}

    with pytest.raises(ReceiptError):
        check_receipt(Sm2Signer(ORIGIN, make_key()).vkey, request=REQUEST, answer=answer)
