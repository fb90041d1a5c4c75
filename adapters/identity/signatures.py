"""Signed requests (RFC 9421) in one fixed form, so that a partner cannot deny having asked.

    Content-Digest: sha-256=:<of the body>:
    Signature-Input: sig=("@method" "@target-uri" "authorization" "content-digest");created=…;expires=…;nonce="…";
                     keyid="…";alg="ecdsa-p256-sha256";tag="bidui-request"
    Signature: sig=:<base64>:

One signature a request. The order of components and of parameters is the signer's; what they are is not. The key is one
of the system's own with the use `request`, its algorithm the one for that kind of key. It is good for 60 s, once.

What is kept of it is the parameters, the signature and the digest of what was signed. The token is part of that, and
is kept nowhere: so nobody finds the body again by trying, and whoever has the whole request can show it is this one.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256, sha512
from typing import NoReturn
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from starlette.types import Scope

from adapters.identity.dpop import Once, https_only, normal
from adapters.identity.jose import SECONDS_AHEAD, Cause, Key, RejectedError
from adapters.identity.registry import Registered
from gateway.domain.caller import KeyUse

TAG = "bidui-request"
LONGEST_SECONDS = 60
LONGEST_HEADER = 2048
COVERED = frozenset({"@method", "@target-uri", "authorization", "content-digest"})
ALSO_COVERED = frozenset({"content-length", "content-type", "dpop", "idempotency-key"})
PARAMETERS = frozenset({"created", "expires", "nonce", "keyid", "alg", "tag"})
INPUT = re.compile(
    r'([a-z][a-z0-9_-]{0,15})=(\(("[@a-z-]+"(?: "[@a-z-]+")*)\)((?:;[a-z]+=(?:[0-9]{1,12}|"[!#-\[\]-~]*"))+))'
)
SIGNATURE = re.compile(r"([a-z][a-z0-9_-]{0,15})=:([A-Za-z0-9+/]+={0,2}):")
DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
# Longer than a number of a person, so that nobody takes one for a nonce: this member stands in the ledger.
NONCE = re.compile(r"[A-Za-z0-9_-]{22,64}")


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was checked: what is kept of it, what the body must hash to, what must be used up."""

    kept: bytes = field(repr=False)
    body_sha256: bytes = field(repr=False)
    once: Once


@dataclass(frozen=True, slots=True)
class _Input:
    """What a `Signature-Input` says."""

    label: str
    text: str
    components: Sequence[str]
    parameters: Mapping[str, str | int]

    def base(self, values: Mapping[str, str]) -> bytes:
        """What this would be the signature of."""
        return signature_base(self.components, self.text, values)

    def text_of(self, name: str) -> str:
        value = self.parameters[name]
        return value if isinstance(value, str) else _reject(Cause.HEADER)

    def time_of(self, name: str) -> int:
        value = self.parameters[name]
        return value if isinstance(value, int) else _reject(Cause.TIME)


class Signatures:
    """Checks signed requests for one installation."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._addresses = https_only(addresses)
        self._by_host = {normal(f"https://{urlsplit(each).netloc}"): each for each in reversed(self._addresses)}

    def check(self, scope: Scope, sender: Registered, at: datetime) -> Signed:
        """The signature of a request of this sender. Raises `RejectedError`. The body has still to be compared."""
        headers = _single(scope)
        told, signature = _read_input(headers), _read_signature(headers)
        if told.label != signature[0] or told.text_of("tag") != TAG or not NONCE.fullmatch(told.text_of("nonce")):
            raise RejectedError(Cause.HEADER)
        expires = _check_times(told, at)
        key, alg = sender.key(told.text_of("keyid"), KeyUse.REQUEST, at), told.text_of("alg")
        base = self._verified(key, alg, [told.base(each) for each in self._values(scope, headers)], signature[1])
        digest = DIGEST.fullmatch(headers["content-digest"]) or _reject(Cause.HEADER)
        kept = f"{told.text}\n{b64encode(signature[1]).decode()}\n{_digest(alg, base)}"
        once = Once(f"signature:{sender.system.client_id}", told.text_of("nonce"), expires + 1)
        return Signed(kept.encode(), b64decode(digest[1]), once)

    def _verified(self, key: Key | None, alg: str, bases: Sequence[bytes], signature: bytes) -> bytes:
        """What was signed, if it is one of these."""
        for base in bases[:-1]:
            with suppress(RejectedError):
                verify(key, alg, base, signature)
                return base
        verify(key, alg, bases[-1], signature)
        return bases[-1]

    def _values(self, scope: Scope, headers: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        """The values of all components: with the address it was sent to, if it is ours, and with the first of ours."""
        path, query = scope["path"], scope.get("query_string", b"").decode("latin-1")
        sent_to = self._by_host.get(normal(f"https://{headers.get('host', '')}"), self._addresses[0])
        targets = dict.fromkeys(each + path + (f"?{query}" if query else "") for each in (sent_to, self._addresses[0]))
        return [{**headers, "@method": scope["method"], "@target-uri": each} for each in targets]


def signature_base(components: Sequence[str], parameters: str, values: Mapping[str, str]) -> bytes:
    """What is signed: each covered component with its value, then the parameters (RFC 9421, section 2.5)."""
    if missing := [each for each in components if each not in values]:
        raise RejectedError(Cause.HEADER) from KeyError(*missing)
    lines = [f'"{each}": {values[each]}' for each in components]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode("latin-1")


def verify(key: Key | None, alg: str, base: bytes, signature: bytes) -> None:
    """Return only if this key, by the algorithm for its kind, signed these bytes."""
    public = key.public_key if key is not None else None
    try:
        match public, alg:
            case Ed25519PublicKey(), "ed25519":
                public.verify(signature, base)
            case ec.EllipticCurvePublicKey(), "ecdsa-p256-sha256" if len(signature) == 64:
                public.verify(_der(signature), base, ec.ECDSA(SHA256()))
            case RSAPublicKey(), "rsa-pss-sha512":
                public.verify(signature, base, padding.PSS(padding.MGF1(SHA512()), 64), SHA512())
            case _:
                raise RejectedError(Cause.SIGNATURE)
    except InvalidSignature:
        raise RejectedError(Cause.SIGNATURE) from None


def proves(kept: bytes, key: Key) -> bool:
    """Whether this key signed what is kept of a request. Of Ed25519 nobody can say without the request itself."""
    public = key.public_key
    try:
        parameters, signature, digest = kept.decode().split("\n")
        alg, raw = parameters.partition(';alg="')[2].partition('"')[0], b64decode(signature)
        hashed = b64decode(digest.partition(":")[2].rstrip(":"))
        if isinstance(public, ec.EllipticCurvePublicKey) and alg == "ecdsa-p256-sha256":
            public.verify(_der(raw), hashed, ec.ECDSA(Prehashed(SHA256())))
            return True
        if isinstance(public, RSAPublicKey) and alg == "rsa-pss-sha512":
            public.verify(raw, hashed, padding.PSS(padding.MGF1(SHA512()), 64), Prehashed(SHA512()))
            return True
    except (InvalidSignature, ValueError):
        pass
    return False


def _read_input(headers: Mapping[str, str]) -> _Input:
    text = headers.get("signature-input", "")
    found = INPUT.fullmatch(text) if len(text) <= LONGEST_HEADER else None
    if found is None:
        raise RejectedError(Cause.UNREADABLE)
    components = [each.strip('"') for each in found[3].split(" ")]
    pairs = [each.split("=", 1) for each in found[4][1:].split(";")]
    parameters = {name: value.strip('"') if value.startswith('"') else int(value) for name, value in pairs}
    if len(set(components)) != len(components) or not COVERED <= set(components) <= COVERED | ALSO_COVERED:
        raise RejectedError(Cause.HEADER)
    if len(parameters) != len(pairs) or parameters.keys() != PARAMETERS:
        raise RejectedError(Cause.HEADER)
    return _Input(found[1], found[2], components, parameters)


def _read_signature(headers: Mapping[str, str]) -> tuple[str, bytes]:
    text = headers.get("signature", "")
    found = SIGNATURE.fullmatch(text) if len(text) <= LONGEST_HEADER else None
    try:
        raw = b64decode(found[2], validate=True) if found else b""
    except Base64Error:
        raw = b""
    if found is None or b64encode(raw).decode() != found[2]:
        raise RejectedError(Cause.UNREADABLE)
    return found[1], raw


def _check_times(told: _Input, at: datetime) -> int:
    created, expires, now = told.time_of("created"), told.time_of("expires"), at.timestamp()
    if created > now + SECONDS_AHEAD or not now < expires <= created + LONGEST_SECONDS:
        raise RejectedError(Cause.TIME)
    return expires


def _single(scope: Scope) -> Mapping[str, str]:
    """The headers that came once. One that came twice has no one value, so nothing that covers it is signed."""
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1").strip(" \t"))
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _digest(alg: str, base: bytes) -> str:
    name, digest = ("sha-512", sha512(base)) if alg == "rsa-pss-sha512" else ("sha-256", sha256(base))
    return f"{name}=:{b64encode(digest.digest()).decode()}:"


def _der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


def _reject(cause: Cause) -> NoReturn:
    raise RejectedError(cause)
