"""Index and hours held against the ledger, and hours counted anew. Nothing here is needed while nobody changes tables.

The ledger is read outside every transaction; what came meanwhile is added under the lock on the head, so that turns
wait for that alone. Hours of which entries were archived cannot be counted again; they stay as they are.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from audit.reader import LedgerReader, chunks
from audit.tallies import Count, Counts, Place, recount
from gateway.review.bygone import log_time
from gateway.trail.indexing import LARGE_PORTION, Indexer
from gateway.trail.ports import Span, TrailReader, TrailStore, TrailWork

CHECKED = 1 << 16
_FAR = 2**31 - 1
_HOUR_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Counts hours from the entries, and says or mends where the stored ones differ."""

    log: LedgerReader
    reader: TrailReader
    store: TrailStore

    def differing(self) -> list[Place]:
        """The places in which more or less is stored than was recorded."""
        with self._counted() as (_, counts, first):
            return self._differing(counts, first)

    def rebuild(self) -> list[Place]:
        """The same, and mended when it returns."""
        with self._counted() as (work, counts, first):
            differing = self._differing(counts, first)
            if differing:
                work.trail.replace_hours(counts, first)
                work.commit()
            return differing

    @contextmanager
    def _counted(self) -> Generator[tuple[TrailWork, Counts, int]]:
        """All hours that can be counted, and the first of them, while nobody records anything."""
        floor, size = self.log.floor(), self.log.head().size
        counts: dict[Place, Count] = {}
        self._count(counts, floor, size)
        with self.store.begin() as work:
            self._count(counts, size, work.ledger.lock_head().size)
            first = self._first_whole_hour(floor)
            yield work, {place: count for place, count in counts.items() if place.hour >= first}, first

    def _count(self, counts: dict[Place, Count], start: int, end: int) -> None:
        for first, stop in chunks(start, end):
            recount(self.log.entries(first, stop), counts)

    def _first_whole_hour(self, floor: int) -> int:
        if not floor:
            return 0
        if floor >= self.log.head().size:
            return _FAR
        return int(datetime.fromisoformat(log_time(self.log, floor)).timestamp()) // _HOUR_SECONDS + 1

    def _differing(self, counts: Counts, first: int) -> list[Place]:
        stored = self.reader.hours(first, _FAR)
        return sorted(place for place in {*counts, *stored} if counts.get(place) != stored.get(place))


def differing_entries(indexer: Indexer) -> Iterator[int]:
    """The entries that the index finds by more or less than they say, as far as it goes; those archived are left out.

    Whoever took a word out of the index hid an entry from every search; this is who finds out.
    """
    start, end = indexer.ledger.floor(), indexer.reader.cursor().upto
    while start < end:
        stop = min(end, start + CHECKED)
        words, tokens = indexer.reader.kept(Span(start, stop))
        wrong = set[tuple[int | bytes, int]]([*words, *tokens])
        while start < stop:
            found = indexer.read(start, min(LARGE_PORTION, stop - start))
            wrong ^= {*found.words, *found.tokens}
            start = found.upto
        yield from sorted({index for _, index in wrong})
