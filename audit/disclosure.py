"""Disclosures: what an entry commits to without saying it, and what can later be erased.

After RFC 9901 (SD-JWT): a disclosure is base64url(JSON [salt, name, value]); the entry holds only its SHA-256
digest. The disclosure itself lies beside the log, under AES-256-GCM, bound to the entry's id and its name.
Whoever destroys disclosure and key leaves a digest that nobody can guess, because the salt is gone too.

* Every disclosure of one name fills a frame of one length before it is encrypted: a ciphertext tells nothing.
* Every entry carries `SLOTS` digests, decoys among them, sorted: their number and order tell nothing.
"""

from binascii import b2a_base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple, Protocol, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from audit.entry import JsonValue, decode, encode_typed
from audit.errors import DisclosureError, EntryError

Entropy: TypeAlias = Callable[[int], bytes]
"""Gives that many random bytes, fit for keys."""

SLOTS = 6
FRAMES: Mapping[str, int] = {"subject": 96, "operator": 320, "matter": 320, "inner": 768}
"""Bytes of each frame: an operator has up to 64 characters of any script, because unknown ones are recorded too."""

_SALT, _NONCE, _DECOY = 18, 12, 32
SLOT_ENTROPY = max(_SALT + _NONCE, _DECOY)
_OVERHEAD = len(b'["","",]') + 24  # brackets, quotes and the salt as text; the name comes on top
_VERSION = b"\x01"
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class DataKey(NamedTuple):
    """A key for disclosures and the short name under which it is found again."""

    kid: str
    key: bytes

    def __repr__(self) -> str:
        """Show the name alone."""
        return f"DataKey({self.kid!r}, ***)"


class DisclosureKeys(Protocol):
    """Keeps the keys of disclosures outside the database. A key that was destroyed never comes back."""

    def current(self, month: str) -> DataKey:
        """Return the key for a month ("2025-01"), making it durable first when it is new.

        Its name is ASCII, of one length for all keys, so that no row tells by its length.
        """
        ...

    def open(self, kid: str) -> bytes | None:
        """Return the key of this name, or None when it was erased."""
        ...


class Secret(Struct, frozen=True, gc=False):
    """A name and a value to be committed to, not told. Made by `secret`; the value is canonical JSON."""

    name: str
    value: bytes

    def __repr__(self) -> str:
        """Show the name alone."""
        return f"Secret({self.name!r}, ***)"


class Sealed(NamedTuple):
    """A disclosure as it is kept: which key, and nonce with ciphertext."""

    name: str
    kid: str
    blob: bytes


class Disclosure(NamedTuple):
    """An opened disclosure; the value hides from logs until somebody asks for it by name."""

    name: str
    content: bytes

    def __repr__(self) -> str:
        """Show the name alone."""
        return f"Disclosure({self.name!r}, ***)"

    def reveal(self) -> JsonValue:
        """Return the value."""
        parts: JsonValue = decode(self.content)
        if not isinstance(parts, list) or len(parts) != 3 or parts[1] != self.name:
            raise DisclosureError(f"the disclosure of {self.name} is not [salt, name, value]")
        value: JsonValue = parts[2]
        return value

    def digest(self) -> str:
        """Return the digest that stands for it in the entry."""
        return _digest(self.content)


def secret(name: str, value: JsonValue) -> Secret:
    """Prepare a value for its frame. Raise `DisclosureError` when it does not fit: frames never grow."""
    content = encode_typed(value)
    if len(content) > FRAMES[name] - _OVERHEAD - len(name):
        raise DisclosureError(f"the value of {name} is longer than its frame of {FRAMES[name]} bytes")
    return Secret(name, content)


class Sealer:
    """Seals the secrets of one entry after another under one key; holds the cipher so that it is set up once."""

    def __init__(self, key: DataKey) -> None:
        """Set up the cipher of this key."""
        self.kid = key.kid
        self._cipher = AESGCM(key.key)

    def seal(self, entry_id: str, secrets: Sequence[Secret], entropy: bytes) -> tuple[list[str], bytes]:
        """Return the digests for the entry, decoys included, and the packed ciphertexts.

        `entropy` is `SLOTS * SLOT_ENTROPY` fresh random bytes.
        """
        digests: list[str] = []
        packed = [_VERSION]
        for slot, item in enumerate(secrets):
            at = slot * SLOT_ENTROPY
            nonce = entropy[at + _SALT : at + _SALT + _NONCE]
            content = b'["%b","%b",%b]' % (base64url(entropy[at : at + _SALT]), item.name.encode(), item.value)
            digests.append(_digest(content))
            frame = content.ljust(FRAMES[item.name])
            packed += (
                _prefix(item.name, self.kid),
                nonce,
                self._cipher.encrypt(nonce, frame, _bound_to(entry_id, item.name)),
            )
        for slot in range(len(secrets), SLOTS):
            at = slot * SLOT_ENTROPY
            digests.append(base64url(entropy[at : at + _DECOY]).decode())
        digests.sort()
        return digests, b"".join(packed)


def unpack(packed: bytes) -> Iterator[Sealed]:
    """Read what `Sealer.seal` packed. Raise `DisclosureError` when the bytes are cut or of another form."""
    if packed[:1] != _VERSION:
        raise DisclosureError("these disclosures are of an unknown form")
    rest = packed[1:]
    while rest:
        name, rest = _take(rest, 1)
        kid, rest = _take(rest, 1)
        blob, rest = _take(rest, 2)
        yield Sealed(name.decode("ascii", "replace"), kid.decode("ascii", "replace"), blob)


def unseal(entry_id: str, sealed: Sealed, keys: DisclosureKeys) -> Disclosure | None:
    """Open one disclosure. None when its key was erased; `DisclosureError` when the bytes were changed."""
    key = keys.open(sealed.kid)
    if key is None:
        return None
    nonce, ciphertext = sealed.blob[:_NONCE], sealed.blob[_NONCE:]
    try:
        frame = AESGCM(key).decrypt(nonce, ciphertext, _bound_to(entry_id, sealed.name))
    except (InvalidTag, ValueError) as error:
        raise DisclosureError(f"the disclosure of {sealed.name} was changed, or belongs to another entry") from error
    return Disclosure(sealed.name, frame.rstrip(b" "))


def is_committed(disclosure: Disclosure, digests: Sequence[JsonValue]) -> bool:
    """Tell whether the entry with these digests committed to exactly this disclosure."""
    try:
        disclosure.reveal()
    except (EntryError, DisclosureError):
        return False
    return disclosure.digest() in digests


def _take(rest: bytes, width: int) -> tuple[bytes, bytes]:
    end = width + int.from_bytes(rest[:width], "big")
    if len(rest) < width or len(rest) < end:
        raise DisclosureError("the disclosures of an entry are cut off")
    return rest[width:end], rest[end:]


@lru_cache(maxsize=256)
def _prefix(name: str, kid: str) -> bytes:
    length = _NONCE + FRAMES[name] + 16  # the GCM tag
    return b"%c%b%c%b%b" % (len(name), name.encode(), len(kid), kid.encode("ascii"), length.to_bytes(2, "big"))


def _bound_to(entry_id: str, name: str) -> bytes:
    return b"bidui-disclosure/1\0%b\0%b" % (entry_id.encode(), name.encode())


def base64url(content: bytes) -> bytes:
    """Write base64url without padding."""
    return b2a_base64(content, newline=False).translate(_URL_SAFE, b"=")


def _digest(content: bytes) -> str:
    return base64url(sha256(base64url(content)).digest()).decode()
