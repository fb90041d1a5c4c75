"""What the meter knows, in memory: of each grant its comparisons a day, and when each subject was last compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from gateway.domain.budget import DAYS, Spending, Used

LINK_BYTES = 16


class Uses(msgspec.Struct, frozen=True, array_like=True):
    """What was used on one day: of each grant how many comparisons, and the links of the subjects, end to end."""

    day: int
    grants: dict[str, tuple[int, bytes]]


class Counts:
    """Keeps the promise of `gateway.ports.BudgetStore`, but for writing: `spend` leaves in `spent` what to write.

    Of a grant it holds as many subjects as its limits allow in 30 days; the totals of days are kept for good.
    """

    def __init__(self) -> None:
        self.spent: Uses | None = None
        self._grants: dict[str, _GrantCounts] = {}
        self._today = 0

    def lock(self, grants: Sequence[str], day: int) -> Mapping[str, Used]:
        """One thread at a time uses a meter, so there is nothing to lock."""
        return {grant: self._of(grant).used(day) for grant in grants}

    def seen(self, pairs: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], int]:
        found = {pair: self._of(pair[0]).last_days.get(pair[1]) for pair in pairs}
        return {pair: day for pair, day in found.items() if day is not None}

    def spend(self, spending: Spending) -> None:
        links: dict[str, list[bytes]] = {grant: [] for grant in spending.comparisons}
        for grant, link in spending.seen:
            links[grant].append(link)
        used = {grant: (count, b"".join(links[grant])) for grant, count in spending.comparisons.items()}
        self.spent = Uses(spending.day, used)

    def add(self, uses: Uses) -> None:
        """Counts what is written."""
        for grant, (comparisons, links) in uses.grants.items():
            self._of(grant).add(uses.day, comparisons, links)
        if uses.day > self._today:
            self._today = uses.day
            for counts in self._grants.values():
                counts.forget(uses.day - DAYS)

    def all(self) -> Iterator[Uses]:
        """Everything, a day at a time, oldest first: what a journal needs to hold to count on from here."""
        days: dict[int, dict[str, tuple[int, bytes]]] = {}
        for grant, counts in self._grants.items():
            for day, used in counts.by_day().items():
                days.setdefault(day, {})[grant] = used
        return (Uses(day, days[day]) for day in sorted(days))

    def _of(self, grant: str) -> _GrantCounts:
        return self._grants.setdefault(grant, _GrantCounts())


class _GrantCounts:
    """The counts of one grant. A subject counts on the last day it was compared."""

    __slots__ = ("comparisons", "last_days", "subjects")

    def __init__(self) -> None:
        self.comparisons: Counter[int] = Counter()
        self.subjects: Counter[int] = Counter()
        self.last_days: dict[bytes, int] = {}

    def used(self, day: int) -> Used:
        """Of a year only the last 30 days are remembered here: the rest is for the gateway to count."""
        window = sum(count for each, count in self.subjects.items() if each > day - DAYS)
        return Used(self.subjects[day], window, window, self.comparisons[day])

    def add(self, day: int, comparisons: int, links: bytes) -> None:
        self.comparisons[day] += comparisons
        for start in range(0, len(links), LINK_BYTES):
            link = links[start : start + LINK_BYTES]
            last = self.last_days.get(link)
            if last is None or last < day:
                self.last_days[link] = day
                self.subjects[day] += 1
                if last is not None:
                    self.subjects[last] -= 1

    def forget(self, last: int) -> None:
        """Subjects last compared on that day or before count no more."""
        self.last_days = {link: day for link, day in self.last_days.items() if day > last}
        self.subjects = Counter({day: count for day, count in self.subjects.items() if day > last})

    def by_day(self) -> dict[int, tuple[int, bytes]]:
        links: dict[int, list[bytes]] = {day: [] for day in self.comparisons}
        for link, day in self.last_days.items():
            links[day].append(link)
        return {day: (self.comparisons[day], b"".join(links[day])) for day in links}
