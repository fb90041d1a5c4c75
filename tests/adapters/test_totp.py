"""One-time codes: the published vectors, the window, and what is no code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from adapters.identity.totp import STEP_SECONDS, TimeCodes
from tests.make import NOW

CODES = TimeCodes("比对 某盟")
RFC_SECRET = b"12345678901234567890"
VECTORS = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"}
"""RFC 6238, appendix B, SHA-1: the last six of its eight digits."""


@pytest.mark.parametrize(("at", "code"), VECTORS.items())
def test_the_published_vectors(at: int, code: str) -> None:
    assert CODES.step(RFC_SECRET, code, datetime.fromtimestamp(at, UTC)) == at // STEP_SECONDS


WINDOW = {-61: False, -31: False, -30: True, -1: True, 0: True, 29: True, 30: True, 59: True, 60: False, 90: False}


@pytest.mark.parametrize(("later", "good"), WINDOW.items())
def test_a_code_is_good_in_its_step_and_one_beside_it(later: int, good: bool) -> None:
    start = datetime.fromtimestamp(1111111110, UTC)  # where a step begins

    assert bool(CODES.step(RFC_SECRET, "050471", start + timedelta(seconds=later))) == good


@pytest.mark.parametrize("code", ["", "0", "05047", "0504711", "abcdef", "０５０４７１0", "码" * 6, "-50471"])
def test_what_is_no_code_is_no_good(code: str) -> None:
    assert CODES.step(RFC_SECRET, code, datetime.fromtimestamp(1111111111, UTC)) == 0


def test_the_address_tells_a_program_all_it_needs() -> None:
    address = urlsplit(CODES.uri(RFC_SECRET, "li.ming"))

    asked = parse_qs(address.query)
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path) == "/比对 某盟:li.ming"
    assert asked["secret"] == ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]
    assert asked["issuer"] == ["比对 某盟"]
    assert CODES.step(b"x" * 20, "000000", NOW) in {0, int(NOW.timestamp()) // STEP_SECONDS}
