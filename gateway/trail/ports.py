"""What the search needs from the control database, as small promises."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import msgspec

from audit.ledger import LedgerStore
from audit.tallies import Counts


class Cursor(NamedTuple):
    """How far the index goes: every entry before `upto`. `erasures` grows with every `forget`."""

    form: int
    upto: int
    erasures: int


class TrailBook(Protocol):
    """The writer's side, inside one transaction."""

    def cursor(self) -> Cursor:
        """How far the index goes; locked against every other writer of the index until the work ends."""
        ...

    def add(self, words: Sequence[tuple[int, int]], tokens: Sequence[tuple[bytes, int]], cursor: Cursor) -> None:
        """Keeps words and tokens, each with the index of its entry, and how far the index goes now.

        What is there already stays as it is.
        """
        ...

    def clear(self, cursor: Cursor) -> None:
        """Empties the index; `cursor` says from where on it is made anew."""
        ...

    def forget(self, tokens: Sequence[bytes]) -> None:
        """Takes every entry from under these tokens, and says so to whoever is indexing just now."""
        ...

    def replace_hours(self, counts: Counts, first: int) -> None:
        """Keeps these hours from `first` on, and no others. Called under the lock on the ledger's head."""
        ...

    def searched(self, account: str, day: int) -> Sequence[bytes]:
        """For whom an account searched on a day, as tokens; locked against the account's next search."""
        ...

    def note_searched(self, account: str, day: int, token: bytes) -> None:
        """Notes one more; days before this one are forgotten."""
        ...

    def put_view(self, account: str, name: str, content: bytes) -> None:
        """Keeps a named filter; one of the same name gives way."""
        ...

    def drop_view(self, account: str, name: str) -> bool:
        """Forgets it; tells whether it was there."""
        ...


class TrailWork(Protocol):
    """One transaction over the index and the ledger."""

    @property
    def trail(self) -> TrailBook: ...

    @property
    def ledger(self) -> LedgerStore: ...

    def commit(self) -> None: ...


class TrailStore(Protocol):
    """The control database, as the search uses it."""

    def begin(self) -> AbstractContextManager[TrailWork]: ...


class Choice(msgspec.Struct, frozen=True):
    """One condition: an entry has at least one of these words or tokens, never both kinds."""

    words: tuple[int, ...] = ()
    tokens: tuple[bytes, ...] = ()


class Span(NamedTuple):
    """Entries: the first, and the one behind the last."""

    first: int
    end: int


class Stored(msgspec.Struct, frozen=True):
    """An entry as it is stored, with the hash it was stored with and its packed disclosures."""

    index: int
    entry: bytes
    leaf: bytes
    disclosures: bytes


class TrailReader(Protocol):
    """The reader's side, on connections of its own. Raises `UnavailableError`."""

    def cursor(self) -> Cursor:
        """How far the index goes."""
        ...

    def count(self, choice: Choice, span: Span, most: int) -> int:
        """How many entries of a span fit a condition, counted no further than `most`."""
        ...

    def find(self, choices: Sequence[Choice], without: Sequence[int], span: Span, limit: int) -> Sequence[int]:
        """The latest entries of a span that fit every condition and have none of the words `without`, latest first.

        The first condition should be the one that the fewest fit.
        """
        ...

    def stored(self, indices: Sequence[int]) -> Sequence[Stored]:
        """These entries, as far as they are there."""
        ...

    def kept(self, span: Span) -> tuple[Sequence[tuple[int, int]], Sequence[tuple[bytes, int]]]:
        """All words and all tokens of a span, each with its entry. Reads the whole index: for checks alone."""
        ...

    def hours(self, first: int, end: int) -> Counts:
        """The hours from one to before another, counted since 1970."""
        ...

    def totals(self, first: int, end: int, without: Collection[str]) -> Counts:
        """The same with all grants of a partner together, their number empty; but not those `without`."""
        ...

    def views(self, account: str) -> Mapping[str, bytes]:
        """The named filters of an account, by name."""
        ...
