"""Disclosures: what an entry commits to without saying it, and what can later be erased.

After RFC 9901 (SD-JWT): a disclosure is base64url(JSON [salt, name, value]); the entry holds only its SHA-256
digest. The disclosure itself lies beside the log, under AES-256-GCM, bound to the entry's id and its name.
Whoever destroys disclosure and key leaves a digest that nobody can guess, because the salt is gone too.

* Every disclosure has a salt and a digest of its own: each can be shown, and proved, without the others.
* What is erased together is encrypted together: `audit/frames.py` says what, and fills it to one length.
* Every entry carries `SLOTS` digests, decoys among them, sorted: their number and order tell nothing.
"""

import struct
from binascii import b2a_base64
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import NamedTuple, Protocol, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from audit.entry import JsonValue, decode, encode_typed
from audit.errors import DisclosureError, EntryError
from audit.frames import FORMS, SLOTS, Frame

Entropy: TypeAlias = Callable[[int], bytes]
"""Gives that many random bytes, fit for keys."""

SLOT_ENTROPY = 33
"""A slot holds a salt and a nonce, or a decoy. Three bytes are four characters, so each slot's text stands alone."""
_SALT, _NONCE, _DIGEST, _TAG = 18, 12, 32, 16
_cut_salts = struct.Struct("24s20x").iter_unpack
_cut_digests = struct.Struct("43sx" * SLOTS).iter_unpack
_VERSION = b"\x02"
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
    """Values of one form, to be committed to and not told. Made by `secret`; they are canonical JSON."""

    form: str
    values: tuple[bytes, ...]

    def __repr__(self) -> str:
        """Show the form alone."""
        return f"Secret({self.form!r}, ***)"


class Sealed(NamedTuple):
    """A disclosure as it is kept: its line in a frame, which key, and the frame's nonce with ciphertext."""

    label: str
    line: int
    kid: str
    blob: bytes

    @property
    def name(self) -> str:
        """The name of this disclosure."""
        return self.label.split(",")[self.line]


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


def secret(form: str, *values: JsonValue) -> Secret:
    """Prepare values for their frames. Raise `DisclosureError` when they do not fit: frames never grow."""
    written = tuple(map(encode_typed, values))
    last = 0
    for frame in FORMS[form].frames:
        first, last = last, last + frame.lines
        if sum(map(len, written[first:last])) > frame.room:
            raise DisclosureError(f"{frame.label.decode()}: longer than the {frame.room} bytes of their frame")
    return Secret(form, written)


class Sealer:
    """Seals the secrets of one entry after another under one key; holds the cipher so that it is set up once."""

    def __init__(self, key: DataKey) -> None:
        """Set up the cipher of this key."""
        self._encrypt = AESGCM(key.key).encrypt
        self._heads = {frame.label: _head(frame, key.kid) for form in FORMS.values() for frame in form.frames}

    def seal(self, entry_id: str, secrets: Sequence[Secret], entropy: bytes) -> tuple[list[bytes], bytes]:
        """Do for one entry what `seal_batch` does for many."""
        return self.seal_batch([entry_id], [secrets], entropy)[0]

    def seal_batch(
        self, entry_ids: Sequence[str], secrets: Sequence[Sequence[Secret]], entropy: bytes
    ) -> list[tuple[list[bytes], bytes]]:
        """Return for each entry its digests, decoys included, and its packed ciphertexts.

        `entropy` are `SLOTS * SLOT_ENTROPY` fresh random bytes for each entry; more are left unused. Slots go to the
        disclosures of the batch, one after the other, and those that are left to decoys.
        """
        entropy = entropy[: len(entry_ids) * SLOTS * SLOT_ENTROPY]
        lines = _lines([item for items in secrets for item in items], entropy)
        digests = iter(_digests(lines))
        decoys = (entropy[at : at + _DIGEST] for at in range(len(lines) * SLOT_ENTROPY, len(entropy), SLOT_ENTROPY))
        committed: list[bytes] = []
        packed: list[bytes] = []
        slot = 0
        for entry_id, items in zip(entry_ids, secrets, strict=True):
            start, slot = slot, slot + sum([len(item.values) for item in items])
            own = entropy[start * SLOT_ENTROPY : slot * SLOT_ENTROPY]
            packed.append(self._pack(entry_id, items, lines[start:slot], own))
            committed += islice(digests, slot - start)
            committed += islice(decoys, SLOTS - slot + start)
        return list(zip(_texts(committed), packed, strict=True))

    def _pack(self, entry_id: str, items: Sequence[Secret], lines: Sequence[bytes], entropy: bytes) -> bytes:
        """Encrypt the frames of one entry; the nonce of a frame is in the slot of its first line."""
        bound = _bound_to(entry_id)
        parts = [_VERSION]
        first = 0
        for item in items:
            for frame in FORMS[item.form].frames:
                last = first + frame.lines
                at = first * SLOT_ENTROPY + _SALT
                nonce = entropy[at : at + _NONCE]
                content = b"\n".join(lines[first:last]).ljust(frame.length)
                parts += self._heads[frame.label], nonce, self._encrypt(nonce, content, bound + frame.label)
                first = last
        return b"".join(parts)


def _lines(items: Sequence[Secret], entropy: bytes) -> list[bytes]:
    """Write the disclosures, each with the salt of its slot."""
    salts = (salt for (salt,) in _cut_salts(base64url(entropy)))
    names = [name for item in items for name in FORMS[item.form].names]
    values = [value for item in items for value in item.values]
    return [b'["%b","%b",%b]' % line for line in zip(salts, names, values, strict=False)]


def _digests(lines: Sequence[bytes]) -> list[bytes]:
    texts = b"".join(map(b2a_base64, lines)).translate(_URL_SAFE, b"=").splitlines()
    return [sha256(text).digest() for text in texts]


def _texts(digests: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Write the digests of each entry as text, sorted. With a byte behind it, a digest is as long as a slot."""
    slots = base64url(b"".join([digest + b"\0" for digest in digests]))
    return map(sorted, _cut_digests(slots))


def unpack(packed: bytes) -> Iterator[Sealed]:
    """Read what `Sealer.seal` packed. Raise `DisclosureError` when the bytes are cut or of another form."""
    if packed[:1] != _VERSION:
        raise DisclosureError("these disclosures are of an unknown form")
    rest = packed[1:]
    while rest:
        label, rest = _take(rest, 1)
        kid, rest = _take(rest, 1)
        blob, rest = _take(rest, 2)
        for line in range(label.count(b",") + 1):
            yield Sealed(label.decode("ascii", "replace"), line, kid.decode("ascii", "replace"), blob)


def unseal(entry_id: str, sealed: Sealed, keys: DisclosureKeys) -> Disclosure | None:
    """Open one disclosure. None when its key was erased; `DisclosureError` when the bytes were changed."""
    key = keys.open(sealed.kid)
    if key is None:
        return None
    nonce, ciphertext = sealed.blob[:_NONCE], sealed.blob[_NONCE:]
    try:
        content = AESGCM(key).decrypt(nonce, ciphertext, _bound_to(entry_id) + sealed.label.encode())
    except (InvalidTag, ValueError) as error:
        raise DisclosureError(f"the disclosure of {sealed.name} was changed, or belongs to another entry") from error
    lines = content.rstrip(b" ").split(b"\n")
    if len(lines) != sealed.label.count(",") + 1:
        raise DisclosureError(f"the frame of {sealed.label} does not hold a line for each of them")
    return Disclosure(sealed.name, lines[sealed.line])


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


def _head(frame: Frame, kid: str) -> bytes:
    length = _NONCE + frame.length + _TAG
    return b"%c%b%c%b%b" % (len(frame.label), frame.label, len(kid), kid.encode("ascii"), length.to_bytes(2, "big"))


def _bound_to(entry_id: str) -> bytes:
    return b"bidui-disclosure/2\0%b\0" % entry_id.encode()


def base64url(content: bytes) -> bytes:
    """Write base64url without padding."""
    return b2a_base64(content, newline=False).translate(_URL_SAFE, b"=")


def _digest(content: bytes) -> str:
    return base64url(sha256(base64url(content)).digest()).decode()
