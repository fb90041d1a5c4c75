"""Checkpoints (C2SP tlog-checkpoint): origin, size and root of the log, as a signed note.

We sign each with Ed25519 (type 0x01, over the text) and with ML-DSA-44 (type 0x06, a tlog-cosignature that also
says when this was the largest tree we knew).
"""

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from audit import note
from audit.errors import NoteError
from audit.note import Algorithm, Ed25519Verifier, NoteSigner, NoteVerifier, VKey
from audit.sm2 import Sm2Verifier
from audit.tree import HASH_BYTES

_MAX_SIZE = 2**63 - 1
_LABEL = b"subtree/v1\n\0"
_TIME_BYTES = 8
_MAX_DIGITS = 19


class Checkpoint(NamedTuple):
    """The log of this name had this root when it had this many entries."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Write the text under the signatures."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


class Opened(NamedTuple):
    """A checkpoint whose signatures were checked; `signed_by` are the known keys that signed."""

    checkpoint: Checkpoint
    signed_by: frozenset[str]


def parse(text: str) -> Checkpoint:
    """Read the text of a checkpoint. Raise `NoteError` for anything but the exact format."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "" or not all(lines[:-1]):
        raise NoteError("a checkpoint is origin, size and root, one a line, none empty")
    origin, size, root, *extensions = lines[:-1]
    if not (size.isascii() and size.isdigit() and len(size) <= _MAX_DIGITS) or str(int(size)) != size:
        raise NoteError("the size of a checkpoint is a decimal number without leading zeros")
    checkpoint = Checkpoint(origin, int(size), note.from_base64(root), tuple(extensions))
    if len(checkpoint.root) != HASH_BYTES or checkpoint.size > _MAX_SIZE:
        raise NoteError(f"a checkpoint has a size below 2^63 and a root of {HASH_BYTES} bytes")
    return checkpoint


def sign(checkpoint: Checkpoint, signers: Sequence[NoteSigner], at: datetime) -> bytes:
    """Write a checkpoint signed by each signer."""
    return note.sign(checkpoint.text(), signers, at)


def peek(content: bytes) -> Checkpoint:
    """Read a signed checkpoint without looking at its signatures: good for its size, not for trust."""
    return parse(note.parse(content).text)


def open_signed(content: bytes, verifiers: Sequence[NoteVerifier]) -> Opened:
    """Read a signed checkpoint. Raise `NoteError` unless a known key signed and no known key's signature fails."""
    parts = note.parse(content)
    return Opened(parse(parts.text), note.verified(parts, verifiers))


def verifier(text: str) -> NoteVerifier:
    """Make the verifier for a verifier key. Raise `NoteError` for types we do not know."""
    key = note.parse_vkey(text)
    match key.algorithm:
        case Algorithm.ED25519:
            return Ed25519Verifier(key)
        case Algorithm.ML_DSA_44:
            return MlDsa44Verifier(key)
        case Algorithm.OTHER:
            return Sm2Verifier(key)
        case _:
            raise NoteError(f"the verifier key of {key.name} is of a type that checkpoints here do not carry")


class MlDsa44Signer:
    """Signs checkpoints with ML-DSA-44 (type 0x06)."""

    def __init__(self, name: str, key: MLDSA44PrivateKey) -> None:
        """Take a name without spaces and plus signs, usually the log's origin, and its key."""
        vkey = note.make_vkey(name, Algorithm.ML_DSA_44, key.public_key().public_bytes_raw())
        self.name, self.vkey = name, str(vkey)
        self._key_id, self._key = vkey.key_id, key

    def sign(self, text: str, at: datetime) -> bytes:
        """Return key id, time and signature."""
        seconds = int(at.timestamp())
        signature = self._key.sign(_cosigned(self.name, seconds, parse(text)))
        return self._key_id + seconds.to_bytes(_TIME_BYTES, "big") + signature


class MlDsa44Verifier:
    """Checks ML-DSA-44 cosignatures (type 0x06)."""

    def __init__(self, vkey: VKey) -> None:
        """Take a parsed verifier key of this type."""
        self.vkey, self.name, self.key_id = str(vkey), vkey.name, vkey.key_id
        try:
            self._key = MLDSA44PublicKey.from_public_bytes(vkey.public)
        except ValueError as error:
            raise NoteError(f"the verifier key of {vkey.name} is not an ML-DSA-44 key") from error

    def verify(self, text: str, signature: bytes) -> bool:
        """Tell whether this is the key's signature over the checkpoint in the text."""
        seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
        if seconds > _MAX_SIZE:
            return False
        try:
            self._key.verify(signature[_TIME_BYTES:], _cosigned(self.name, seconds, parse(text)))
        except (InvalidSignature, NoteError):
            return False
        return True


def _cosigned(name: str, seconds: int, checkpoint: Checkpoint) -> bytes:
    """Write the `cosigned_message` of tlog-cosignature for a whole tree. Extension lines are not part of it."""
    return b"".join(
        (
            _LABEL,
            _short(name),
            seconds.to_bytes(8, "big"),
            _short(checkpoint.origin),
            bytes(8),  # the first leaf
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _short(text: str) -> bytes:
    content = text.encode()
    if not 1 <= len(content) <= 255:
        raise NoteError("names and origins have 1 to 255 bytes")
    return bytes([len(content)]) + content
