"""The indexer: reads entries and disclosures beside every transaction, and writes what they are found by.

    1  read how far the index goes, and how often something was erased
    2  read a portion of the ledger; open its disclosures; make words and tokens of it
    3  in one transaction: look at the cursor again, write, move it

Whatever dies between these steps leaves the index as it was, and the next one begins there. If the cursor moved
meanwhile, or something was erased, the portion is thrown away: it may hold tokens of somebody who is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from audit.reader import LedgerReader
from audit.tokens import Point, Tokens
from gateway.domain.errors import UnavailableError
from gateway.trail.opening import Opener
from gateway.trail.ports import Cursor, TrailReader, TrailStore, TrailWork
from gateway.trail.words import (
    FORM,
    MATTER,
    OPERATOR,
    SUBJECT,
    number_of,
    open_entry,
    words_of,
)

PORTION = 32
"""Entries a transaction: few, because turns wait for it."""
LARGE_PORTION = 1024
"""The same where the index is made anew and nobody could search meanwhile."""
_SOUGHT = frozenset({SUBJECT, OPERATOR, MATTER})


class Portion(NamedTuple):
    """What some entries are found by, sorted as the index keeps it; `upto` is the entry behind them."""

    upto: int
    words: Sequence[tuple[int, int]]
    tokens: Sequence[tuple[bytes, int]]


@dataclass(kw_only=True)
class Indexer:
    """Keeps the index at the ledger's head. May be shared between threads; several processes may each have one."""

    ledger: LedgerReader
    reader: TrailReader
    store: TrailStore
    opener: Opener
    seconds: Callable[[], float]
    rest: Callable[[], None]
    """Called between portions, so that turns go on."""
    portion: int = PORTION
    _one: Lock = field(default_factory=Lock, repr=False)

    def catch_up(self, upto: int | None = None, max_seconds: float | None = None) -> int:
        """Indexes up to the head, or to `upto` at least; how far the index goes now.

        Raises `UnavailableError`, also when that takes longer than it may: what is done stays done.
        """
        wanted = self.ledger.head().size if upto is None else upto
        reached = self._go_on(wanted, max_seconds)
        if reached < wanted:
            raise UnavailableError(f"the search index goes up to {reached} of {wanted} entries; try again")
        return reached

    def follow(self, max_seconds: float) -> int:
        """Indexes what is new for so long at most; how far the index goes now."""
        return self._go_on(self.ledger.head().size, max_seconds)

    def rebuild(self) -> int:
        """Makes the index anew, from the first entry that is there; how many entries it goes up to."""
        with self.store.begin() as work:
            work.trail.clear(Cursor(FORM, 0, work.trail.cursor().erasures + 1))
            work.commit()
        return self.catch_up()

    def _go_on(self, wanted: int, max_seconds: float | None) -> int:
        until = None if max_seconds is None else self.seconds() + max_seconds
        while (reached := self._advance(wanted)) < wanted and (until is None or self.seconds() < until):
            self.rest()
        return reached

    def _advance(self, wanted: int) -> int:
        """One portion, if there is any; how far the index went before it."""
        with self._one:
            cursor = self.reader.cursor()
            if cursor.form != FORM:
                raise UnavailableError("the search index is of another version; run `bidui audit reindex`")
            if cursor.upto < wanted:
                self._step(cursor)
            return cursor.upto

    def read(self, start: int, most: int) -> Portion:
        """What the next entries are found by, at most so many but those that stayed behind when others were archived.

        Raises `UnavailableError` where an entry is missing.
        """
        floor = self.ledger.floor()
        if start < floor:
            return self._found_by(floor, list(self.ledger.kept(floor)))
        entries = list(enumerate(self.ledger.entries(start, start + most), start))
        if not entries:
            raise UnavailableError(f"entry {start} of the log is missing; `bidui audit verify` says more")
        return self._found_by(start + len(entries), entries)

    def _found_by(self, upto: int, entries: Sequence[tuple[int, bytes]]) -> Portion:
        packed = dict(self.ledger.disclosures(entries[0][0], entries[-1][0] + 1)) if entries else {}
        opened = [(index, open_entry(content)) for index, content in entries]
        words = [(number_of(*word), index) for index, entry in opened for word in words_of(entry)]
        found = self.opener.tokens_of([(entry, packed.get(index, b"")) for index, entry in opened])
        tokens = [(token, index) for (index, _), each in zip(opened, found, strict=True) for token in each]
        return Portion(upto, sorted(words), sorted(tokens))

    def _step(self, cursor: Cursor) -> None:
        found = self.read(cursor.upto, self.portion)
        with self.store.begin() as work:
            if work.trail.cursor() == cursor:
                work.trail.add(found.words, found.tokens, cursor._replace(upto=found.upto))
                work.commit()


def forget(work: TrailWork, tokens: Tokens, point: Point) -> None:
    """Takes a person out of the search, as a subject and as an operator, in all years; in the caller's transaction.

    To be called after the keys of their disclosures were destroyed: what nobody can open is never indexed again, and
    what an indexer opened before and has not written yet is thrown away.
    """
    work.trail.forget([*tokens.everywhere(SUBJECT, point.text), *tokens.everywhere(OPERATOR, point.text)])
