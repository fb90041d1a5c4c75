"""Receipts: the single file says of every case what our own verifier says."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.standalone.receipts import verify_receipt
from audit.standalone.trusting import parse_trust
from audit.standalone.verdicts import Report
from tests.audit.test_verify_receipt import CASES, GOOD, Case


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
