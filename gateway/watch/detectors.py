"""The detectors in the line: each sees one observation, in constant time, and says whether that is still an accident.

Names as in `gateway.domain.incident.Detector`. None of them learns from a model, and all of them can be explained: what
was observed against what was expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from gateway.domain.incident import Action, Detector
from gateway.domain.standing import Scores, Standing
from gateway.watch.profile import Profile, learned, open_steps
from gateway.watch.sequential import at_least
from gateway.watch.thresholds import Thresholds


class Observation(msgspec.Struct, frozen=True, gc=False):
    """What one comparison showed, as far as the watch is concerned."""

    link: bytes
    is_first: bool
    """Whether the grant had not asked about the subject in 30 days."""
    is_confirmed: bool
    is_unknown: bool
    """Not in the register, or under another name: both are what somebody meets who guesses."""
    is_outside: bool
    """In the register, and not among those the grant is for."""
    is_mismatched: bool
    cell: bytes | None


class Trip(NamedTuple):
    """A detector that went off."""

    detector: Detector
    action: Action
    observed: float
    expected: float


def observe(seen: Observation, standing: Standing, profile: Profile, limits: Thresholds) -> Standing:
    """The account behind one more observation. What was asked before tells nothing new."""
    if not seen.is_first:
        return standing
    scores = standing.scores
    steps = open_steps(profile, scores, limits) if profile.is_open else profile.misses
    misses = scores.misses
    if not seen.is_outside:
        misses = steps.after(misses, is_bad=seen.is_unknown)
    mismatches = scores.mismatches
    if seen.is_confirmed:
        mismatches = profile.mismatches.after(mismatches, is_bad=seen.is_mismatched)
    firsts, hits = learned(scores, is_hit=seen.is_confirmed)
    return Standing(
        Scores(misses, mismatches, firsts, hits),
        standing.misses + seen.is_unknown,
        standing.outside + seen.is_outside,
    )


def trips(standing: Standing, profile: Profile, limits: Thresholds, in_cell: int) -> Iterator[Trip]:
    """Every detector that the account has now crossed. `in_cell` are the unknown numbers of the cell just met."""
    scores = standing.scores
    if scores.misses >= limits.alarm:
        yield Trip(Detector.MISS_RATE, Action.HOLD, scores.misses, limits.alarm)
    if scores.mismatches >= limits.alarm:
        yield Trip(Detector.MISMATCH_RATE, Action.HOLD, scores.mismatches, limits.alarm)
    if standing.misses > profile.most_misses:
        yield Trip(Detector.MISSES, Action.FREEZE_GRANT, standing.misses, profile.most_misses)
    if standing.outside > profile.most_outside:
        yield Trip(Detector.OUTSIDE, Action.FREEZE_GRANT, standing.outside, profile.most_outside)
    if in_cell >= limits.cell_misses:
        mean = standing.misses / (profile.regions * limits.cells_a_region)
        if at_least(in_cell, mean) < limits.cell_odds:
            yield Trip(Detector.CELL, Action.FREEZE_GRANT, in_cell, mean)
