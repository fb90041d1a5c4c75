"""How fast a grant lets somebody ask who asks as fast as it lets: new subjects, day by day, by its own budgets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.domain.budget import DAYS, YEAR, Limits, Used


class Pace(NamedTuple):
    """`through[n]` are all that were asked about by the end of day n, the first being day 0."""

    through: Sequence[int]

    @property
    def total(self) -> int:
        """All of them."""
        return self.through[-1] if self.through else 0

    @property
    def window(self) -> int:
        """The most that any 30 days hold: whoever takes all as early as possible takes most in the first."""
        return self.by(DAYS)

    def by(self, days: int) -> int:
        """In so many days from the first."""
        return self.through[min(days, len(self.through)) - 1] if days > 0 and self.through else 0

    def day_of(self, place: int) -> int:
        """On which day, counted from 1, the subject in this place is asked about; the last one for whoever never is."""
        return min(bisect_left(self.through, place) + 1, len(self.through))


def pace(limits: Limits, days: Iterable[bool]) -> Pace:
    """Every day on which somebody asks takes all that its budgets have left. Nobody is asked about twice."""
    through = list[int]()
    for day, is_asking in enumerate(days):
        total = through[-1] if through else 0
        used = Used(0, total - _by(through, day - DAYS), total - _by(through, day - YEAR))
        through.append(total + (room(used, limits) if is_asking else 0))
    return Pace(through)


def room(used: Used, limits: Limits) -> int:
    """How many comparisons of subjects never seen before still fit, as the line counts them."""

    def is_full(more: int) -> bool:
        behind = Used(
            used.subjects_today + more,
            used.subjects_30_days + more,
            used.subjects_year + more,
            used.comparisons_today + more,
        )
        return not behind.has_room(limits)

    return bisect_right(range(max(0, limits.subjects_per_day) + 1), False, key=is_full)


def _by(through: Sequence[int], day: int) -> int:
    """By the end of a day; before the first one nothing was asked."""
    return through[day] if day >= 0 else 0
