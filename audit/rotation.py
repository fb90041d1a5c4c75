"""Rotating the log's keys: a new key signs beside the old one for a while, then the old one ends.

Ranges are tree sizes for checkpoints and indices for receipts. A new key is good from the entry on that says so
(`key.trusted`), the old one up to the entry that ends it (`key.ended`): in between every checkpoint has both
signatures, so whoever trusts the old key alone sees the new one brought in under it.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from audit.care_kinds import KEY_ENDED, KEY_TRUSTED
from audit.checkpoint import verifier
from audit.entry import JsonValue, decode
from audit.errors import EntryError, NoteError
from audit.note import NoteSigner, NoteVerifier, parse_vkey
from audit.trust import Trust, TrustedKey


class SigningKeys(Protocol):
    """Which keys sign checkpoints, and which must have signed them, by tree size."""

    def signers(self, size: int) -> Sequence[NoteSigner]:
        """Return the signers of every key that is good for this size. Raise `NoteError` when one is not at hand."""
        ...

    def verifiers(self, size: int) -> Sequence[NoteVerifier]:
        """Return the verifiers of the same keys."""
        ...


class FixedKeys:
    """Keeps the promise of `SigningKeys` with keys that are good for every size."""

    def __init__(self, signers: Sequence[NoteSigner]) -> None:
        """Take at least one."""
        self._signers = signers
        self._verifiers = [verifier(each.vkey) for each in signers]

    def signers(self, size: int) -> Sequence[NoteSigner]:
        """See `SigningKeys`."""
        return self._signers

    def verifiers(self, size: int) -> Sequence[NoteVerifier]:
        """See `SigningKeys`."""
        return self._verifiers


CHECKPOINT, RECEIPT = "checkpoint", "receipt"


def boundary(purpose: str, index: int) -> int:
    """Return from where on an entry of this index changes the keys: the tree with it, or receipts from it on."""
    return index + 1 if purpose == CHECKPOINT else index


def bring_in(trust: Trust, key: TrustedKey) -> Trust:
    """Return the trust with another key. Raise `NoteError` for one that was there before, in whatever range."""
    if any(each.vkey == key.vkey for each in trust.keys):
        raise NoteError("this key is in the trust file already; a key that ended never comes back")
    ends = [each.until for each in alike(trust, key.vkey, key.purpose) if each.until is not None]
    if any(end > key.first for end in ends):
        raise NoteError("the key would begin before another one ended")
    return Trust(trust.origin, (*trust.keys, key))


def end(trust: Trust, vkey: str, until: int) -> Trust:
    """Return the trust with this key's range ended. Raise `NoteError` unless another one of its make goes on."""
    key = find(trust, vkey)
    if key.until is not None and key.until != until:
        raise NoteError(f"this key ended at {key.until} already")
    heirs = [each for each in alike(trust, vkey, key.purpose) if each.vkey != vkey and each.until is None]
    if not heirs or until <= key.first:
        raise NoteError("a key ends only when another one of its make was brought in and goes on without it")
    ended = replace(key, until=until)
    return Trust(trust.origin, tuple(ended if each.vkey == vkey else each for each in trust.keys))


def find(trust: Trust, vkey: str) -> TrustedKey:
    """Return a key of the trust file. Raise `NoteError` when it is not there."""
    for each in trust.keys:
        if each.vkey == vkey:
            return each
    raise NoteError("this key is not in the trust file")


def alike(trust: Trust, vkey: str, purpose: str) -> list[TrustedKey]:
    """Return the keys of this purpose and make: those that replace one another."""
    make = parse_vkey(vkey).algorithm
    return [each for each in trust.keys if each.purpose == purpose and parse_vkey(each.vkey).algorithm == make]


def replaced(trust: Trust) -> list[tuple[TrustedKey, TrustedKey]]:
    """Return the keys that could end now, each with the newest of its make, which goes on."""
    found: list[tuple[TrustedKey, TrustedKey]] = []
    for key in trust.keys:
        going_on = [each for each in alike(trust, key.vkey, key.purpose) if each.until is None]
        if key.until is None and going_on[-1] is not key:
            found.append((key, going_on[-1]))
    return found


def follow(trust: Trust, entries: Iterable[bytes]) -> Trust:
    """Return the trust after what these entries say of keys, in their order.

    The entries must be proven under `trust`, each by a checkpoint that covers it: this function takes their word.
    Raise `NoteError` for a change that no log of ours makes.
    """
    for content in entries:
        kind, body = _opened(content)
        if kind == KEY_TRUSTED.type:
            key = TrustedKey(_text(body, "vkey"), _text(body, "purpose"), _number(body, "from_index"))
            trust = trust if any(each.vkey == key.vkey for each in trust.keys) else bring_in(trust, key)
        elif kind == KEY_ENDED.type:
            trust = end(trust, _text(body, "vkey"), _number(body, "until"))
    return trust


def differences(trust: Trust, entries: Sequence[bytes]) -> list[str]:
    """Say where a trust file and a log's own entries about keys differ: the file is old, or of another making."""
    founding = Trust(trust.origin, tuple(replace(each, until=None) for each in trust.keys if each.first == 0))
    try:
        told = {each.vkey: each for each in follow(founding, entries).keys}
    except NoteError as error:
        return [f"the entries about keys do not fit the trust file: {error}"]
    known = {each.vkey: each for each in trust.keys}
    return [
        f"the trust file and the log differ about the key {vkey.split('+')[1]} of {vkey.split('+')[0]}"
        for vkey in sorted(told.keys() | known.keys())
        if told.get(vkey) != known.get(vkey)
    ]


def _opened(content: bytes) -> tuple[str, dict[str, JsonValue]]:
    try:
        entry = decode(content)
    except EntryError as error:
        raise NoteError("an entry about keys cannot be read") from error
    body = entry.get("body") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(body, dict):
        raise NoteError("an entry about keys cannot be read")
    return str(entry.get("type")), body


def _text(body: dict[str, JsonValue], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise NoteError(f"an entry about keys says nothing of its {name}")
    return value


def _number(body: dict[str, JsonValue], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise NoteError(f"an entry about keys says nothing of its {name}")
    return value
