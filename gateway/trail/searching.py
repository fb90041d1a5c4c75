"""Searching: the index says where to look, and only what an entry itself says is shown.

A search goes from the end to the beginning, a stretch of entries at a time; within a stretch the condition that the
fewest entries fit leads. It stops with the page, or when it has taken long enough, and says from where to go on: what
grows at the end meanwhile moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from audit.entry import decode, leaf_hash
from audit.errors import AuditError
from gateway.trail.asking import Filter
from gateway.trail.opening import Found, Opener
from gateway.trail.ports import Choice, Span, Stored, TrailReader
from gateway.trail.words import Entry, Word, words_of

STRETCH = 1 << 17
WIDER = 4
COUNTED = 4096
FURTHER = 16
"""How far a condition is counted, and how many times further where all of them are as frequent as that."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is searched for: conditions of the index, and what an entry must say to be a hit. `without` are words."""

    choices: tuple[Choice, ...]
    filter: Filter
    terms: frozenset[Found] = frozenset()
    without: frozenset[Word] = frozenset()
    hidden: tuple[int, ...] = ()
    """The words `without`, as the index knows them."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """An entry that was read, hashed and opened, and is what was searched for."""

    index: int
    leaf: bytes
    entry: Entry = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a search found. `differs` are entries that are not what they were stored as, or not what the index says;
    `archived` are those that were taken out of the log since.

    `next` is where to go on; None where nothing is left. `is_cut` says that time ran out before the page was full.
    """

    hits: tuple[Hit, ...]
    differs: tuple[int, ...]
    archived: tuple[int, ...]
    next: int | None
    is_cut: bool = False


@dataclass(frozen=True, kw_only=True)
class Searcher:
    """Searches, in a thread."""

    reader: TrailReader
    opener: Opener
    floor: Callable[[], int]
    """From which entry on all are there."""
    seconds: Callable[[], float]
    hashed: Callable[[bytes], bytes] = leaf_hash
    """Gives the leaf of an entry, as this log makes leaves."""
    max_seconds: float = 10.0

    def search(self, wanted: Wanted, span: Span, limit: int) -> Page:
        """The latest entries of a span. Raises `UnavailableError`."""
        until = self.seconds() + self.max_seconds
        found: list[int] = []
        for stretch in _stretches(span):
            found += self._find(wanted, stretch, limit + 1 - len(found))
            if len(found) > limit:
                return self._page(wanted, found[:limit], found[limit - 1])
            if stretch.first > span.first and self.seconds() >= until:
                return self._page(wanted, found, stretch.first, is_cut=True)
        return self._page(wanted, found, 0)

    def _find(self, wanted: Wanted, span: Span, limit: int) -> Sequence[int]:
        if not wanted.choices and not wanted.hidden:
            return range(span.end - 1, max(span.first, span.end - limit) - 1, -1)
        if not wanted.choices:
            return self._others(wanted, span, limit)
        choices = self._rarest_first(wanted.choices, span) if len(wanted.choices) > 1 else wanted.choices
        return self.reader.find(choices, wanted.hidden, span, limit) if choices else ()

    def _rarest_first(self, choices: Sequence[Choice], span: Span) -> Sequence[Choice]:
        """None at all where one of them fits nothing. Counts no further than it takes to tell which one leads."""
        most = COUNTED
        while True:
            counted = sorted((self.reader.count(each, span, most), n) for n, each in enumerate(choices))
            if counted[0][0] < most or most >= span.end - span.first:
                return [choices[n] for _, n in counted] if counted[0][0] else ()
            most *= FURTHER

    def _others(self, wanted: Wanted, span: Span, limit: int) -> Sequence[int]:
        """All entries of a span but those that are not shown."""
        kept: list[int] = []
        end = span.end
        while end > span.first and len(kept) < limit:
            first = max(span.first, end - COUNTED)
            hidden = set(self.reader.find([Choice(words=wanted.hidden)], (), Span(first, end), COUNTED))
            kept += [index for index in range(end - 1, first - 1, -1) if index not in hidden]
            end = first
        return kept[:limit]

    def _page(self, wanted: Wanted, found: Sequence[int], after: int, *, is_cut: bool = False) -> Page:
        stored = {each.index: each for each in self.reader.stored(found)}
        gone = [index for index in found if index not in stored]
        floor = self.floor() if gone else 0
        hits = {index: self._verified(each, wanted) for index, each in stored.items()}
        return Page(
            hits=tuple(hit for index in found if (hit := hits.get(index))),
            differs=tuple(index for index in found if index >= floor and hits.get(index) is None),
            archived=tuple(index for index in gone if index < floor),
            next=after or None,
            is_cut=is_cut,
        )

    def _verified(self, stored: Stored, wanted: Wanted) -> Hit | None:
        """An entry by its own bytes: that they are those of its leaf, canonical, in their place, and what was meant."""
        if self.hashed(stored.entry) != stored.leaf:
            return None
        try:
            entry = cast("Entry", decode(stored.entry))
        except AuditError:
            return None
        is_meant = entry.get("seq") == stored.index and _fits(entry, wanted) and self._says(entry, stored, wanted.terms)
        return Hit(index=stored.index, leaf=stored.leaf, entry=entry) if is_meant else None

    def _says(self, entry: Entry, stored: Stored, terms: frozenset[Found]) -> bool:
        """Whether an entry commits to the terms; they were opened from disclosures that it has the digests of."""
        return not terms or terms <= self.opener.terms(entry, stored.disclosures)


def _stretches(span: Span) -> Iterator[Span]:
    """From the end to the beginning, each wider than the one before."""
    end, width = span.end, STRETCH
    while end > span.first:
        first = max(span.first, end - width)
        yield Span(first, end)
        end, width = first, width * WIDER


def _fits(entry: Entry, wanted: Wanted) -> bool:
    words = words_of(entry)
    asked = wanted.filter.words.items()
    has_all = all(any((name, each) in words for each in named) for name, named in asked if named)
    return has_all and not words & wanted.without
