"""Receipts: the single file says of every case what our own verifier says."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.receipt import ReceiptBody, sign_turn
from audit.standalone.receipts import parse_receipt, verify_receipt
from audit.standalone.trusting import parse_trust
from audit.standalone.verdicts import INCOMPLETE, TAMPERED, Report, WrongError
from tests.audit.make import DATA, ORIGIN, POLICY, RECEIPT_SIGNER
from tests.audit.test_verify_receipt import _DIGESTS, CASES, GOOD, INDEX, RECORDED, SALT, Case, a_proof


def alone(case: Case) -> Report:
    return verify_receipt(
        case.receipt,
        parse_trust(case.trust.encode()),
        proof=case.proof,
        entry=case.entry,
        request=case.request,
        response=case.response,
    )


@pytest.mark.parametrize("name", CASES)
def test_both_verifiers_say_the_same(name: str) -> None:
    make, verdict = CASES[name]
    case = make()

    assert alone(case).verdict == case.verdict() == verdict


@given(st.data())
@settings(max_examples=60)
def test_both_verifiers_say_the_same_of_any_flipped_byte(data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(("receipt", "proof", "entry", "request", "response")))
    content = getattr(GOOD, part)
    at = data.draw(st.integers(0, len(content) - 1))
    flipped = content[:at] + bytes([content[at] ^ 1 << data.draw(st.integers(0, 6))]) + content[at + 1 :]
    members: dict[str, Any] = {name: getattr(GOOD, name) for name in GOOD.__struct_fields__}
    case = Case(**members | {part: flipped})

    assert alone(case).verdict == case.verdict() != 0 or _says_the_same(part, content, flipped)


def _says_the_same(part: str, content: bytes, flipped: bytes) -> bool:
    """A receipt may be spelt in more ways than one."""
    try:
        return part == "receipt" and bool(json.loads(content) == json.loads(flipped))
    except ValueError:
        return False


TOLD: dict[str, Any] = json.loads(GOOD.receipt)
BODY: dict[str, Any] = TOLD["body"]


def with_body(**changes: Any) -> bytes:
    return json.dumps(TOLD | {"body": BODY | changes}).encode()


def with_path(**changes: Any) -> bytes:
    return json.dumps(TOLD | {"path": TOLD["path"] | changes}).encode()


MALFORMED = {
    "nothing": b"",
    "a list": b"[]",
    "no UTF-8": GOOD.receipt.replace(b"bidui", b"bidu\xff"),
    "nested without end": b"[" * 100_000,
    "a member twice": GOOD.receipt[:-1] + b',"type":"bidui-receipt/1"}',
    "a member more": json.dumps(TOLD | {"more": 1}).encode(),
    "another type": json.dumps(TOLD | {"type": "bidui-receipt/2"}).encode(),
    "no salt": json.dumps(TOLD | {"salt": None}).encode(),
    "a salt with padding": json.dumps(TOLD | {"salt": TOLD["salt"] + "=="}).encode(),
    "a signature that is none": json.dumps(TOLD | {"signature": "!"}).encode(),
    "a path without hashes": json.dumps(TOLD | {"path": {"at": 0, "first": 42, "size": 1}}).encode(),
    "half a hash": with_path(hashes=["AAAA"]),
    "hashes without end": with_path(hashes=["A" * 43 + "="] * 64),
    "a place that is none": with_path(at=-1),
    "a place that is a float": with_path(at=0.0),
    "a body that is a list": json.dumps(TOLD | {"body": []}).encode(),
    "another version": with_body(v=2),
    "a version that is a truth": with_body(v=True),
    "a version that is a float": with_body(v=1.0),
    "a leaf in capitals": with_body(leaf=BODY["leaf"].upper().replace("0", "A")),
    "a digest cut off": with_body(request_sha256=BODY["request_sha256"][:-1]),
    "a digest in other digits": with_body(response_sha256="０" * 64),
    "a policy without a number": with_body(policy={"sha256": ""}),
    "a policy of a float": with_body(policy=BODY["policy"] | {"number": 1.5}),
    "data that are a list": with_body(data=[]),
    "a time that is a number": with_body(time=7),
    "half a character": with_body(time="\ud800"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_both_refuse_what_is_no_receipt(case: str) -> None:
    with pytest.raises(WrongError):
        parse_receipt(MALFORMED[case])
    assert Case(MALFORMED[case], GOOD.proof).verdict() == TAMPERED


def test_a_receipt_is_of_no_entry_before_its_turn() -> None:
    """By the gateway's own key: an index below the first of its turn was never handed out in it."""
    early = Case(_turned(first=43), a_proof())

    assert alone(early).verdict == early.verdict() == TAMPERED


def _turned(first: int) -> bytes:
    """The receipt of entry 42, in a turn that begins later."""
    body = ReceiptBody(INDEX, RECORDED.leaf, *_DIGESTS, POLICY, DATA, RECORDED.time, SALT)
    return sign_turn([body], first, ORIGIN, RECEIPT_SIGNER)[0].json_bytes()


def test_a_path_that_does_not_fit_the_tree_is_wrong_in_both() -> None:
    case = Case(GOOD.receipt, a_proof(size=60).replace(b"index 42\n", b"index 42\n" + b"A" * 43 + b"=\n"))

    assert alone(case).verdict == case.verdict() == TAMPERED


@pytest.mark.usefixtures("without_ed25519")
def test_on_a_machine_without_the_algorithm_a_receipt_is_not_called_false() -> None:
    assert alone(GOOD).verdict == INCOMPLETE
