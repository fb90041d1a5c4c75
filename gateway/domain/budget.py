"""What a grant may still ask, and the reservation that a look-up needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

DAYS = 30
"""The long window of the budget on distinct subjects, today included."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a signed grant allows: distinct subjects a day and in 30 days, and comparisons a day."""

    subjects_per_day: int
    subjects_per_30_days: int
    comparisons_per_day: int


class Used(msgspec.Struct, frozen=True, gc=False):
    """What a grant has used. A subject counts on the last day it was compared, so nobody counts twice."""

    subjects_today: int = 0
    subjects_30_days: int = 0
    comparisons_today: int = 0

    def has_room(self, limits: Limits) -> bool:
        """Whether one comparison of a subject never seen before still fits into every budget."""
        return (
            self.subjects_today < limits.subjects_per_day
            and self.subjects_30_days < limits.subjects_per_30_days
            and self.comparisons_today < limits.comparisons_per_day
        )

    def plus(self, subjects_today: int, subjects_30_days: int, comparisons: int = 1) -> Used:
        return Used(
            self.subjects_today + subjects_today,
            self.subjects_30_days + subjects_30_days,
            self.comparisons_today + comparisons,
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
