"""The officers' search: 安全管理员 and 审计管理员 look into the ledger, and every look is an entry of its own first.

    1  the index catches up with the ledger
    2  one transaction: has this officer a search for a person left today; the search is recorded
    3  the index catches up with that entry: the answer is complete up to it
    4  found by the index, read and verified from the ledger

A search for a person names a matter (事由) and counts against the officer's day, once for each person. A crash behind
step 2 leaves a search that was recorded and never answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final

from audit.reader import LedgerReader
from audit.tallies import Counts
from audit.tokens import Tokens
from gateway.deeds.errors import DeedError
from gateway.domain.people import Duty, Person
from gateway.review.bygone import first_since
from gateway.trail.asking import Ask, Filter, choices_of
from gateway.trail.indexing import Indexer
from gateway.trail.ports import Choice, Span, TrailReader, TrailStore
from gateway.trail.recording import Recording
from gateway.trail.searching import Page, Searcher, Wanted
from gateway.trail.secrecy import Secrecy, Secret
from gateway.trail.views import MAX_VIEWS, read_view, write_view
from gateway.trail.words import number_of

OFFICERS: Final = (Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN)
_SECRET_SHOWN_TO: Final = frozenset({Duty.AUDIT_ADMIN})
CATCH_UP_SECONDS: Final = 20.0
_HOUR: Final = 3600


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a search came to. It covers the entries before `entry`, which is its own.

    `left` is for how many more persons this officer may search today; None where nobody was searched for.
    """

    entry: int
    page: Page
    left: int | None
    withholds_secret: bool


@dataclass(frozen=True, kw_only=True)
class TrailDesk:
    """What stands behind the doors. Everything here takes time, so it is asked in threads; it never blocks a turn."""

    indexer: Indexer
    searcher: Searcher
    recording: Recording
    reader: TrailReader
    store: TrailStore
    log: LedgerReader
    tokens: Tokens
    secrecy: Secrecy

    def search(self, by: Person, ask: Ask) -> Answer:
        """A page of hits. Raises `ForbiddenError` when the day's searches for persons are used up, and
        `UnavailableError`.
        """
        secret, hidden = self._withheld(by), ask.hidden
        point = self.tokens.point(hidden.kind, hidden.subject) if hidden.subject else None
        self.indexer.catch_up(max_seconds=CATCH_UP_SECONDS)
        entry, left = self.recording.record(by, ask, point)
        self.indexer.catch_up(entry, max_seconds=CATCH_UP_SECONDS)
        page = self.searcher.search(self._wanted(ask, secret), self._span(ask, entry), ask.limit)
        return Answer(entry=entry, page=page, left=left, withholds_secret=bool(secret.purposes))

    def hours(self, by: Person, first: datetime, end: datetime) -> Counts:
        """Comparisons by the hour, partner and what was told. A secret purpose is counted for 审计管理员 alone."""
        hours = int(first.timestamp()) // _HOUR, ceil(end.timestamp() / _HOUR)
        return self.reader.totals(*hours, self._withheld(by).grants)

    def views(self, by: Person) -> Mapping[str, Filter]:
        """Their named filters."""
        return {name: read_view(content) for name, content in self.reader.views(by.id).items()}

    def save_view(self, by: Person, name: str, kept: Filter) -> None:
        """Keeps a filter under a name, in place of one of that name. Raises `DeedError` when there are too many."""
        views = self.reader.views(by.id)
        if name not in views and len(views) >= MAX_VIEWS:
            raise DeedError(f"最多保存 {MAX_VIEWS} 个视图，请先删除不用的")
        with self.store.begin() as work:
            work.trail.put_view(by.id, name, write_view(kept))
            work.commit()

    def drop_view(self, by: Person, name: str) -> bool:
        """Forgets a filter; tells whether it was there."""
        with self.store.begin() as work:
            was_there = work.trail.drop_view(by.id, name)
            work.commit()
        return was_there

    def _withheld(self, by: Person) -> Secret:
        return Secret() if by.duty in _SECRET_SHOWN_TO else self.secrecy.secret()

    def _wanted(self, ask: Ask, secret: Secret) -> Wanted:
        terms = frozenset(ask.hidden.terms(self.tokens))
        tokens = [Choice(tokens=tuple(self.tokens.everywhere(*term))) for term in terms]
        return Wanted(
            choices=(*tokens, *choices_of(ask.filter.words)),
            filter=ask.filter,
            terms=terms,
            without=secret.words(),
            hidden=tuple(number_of(*word) for word in secret.words()),
        )

    def _span(self, ask: Ask, entry: int) -> Span:
        """The entries that a page is looked for among. An entry of the instant `until` is not among them."""
        kept = ask.filter
        first = first_since(self.log, kept.since) if kept.since else 0
        ends = [entry, *([ask.before] if ask.before is not None else [])]
        ends += [first_since(self.log, kept.until)] if kept.until else []
        return Span(first, max(first, min(ends)))
