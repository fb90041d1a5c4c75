"""Which client certificate a request came with, and from where: the two things a proxy could lie about.

There are two ways in, and no third:
- direct TLS: `adapters.identity.tls` put the thumbprint of the peer's certificate into the scope;
- a trusted proxy ended TLS and hands the certificate on in `Client-Cert` (RFC 9440, or nginx's escaped PEM). The header
  counts only from a configured peer that also knows the secret of this installation. From anybody else it is an
  attempt, and the request has no certificate at all.

The server must run without its own forwarded-header handling (uvicorn: `proxy_headers=False`), which would let a client
choose the peer address seen here.
"""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address, ip_network
from typing import cast
from urllib.parse import unquote_to_bytes

EXTENSION = "bidui.client_certificate"
UNIX = "unix"
CERTIFICATE, SECRET, ADDRESS = b"client-cert", b"bidui-proxy-secret", b"x-real-ip"
OURS = frozenset({CERTIFICATE, SECRET, ADDRESS})
LONGEST_HEADER = 16_384
SHORTEST_SECRET = 16
PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)\n-----END CERTIFICATE-----\n?")


@dataclass(frozen=True, slots=True)
class TrustedProxy:
    """Peers that end TLS for us: addresses or ranges, or `unix` for a local socket; and what proves it is them."""

    peers: frozenset[str]
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not self.peers or len(self.secret) < SHORTEST_SECRET:
            raise ValueError(f"a trusted proxy needs its address and a secret of {SHORTEST_SECRET} bytes or more")
        for peer in self.peers - {UNIX}:
            ip_network(peer)


class Edge:
    """Reads certificate and address of a request from its ASGI scope."""

    def __init__(self, proxy: TrustedProxy | None = None) -> None:
        self._proxy = proxy
        self._is_peer = lru_cache(maxsize=256)(self._lies_in_peers)

    def read(self, scope: Mapping[str, object]) -> tuple[str | None, str]:
        """Thumbprint and address in one pass; the two below are its halves. A doubled header of ours is nobody's."""
        shown = [header for header in cast("list[tuple[bytes, bytes]]", scope["headers"]) if header[0] in OURS]
        told, peer = dict(shown), _peer(scope)
        if len(told) != len(shown):
            return None, ""
        if self._is_proxy(peer, told.get(SECRET)):
            # Never the certificate of the connection here: that one would be the proxy's own.
            return header_thumbprint(told.get(CERTIFICATE, b"")), told.get(ADDRESS, b"").decode("latin-1")
        return None if CERTIFICATE in told else _direct(scope), peer

    def thumbprint(self, scope: Mapping[str, object]) -> str | None:
        """The `x5t#S256` of the client certificate, or None: no certificate, or not in a way we can trust."""
        return self.read(scope)[0]

    def address(self, scope: Mapping[str, object]) -> str:
        """The client's address: what the trusted proxy says, else the peer itself. Empty when it is not known."""
        return self.read(scope)[1]

    def _is_proxy(self, peer: str, secret: bytes | None) -> bool:
        if self._proxy is None or secret is None:
            return False
        return self._is_peer(peer) and compare_digest(secret, self._proxy.secret)

    def _lies_in_peers(self, peer: str) -> bool:
        peers = self._proxy.peers if self._proxy is not None else frozenset[str]()
        if peer == UNIX:
            return UNIX in peers
        try:
            ip = ip_address(peer)
        except ValueError:
            return False
        return any(ip in ip_network(each) for each in peers - {UNIX})


def thumbprint_of(der: bytes) -> str:
    """`x5t#S256` (RFC 8705): base64url of the SHA-256 of the DER certificate, without padding."""
    return urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode()


@lru_cache(maxsize=4096)
def header_thumbprint(value: bytes) -> str | None:
    """The thumbprint of a `Client-Cert` header value, or None when it is not exactly one certificate's bytes."""
    if len(value) > LONGEST_HEADER:
        return None
    if value.startswith(b":") and value.endswith(b":") and len(value) > 2:
        return _thumbprint_of_base64(value[1:-1])
    pem = PEM.fullmatch(unquote_to_bytes(value))
    return _thumbprint_of_base64(pem[1].replace(b"\n", b"")) if pem else None


def _thumbprint_of_base64(text: bytes) -> str | None:
    try:
        return thumbprint_of(b64decode(text, validate=True))
    except Base64Error:
        return None


def _direct(scope: Mapping[str, object]) -> str | None:
    extensions = cast("Mapping[str, Mapping[str, str]]", scope.get("extensions") or {})
    return extensions.get(EXTENSION, {}).get("thumbprint")


def _peer(scope: Mapping[str, object]) -> str:
    """The address of the other end; ASGI servers say None for a unix socket."""
    client = cast("tuple[str, int] | None", scope.get("client"))
    return UNIX if client is None else client[0]
