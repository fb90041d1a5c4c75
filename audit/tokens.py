"""Tokens: how a person or a word is found again without being written down.

* The *point* of a subject is a keyed digest that stays. It names the subject in deeds (erasure, hold), chooses the part
  of the data key that can be destroyed for this subject alone, and stands in no search table.
* A *search token* is a keyed digest of a point or a word under the key of an epoch (a year): equal words look alike
  within a year and not beyond it. Tokens lie in side tables alone, never in an entry, and are erased with the rest.

Whoever holds tokens without the keys can only guess which two are alike; whoever holds the keys can try every number.
"""

from hmac import new
from typing import NamedTuple, Protocol

TOKEN_BYTES = 16
_KEY_BYTES = 32


class TokenKeys(Protocol):
    """Keeps the keys of tokens outside the database. Each is 32 bytes, made once and then the same for ever."""

    def point(self) -> bytes:
        """Return the key of points."""
        ...

    def search(self, epoch: str) -> bytes:
        """Return the key of an epoch ("2026"), made when it is new."""
        ...

    def epochs(self) -> list[str]:
        """Return the epochs there are keys of, oldest first."""
        ...


class Point(NamedTuple):
    """A subject under its key."""

    digest: bytes

    @property
    def text(self) -> str:
        """32 hex digits, as deeds name it."""
        return self.digest.hex()


class Tokens:
    """Makes points and tokens."""

    def __init__(self, keys: TokenKeys) -> None:
        """Read the key of points once."""
        self._keys = keys
        self._point = keys.point()

    def point(self, kind: str, number: str) -> Point:
        """Return the point of a subject, whose number is normalised."""
        return Point(_digest(self._point, kind, number))

    def search(self, field: str, value: str, epoch: str) -> bytes:
        """Return the token of a word; of a subject, `value` is the text of its point."""
        return _digest(self._keys.search(epoch), field, value)

    def everywhere(self, field: str, value: str) -> list[bytes]:
        """Return the tokens of a word in all epochs there are."""
        return [self.search(field, value, epoch) for epoch in self._keys.epochs()]


def epoch_of(time: str) -> str:
    """Return the epoch of an entry's time ("2026-01-02T…")."""
    return time[:4]


def _digest(key: bytes, *parts: str) -> bytes:
    """Length-prefixed, so that no two lists of parts are one text."""
    if len(key) != _KEY_BYTES:
        raise ValueError(f"a key of tokens has {_KEY_BYTES} bytes")
    message = b"".join(len(part.encode()).to_bytes(2, "big") + part.encode() for part in parts)
    return new(key, message, "sha256").digest()[:TOKEN_BYTES]
