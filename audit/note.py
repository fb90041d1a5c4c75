"""Signed notes (C2SP signed-note v1.0): a text, a blank line, one line for each signature.

Signatures of unknown keys are ignored, so a new key can sign beside the old one; a signature that bears the name
and id of a known key must verify, or the whole note is refused.
"""

from base64 import b64encode
from datetime import datetime
from enum import IntEnum
from hashlib import sha256
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.errors import NoteError


class Algorithm(IntEnum):
    """Signature types of the specification that we use."""

    ED25519 = 0x01
    ML_DSA_44 = 0x06


class NoteSigner(Protocol):
    """Signs note texts under one name and key."""

    @property
    def vkey(self) -> str:
        """The verifier key that others hold for it."""
        ...

    def sign(self, text: str, at: datetime) -> bytes:
        """Return key id and signature. `at` goes into signature types that carry a time."""
        ...


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """Return the four bytes that tell one key of a name from another."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]


def vkey(name: str, algorithm: int, public: bytes) -> str:
    """Write a verifier key as text."""
    return f"{name}+{key_id(name, algorithm, public).hex()}+{b64encode(bytes([algorithm]) + public).decode()}"


class Ed25519Signer:
    """Signs with Ed25519 (type 0x01)."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Take a name without spaces and plus signs, usually the log's origin, and its key."""
        public = key.public_key().public_bytes_raw()
        self.name = _checked_name(name)
        self.vkey = vkey(name, Algorithm.ED25519, public)
        self._key_id = key_id(name, Algorithm.ED25519, public)
        self._key = key

    def sign(self, text: str, at: datetime | None = None) -> bytes:
        """Return key id and signature; this type carries no time."""
        return self._key_id + self._key.sign(text.encode())


def _checked_name(name: str) -> str:
    if not name or "+" in name or any(character.isspace() or ord(character) < 0x20 for character in name):
        raise NoteError("a key name must not be empty or hold spaces, control characters or '+'")
    return name
