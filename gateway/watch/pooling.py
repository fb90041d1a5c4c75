"""The union of misses: ten grants that guess a few numbers a day each are somebody who guesses.

One sequential test over all un-scoped grants that expect to know their subjects. It begins whenever all of them look
honest together; from then on each one's part is counted. When it goes off, whoever's part is no accident is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import NamedTuple

from msgspec.structs import replace

from gateway.domain.grant import Grant
from gateway.domain.incident import Detector
from gateway.domain.tally import Tally
from gateway.watch.profile import steps_of, usual_misses
from gateway.watch.sequential import share_at_least
from gateway.watch.thresholds import Thresholds
from gateway.watch.unions import Union

Tallies = Mapping[str, Tally]


class Pooled(NamedTuple):
    """Where the test stands, what it found if it went off, and the tallies behind it."""

    score: float
    union: Union | None
    tallies: dict[str, Tally]


def pool(tallies: Tallies, grants: Mapping[str, Grant], stopped: Set[str], limits: Thresholds) -> Pooled:
    """One more look at all of them. Who is stopped is not among them any more: what it did is judged already."""
    counted = {number: each for number, each in tallies.items() if number not in stopped}
    usual = {number: usual_misses(grants[number], limits) for number in counted}
    score = sum(_evidence(each, usual[number], limits) for number, each in counted.items())
    if score <= 0:
        return Pooled(0.0, None, {number: _forgotten(each) for number, each in tallies.items()})
    union = _attributed(counted, usual, limits) if score >= limits.alarm else None
    behind = {
        number: _forgotten(each) if _is_done(number, union, stopped) else each for number, each in tallies.items()
    }
    return Pooled(score, union, behind)


def _evidence(tally: Tally, usual: float, limits: Thresholds) -> float:
    steps = steps_of(usual, limits)
    return tally.missed * steps.bad + (tally.firsts - tally.missed) * steps.good


def _attributed(counted: Tallies, usual: Mapping[str, float], limits: Thresholds) -> Union | None:
    """Those whose part is no accident. Where it is but one grant's, that one's own test judges it."""
    parts = {number: each for number, each in counted.items() if each.missed}
    named = [
        number
        for number, each in parts.items()
        if each.missed > 1 and share_at_least(each.missed, each.firsts, usual[number]) < limits.part_odds
    ]
    if len(parts) < 2 or not named:
        return None
    missed = sum(each.missed for each in counted.values())
    expected = sum(usual[number] * each.firsts for number, each in counted.items())
    return Union(Detector.UNION_MISS, missed, expected, tuple(sorted(named)))


def _is_done(number: str, union: Union | None, stopped: Set[str]) -> bool:
    return number in stopped or (union is not None and number in union.grants)


def _forgotten(tally: Tally) -> Tally:
    return replace(tally, firsts=0, missed=0)
