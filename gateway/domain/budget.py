"""What a grant may still ask, and the reservation that a look-up needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

DAYS, YEAR = 30, 365
"""The long windows of the budgets on distinct subjects, in days, today included."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a signed grant allows: distinct subjects a day, in 30 days and in 365, and comparisons a day."""

    subjects_per_day: int
    subjects_per_30_days: int
    subjects_per_year: int
    comparisons_per_day: int


class Used(msgspec.Struct, frozen=True, gc=False):
    """What a grant has used. A subject counts on the last day it was compared, so nobody counts twice."""

    subjects_today: int = 0
    subjects_30_days: int = 0
    subjects_year: int = 0
    comparisons_today: int = 0

    def has_room(self, limits: Limits) -> bool:
        """Whether one comparison of a subject never seen before still fits into every budget."""
        return (
            self.subjects_today < limits.subjects_per_day
            and self.subjects_30_days < limits.subjects_per_30_days
            and self.subjects_year < limits.subjects_per_year
            and self.comparisons_today < limits.comparisons_per_day
        )

    def plus(self, *, today: bool, in_30_days: bool, in_year: bool) -> Used:
        """One comparison more, of a subject that is new in these windows."""
        return Used(
            self.subjects_today + today,
            self.subjects_30_days + in_30_days,
            self.subjects_year + in_year,
            self.comparisons_today + 1,
        )


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """The worst case of one comparison, already taken from every budget of its grant. Made only by `gateway.watch`."""

    grant: str
    day: int


@dataclass(frozen=True, slots=True)
class Spending:
    """What a turn used: changes of the day counters, and the subjects whose last day this one became.

    `subjects` maps (grant, day) to a change, negative where a subject moved to a later day.
    """

    day: int
    subjects: Mapping[tuple[str, int], int]
    comparisons: Mapping[str, int]
    seen: frozenset[tuple[str, bytes]]
