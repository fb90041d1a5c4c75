"""Working days: weekends, holidays, days worked in their stead; terms that begin on the day after."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deeds.calendar import WEEKDAYS, Calendar, due, end_of, is_overdue
from gateway.domain.grant import local_day

FRIDAY = datetime(2026, 6, 26, 1, 0, tzinfo=UTC)
"""Nine in the morning, in Shanghai."""
GOLDEN_WEEK = Calendar(
    off=frozenset(date(2026, 10, day) for day in (1, 2, 5, 6, 7)), on=frozenset({date(2026, 9, 27), date(2026, 10, 10)})
)

TERMS: dict[str, tuple[datetime, int, Calendar, date]] = {
    "no day at all": (FRIDAY, 0, WEEKDAYS, date(2026, 6, 26)),
    "over a weekend": (FRIDAY, 1, WEEKDAYS, date(2026, 6, 29)),
    "a week": (FRIDAY, 5, WEEKDAYS, date(2026, 7, 3)),
    "from a Saturday": (FRIDAY + timedelta(days=1), 1, WEEKDAYS, date(2026, 6, 29)),
    "Thursday in UTC is Friday here": (
        datetime(2026, 6, 25, 17, 0, tzinfo=UTC),
        1,
        WEEKDAYS,
        date(2026, 6, 29),
    ),
    "over a long holiday": (datetime(2026, 9, 30, 4, 0, tzinfo=UTC), 1, GOLDEN_WEEK, date(2026, 10, 8)),
    "a Saturday that is worked counts": (datetime(2026, 9, 30, 4, 0, tzinfo=UTC), 3, GOLDEN_WEEK, date(2026, 10, 10)),
    "a Sunday that is worked counts": (datetime(2026, 9, 25, 4, 0, tzinfo=UTC), 1, GOLDEN_WEEK, date(2026, 9, 27)),
}


@pytest.mark.parametrize(("at", "days", "calendar", "last"), TERMS.values(), ids=TERMS)
def test_a_term_ends_on_its_last_working_day(at: datetime, days: int, calendar: Calendar, last: date) -> None:
    assert due(at, days, calendar) == last


def test_the_last_day_belongs_to_the_term() -> None:
    last = date(2026, 6, 29)

    assert not is_overdue(last, datetime(2026, 6, 29, 15, 59, tzinfo=UTC))
    assert is_overdue(last, datetime(2026, 6, 29, 16, 0, tzinfo=UTC)), "midnight in Shanghai"
    assert end_of(last) == datetime(2026, 6, 29, 16, 0, tzinfo=UTC)


# ---------------------------------------------------------------------------------------- rules

DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone follows


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    off = draw(st.frozensets(DAYS, max_size=40))
    return Calendar(off, draw(st.frozensets(DAYS, max_size=40)) - off)


TERM = st.integers(1, 30)


@given(INSTANTS, TERM, calendars())
def test_a_term_has_as_many_working_days_as_it_says_and_ends_with_one(at: datetime, days: int, off: Calendar) -> None:
    first, last = local_day(at), due(at, days, off)
    span = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]

    assert sum(off.is_working(day) for day in span) == days
    assert off.is_working(last)


@given(INSTANTS, TERM, calendars())
def test_a_longer_term_ends_later(at: datetime, days: int, calendar: Calendar) -> None:
    assert due(at, days, calendar) < due(at, days + 1, calendar)


@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=20)), TERM, calendars())
def test_whoever_begins_later_ends_no_earlier(at: datetime, wait: timedelta, days: int, calendar: Calendar) -> None:
    assert due(at, days, calendar) <= due(at + wait, days, calendar)


@given(INSTANTS, TERM, calendars(), DAYS)
def test_a_holiday_shortens_no_term_and_a_day_that_is_worked_lengthens_none(
    at: datetime, days: int, calendar: Calendar, day: date
) -> None:
    plain = due(at, days, calendar)

    assert due(at, days, Calendar(calendar.off | {day}, calendar.on - {day})) >= plain
    assert due(at, days, Calendar(calendar.off - {day}, calendar.on | {day})) <= plain


@given(INSTANTS, TERM, TERM, calendars())
def test_terms_add_up(at: datetime, days: int, more: int, calendar: Calendar) -> None:
    halfway = end_of(due(at, days, calendar)) - timedelta(seconds=1)

    assert due(halfway, more, calendar) == due(at, days + more, calendar)
