"""Receipts: one signature for a turn, and nothing else under it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from audit import checkpoint, receipt
from audit.entry import decode, encode
from audit.errors import ReceiptError
from audit.receipt import Receipt, ReceiptBody, is_signed_by, read, salted_digest, sign_turn, verify
from tests.audit.make import DATA, LOG_SIGNERS, ORIGIN, POLICY, RECEIPT_SIGNER, a_log, an_ed25519_signer

VERIFIER = checkpoint.verifier(RECEIPT_SIGNER.vkey)
SALT = bytes(range(16))
REQUEST, RESPONSE = b'{"subject":"..."}', b'{"fields":{}}'
LOG = a_log(80)


def a_body(index: int) -> ReceiptBody:
    row = LOG.rows[index]
    return ReceiptBody(
        index=index,
        leaf=row.leaf,
        request_sha256=salted_digest(SALT, "request", REQUEST),
        response_sha256=salted_digest(SALT, "response", RESPONSE),
        policy=POLICY,
        data=DATA if index % 2 else None,
        time=row.time,
        salt=SALT,
    )


def a_turn(size: int, first: int = 5) -> list[Receipt]:
    return sign_turn([a_body(first + number) for number in range(size)], first, ORIGIN, RECEIPT_SIGNER)


@pytest.mark.parametrize("size", range(1, 67))
def test_every_receipt_of_a_turn_holds(size: int) -> None:
    turn = a_turn(size)

    for number, each in enumerate(turn):
        held = verify(read(each.json_bytes()), VERIFIER)
        assert held.origin == ORIGIN
        assert held.body == a_body(5 + number)
    assert len({each.signature for each in turn}) == 1


def test_a_turn_may_have_entries_without_receipts() -> None:
    bodies = [a_body(index) for index in (5, 7, 12)]

    turn = sign_turn(bodies, 5, ORIGIN, RECEIPT_SIGNER)

    assert [verify(each, VERIFIER).body.index for each in turn] == [5, 7, 12]


def test_no_bodies_no_receipts() -> None:
    assert sign_turn([], 5, ORIGIN, RECEIPT_SIGNER) == []


def test_a_receipt_is_canonical_json() -> None:
    content = a_turn(3)[1].json_bytes()

    value = decode(content)

    assert encode(value) == content
    assert isinstance(value, dict)
    assert sorted(value) == ["body", "path", "salt", "signature", "type"]


def test_a_receipt_may_be_spelt_otherwise() -> None:
    pretty = json.dumps(json.loads(a_turn(3)[1].json_bytes()), indent=2, ensure_ascii=True)

    assert verify(read(pretty.encode()), VERIFIER).body == a_body(6)


def test_the_caller_can_open_what_it_asked_and_was_told() -> None:
    held = verify(a_turn(2)[0], VERIFIER)

    assert held.opens("request", REQUEST)
    assert held.opens("response", RESPONSE)
    assert not held.opens("request", RESPONSE)
    assert not held.opens("response", REQUEST)
    assert not held.opens("anything", REQUEST)


def test_digests_depend_on_salt_and_part() -> None:
    digests = {salted_digest(salt, part, b"x") for salt in (SALT, bytes(16)) for part in ("request", "response")}

    assert len(digests) == 4


def changed(content: bytes, *path: str, value: Any) -> bytes:
    whole = json.loads(content)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(whole).encode()


FORGED = {
    "another index": (("body", "index"), 7),
    "another leaf": (("body", "leaf"), "00" * 32),
    "another request": (("body", "request_sha256"), "00" * 32),
    "another answer": (("body", "response_sha256"), "00" * 32),
    "another log": (("body", "origin"), "other.example/audit"),
    "another policy": (("body", "policy"), {"number": 4, "sha256": POLICY.sha256}),
    "other data": (("body", "data"), {"time": "t", "version": "v"}),
    "another time": (("body", "time"), "2025-01-01T00:00:00.000000Z"),
    "another place": (("path", "at"), 0),
    "a place outside": (("path", "at"), 9),
    "another first": (("path", "first"), 4),
    "another size": (("path", "size"), 2),
    "no path": (("path", "hashes"), []),
    "a longer path": (("path", "hashes"), ["A" * 43 + "="] * 3),
    "a short hash": (("path", "hashes"), ["AAAA"] * 2),
    "no signature": (("signature",), ""),
    "another signature": (("signature",), "A" * 90 + "=="),
}


@pytest.mark.parametrize(("path", "value"), FORGED.values(), ids=FORGED.keys())
def test_a_forged_receipt_does_not_hold(path: tuple[str, ...], value: Any) -> None:
    content = a_turn(3)[1].json_bytes()

    with pytest.raises(ReceiptError):
        verify(read(changed(content, *path, value=value)), VERIFIER)


MALFORMED = {
    "another type": (("type",), "bidui-receipt/2"),
    "another version": (("body", "v"), 2),
    "an unknown member": (("body", "more"), 1),
    "an unknown member on top": (("more",), 1),
    "a negative index": (("body", "index"), -1),
    "2^53": (("body", "index"), 2**53),
    "a leaf that is none": (("body", "leaf"), "xx"),
    "a digest in capitals": (("body", "request_sha256"), "AB" * 32),
    "a salt that is none": (("salt",), "*"),
    "a signature that is none": (("signature",), "*"),
    "a hash that is none": (("path", "hashes"), ["*"]),
    "too many hashes": (("path", "hashes"), ["AAAA"] * 64),
}


@pytest.mark.parametrize(("path", "value"), MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_nearly_a_receipt_is_refused(path: tuple[str, ...], value: Any) -> None:
    content = a_turn(3)[1].json_bytes()

    with pytest.raises(ReceiptError):
        read(changed(content, *path, value=value))


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_politely(content: bytes) -> None:
    with pytest.raises(ReceiptError):
        read(content)


def test_another_key_does_not_sign_receipts() -> None:
    thief = an_ed25519_signer(f"{ORIGIN}/receipts", "thief")

    (forged,) = sign_turn([a_body(5)], 5, ORIGIN, thief)

    assert not is_signed_by(forged, VERIFIER)
    with pytest.raises(ReceiptError):
        verify(forged, VERIFIER)


def test_the_same_key_under_another_name_does_not_sign_receipts() -> None:
    (odd,) = sign_turn([a_body(5)], 5, ORIGIN, an_ed25519_signer("other.example", "receipt"))

    with pytest.raises(ReceiptError):
        verify(odd, VERIFIER)


def test_a_signature_of_the_log_is_none_of_a_receipt() -> None:
    (forged,) = sign_turn([a_body(5)], 5, ORIGIN, LOG_SIGNERS[0])

    with pytest.raises(ReceiptError):
        verify(forged, VERIFIER)


def test_no_entry_before_the_first_of_its_turn() -> None:
    (odd,) = sign_turn([a_body(5)], 9, ORIGIN, RECEIPT_SIGNER)

    with pytest.raises(ReceiptError, match="before the first"):
        verify(odd, VERIFIER)


def test_the_salt_is_not_signed_but_opens_nothing_when_changed() -> None:
    held = verify(replace(a_turn(1)[0], salt=bytes(16)), VERIFIER)

    assert not held.opens("request", REQUEST)


def test_the_claimed_index_is_that_of_the_body() -> None:
    assert receipt.claimed_index(a_turn(3)[2]) == 7
