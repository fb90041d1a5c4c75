"""The indexer: reads entries and disclosures beside every transaction, and writes what they are found by.

    1  read how far the index goes, and how often something was erased
    2  read a portion of the ledger; open its disclosures; make words and tokens of it
    3  in one transaction: look at the cursor again, write, move it

Whatever dies between these steps leaves the index as it was, and the next one begins there. If the cursor moved
meanwhile, or something was erased, the portion is thrown away: it may hold tokens of somebody who is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple, cast

from audit.disclosure import DisclosureKeys, is_committed, unpack, unseal
from audit.entry import JsonValue
from audit.errors import AuditError
from audit.reader import LedgerReader
from audit.tokens import Point, Tokens, epoch_of
from gateway.domain.errors import UnavailableError
from gateway.trail.ports import Cursor, TrailReader, TrailStore, TrailWork
from gateway.trail.words import (
    FORM,
    MATTER,
    OPERATOR,
    SUBJECT,
    Entry,
    accounts_of,
    body_of,
    number_of,
    open_entry,
    words_of,
)

PORTION = 128
"""Entries a transaction: some milliseconds, because turns wait for it."""
_SOUGHT = frozenset({SUBJECT, OPERATOR, MATTER})


class Found(NamedTuple):
    """What one entry is found by, beside its words."""

    field: str
    value: str


class Portion(NamedTuple):
    """What some entries are found by, sorted as the index keeps it; `upto` is the entry behind them."""

    upto: int
    words: Sequence[tuple[int, int]]
    tokens: Sequence[tuple[bytes, int]]


class Opener:
    """Opens what of an entry's disclosures can be opened, for finding it; nothing of it is kept or shown."""

    def __init__(self, keys: DisclosureKeys, tokens: Tokens) -> None:
        self._keys, self._tokens = keys, tokens

    def terms(self, entry: Entry, disclosures: bytes, *, committed: bool = False) -> frozenset[Found]:
        """Whom and what an entry is found by. Of a subject it is the text of its point.

        Where it must be `committed`, only what the entry has the digest of counts.
        """
        opened = self._open(entry, disclosures, committed=committed) if disclosures else {}
        found = {Found(OPERATOR, account) for account in accounts_of(entry)}
        if number := opened.pop(SUBJECT, ""):
            kind = str(body_of(entry).get("kind") or "person")
            found.add(Found(SUBJECT, self._tokens.point(kind, number).text))
        return frozenset(found | {Found(name, value) for name, value in opened.items() if value})

    def tokens(self, entry: Entry, disclosures: bytes) -> list[bytes]:
        """The tokens of all of them, of the entry's own year."""
        epoch = epoch_of(str(entry.get("log_time", "")))
        return [self._tokens.search(*term, epoch) for term in self.terms(entry, disclosures)] if epoch else []

    def _open(self, entry: Entry, disclosures: bytes, *, committed: bool) -> dict[str, str]:
        """Bytes that were changed open nothing: `bidui audit verify --disclosures` is who says so."""
        entry_id, digests = str(entry.get("id", "")), cast("Sequence[JsonValue]", entry.get("_sd", ()))
        try:
            opened = [unseal(entry_id, each, self._keys) for each in unpack(disclosures) if each.name in _SOUGHT]
            good = [each for each in opened if each and (not committed or is_committed(each, digests))]
            values = {each.name: each.reveal() for each in good}
        except AuditError:
            return {}
        return {name: value for name, value in values.items() if isinstance(value, str)}


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
    _one: Lock = field(default_factory=Lock, repr=False)

    def catch_up(self, upto: int | None = None, max_seconds: float | None = None) -> int:
        """Indexes up to the head, or to `upto` at least; how far the index goes now.

        Raises `UnavailableError`, also when that takes longer than it may: what is done stays done.
        """
        until = None if max_seconds is None else self.seconds() + max_seconds
        wanted = self.ledger.head().size if upto is None else upto
        while (reached := self._advance(wanted)) < wanted:
            if until is not None and self.seconds() >= until:
                raise UnavailableError(f"the search index goes up to {reached} of {wanted} entries; try again")
            self.rest()
        return reached

    def rebuild(self) -> int:
        """Makes the index anew, from the first entry that is there; how many entries it goes up to."""
        with self.store.begin() as work:
            work.trail.clear(Cursor(FORM, 0, work.trail.cursor().erasures + 1))
            work.commit()
        return self.catch_up()

    def _advance(self, wanted: int) -> int:
        """One portion, if there is any; how far the index went before it."""
        with self._one:
            cursor = self.reader.cursor()
            if cursor.form != FORM:
                raise UnavailableError("the search index is of another version; run `bidui audit reindex`")
            if cursor.upto < wanted:
                self._step(cursor)
            return cursor.upto

    def read(self, start: int, most: int = PORTION) -> Portion:
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
        words: list[tuple[int, int]] = []
        tokens: list[tuple[bytes, int]] = []
        for index, content in entries:
            entry = open_entry(content)
            words += [(number_of(*word), index) for word in words_of(entry)]
            tokens += [(token, index) for token in self.opener.tokens(entry, packed.get(index, b""))]
        return Portion(upto, sorted(words), sorted(tokens))

    def _step(self, cursor: Cursor) -> None:
        found = self.read(cursor.upto)
        with self.store.begin() as work:
            if work.trail.cursor() == cursor:
                work.trail.add(found.words, found.tokens, cursor._replace(upto=found.upto))
                work.commit()


def forget(work: TrailWork, tokens: Tokens, point: Point, operators: Iterable[str] = ()) -> None:
    """Takes a subject out of the search, and operators where told, in all years. Part of the caller's transaction.

    To be called after the keys of their disclosures were destroyed: what nobody can open is never indexed again, and
    what an indexer opened before and has not written yet is thrown away.
    """
    work.trail.forget([*_tokens_of(tokens, SUBJECT, [point.text]), *_tokens_of(tokens, OPERATOR, operators)])


def _tokens_of(tokens: Tokens, name: str, values: Iterable[str]) -> Iterator[bytes]:
    for value in values:
        yield from tokens.everywhere(name, value)
