"""Working days (工作日): weekdays, but for holidays and the days that are worked in their stead (法定节假日与调休).

Days are days of Asia/Shanghai. A term of N working days begins on the day after what starts it, and ends with its
N-th working day (Civil Code, article 201: the first day is not counted).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from gateway.domain.grant import SHANGHAI, local_day

_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are no working days although they are weekdays (`off`), and which are although they are not (`on`)."""

    off: frozenset[date] = frozenset()
    on: frozenset[date] = frozenset()

    def is_working(self, day: date) -> bool:
        """Whether offices are open."""
        return day in self.on or (day.weekday() < _SATURDAY and day not in self.off)


WEEKDAYS = Calendar()
"""Before anybody has entered holidays."""


def due(at: datetime, days: int, calendar: Calendar) -> date:
    """The last day of a term of so many working days that is started at this instant; that day belongs to it."""
    day = local_day(at)
    for _ in range(days):
        day = _next_working(day, calendar)
    return day


def is_overdue(last: date, now: datetime) -> bool:
    """Whether a term that ends with this day is over."""
    return local_day(now) > last


def end_of(day: date) -> datetime:
    """The first instant that no longer belongs to this day."""
    return datetime.combine(day + _DAY, time(), SHANGHAI)


def _next_working(day: date, calendar: Calendar) -> date:
    day += _DAY
    while not calendar.is_working(day):
        day += _DAY
    return day
