"""The detectors in the line: each sees one observation, in constant time, and says whether that is still an accident.

Names as in `gateway.domain.incident.Detector`. None of them learns from a model, and all of them can be explained: what
was observed against what was expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from gateway.domain.incident import Action, Detector
from gateway.domain.standing import Scores, Standing
from gateway.ports import UnitFact
from gateway.watch.profile import Profile, left_to_learn, open_steps
from gateway.watch.sequential import at_least, share_at_least
from gateway.watch.thresholds import Thresholds


class Observation(msgspec.Struct, gc=False):
    """What one comparison showed, as far as the watch is concerned."""

    is_first: bool
    """Whether the grant had not asked about the subject in 30 days."""
    is_confirmed: bool = False
    is_unknown: bool = False
    """Not in the register, or under another name: both are what somebody meets who guesses."""
    is_outside: bool = False
    """In the register, and not among those the grant is for."""
    is_mismatched: bool = False
    is_decoy: bool = False
    unit: UnitFact | None = None
    """Of a confirmed subject; only where nothing but need bounds whom the grant asks about."""
    cell: bytes | None = None
    """Of an unknown subject; added when the cells of a whole turn are made."""


class Course(msgspec.Struct, frozen=True, gc=False):
    """What some observations make of an account."""

    last: Standing
    """Behind all of them."""
    peak: Standing
    """Nothing ever stood higher on the way; of counts and scores of misses and mismatches alone."""


class Counted(msgspec.Struct, frozen=True, gc=False):
    """What was counted of a window for the observation just made, with itself."""

    in_cell: int = 0
    """Unknown numbers of its region and birthday."""
    in_unit: int = 0
    in_region: int = 0
    decoys: int = 0


NOTHING = Counted()


class Trip(NamedTuple):
    """A detector that went off."""

    detector: Detector
    action: Action
    observed: float
    expected: float


def observe(seen: Sequence[Observation], standing: Standing, profile: Profile, limits: Thresholds) -> Course:
    """The account over these observations, in order. What was asked before tells nothing new.

    Of an open grant that still learns (`profile.is_learning`) only one at a time may be given.
    """
    new, scores = [each for each in seen if each.is_first], standing.scores
    steps = open_steps(profile, scores, limits) if profile.is_open else profile.misses
    inside = [each.is_unknown for each in new if not each.is_outside]
    confirmed = [each.is_mismatched for each in new if each.is_confirmed]
    misses, most_misses = steps.through(scores.misses, inside)
    mismatches, most_mismatches = profile.mismatches.through(scores.mismatches, confirmed)
    learned = new[: left_to_learn(scores)]
    hits = sum([each.is_confirmed for each in learned])
    unknown, outside = standing.misses + sum(inside), standing.outside + len(new) - len(inside)
    return Course(
        last=Standing(Scores(misses, mismatches, scores.firsts + len(learned), scores.hits + hits), unknown, outside),
        peak=Standing(Scores(most_misses, most_mismatches), unknown, outside),
    )


def is_as_expected(seen: Observation, profile: Profile) -> bool:
    """Whether it was about one of those whom the grant is for, and nothing contradicted."""
    return seen.is_confirmed and not seen.is_mismatched and not profile.is_unscoped


def is_quiet(standing: Standing, profile: Profile, limits: Thresholds, counted: Counted) -> bool:
    """Whether nothing can have been crossed, so that `trips` need not be asked: a question of some comparisons."""
    scores = standing.scores
    return (
        scores.misses < limits.alarm
        and scores.mismatches < limits.alarm
        and standing.misses <= profile.most_misses
        and standing.outside <= profile.most_outside
        and counted.in_cell < limits.cell_misses
        and counted.in_unit < limits.unit_least
        and counted.decoys < limits.decoys
    )


def trips(
    standing: Standing, profile: Profile, limits: Thresholds, seen: Observation, counted: Counted
) -> Iterator[Trip]:
    """Every detector that the account has crossed with what was seen last."""
    yield from _scored(standing.scores, limits)
    yield from _added(standing, profile)
    if counted.in_cell >= limits.cell_misses:
        mean = standing.misses / (profile.regions * limits.cells_a_region)
        if at_least(counted.in_cell, mean) < limits.cell_odds:
            yield Trip(Detector.CELL, Action.FREEZE_GRANT, counted.in_cell, mean)
    if counted.decoys >= limits.decoys:
        mean = standing.misses * limits.usual_decoys
        if at_least(counted.decoys, mean) < limits.decoy_odds:
            yield Trip(Detector.DECOY, Action.FREEZE_GRANT, counted.decoys, mean)
    if seen.unit is not None:
        yield from walked(seen.unit, counted, limits)


def _scored(scores: Scores, limits: Thresholds) -> Iterator[Trip]:
    if scores.misses >= limits.alarm:
        yield Trip(Detector.MISS_RATE, Action.HOLD, scores.misses, limits.alarm)
    if scores.mismatches >= limits.alarm:
        yield Trip(Detector.MISMATCH_RATE, Action.HOLD, scores.mismatches, limits.alarm)


def _added(standing: Standing, profile: Profile) -> Iterator[Trip]:
    if standing.misses > profile.most_misses:
        yield Trip(Detector.MISSES, Action.FREEZE_GRANT, standing.misses, profile.most_misses)
    if standing.outside > profile.most_outside:
        yield Trip(Detector.OUTSIDE, Action.FREEZE_GRANT, standing.outside, profile.most_outside)


def walked(unit: UnitFact, counted: Counted, limits: Thresholds) -> Iterator[Trip]:
    """Whether more of one unit were asked about than people of its region would bring along."""
    least = max(limits.unit_least, min(limits.unit_part * unit.staff, limits.unit_most))
    share = unit.staff / max(unit.around, 1)
    if counted.in_unit >= least and share_at_least(counted.in_unit, counted.in_region, share) < limits.unit_odds:
        yield Trip(Detector.UNIT_SHARE, Action.HOLD, counted.in_unit, share * counted.in_region)
