"""What comes before every search: may this officer still search for a person today, and the search's own entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from audit.errors import DisclosureError
from audit.events import Draft
from audit.ledger import Ledger
from audit.search_events import Sought, trail_refused, trail_searched
from audit.tokens import Point, Tokens, epoch_of
from gateway.domain.grant import local_day
from gateway.domain.people import Person
from gateway.drafting import ForbiddenError
from gateway.ports import Clock
from gateway.trail.asking import Ask
from gateway.trail.ports import TrailStore, TrailWork

SPENT: Final = "今日按人员检索的人数已用尽，此次请求已记录；请明日再试，或提请调整参数 person_searches_per_day"


class Recorded(NamedTuple):
    """The entry of a search, and for how many more persons this officer may search; None if it was for nobody."""

    entry: int
    left: int | None


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Writes searches down. `per_day` is for how many persons an officer may search."""

    store: TrailStore
    ledger: Ledger
    tokens: Tokens
    clock: Clock
    per_day: Callable[[], int]

    def record(self, by: Person, ask: Ask, point: Point | None) -> Recorded:
        """Durable when it returns. Raises `ForbiddenError` when the day is used up, which is recorded, too."""
        sought, now, most = _sought(by, ask), self.clock.now(), self.per_day()
        with self.store.begin() as work:
            left = None if point is None else self._left(work, by, point, now, most)
            is_refused = left is not None and left < 0
            entry = self._append(
                work, sought, now, lambda each: trail_refused(each, limit=most) if is_refused else _searched(each, ask)
            )
            work.commit()
        if is_refused:
            raise ForbiddenError(SPENT)
        return Recorded(entry, left)

    def _left(self, work: TrailWork, by: Person, point: Point, now: datetime, most: int) -> int:
        """How many are left behind this one; below 0 when this one is too many. A person counts once a day."""
        day = local_day(now).toordinal()
        token = self.tokens.search(f"searched by {by.id} on {day}", point.text, epoch_of(now.isoformat()))
        before = work.trail.searched(by.id, day)
        if token in before:
            return max(0, most - len(before))
        if len(before) < most:
            work.trail.note_searched(by.id, day, token)
        return most - len(before) - 1

    def _append(self, work: TrailWork, sought: Sought, now: datetime, draft: Callable[[Sought], Draft]) -> int:
        """Of somebody who was erased nothing is encrypted any more, so that they are not named even here."""
        try:
            return self.ledger.append(work.ledger, [draft(sought)], now)[0].index
        except DisclosureError:
            return self.ledger.append(work.ledger, [draft(sought.without_secrets())], now)[0].index


def _searched(sought: Sought, ask: Ask) -> Draft:
    return trail_searched(sought, words=ask.filter.told(), before=ask.before, limit=ask.limit)


def _sought(by: Person, ask: Ask) -> Sought:
    hidden = ask.hidden
    return Sought(
        person=by.id,
        duty=by.duty,
        terms=tuple(hidden.named()),
        kind=hidden.kind or None,
        subject=hidden.subject,
        operator=hidden.operator,
        matter=hidden.matter,
        because=hidden.because,
    )
