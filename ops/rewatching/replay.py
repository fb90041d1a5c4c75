"""`bidui watch replay`: the watch looks once more at some days of the record, and must come to the same incidents."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import msgspec

from gateway.domain.grant import SHANGHAI
from gateway.domain.incident import Incident, State
from gateway.replaying.acting import Actor, Epochs
from gateway.replaying.comparing import Compared, Comparing, Difference, Verdict
from gateway.review.bygone import first_since
from gateway.watch.thresholds import DEFAULTS
from gateway.watching import Watch
from ops.rewatching.opening import Log, Past, a_book
from ops.simulate.watchbook import WatchBook

_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_DAY = timedelta(days=1)


class Replayed(NamedTuple):
    """What came out. `begins` is 0 where the state was built from the very first entry on."""

    found: Compared
    days: tuple[date, date]
    entries: tuple[int, int]
    incidents: int
    """Those of the table that are, byte by byte, what the replay made; officers' judgement of them left aside."""
    begins: int
    is_cut: bool

    @property
    def verdict(self) -> Verdict:
        """In one word."""
        found = self.found.verdict
        is_told = found is not Verdict.DIFFERS or self.found.met.altered
        return found if is_told or not (self.is_cut or self.begins) else Verdict.CUT


def replay(past: Past, first: date, last: date) -> Replayed:
    """These days, both included. Everything before them is replayed as well, because scores have no window."""
    epochs = Epochs()
    book = a_book(epochs.advance)
    watch = Watch(past.key, past.catalogue, DEFAULTS)
    for url in past.logs[:-1]:
        with past.open(url) as log:
            _compare(log, Actor(watch, book, log.pasts, epochs), book, (log.reader.head().size, log.reader.head().size))
    with past.open(past.logs[-1]) as log:
        span = _at(log, first), _at(log, last + _DAY)
        found = _compare(log, Actor(watch, book, log.pasts, epochs), book, span)
        is_whole = span[1] == log.reader.head().size
        begins = log.reader.floor()
    incidents = _hold_against(past, book, found, span) if is_whole else 0
    return Replayed(found, (first, last), span, incidents, begins, past.is_cut)


def _compare(log: Log, actor: Actor, book: WatchBook, span: tuple[int, int]) -> Compared:
    since, end = span
    return Comparing(actor, book, log.records.met, since).run(log.records.read(log.reader.floor(), end))


def _at(log: Log, day: date) -> int:
    return first_since(log.reader, datetime.combine(day, time(), SHANGHAI))


def _hold_against(past: Past, book: WatchBook, found: Compared, span: tuple[int, int]) -> int:
    """The incidents as they stand in their table against those of the replay; how many are the same.

    What tripped again while this was read is newer than what was read.
    """
    stored, same, ends = past.incident(), 0, found.last
    for made in {each.number: each for each in book.incidents}.values():
        kept = stored(made.number)
        if kept is not None and _as_laid(kept) == _as_laid(made):
            same += 1
        elif kept is not None and kept.last > ends:
            continue
        elif found.first is None:
            shown = _as_laid(kept).decode() if kept else ""
            found.first = Difference(span[1], made.finding.grant, "table", shown, _as_laid(made).decode())
            found.different += 1
    return same


def _as_laid(incident: Incident) -> bytes:
    """Its bytes, without what officers decided about it."""
    return _ENCODE(msgspec.structs.replace(incident, state=State.OPEN))
