"""What came under a grant since the last sweep: new subjects and unknown ones, from counts that turns keep anyway.

Budgets count a subject on the last day it was compared. So within a window of 30 days a repeat only moves, and whatever
the sum of the window grew by is new. Nothing is counted twice, however many nodes sweep and however often.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from gateway.domain.budget import DAYS
from gateway.domain.tally import Tally

LOOKED_BACK = 2 * DAYS
"""Days whose counts a sweep asks for: a window from the last sweep on, wherever in the last 30 days that was."""


class DayCount(NamedTuple):
    """Subjects whose last comparison was on a day, and how many new ones of that day were unknown."""

    subjects: int
    misses: int


def count(tally: Tally, days: Mapping[int, DayCount], today: int) -> Tally:
    """The tally with what came. A clock that stepped back makes it wait; who was released begins anew."""
    if 0 < tally.day - today < DAYS:
        return tally
    before = tally if abs(today - tally.day) < DAYS else _begun(days, today)
    window = sum(each.subjects for day, each in days.items() if before.day - DAYS < day <= today)
    misses = sum(each.misses for day, each in days.items() if before.day <= day <= today)
    missed = misses - before.misses if misses >= before.misses else misses
    # Counts of one statement, but a turn may stand between what it wrote and what it moved.
    firsts = max(window - before.window, missed, 0)
    return replace(
        before,
        day=today,
        window=_sum(days, today),
        misses=days[today].misses if today in days else 0,
        waiting=before.waiting + firsts,
        firsts=before.firsts + firsts,
        missed=before.missed + missed,
    )


def _begun(days: Mapping[int, DayCount], today: int) -> Tally:
    """Nobody has looked in the last 30 days: what counts is this day, from its beginning."""
    return Tally(day=today, window=_sum(days, today) - (days[today].subjects if today in days else 0))


def _sum(days: Mapping[int, DayCount], today: int) -> int:
    return sum(each.subjects for day, each in days.items() if today - DAYS < day <= today)
