"""What a grant may still ask, and the reservation that a look-up needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a signed grant allows: distinct subjects a day and in 30 days, and comparisons a day."""

    subjects_per_day: int
    subjects_per_30_days: int
    comparisons_per_day: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """The worst case of one comparison, already taken from every budget of its grant. Made only by `gateway.watch`."""

    grant: str
    day: int
