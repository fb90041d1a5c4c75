"""Being witnessed: when it is late, and when it is too late."""

from datetime import timedelta

import pytest

from audit.witnessing import FINE, Cause, Covered, Grade, Limits, Standing, judge_cover, worst
from tests.audit.make import AT

LIMITS = Limits(timedelta(hours=4), 1000)
# How many entries lie beyond the last quorum, how long ago it was, and what that comes to.
STANDINGS = {
    "just now": (0, timedelta(), Grade.OK, Cause.NONE),
    "a little": (249, timedelta(minutes=59), Grade.OK, Cause.NONE),
    "an hour": (0, timedelta(hours=1), Grade.SOFT, Cause.LATE),
    "a quarter of the entries": (250, timedelta(), Grade.SOFT, Cause.LATE),
    "just below both": (999, timedelta(hours=4) - timedelta(seconds=1), Grade.SOFT, Cause.LATE),
    "four hours": (0, timedelta(hours=4), Grade.HARD, Cause.LIMIT),
    "all entries": (1000, timedelta(), Grade.HARD, Cause.LIMIT),
    "a clock that stepped back a day": (0, timedelta(days=-1), Grade.HARD, Cause.LIMIT),
    "a quorum over more than is signed": (-5, timedelta(), Grade.OK, Cause.NONE),
}


@pytest.mark.parametrize(("entries", "age", "grade", "cause"), STANDINGS.values(), ids=STANDINGS.keys())
def test_the_limits(entries: int, age: timedelta, grade: Grade, cause: Cause) -> None:
    standing = judge_cover(Covered(5000, AT), 5000 + entries, LIMITS, AT + age)

    assert (standing.grade, standing.cause) == (grade, cause)
    assert bool(standing.detail) is (grade is not Grade.OK)


def test_the_gravest_counts() -> None:
    soft, hard = Standing(Grade.SOFT, Cause.LATE), Standing(Grade.HARD, Cause.AHEAD)

    assert worst() == FINE
    assert worst(FINE, soft, hard, Standing(Grade.HARD, Cause.LIMIT)) == hard
