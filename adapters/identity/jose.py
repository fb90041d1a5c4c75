"""Signed tokens read strictly. joserfc checks the signatures; what it and the standards leave open is decided here.

- three parts of canonical base64url without padding: one token has one spelling
- header and claims are JSON objects in UTF-8 without a member twice, NaN, or numbers beyond a double
- the header holds exactly the members the profile names: no `jwk`, `jku`, `x5u`, `crit`, `b64`
- the algorithm comes from the registered key, never from the token
- times are whole seconds

Everything that is wrong raises `RejectedError` with one `Cause`, for our own counters; whoever sent it is told nothing.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import NoReturn, TypeAlias, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

Key: TypeAlias = ECKey | RSAKey | OKPKey
PrivateKey: TypeAlias = EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey

KEY_CLASSES: Mapping[str, type[Key]] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
ED25519 = "Ed25519"
# RFC 9864 gave the algorithm a name of its own; partners' libraries still write the old one.
SPELLINGS: Mapping[str, frozenset[str]] = {name: frozenset({ED25519, "EdDSA"}) for name in (ED25519, "EdDSA")}

COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
JTI = re.compile(r"[A-Za-z0-9_-]{16,64}")
SECONDS_AHEAD = 10
LATEST_TIME = 1 << 40


class _Roomy(jws.JWSRegistry):
    """A proof holds its key in its header, and an RSA key is longer than joserfc wants a header to be."""

    max_header_length = 4096


_REGISTRIES: Mapping[str, jws.JWSRegistry] = {alg: _Roomy(algorithms=[alg]) for alg in ("ES256", "PS256")}


class Cause(StrEnum):
    """Why somebody was not let in. For metrics inside; outside all of them look the same."""

    UNREADABLE = "unreadable"
    HEADER = "header"
    SIGNATURE = "signature"
    CLIENT = "client"
    CLAIMS = "claims"
    TIME = "time"
    REPLAY = "replay"
    CERTIFICATE = "certificate"
    NETWORK = "network"
    REVOKED = "revoked"
    BINDING = "binding"
    PROOF = "proof"
    NONCE = "nonce"
    UNSIGNED = "unsigned"


class RejectedError(Exception):
    """A token or assertion that proves nothing. Carries its cause and no part of the token."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Compact:
    """A well-formed compact JWS whose signature nobody has checked yet."""

    text: str = field(repr=False)
    header: Mapping[str, object] = field(repr=False)
    claims: Mapping[str, object] = field(repr=False)

    def check_header(self, alg: str, types: frozenset[str | None]) -> str:
        """The key id, once the header is exactly {alg, kid, typ?} with this algorithm and one of these types."""
        kid = self.header.get("kid")
        if self.header.keys() - {"alg", "kid", "typ"} or not isinstance(kid, str):
            raise RejectedError(Cause.HEADER)
        if not is_spelling(self.header.get("alg"), alg) or self.header.get("typ") not in types:
            raise RejectedError(Cause.HEADER)
        return kid

    def check_signature(self, key: Key | None, alg: str) -> None:
        """Return only if this key, with this algorithm alone, made the signature."""
        if key is None:
            raise RejectedError(Cause.SIGNATURE)
        try:
            if isinstance(key, OKPKey):
                self._check_ed25519(key)
            else:
                jws.deserialize_compact(self.text, key, registry=_REGISTRIES[alg])
        except (JoseError, ValueError, InvalidSignature):
            raise RejectedError(Cause.SIGNATURE) from None

    def _check_ed25519(self, key: OKPKey) -> None:
        """joserfc knows both names, and warns on standard error of the old one."""
        signed, _, signature = self.text.rpartition(".")
        cast("Ed25519PublicKey", key.public_key).verify(_bytes(signature), signed.encode())

    def text_claim(self, name: str) -> str:
        """A claim that must be a text."""
        value = self.claims.get(name)
        if not isinstance(value, str):
            raise RejectedError(Cause.CLAIMS)
        return value

    def jti(self) -> str:
        """The token's own id, 16 to 64 URL-safe characters."""
        value = self.text_claim("jti")
        if not JTI.fullmatch(value):
            raise RejectedError(Cause.CLAIMS)
        return value

    def time_claim(self, name: str) -> int:
        """A claim that must be a time in whole seconds."""
        value = self.claims.get(name)
        # `bool` is an `int` to isinstance, and true is no time.
        if type(value) is not int or not 0 <= value < LATEST_TIME:
            raise RejectedError(Cause.TIME)
        return value

    def check_times(self, at: datetime, longest: int) -> int:
        """The expiry, once issue and start are at most 10 s ahead and the end is ahead, at most `longest` s + 10."""
        now = at.timestamp()
        starts = [self.time_claim(name) for name in ("iat", "nbf") if name == "iat" or name in self.claims]
        until = self.time_claim("exp")
        if max(starts) > now + SECONDS_AHEAD or not now < until <= now + longest + SECONDS_AHEAD:
            raise RejectedError(Cause.TIME)
        return until


def read_compact(text: str, longest: int) -> Compact:
    """Take a compact JWS apart, at most `longest` characters. Checks its form alone."""
    parts = COMPACT.fullmatch(text) if len(text) <= longest else None
    if parts is None:
        raise RejectedError(Cause.UNREADABLE)
    _bytes(parts[3])
    return Compact(text, _json_object(_bytes(parts[1])), _json_object(_bytes(parts[2])))


def jose_key(key: PrivateKey) -> Key:
    """A private key in the form that signs and verifies here. Raises `ValueError` for curves other than P-256."""
    if isinstance(key, RSAPrivateKey):
        return RSAKey.import_key(key)
    if isinstance(key, Ed25519PrivateKey):
        return OKPKey.import_key(key)
    if key.curve.name != "secp256r1":
        raise ValueError("use an EC key on P-256, Ed25519, or RSA")
    return ECKey.import_key(key)


def import_public(kty: str, members: Mapping[str, str]) -> Key:
    """A public key from the members of its JWK. Raises `ValueError`."""
    given: dict[str, str | list[str]] = {"kty": kty, **members}
    try:
        imported = KEY_CLASSES[kty].import_key(given)
        imported.public_key  # noqa: B018  the numbers become a key here, so a point off its curve fails now
    except (JoseError, UnsupportedAlgorithm, KeyError) as error:
        raise ValueError(f"no valid {kty} public key") from error
    return imported


def is_spelling(told: object, alg: str) -> bool:
    """Whether a header says this algorithm."""
    return isinstance(told, str) and told in SPELLINGS.get(alg, (alg,))


def algorithm_of(key: Key) -> str:
    """ES256 for elliptic curve keys, PS256 for RSA keys, Ed25519 for those of that name."""
    if isinstance(key, OKPKey):
        return ED25519
    return "ES256" if isinstance(key, ECKey) else "PS256"


def public_jwk(key: Key) -> dict[str, str]:
    """The public half as a JWK, its `kid` the RFC 7638 thumbprint."""
    members = cast("dict[str, str]", key.as_dict(private=False))
    return members | {"kid": key.thumbprint()}


def sign_compact(key: Key, header: Mapping[str, str], claims: Mapping[str, object]) -> str:
    """Sign claims with the algorithm the key is for."""
    alg = algorithm_of(key)
    body = json.dumps(claims, separators=(",", ":"), allow_nan=False).encode()
    return jws.serialize_compact({"alg": alg, **header}, body, key, algorithms=[alg])


def _bytes(part: str) -> bytes:
    """Canonical base64url only: a second spelling of the same bytes would be a second token."""
    try:
        raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except Base64Error:
        raise RejectedError(Cause.UNREADABLE) from None
    if urlsafe_b64encode(raw).rstrip(b"=") != part.encode():
        raise RejectedError(Cause.UNREADABLE)
    return raw


def _json_object(raw: bytes) -> Mapping[str, object]:
    try:
        value: object = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_no_doubles, parse_constant=_refuse, parse_float=_finite
        )
    except (ValueError, RecursionError):
        raise RejectedError(Cause.UNREADABLE) from None
    if not isinstance(value, dict):
        raise RejectedError(Cause.UNREADABLE)
    return cast("dict[str, object]", value)


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RejectedError(Cause.UNREADABLE)
    return found


def _finite(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _refuse(text)


def _refuse(_: str) -> NoReturn:
    raise RejectedError(Cause.UNREADABLE)
