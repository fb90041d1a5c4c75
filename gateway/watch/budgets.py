"""Budgets: the worst case is reserved before a look-up, and what was not needed is returned in the same transaction.

A subject compared again within the window costs no subject; that is known only after sealing, so at the very limit a
repeat is refused like everything else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from gateway.domain.budget import DAYS, YEAR, Limits, Reservation, Spending, Used
from gateway.ports import BudgetStore

Use = tuple[Reservation, bytes]
"""What opened a look-up, and the link of whom it is about."""


class Spent(msgspec.Struct, frozen=True, gc=False):
    """What one comparison did to its grant's budgets; kept, encrypted, in its ledger entry."""

    before: Used
    after: Used


class Budgets:
    """One turn's hold on the budgets of the grants it meets. Lives as long as the work it is in."""

    def __init__(self, store: BudgetStore, grants: Mapping[str, Limits], day: int) -> None:
        self._store = store
        self._limits = grants
        self._day = day
        self._used = dict(store.lock(sorted(grants), day)) if grants else {}
        self._reserved = dict(self._used)

    def reserve(self, grant: str) -> Reservation | None:
        """The worst case of one comparison; None when a budget has no room for it."""
        held = self._reserved[grant]
        if not held.has_room(self._limits[grant]):
            return None
        self._reserved[grant] = held.plus(today=True, in_30_days=True, in_year=True)
        return Reservation(grant, self._day)

    def settle(self, uses: Sequence[Use]) -> list[Spent]:
        """Keeps what each (reservation, link) really used and returns the rest."""
        pairs = [(reservation.grant, link) for reservation, link in uses]
        known: Mapping[tuple[str, bytes], int] = self._store.seen(list(dict.fromkeys(pairs))) if pairs else {}
        last_days = dict(known)
        subjects: defaultdict[tuple[str, int], int] = defaultdict(int)
        spent = [self._use(pair, last_days, subjects) for pair in pairs]
        if pairs:
            comparisons = Counter(grant for grant, _ in pairs)
            new_today = frozenset(pair for pair, last in last_days.items() if last == self._day != known.get(pair))
            self._store.spend(Spending(self._day, subjects, comparisons, new_today))
        return spent

    def _use(
        self,
        pair: tuple[str, bytes],
        last_days: dict[tuple[str, bytes], int],
        subjects: defaultdict[tuple[str, int], int],
    ) -> Spent:
        grant, before = pair[0], self._used[pair[0]]
        last = last_days.get(pair, self._day - YEAR)
        # A clock that stepped back finds subjects of a later day: they stay counted there.
        is_new_today, is_new_in_year = last < self._day, last <= self._day - YEAR
        if is_new_today:
            subjects[grant, self._day] += 1
            if not is_new_in_year:
                subjects[grant, last] -= 1
        after = before.plus(today=is_new_today, in_30_days=last <= self._day - DAYS, in_year=is_new_in_year)
        last_days[pair] = max(last, self._day)
        self._used[grant] = after
        return Spent(before, after)
