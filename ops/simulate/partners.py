"""The 31 partners of the published world, each with one grant, its systems and its operators.

Eight pay offices ask about their own staff every month (four of them by a committed list, four by scope), ten
departments check people they take on, three screen lists of people at large, ten inspect in named matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from gateway.domain.caller import Caller
from gateway.domain.grant import Grant
from ops.simulate.fields import EDUCATION, QUOTA, RANK, STATUS, UNIT
from ops.simulate.numbers import Ints

FIRST_DAY = date(2026, 1, 1)
DAYS = 365
START = datetime(2025, 12, 31, 16, tzinfo=UTC)
"""Midnight of the first day in Shanghai."""
HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS

PAYROLL_STAFF = (5_500, 9_000, 14_000, 19_000, 27_000, 34_000, 41_000, 50_000)
ONBOARDING_A_MONTH = (150, 70, 100, 50, 190, 240, 320, 430, 580, 800)
SCREENING = ((20_000, 1), (20_000, 2), (60_000, 3))
"""How many people are on a list, and how many months lie between two lists."""
SCREENING_POOL = 140_000
"""The people at large whom such a partner asks about again and again."""
SCREENING_HITS = 0.08
CASE = 12
"""People in a matter that is inspected."""
INSPECTION_A_MONTH = (30, 35, 40, 45, 50, 60, 70, 80, 90, 100)
SEASONS = (0.6, 0.5, 0.9, 0.8, 0.8, 1.1, 2.0, 1.7, 1.3, 0.9, 0.8, 0.6)
"""How busy each month is for those who take people on: four times as busy in July as in February."""

AMENDED_DAY, LATE_DAYS = 160, 7
"""When two pay offices take on more staff, and how many days later their grants say so."""
NEWCOMER_DAY = 135
"""When the largest pay office begins."""
MOVED_DAY = 220
"""When two partners move to another of their networks."""


class Kind(StrEnum):
    """What a partner does with its grant."""

    PAYROLL = "payroll"
    ONBOARDING = "onboarding"
    SCREENING = "screening"
    INSPECTION = "inspection"


FIELDS_OF: Mapping[Kind, tuple[int, ...]] = {
    Kind.PAYROLL: (UNIT, STATUS, QUOTA, RANK),
    Kind.ONBOARDING: (UNIT, STATUS, QUOTA, RANK, EDUCATION),
    Kind.SCREENING: (UNIT, STATUS),
    Kind.INSPECTION: (UNIT, STATUS, RANK, EDUCATION),
}
"""What each kind of partner claims, by the places of `ops.simulate.fields.FIELDS`."""


@dataclass(frozen=True, eq=False)
class Roster:
    """Numbers that a partner keeps in its own files, and after whom it wrote each of them down.

    A few are wrong: valid, and nobody's.
    """

    keys: Ints
    donors: Ints

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, eq=False)
class Member:
    """One partner with its grant, and what its honest use looks like."""

    place: int
    kind: Kind
    nth: int
    """Which of its kind it is."""
    volume: int
    """People a month, or on one list."""
    grant: Grant
    callers: tuple[Caller, ...]
    """Its system in the usual network, and in the one it moves to."""
    roster: Roster
    """Pay offices: their staff. Screening: the people they ask about. Others: the people of their own regions."""
    late: Roster
    """Staff that it takes on in the middle of the year; nobody for most."""

    @property
    def operators(self) -> tuple[str, ...]:
        """Those who may act for it."""
        return tuple(self.callers[0].operators)

    @property
    def every(self) -> int:
        """Months between two lists of a screening partner."""
        return SCREENING[self.nth][1] if self.kind is Kind.SCREENING else 1


def day_of(second: int) -> int:
    """The day of the year."""
    return second // DAY_SECONDS
