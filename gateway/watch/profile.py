"""What is expected of a grant: how many of its subjects are unknown, and how many it was not meant for."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from gateway.domain.grant import Grant, GrantClass
from gateway.domain.standing import Scores
from gateway.watch.sequential import Steps, steps
from gateway.watch.thresholds import Thresholds

_OPEN = 0.5
"""A grant whose holder expects to know fewer of its subjects than this is of those who look for people."""
_LEARNING = 1000
"""From so many first subjects an open grant's own rate of hits is learned, and from no later ones."""
_LEAST_LEARNED = 200


class Profile(NamedTuple):
    """What the watch holds a grant against."""

    is_open: bool
    is_unscoped: bool
    """Whether nothing but need bounds whom it asks about."""
    hit_rate: float
    misses: Steps
    mismatches: Steps
    most_misses: int
    """Unknown subjects in a window."""
    most_outside: int
    regions: int


def expects_hits(grant: Grant) -> bool:
    """Whether its holder knows most of those it asks about."""
    return grant.hit_rate / 100 >= _OPEN


def usual_misses(grant: Grant, limits: Thresholds) -> float:
    """The share of its new subjects that may be unknown: what its holder declared, and a little at least."""
    return max(limits.usual_misses, min(1 - grant.hit_rate / 100, limits.harvest_misses / 2))


def steps_of(usual: float, limits: Thresholds) -> Steps:
    """The test of unknown subjects, where so large a share of them is usual."""
    return steps(usual, max(limits.harvest_misses, 3 * usual))


def profile_of(grant: Grant, people: int, limits: Thresholds) -> Profile:
    """Of a grant that is about so many people."""
    hits = grant.hit_rate / 100
    window = grant.limits.subjects_per_30_days
    return Profile(
        is_open=not expects_hits(grant),
        is_unscoped=grant.grant_class is GrantClass.OPEN,
        hit_rate=hits,
        misses=steps_of(usual_misses(grant, limits), limits),
        mismatches=steps(limits.usual_mismatches, limits.harvest_mismatches),
        most_misses=max(limits.least_misses, ceil(window * max(limits.misses_times * (1 - hits), 0.01))),
        most_outside=max(limits.least_outside, ceil(people * limits.outside_share)),
        regions=max(1, len(grant.scope)),
    )


def open_steps(profile: Profile, scores: Scores, limits: Thresholds) -> Steps:
    """For an open grant: the test is turned round, because most of its subjects are unknown.

    What it declared counts no more than what its first thousand subjects showed: who declares too much is not held.
    """
    learned = scores.hits / scores.firsts if scores.firsts >= _LEAST_LEARNED else profile.hit_rate
    usual = max(2 * limits.harvest_hits, limits.kept_hits * min(profile.hit_rate, learned))
    return steps(1 - usual, 1 - limits.harvest_hits)


def is_learning(profile: Profile, scores: Scores, more: int) -> bool:
    """Whether `open_steps` are others somewhere among so many more first subjects than before the first of them."""
    return profile.is_open and more > 1 and scores.firsts < _LEARNING and scores.firsts + more > _LEAST_LEARNED


def left_to_learn(scores: Scores) -> int:
    """From so many more first subjects an open grant's own rate of hits is learned."""
    return max(0, _LEARNING - scores.firsts)
