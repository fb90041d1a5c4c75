"""Trust: which keys sign for a log, and for which part of it. The one thing a verifier must get from elsewhere.

A key is good for a range of tree sizes (checkpoints) or indices (receipts), not of times: sizes cannot be faked.
Every checkpoint key that is good for a size must have signed; a missing signature is missing evidence.
"""

from collections.abc import Mapping

from msgspec import Struct

from audit import checkpoint
from audit.entry import JsonValue, decode, encode
from audit.errors import EntryError, NoteError
from audit.note import NoteVerifier, suite_of_key
from audit.suite import INTL, Suite

PURPOSES = ("checkpoint", "receipt")


class TrustedKey(Struct, frozen=True):
    """A verifier key and its range: from `first` on, up to `until` (exclusive) if that is set."""

    vkey: str
    purpose: str
    first: int = 0
    until: int | None = None

    def is_good_for(self, number: int) -> bool:
        """Tell whether the range holds this size or index."""
        return self.first <= number and (self.until is None or number < self.until)


class Trust(Struct, frozen=True):
    """The log's name and the keys that sign for it."""

    origin: str
    keys: tuple[TrustedKey, ...]

    def verifiers(self, purpose: str, number: int) -> list[NoteVerifier]:
        """Return the verifiers of this purpose that are good for a size or index."""
        return [checkpoint.verifier(k.vkey) for k in self.keys if k.purpose == purpose and k.is_good_for(number)]

    @property
    def suite(self) -> Suite:
        """The log's suite, as the types of its keys tell it."""
        return suite_of_key(self.keys[0].vkey) if self.keys else INTL

    def encode(self) -> bytes:
        """Write it as canonical JSON."""
        keys: JsonValue = [
            {"vkey": key.vkey, "purpose": key.purpose, "first": key.first, "until": key.until} for key in self.keys
        ]
        return encode({"origin": self.origin, "keys": keys})


def parse_trust(content: bytes) -> Trust:
    """Read a trust file. Raise `NoteError` for unknown members, unknown purposes, bad keys and empty lists."""
    try:
        value = decode(content.strip())
    except EntryError as error:
        raise NoteError("a trust file is canonical JSON") from error
    if not isinstance(value, Mapping) or set(value) != {"origin", "keys"}:
        raise NoteError("a trust file has the members origin and keys")
    origin, keys = value["origin"], value["keys"]
    if not isinstance(origin, str) or not origin or not isinstance(keys, list) or not keys:
        raise NoteError("a trust file names an origin and at least one key")
    listed: list[JsonValue] = keys
    trusted = tuple(_key(key) for key in listed)
    if len({suite_of_key(key.vkey) for key in trusted}) > 1:
        raise NoteError("the keys of a trust file are all of one suite")
    return Trust(origin, trusted)


def _key(value: JsonValue) -> TrustedKey:
    if not isinstance(value, Mapping) or set(value) != {"vkey", "purpose", "first", "until"}:
        raise NoteError("a key of a trust file has the members vkey, purpose, first and until")
    vkey, purpose, first, until = value["vkey"], value["purpose"], value["first"], value["until"]
    if not isinstance(vkey, str) or not isinstance(purpose, str) or purpose not in PURPOSES:
        raise NoteError("a key of a trust file has a verifier key and a known purpose")
    if type(first) is not int or not (until is None or type(until) is int) or min(first, until or 0) < 0:
        raise NoteError("first and until of a trusted key are numbers; until may be null")
    checkpoint.verifier(vkey)
    return TrustedKey(vkey, purpose, first, until)
