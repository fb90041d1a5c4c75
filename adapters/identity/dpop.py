"""DPoP (RFC 9449): a key that signs a small proof for each request, for systems behind networks that end TLS.

A proof is a JWS whose header is exactly {typ, alg, jwk}, the key public and of a kind we use. It names the method and
the address of the request, the token it goes with, its own id, and is at most 60 s old. What it names as address is
compared with the addresses of this installation, never with what the request says of itself.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from joserfc.jwk import RSAKey

from adapters.identity.jose import (
    SECONDS_AHEAD,
    Cause,
    Compact,
    Key,
    RejectedError,
    algorithm_of,
    import_public,
    is_spelling,
    read_compact,
)

TYPE = "dpop+jwt"
ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")
LONGEST_PROOF = 4096
OLDEST_SECONDS = 60
NONCE_SECONDS = 60
MEMBERS: Mapping[str, frozenset[str]] = {
    "EC": frozenset({"crv", "x", "y"}),
    "RSA": frozenset({"n", "e"}),
    "OKP": frozenset({"crv", "x"}),
}
CURVES = {"EC": "P-256", "OKP": "Ed25519"}
RSA_BITS = range(2048, 4097)
MARK = "jkt:"
"""Before a key's thumbprint, so that it is never taken for a certificate's."""
CLAIMS = frozenset({"jti", "htm", "htu", "iat", "ath", "nonce"})


class NonceNeededError(RejectedError):
    """The proof has no nonce of ours, or an old one; it may be sent again with the present one."""

    def __init__(self) -> None:
        super().__init__(Cause.NONCE)


class Once(NamedTuple):
    """An id that works once: whose, which, and until when (Unix seconds) it must be remembered."""

    whose: str
    id: str
    until: int


@dataclass(frozen=True, slots=True)
class Proof:
    """A well-formed proof whose signature nobody has checked yet."""

    compact: Compact = field(repr=False)
    key: Key = field(repr=False)
    thumbprint: str

    @property
    def mark(self) -> str:
        """What a token is bound to by this key."""
        return MARK + self.thumbprint


def read_proof(text: str) -> Proof:
    """Take a proof apart. Raises `RejectedError`."""
    compact = read_compact(text, LONGEST_PROOF)
    header = compact.header
    if header.keys() != {"typ", "alg", "jwk"} or header["typ"] != TYPE or not isinstance(header["jwk"], dict):
        raise RejectedError(Cause.PROOF)
    jwk = cast("dict[str, object]", header["jwk"])
    members = tuple(sorted((name, value) for name, value in jwk.items() if isinstance(value, str)))
    if len(members) != len(jwk):
        raise RejectedError(Cause.PROOF)
    key, thumbprint = _public_key(members)
    if not is_spelling(header["alg"], algorithm_of(key)):
        raise RejectedError(Cause.PROOF)
    return Proof(compact, key, thumbprint)


class Nonces:
    """Values of ours that a proof must hold, so that nobody can make proofs ahead of time. Alike on all nodes."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"bidui dpop nonce", "sha256")

    def fresh(self, at: datetime) -> str:
        """The present one."""
        return self._of(int(at.timestamp()) // NONCE_SECONDS)

    def check(self, told: object, at: datetime) -> None:
        """Return only for the present one and the one before."""
        slot = int(at.timestamp()) // NONCE_SECONDS
        if not isinstance(told, str) or not any(
            hmac.compare_digest(told.encode("utf-8", "replace"), self._of(each).encode()) for each in (slot, slot - 1)
        ):
            raise NonceNeededError

    def _of(self, slot: int) -> str:
        return _base64url(hmac.digest(self._key, slot.to_bytes(8, "big"), "sha256")[:16])


class Proofs:
    """Checks proofs for one installation."""

    def __init__(self, addresses: Iterable[str], nonces: Nonces | None = None) -> None:
        self._addresses = https_only(addresses)
        self.nonces = nonces

    def check(self, proof: Proof, method: str, path: str, at: datetime, *, token: str | None = None) -> Once:
        """What of this proof must now be used up, if it is one for this request and this token, made just now.

        Whose it is must be said by whoever knows.
        """
        compact = proof.compact
        compact.check_signature(proof.key, algorithm_of(proof.key))
        if compact.claims.keys() - CLAIMS or compact.text_claim("htm") != method:
            raise RejectedError(Cause.PROOF)
        named = normal(compact.text_claim("htu"))
        if named is None or named not in {normal(address + path) for address in self._addresses}:
            raise RejectedError(Cause.PROOF)
        if compact.claims.get("ath") != (None if token is None else hash_of(token)):
            raise RejectedError(Cause.PROOF)
        made, now = compact.time_claim("iat"), at.timestamp()
        if not now - OLDEST_SECONDS <= made <= now + SECONDS_AHEAD:
            raise RejectedError(Cause.TIME)
        if self.nonces is not None:
            self.nonces.check(compact.claims.get("nonce"), at)
        return Once("", compact.jti(), made + OLDEST_SECONDS + 1)


def https_only(addresses: Iterable[str]) -> list[str]:
    """Addresses of this installation, without a slash at the end. Raises `ValueError` for what is no https address."""
    found = [address.rstrip("/") for address in addresses]
    if not found or not all(normal(address) for address in found):
        raise ValueError("the addresses of a gateway begin with https://")
    return found


def hash_of(token: str) -> str:
    """The `ath` of a token."""
    return _base64url(sha256(token.encode("utf-8", "surrogatepass")).digest())


@lru_cache(maxsize=256)
def normal(url: str) -> str | None:
    """An address without query and fragment, scheme and host in small letters, without the port meant anyway."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or len(url) > LONGEST_PROOF:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{host}{'' if port in {None, 443} else f':{port}'}{parts.path or '/'}"


@lru_cache(maxsize=1024)
def _public_key(jwk: tuple[tuple[str, str], ...]) -> tuple[Key, str]:
    """A key costs as much to read as its signature to check, so keys that come again are kept."""
    members = dict(jwk)
    kty = members.pop("kty", "")
    if members.keys() != MEMBERS.get(kty) or members.get("crv") != CURVES.get(kty):
        raise RejectedError(Cause.PROOF)
    try:
        key = import_public(kty, members)
    except ValueError:
        raise RejectedError(Cause.PROOF) from None
    if isinstance(key, RSAKey) and (members["e"] != "AQAB" or key.public_key.key_size not in RSA_BITS):
        raise RejectedError(Cause.PROOF)
    return key, key.thumbprint()


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
