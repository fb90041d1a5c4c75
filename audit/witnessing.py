"""Being witnessed: how much of the log, and for how long, rests on our word alone; and when that is too much.

* soft: a quarter of a limit is used up, or a witness contradicts itself. An alarm.
* hard: a limit is reached (it recovers with the next quorum), or witnesses have seen more of this log than is here, or
  something else (a rollback or a fork: a person decides). No comparison may be answered.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

SOFT_SHARE = 4
"""The soft limits are this part of the hard ones."""


class Grade(StrEnum):
    """How bad it is."""

    OK = "ok"
    SOFT = "soft"
    HARD = "hard"


class Cause(StrEnum):
    """Why it is not OK."""

    NONE = ""
    LATE = "late"
    WITNESS = "witness"
    """A witness rolls back, or claims what it does not prove. The others still count."""
    LIMIT = "limit"
    AHEAD = "ahead"
    """Witnesses have seen more of this log, or something else than is here."""


class Limits(Struct, frozen=True):
    """The hard limits."""

    age: timedelta = timedelta(hours=4)
    entries: int = 1_000_000


class Standing(Struct, frozen=True):
    """How it stands, and why, for people; no name of a person, no number of a subject."""

    grade: Grade
    cause: Cause = Cause.NONE
    detail: str = ""


FINE = Standing(Grade.OK)


class Covered(Struct, frozen=True):
    """What the last quorum covers: so many entries, as of then. Before the first, nothing, as of the first attempt."""

    size: int
    since: datetime


def judge_cover(covered: Covered, signed: int, limits: Limits, now: datetime) -> Standing:
    """Hold what is covered against what was signed. A clock that stepped back has not made anything younger."""
    age, entries = abs(now - covered.since), signed - covered.size
    told = f"{entries} entries, {int(age.total_seconds())} s without a quorum of witnesses"
    if age >= limits.age or entries >= limits.entries:
        return Standing(Grade.HARD, Cause.LIMIT, told)
    if age * SOFT_SHARE >= limits.age or entries * SOFT_SHARE >= limits.entries:
        return Standing(Grade.SOFT, Cause.LATE, told)
    return FINE


def worst(*standings: Standing) -> Standing:
    """Return the gravest; of equals the first."""
    order = list(Grade)
    return max(standings, key=lambda each: order.index(each.grade), default=FINE)
