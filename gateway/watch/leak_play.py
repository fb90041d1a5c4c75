"""One play of the leak by contract: chance decides who is on a list and who is spot-checked, the line decides the rest.

What the watch notices is asked of its own functions (`observe`, `trips`), never worked out beside them. Only what those
would not change is skipped: people who are as expected, once the scores are back at zero.
"""

from __future__ import annotations

from bisect import bisect_right
from hashlib import sha256
from math import ceil, floor, log
from random import Random
from typing import NamedTuple

from gateway.domain.standing import NEW, Standing
from gateway.watch.detectors import NOTHING, Observation, observe, trips
from gateway.watch.leak_pace import Pace
from gateway.watch.profile import Profile
from gateway.watch.thresholds import Thresholds

PLAYS = 100
_MOST_OUTSIDERS = 200
"""So many people outside the scope are drawn one by one; the rest of a longer way is taken to go on like that."""
_MOST_WRONG = 20
"""After so many wrong values that nobody noticed, nobody is taken to notice."""
_LEAST = 2.0**-60


class Play(NamedTuple):
    """How one play ended."""

    persons: int
    days: int
    is_stopped: bool


class Luck:
    """Everything that chance decides in one play. The same for every budget and every variant of a grant: what differs
    between two figures is never luck."""

    def __init__(self, number: str, nth: int) -> None:
        seed = int.from_bytes(sha256(number.encode()).digest()[:8], "big") * PLAYS + nth
        # Nothing here is a secret: whoever signs must be able to draw the same again.
        self._list, self._values = Random(2 * seed), Random(2 * seed + 1)  # noqa: S311  # see the line above
        self._rank = (nth + self._list.random()) / PLAYS

    def first_checked(self, share: float) -> int | None:
        """Who is the first to be spot-checked. Over all plays early and late ones come in their proper shares."""
        if share <= 0:
            return None
        return 1 if share >= 1 else max(1, ceil(_waiting(1 - self._rank, 1 - share)))

    def insiders(self, inside: float, outsiders: int) -> int:
        """How many insiders come before so many outsiders have."""
        drawn = min(outsiders, _MOST_OUTSIDERS)
        if inside <= 0 or not drawn:
            return 0
        met = sum(floor(_waiting(1 - self._list.random(), inside)) for _ in range(drawn))
        return met * outsiders // drawn

    def until_wrong(self, share: float) -> int:
        """How many right ones come before the next wrong one."""
        return floor(_waiting(1 - self._values.random(), 1 - share)) if share < 1 else 0


def outsiders_noticed(profile: Profile, limits: Thresholds, most: int) -> int | None:
    """With how many people outside its scope a grant is stopped; None when it is not by so many."""

    def is_noticed(outside: int) -> bool:
        return any(trips(Standing(outside=outside), profile, limits, _OUTSIDER, NOTHING))

    found = bisect_right(range(most + 1), False, key=is_noticed)
    return found if found <= most else None


def wrong_noticed(luck: Luck, share: float, profile: Profile, limits: Thresholds, most: int) -> int | None:
    """How many were confirmed when wrong values are noticed; None when they are not among so many."""
    standing, confirmed = NEW, 0
    for _ in range(_MOST_WRONG if share > 0 else 0):
        right = luck.until_wrong(share)
        confirmed += right + 1
        if confirmed > most:
            break
        standing = observe([_WRONG], _calmed(standing, right, profile, limits), profile, limits).last
        if any(trips(standing, profile, limits, _WRONG, NOTHING)):
            return confirmed
    return None


def checked(first: int, pace: Pace, burst: int, delay: int) -> Play:
    """What was told when the first spot check ends it, so many days later; `burst` are those asked about meanwhile.

    The one that was checked is taken to be the first of its day, so that nobody can have asked about more.
    """
    persons = min(first - 1 + burst, pace.total)
    return Play(persons, min(pace.day_of(first) + delay, len(pace.through)), is_stopped=True)


def _calmed(standing: Standing, right: int, profile: Profile, limits: Thresholds) -> Standing:
    """Behind so many people whose values agree: they bring a score down to zero and no further."""
    for _ in range(right):
        if standing.scores.mismatches <= 0:
            break
        standing = observe([_RIGHT], standing, profile, limits).last
    return standing


def _waiting(drawn: float, share: float) -> float:
    """How long one waits for what does not come with this share each time; `drawn` is above 0, at most 1."""
    return log(max(drawn, _LEAST)) / log(share) if 0 < share < 1 else 0.0


_RIGHT = Observation(is_first=True, is_confirmed=True)
_WRONG = Observation(is_first=True, is_confirmed=True, is_mismatched=True)
_OUTSIDER = Observation(is_first=True, is_outside=True)
