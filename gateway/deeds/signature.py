"""One person's signature under a deed, and how it is checked: anywhere, with the person's public key alone.

What is signed is the statement: a label, then the canonical JSON of who signs which step of which deeds, with which
key, when. A key file signs the statement (Ed25519). An authenticator signs a WebAuthn assertion whose challenge is
the SHA-256 of the statement (W3C Web Authentication, section 7.2).
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple, cast

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from audit.entry import encode
from gateway.deeds.errors import DeedError
from gateway.domain.people import KeyForm, PersonKey

MAX_DEEDS = 256
"""Deeds under one signature."""
_LABEL = b"bidui-deed/1\n"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_MAX_CLIENT_DATA = 4096
_MAX_STATEMENT = 32 * 1024
_HEAD = 37
"""Bytes of authenticator data before any extension: SHA-256 of the relying party's id, flags, counter."""
_PRESENT, _VERIFIED = 0x01, 0x04


class Signature(msgspec.Struct, frozen=True, array_like=True):
    """Who signed which step, when (RFC 3339, UTC, seconds), and the proof. `deeds` are the digests signed with it."""

    step: str
    person: str
    kid: str
    at: str
    deeds: tuple[str, ...]
    proof: bytes
    authenticator_data: bytes = b""
    client_data: bytes = b""

    def time(self) -> datetime:
        """When it says it was made. Raises `DeedError`."""
        return read_time(self.at)


class Statement(NamedTuple):
    """What a signature says. `deeds` are digests of documents, sorted, none twice."""

    log: str
    step: str
    person: str
    kid: str
    at: str
    deeds: Sequence[str]

    def encode(self) -> bytes:
        """The bytes that a key signs. Raises `DeedError`."""
        if not 0 < len(self.deeds) <= MAX_DEEDS or list(self.deeds) != sorted(set(self.deeds)):
            raise DeedError(f"一个签名须列出 1 至 {MAX_DEEDS} 份文书的摘要，排好序且不得重复")
        return _LABEL + encode(dict(self._asdict()), _MAX_STATEMENT)

    def challenge(self) -> bytes:
        """What an authenticator is asked to sign in their place."""
        return sha256(self.encode()).digest()


def sign(key: Ed25519PrivateKey, stated: Statement) -> Signature:
    """A signature by a key file."""
    proof = key.sign(stated.encode())
    return Signature(stated.step, stated.person, stated.kid, stated.at, tuple(stated.deeds), proof)


def check(signature: Signature, log: str, key: PersonKey) -> None:
    """Returns if this key made the signature over what it names. Raises `DeedError`."""
    stated = Statement(log, signature.step, signature.person, signature.kid, signature.at, signature.deeds)
    if key.kid != signature.kid:
        raise DeedError("签名所写的密钥不是核验所用的密钥，请重新签署")
    try:
        if key.form is KeyForm.ED25519:
            _check_bare(signature)
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature.proof, stated.encode())
        else:
            _check_assertion(signature, stated, key)
    except (InvalidSignature, ValueError):
        raise DeedError("签名不是用此密钥对此文书所作，请重新签署") from None


def write_time(at: datetime) -> str:
    """An instant as signatures spell it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: str) -> datetime:
    """The instant of such a text. Raises `DeedError`."""
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise DeedError("签名时间须写如 2026-12-01T02:00:00Z")


def _check_bare(signature: Signature) -> None:
    """What no key file signs must not be there: nobody would notice when it is altered."""
    if signature.authenticator_data or signature.client_data:
        raise ValueError


def _check_assertion(signature: Signature, stated: Statement, key: PersonKey) -> None:
    """Raises `ValueError` or `InvalidSignature`."""
    data, client = signature.authenticator_data, signature.client_data
    if len(data) < _HEAD or not compare_digest(data[:32], sha256(key.rp_id.encode()).digest()):
        raise ValueError
    if data[32] & (_PRESENT | _VERIFIED) != _PRESENT | _VERIFIED:
        raise ValueError
    if len(client) > _MAX_CLIENT_DATA or not _is_asked(_opened(client), stated, key.origin):
        raise ValueError
    public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), key.public)
    public.verify(signature.proof, data + sha256(client).digest(), ECDSA(SHA256()))


def _opened(client: bytes) -> object:
    try:
        return json.loads(client)
    except RecursionError:
        raise ValueError from None


def _is_asked(told: object, stated: Statement, origin: str) -> bool:
    """Whether the client data speak of this statement, on a page of ours."""
    if not isinstance(told, dict):
        return False
    members = cast("dict[str, object]", told)
    challenge = urlsafe_b64encode(stated.challenge()).rstrip(b"=").decode()
    wanted = {"type": "webauthn.get", "challenge": challenge, "origin": origin, "crossOrigin": False}
    return {"crossOrigin": False} | {name: members[name] for name in wanted if name in members} == wanted
