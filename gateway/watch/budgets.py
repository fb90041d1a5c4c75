"""Budgets: the worst case is reserved before a look-up, and what was not needed is returned in the same transaction.

A subject compared again within the window costs no subject; that is known only after sealing, so at the very limit a
repeat is refused like everything else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

import msgspec

from gateway.domain.budget import DAYS, YEAR, Limits, Reservation, Spending, Used
from gateway.domain.grant import Grant
from gateway.ports import BudgetStore


class Use(NamedTuple):
    """What opened a look-up, for which accounts it counts, the grant first, and the link of whom it is about."""

    reservation: Reservation
    accounts: Sequence[str]
    link: bytes


class Spent(msgspec.Struct, frozen=True, gc=False):
    """What one comparison did to its grant's budgets; kept, encrypted, in its ledger entry."""

    before: Used
    after: Used
    is_first: bool = True
    """Whether the grant had not asked about the subject in 30 days."""


class Budgets:
    """One turn's hold on the budgets it meets. Lives as long as the work it is in."""

    def __init__(
        self, store: BudgetStore, limits: Mapping[str, Limits], day: int, locks: Set[str] = frozenset()
    ) -> None:
        """`limits` by account; `locks` are held as well and count nothing."""
        self._store = store
        self._limits = limits
        self._day = day
        self._used = dict(store.lock(sorted(limits.keys() | locks), day)) if limits else {}
        self._reserved = dict(self._used)

    def reserve(self, accounts: Sequence[str]) -> Reservation | None:
        """The worst case of one comparison, taken from every account; None when one of them has no room for it.

        The first account is the grant's.
        """
        if not all(self._reserved[each].has_room(self._limits[each]) for each in accounts):
            return None
        for each in accounts:
            self._reserved[each] = self._reserved[each].plus(today=True, in_30_days=True, in_year=True)
        return Reservation(accounts[0], self._day)

    def settle(self, uses: Sequence[Use]) -> list[Spent]:
        """Keeps what each really used and returns the rest; what it did to the grant is told."""
        pairs = pairs_of(uses)
        if not pairs:
            return []
        known = self._store.seen(list(dict.fromkeys(pairs)))
        turn = _Turn(self._day, self._used, dict(known))
        spent = [turn.use(use) for use in uses]
        comparisons = Counter(account for account, _ in pairs)
        new_today = frozenset(pair for pair, last in turn.last_days.items() if last == self._day != known.get(pair))
        self._store.spend(Spending(self._day, turn.subjects, comparisons, new_today))
        return spent


def left_of(grant: Grant, spent: Spent | None) -> dict[str, int]:
    """What is left of each budget that stands on a grant, after a comparison; nothing where none was settled."""
    return left_in(grant, spent.after) if spent else {}


def left_in(grant: Grant, used: Used) -> dict[str, int]:
    """What is left of each budget of which so much was used."""
    limits = grant.limits
    left = {
        "subjects_per_day": limits.subjects_per_day - used.subjects_today,
        "subjects_per_30_days": limits.subjects_per_30_days - used.subjects_30_days,
        "subjects_per_year": limits.subjects_per_year - used.subjects_year,
        "comparisons_per_day": limits.comparisons_per_day - used.comparisons_today,
    }
    return {name: max(0, count) for name, count in left.items()}


def pairs_of(uses: Sequence[Use]) -> list[tuple[str, bytes]]:
    """Each account with whom it asked about."""
    return [(account, use.link) for use in uses for account in use.accounts]


class _Turn:
    """What the comparisons of a turn do, one after the other."""

    def __init__(self, day: int, used: dict[str, Used], last_days: dict[tuple[str, bytes], int]) -> None:
        self._day, self._used, self.last_days = day, used, last_days
        self.subjects: defaultdict[tuple[str, int], int] = defaultdict(int)

    def use(self, use: Use) -> Spent:
        """What it did to the grant is told."""
        spent = [self._count(account, use.link) for account in use.accounts]
        return spent[0]

    def _count(self, account: str, link: bytes) -> Spent:
        before, day = self._used[account], self._day
        last = self.last_days.get((account, link), day - YEAR)
        # A clock that stepped back finds subjects of a later day: they stay counted there.
        is_new_today, is_first, is_new_in_year = last < day, last <= day - DAYS, last <= day - YEAR
        if is_new_today:
            self.subjects[account, day] += 1
            if not is_new_in_year:
                self.subjects[account, last] -= 1
        after = before.plus(today=is_new_today, in_30_days=is_first, in_year=is_new_in_year)
        self.last_days[account, link] = max(last, day)
        self._used[account] = after
        return Spent(before, after, is_first)
