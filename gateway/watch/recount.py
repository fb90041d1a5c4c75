"""Budgets as the ledger tells them: counted anew after the control database was restored.

What a grant has used follows from its answered comparisons: how many a day, and how many people whose last day it was.
Who they were stands encrypted beside the entries. Where that was erased, or its key is gone, each comparison counts as
one of somebody else: a budget may then be fuller than it was, never emptier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from gateway.domain.budget import YEAR, Limits

Place = tuple[str, int]
"""A grant and a day."""


@dataclass
class Recount:
    """Takes comparisons in the order in which they were answered; `today` bounds the longest window."""

    today: int
    comparisons: Counter[Place] = field(default_factory=Counter[Place])
    _last: dict[tuple[str, tuple[str, str]], int] = field(default_factory=dict[tuple[str, tuple[str, str]], int])
    _unknown: Counter[Place] = field(default_factory=Counter[Place])

    def take(self, grant: str, day: int, person: tuple[str, str] | None) -> None:
        """One comparison was answered; `person` is kind and number, None where that cannot be told any more."""
        if day <= self.today - YEAR:
            return
        self.comparisons[grant, day] += 1
        if person is None:
            self._unknown[grant, day] += 1
        else:
            key = grant, person
            self._last[key] = max(day, self._last.get(key, day))

    def known(self) -> Counter[Place]:
        """How many known people were last compared under a grant on a day."""
        return Counter((grant, day) for (grant, _), day in self._last.items())

    def counts(self) -> dict[Place, tuple[int, int]]:
        """People and comparisons by grant and day."""
        people = self.known() + self._unknown
        return {place: (people[place], self.comparisons[place]) for place in people.keys() | self.comparisons.keys()}


def spent(
    counts: Mapping[Place, tuple[int, int]], grants: Mapping[str, Limits], days: Iterable[date]
) -> dict[Place, tuple[int, int]]:
    """The same, where on each of these days every grant has used all that it may in a day, because nobody knows better.

    More than that was never possible: a day's budget was exact. So the longer windows are bounded by it, too.
    """
    charged = dict(counts)
    for day in days:
        for grant, limits in grants.items():
            people, comparisons = charged.get((grant, day.toordinal()), (0, 0))
            most = max(people, limits.subjects_per_day), max(comparisons, limits.comparisons_per_day)
            charged[grant, day.toordinal()] = most
    return charged
