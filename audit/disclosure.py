"""Disclosures: what an entry commits to without saying it, and what can later be erased.

After RFC 9901 (SD-JWT): a disclosure is base64url(JSON [salt, name, value]); the entry holds only its SHA-256
digest. The disclosure itself lies beside the log, under AES-256-GCM, bound to the entry's id and its name, and under a
key of whom it is about (`audit/data_keys.py`). Whoever destroys disclosure and key leaves a digest that nobody can
guess, because the salt is gone too.

* Every disclosure has a salt and a digest of its own: each can be shown, and proved, without the others.
* What is erased together is encrypted together: `audit/frames.py` says what, and fills it to one length.
* Every entry carries `SLOTS` digests, decoys among them, sorted: their number and order tell nothing.
"""

import struct
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import NamedTuple, Protocol, TypeAlias

from cryptography.exceptions import InvalidTag
from msgspec import Struct

from audit.data_keys import OPERATOR, MonthKeys
from audit.entry import JsonValue, decode, encode_typed
from audit.errors import DisclosureError, EntryError
from audit.frames import BY_LABEL, FORMS, FRAMES, SLOTS, Frame
from audit.packing import NONCE_BYTES, Sealed, ahead, beginning, bound_to, counter, head_of, point_of, unpack
from audit.suite import Cryptor

__all__ = [
    "SLOT_ENTROPY",
    "Disclosure",
    "DisclosureKeys",
    "Entropy",
    "Sealed",
    "Sealer",
    "Secret",
    "base64url",
    "is_committed",
    "open_frame",
    "secret",
    "unpack",
    "unseal",
]

_Drawn: TypeAlias = tuple[Frame, bytes, Cryptor, bytes]
"""A frame of an entry before it is encrypted: what it is, its nonce, its cipher, its content."""
Entropy: TypeAlias = Callable[[int], bytes]
"""Gives that many random bytes, fit for keys."""

SLOT_ENTROPY = 33
"""A slot holds a salt and a nonce, or a decoy. Three bytes are four characters, so each slot's text stands alone."""
_SALT, _DIGEST = 18, 32
_cut_salts = struct.Struct("24s20x").iter_unpack
_cut_digests = struct.Struct("43sx" * SLOTS).iter_unpack
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class DisclosureKeys(Protocol):
    """Keeps the keys of disclosures outside the database. A key that was destroyed never comes back."""

    def current(self, month: str) -> MonthKeys:
        """Return the keys of a month ("2025-01"), making its half durable first when it is new.

        The same object as before while nothing was destroyed, also by another process. Its name is ASCII, of one length
        for all months, so that no row tells by its length.
        """
        ...

    def open(self, kid: str) -> MonthKeys | None:
        """Return the keys of this month, or None when its half was destroyed or never made."""
        ...


class Secret(Struct, frozen=True, gc=False):
    """Values of one form, to be committed to and not told. Made by `secret`; they are canonical JSON.

    `persons` are those whom its personal frames are about, each as kind and number.
    """

    form: str
    values: tuple[bytes, ...]
    persons: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Show the form alone."""
        return f"Secret({self.form!r}, ***)"


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


def secret(form: str, *values: JsonValue, kind: str = "person") -> Secret:
    """Prepare values for their frames. Raise `DisclosureError` when they do not fit: frames never grow.

    `kind` is that of the subject, which comes first where there is one; the operator comes second.
    """
    written = tuple(map(encode_typed, values))
    last = 0
    for frame in FORMS[form].frames:
        first, last = last, last + frame.lines
        if sum(map(len, written[first:last])) > frame.room:
            raise DisclosureError(f"{frame.label.decode()}: longer than the {frame.room} bytes of their frame")
    kinds = (kind, OPERATOR)[: FORMS[form].personal]
    return Secret(form, written, tuple((each, str(value)) for each, value in zip(kinds, values, strict=False)))


class Sealer:
    """Seals the secrets of one entry after another under the keys of one month."""

    def __init__(self, keys: MonthKeys) -> None:
        """Write once what stands before every frame."""
        self.keys = keys
        self._beginning = beginning(keys.kid)
        self._heads = {frame.code: head_of(frame) for frame in FRAMES.values()}
        self._veiled: Iterator[bytes] = iter(())

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
        frames = iter(self._draw([item for items in secrets for item in items], lines, entropy))
        committed: list[bytes] = []
        packed: list[bytes] = []
        for entry_id, items in zip(entry_ids, secrets, strict=True):
            count = sum([len(item.values) for item in items])
            packed.append(self._pack(entry_id, islice(frames, sum([len(FORMS[item.form].frames) for item in items]))))
            committed += islice(digests, count)
            committed += islice(decoys, SLOTS - count)
        return list(zip(_texts(committed), packed, strict=True))

    def _draw(self, items: Sequence[Secret], lines: Sequence[bytes], entropy: bytes) -> list[_Drawn]:
        """Write the frames of a batch, and hide at once whom they are about.

        The nonce of a frame is in the slot of its first line. Raise `DisclosureError` when somebody's key of this month
        was destroyed.
        """
        drawn: list[_Drawn] = []
        points, counters, first = list[bytes](), list[bytes](), 0
        for item in items:
            persons = iter(item.persons)
            for frame in FORMS[item.form].frames:
                at = first * SLOT_ENTROPY + _SALT
                nonce, cipher, last = entropy[at : at + NONCE_BYTES], self.keys.own, first + frame.lines
                if frame.is_personal:
                    point, cipher = self.keys.person(next(persons))
                    points.append(point)
                    counters.append(counter(nonce, frame))
                drawn.append((frame, nonce, cipher, b"\n".join(lines[first:last]).ljust(frame.length)))
                first = last
        self._veiled = iter(self.keys.veil(points, counters))
        return drawn

    def _pack(self, entry_id: str, drawn: Iterable[_Drawn]) -> bytes:
        """Encrypt the frames of one entry."""
        bound = bound_to(entry_id)
        parts = [self._beginning]
        for frame, nonce, cipher, content in drawn:
            parts += self._heads[frame.code], nonce
            if frame.is_personal:
                parts.append(next(self._veiled))
            parts.append(cipher.encrypt(nonce, content, bound + frame.label))
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


def unseal(entry_id: str, sealed: Sealed, keys: DisclosureKeys) -> Disclosure | None:
    """Open one disclosure. None when its key was destroyed; `DisclosureError` when the bytes were changed."""
    month, frame = keys.open(sealed.kid), BY_LABEL.get(sealed.label)
    if month is None:
        return None
    if frame is None:
        raise DisclosureError("a frame of an unknown label")
    cipher = month.cipher(point_of(frame, sealed.blob, month)) if frame.is_personal else month.own
    if cipher is None:
        return None
    return Disclosure(sealed.name, open_frame(entry_id, frame, sealed.blob, cipher)[sealed.line])


def open_frame(entry_id: str, frame: Frame, blob: bytes, cipher: Cryptor) -> list[bytes]:
    """Open a frame whose cipher is known: the disclosures in it. `DisclosureError` when the bytes were changed."""
    nonce, ciphertext = blob[:NONCE_BYTES], blob[ahead(frame) :]
    try:
        content = cipher.decrypt(nonce, ciphertext, bound_to(entry_id) + frame.label)
    except (InvalidTag, ValueError) as error:
        label = frame.label.decode()
        raise DisclosureError(f"the disclosure of {label} was changed, or belongs to another entry") from error
    lines = content.rstrip(b" ").split(b"\n")
    if len(lines) != frame.lines:
        raise DisclosureError(f"the frame of {frame.label.decode()} does not hold a line for each of them")
    return lines


def is_committed(disclosure: Disclosure, digests: Sequence[JsonValue]) -> bool:
    """Tell whether the entry with these digests committed to exactly this disclosure."""
    try:
        disclosure.reveal()
    except (EntryError, DisclosureError):
        return False
    return disclosure.digest() in digests


def base64url(content: bytes) -> bytes:
    """Write base64url without padding."""
    return b2a_base64(content, newline=False).translate(_URL_SAFE, b"=")


def _digest(content: bytes) -> str:
    return base64url(sha256(base64url(content)).digest()).decode()
