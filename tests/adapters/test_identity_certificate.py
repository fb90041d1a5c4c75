"""Whose certificate a request came with: believed from TLS itself or from a proven proxy, and from nobody else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from secrets import token_bytes
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from adapters.identity.certificate import (
    EXTENSION,
    LONGEST_HEADER,
    Edge,
    TrustedProxy,
    header_thumbprint,
    thumbprint_of,
)
from adapters.keys.certificates import make_authority, make_p256, pem
from tests.adapters.make_identity import AT, b64

CERTIFICATE = make_authority("test", AT, token_bytes).client(make_p256(token_bytes), "hr-payroll", AT, token_bytes)
DER = CERTIFICATE.public_bytes(Encoding.DER)
PRINT = b64(sha256(DER).digest())
RFC9440 = b":" + b64encode(DER) + b":"
ESCAPED_PEM = quote(pem(CERTIFICATE).decode(), safe="").encode()
SECRET = b"0123456789abcdef0123456789abcdef"
PROXY, STRANGER = "192.0.2.10", "192.0.2.99"
EDGE = Edge(TrustedProxy(frozenset({"192.0.2.10", "198.51.100.0/24", "unix"}), SECRET))

CERT, KNOWS, REAL = b"client-cert", b"bidui-proxy-secret", b"x-real-ip"


def a_scope(*headers: tuple[bytes, bytes], peer: str | None = PROXY, direct: str | None = None) -> Mapping[str, object]:
    scope: dict[str, object] = {
        "type": "http",
        "client": None if peer is None else (peer, 40000),
        "headers": [(b"host", b"bidui"), (b"accept", b"*/*"), *headers],
    }
    return scope | ({"extensions": {EXTENSION: {"thumbprint": direct}}} if direct else {})


SCOPES: Mapping[str, tuple[Mapping[str, object], str | None]] = {
    "trusted peer with the secret": (a_scope((CERT, RFC9440), (KNOWS, SECRET)), PRINT),
    "nginx's escaped PEM": (a_scope((CERT, ESCAPED_PEM), (KNOWS, SECRET)), PRINT),
    "peer in a trusted range": (a_scope((CERT, RFC9440), (KNOWS, SECRET), peer="198.51.100.7"), PRINT),
    "over a unix socket": (a_scope((CERT, RFC9440), (KNOWS, SECRET), peer=None), PRINT),
    "no certificate from the proxy": (a_scope((KNOWS, SECRET)), None),
    "secret missing": (a_scope((CERT, RFC9440)), None),
    "secret wrong": (a_scope((CERT, RFC9440), (KNOWS, SECRET[:-1] + b"x")), None),
    "secret cut": (a_scope((CERT, RFC9440), (KNOWS, SECRET[:-1])), None),
    "secret empty": (a_scope((CERT, RFC9440), (KNOWS, b"")), None),
    "secret twice": (a_scope((CERT, RFC9440), (KNOWS, SECRET), (KNOWS, SECRET)), None),
    "certificate twice": (a_scope((CERT, RFC9440), (CERT, RFC9440), (KNOWS, SECRET)), None),
    "stranger with the secret": (a_scope((CERT, RFC9440), (KNOWS, SECRET), peer=STRANGER), None),
    "peer that is no address": (a_scope((CERT, RFC9440), (KNOWS, SECRET), peer="testclient"), None),
    "the proxy's own certificate": (a_scope((KNOWS, SECRET), direct=PRINT), None),
    "direct TLS": (a_scope(peer=STRANGER, direct=PRINT), PRINT),
    "direct TLS and a header of one's own": (a_scope((CERT, RFC9440), peer=STRANGER, direct=PRINT), None),
    "nothing at all": (a_scope(peer=STRANGER), None),
}


@pytest.mark.parametrize("case", SCOPES)
def test_a_certificate_comes_from_tls_or_from_a_proven_proxy(case: str) -> None:
    scope, expected = SCOPES[case]

    assert EDGE.thumbprint(scope) == expected


def test_without_a_configured_proxy_no_header_counts() -> None:
    assert Edge().thumbprint(a_scope((CERT, RFC9440), (KNOWS, SECRET))) is None
    assert Edge().thumbprint(a_scope((CERT, RFC9440), (KNOWS, SECRET), peer=None)) is None
    assert Edge().thumbprint(a_scope(direct=PRINT)) == PRINT


HEADERS: Mapping[str, bytes] = {
    "empty": b"",
    "two colons": b"::",
    "one colon": b":",
    "base64 without colons": b64encode(DER),
    "open at the end": RFC9440[:-1],
    "parameters behind it": RFC9440 + b";a=1",
    "two of them": RFC9440 + b", " + RFC9440,
    "spaces inside": b": " + RFC9440[1:],
    "base64url": b":" + b64encode(DER, altchars=b"-_") + b"-:",
    "padding missing": b":AAA:",
    "beyond all bounds": b":" + b"A" * LONGEST_HEADER + b":",
    "PEM twice": ESCAPED_PEM + ESCAPED_PEM,
    "PEM of a key": ESCAPED_PEM.replace(b"CERTIFICATE", b"PRIVATE%20KEY"),
    "PEM cut": ESCAPED_PEM[:-40],
    "a list of chains": b"By=spiffe;Hash=" + sha256(DER).hexdigest().encode(),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_holds_exactly_one_certificate(case: str) -> None:
    assert header_thumbprint(HEADERS[case]) is None


ADDRESSES: Mapping[str, tuple[Mapping[str, object], str]] = {
    "told by the proxy": (a_scope((REAL, b"10.20.0.7"), (KNOWS, SECRET)), "10.20.0.7"),
    "told twice": (a_scope((REAL, b"10.20.0.7"), (REAL, b"10.20.0.8"), (KNOWS, SECRET)), ""),
    "not told by the proxy": (a_scope((KNOWS, SECRET)), ""),
    "told by a stranger": (a_scope((REAL, b"10.20.0.7"), (KNOWS, SECRET), peer=STRANGER), STRANGER),
    "told without the secret": (a_scope((REAL, b"10.20.0.7")), PROXY),
    "forwarded-for means nothing": (a_scope((b"x-forwarded-for", b"10.20.0.7"), peer=STRANGER), STRANGER),
    "unix socket without proxy": (a_scope(peer=None), "unix"),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_the_address_is_the_peers_unless_a_proven_proxy_says_another(case: str) -> None:
    scope, expected = ADDRESSES[case]

    assert EDGE.address(scope) == expected


PROXIES: Mapping[str, tuple[frozenset[str], bytes]] = {
    "no peers": (frozenset(), SECRET),
    "short secret": (frozenset({"unix"}), b"short"),
    "host name as a peer": (frozenset({"proxy.example"}), SECRET),
    "range with host bits": (frozenset({"10.0.0.1/8"}), SECRET),
}


@pytest.mark.parametrize("case", PROXIES)
def test_a_proxy_is_named_exactly_or_not_at_all(case: str) -> None:
    with pytest.raises(ValueError, match=r"proxy|appear|host bits"):
        TrustedProxy(*PROXIES[case])


def test_the_secret_is_not_shown() -> None:
    assert SECRET.decode() not in repr(TrustedProxy(frozenset({"unix"}), SECRET))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(value: bytes) -> None:
    assert EDGE.thumbprint(a_scope((CERT, value), (KNOWS, SECRET))) == header_thumbprint(value)


@given(st.binary(min_size=1, max_size=3000))
def test_what_is_handed_on_is_what_is_counted(der: bytes) -> None:
    assert header_thumbprint(b":" + b64encode(der) + b":") == thumbprint_of(der)
