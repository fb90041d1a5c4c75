"""Signed notes (C2SP signed-note v1.0): a text, a blank line, one line for each signature.

Signatures of unknown keys are ignored, so a new key can sign beside the old one. A signature that bears the name
and id of a known key must verify, or the whole note is refused. What is nearly a note is refused, never repaired.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from hashlib import sha256
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.errors import NoteError, UnsignedError
from audit.suite import GM, INTL, Suite

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 64
_MARK = "\u2014 "
_KEY_ID_BYTES = 4


class Algorithm(IntEnum):
    """Signature types of the specification that we use."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    ML_DSA_44 = 0x06
    OTHER = 0xFF
    """Types without a number of their own; the key begins with a label."""


class NoteSigner(Protocol):
    """Signs note texts under one name with one key."""

    name: str
    vkey: str
    """The verifier key that others hold for it."""

    def sign(self, text: str, at: datetime) -> bytes:
        """Return key id and signature. `at` goes into signature types that carry a time."""
        ...


class NoteVerifier(Protocol):
    """Checks signatures of one name and key."""

    vkey: str
    name: str
    key_id: bytes

    def verify(self, text: str, signature: bytes) -> bool:
        """Tell whether this is the key's signature over the text. Never raises."""
        ...


class VKey(NamedTuple):
    """A verifier key, parsed."""

    name: str
    key_id: bytes
    algorithm: int
    public: bytes

    def __str__(self) -> str:
        """Write it as text."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([self.algorithm]) + self.public).decode()}"


class Signature(NamedTuple):
    """One signature line."""

    name: str
    key_id: bytes
    blob: bytes


class Note(NamedTuple):
    """A note that was taken apart, not verified."""

    text: str
    signatures: tuple[Signature, ...]


def make_vkey(name: str, algorithm: int, public: bytes) -> VKey:
    """Name a public key. Raise `NoteError` when the name may not stand in a note."""
    if not name or "+" in name or not name.isprintable() or any(character.isspace() for character in name):
        raise NoteError("a key name must not be empty or hold spaces, control characters or '+'")
    digest = sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()
    return VKey(name, digest[:_KEY_ID_BYTES], algorithm, public)


def parse_vkey(text: str) -> VKey:
    """Read a verifier key. Raise `NoteError` when its id does not follow from name and key, or anything is off."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise NoteError("a verifier key is name+id+key")
    material = from_base64(parts[2])
    if len(material) < 2:
        raise NoteError("a verifier key without key material")
    key = make_vkey(parts[0], material[0], material[1:])
    if str(key) != text:
        raise NoteError("the id of a verifier key does not follow from its name and key")
    return key


def suite_of_key(vkey: str) -> Suite:
    """Return the suite of the log that signs with this key. Raise `NoteError`."""
    return GM if parse_vkey(vkey).algorithm == Algorithm.OTHER else INTL


def parse(content: bytes) -> Note:
    """Take a note apart. Raise `NoteError` for anything but the exact format."""
    text, lines = _halves(content)
    if not 1 <= len(lines) <= MAX_SIGNATURES:
        raise NoteError(f"a note needs 1 to {MAX_SIGNATURES} signatures")
    return Note(text, tuple(_signature(line) for line in lines))


def verified(note: Note, verifiers: Sequence[NoteVerifier]) -> frozenset[str]:
    """Return the verifier keys whose signatures hold; unknown signatures are ignored.

    Raise `NoteError` when a known key's signature does not hold, or two verifiers answer to one name and id;
    `UnsignedError` when nobody known signed.
    """
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    if len(known) != len(verifiers):
        raise NoteError("ambiguous: two verifier keys have one name and id")
    held: set[str] = set()
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            continue
        if not verifier.verify(note.text, signature.blob):
            raise NoteError(f"a signature in the name of {signature.name} does not hold")
        held.add(verifier.vkey)
    if not held:
        raise UnsignedError("no signature by a known key")
    return frozenset(held)


def sign(text: str, signers: Sequence[NoteSigner], at: datetime) -> bytes:
    """Write a note signed by each signer."""
    if not text.endswith("\n"):
        raise NoteError("the text of a note ends with a newline")
    lines = [f"{_MARK}{signer.name} {b64encode(signer.sign(text, at)).decode()}\n" for signer in signers]
    content = (text + "\n" + "".join(lines)).encode()
    parse(content)  # nothing is signed that could not be read back
    return content


class Ed25519Signer:
    """Signs with Ed25519 (type 0x01)."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Take a name without spaces and plus signs, usually the log's origin, and its key."""
        vkey = make_vkey(name, Algorithm.ED25519, key.public_key().public_bytes_raw())
        self.name, self.vkey = name, str(vkey)
        self._key_id, self._key = vkey.key_id, key

    def sign(self, text: str, at: datetime | None = None) -> bytes:
        """Return key id and signature; this type carries no time."""
        return self._key_id + self._key.sign(text.encode())


class Ed25519Verifier:
    """Checks Ed25519 signatures (type 0x01)."""

    def __init__(self, vkey: VKey) -> None:
        """Take a parsed verifier key of this type."""
        self.vkey, self.name, self.key_id = str(vkey), vkey.name, vkey.key_id
        try:
            self._key = Ed25519PublicKey.from_public_bytes(vkey.public)
        except ValueError as error:
            raise NoteError(f"the verifier key of {vkey.name} is not an Ed25519 key") from error

    def verify(self, text: str, signature: bytes) -> bool:
        """Tell whether this is the key's signature over the text."""
        try:
            self._key.verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


def from_base64(text: str) -> bytes:
    """Read standard base64 in its one exact spelling. Raise `NoteError` for any other."""
    try:
        content = b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise NoteError("not base64") from error
    if b64encode(content).decode() != text:
        raise NoteError("base64 in another spelling than its own")
    return content


def _halves(content: bytes) -> tuple[str, list[str]]:
    if len(content) > MAX_NOTE_BYTES:
        raise NoteError(f"a note of more than {MAX_NOTE_BYTES} bytes")
    try:
        whole = content.decode()
    except UnicodeDecodeError as error:
        raise NoteError("a note is UTF-8") from error
    if any(character < " " and character != "\n" for character in whole):
        raise NoteError("a note holds no control characters but newlines")
    text, blank, rest = whole.rpartition("\n\n")
    if not blank or not rest.endswith("\n"):
        raise NoteError("a note is a text, a blank line and signature lines")
    return text + "\n", rest.removesuffix("\n").split("\n")


def _signature(line: str) -> Signature:
    if not line.startswith(_MARK):
        raise NoteError("a signature line begins with a dash and a space")
    name, _, encoded = line.removeprefix(_MARK).partition(" ")
    blob = from_base64(encoded)
    if len(blob) <= _KEY_ID_BYTES:
        raise NoteError("a signature line holds a key id and a signature")
    make_vkey(name, 0, b"")  # refuses names that may not stand here
    return Signature(name, blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:])
