"""Volume drift (D13): whether a grant asks about more new people a workday than its own past and the season explain.

Seasons come to all who take people on, so the season of a day is what the other grants show against their own past. A
clerk who adds a few names of a list each day has no season that others share. What is expected: the grant's own mean,
times the season; days scatter more than chance (negative binomial), by what this grant's own days have shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from statistics import median
from typing import Final, NamedTuple

from msgspec.structs import replace

from gateway.domain.tally import Pace
from gateway.watch.thresholds import Thresholds

_FADES: Final = 200
"""Workdays: about a year's. Who drifts for so long was seen, or went slower than anybody can see."""
_NEWEST: Final = 0.2
"""Of the mean of the last workdays, the part of the last one."""
_PEERS: Final = 3
"""So many others at least make a season; with fewer there is none, and a grant is held against its own past alone."""
_ASSUMED_NOISE, _ASSUMED_DAYS, _NOISY_FROM = 0.5, 10, 5
_LEAST_MEAN: Final = 0.5
_NOISE: Final = (0.05, 2.0)
_MOST_SURPLUS: Final = 6.0
"""Of one day: nobody blinds the test by a single one that is out of all proportion."""


class Drifted(NamedTuple):
    """A grant that drifted: its new subjects a workday of late, and what was to be expected."""

    grant: str
    observed: float
    expected: float


def after_workday(
    paces: Mapping[str, Pace], asked: Mapping[str, int], limits: Thresholds
) -> tuple[dict[str, Pace], list[Drifted]]:
    """The paces behind a workday on which each grant asked about so many new people, and who drifted."""
    fresh = {number: _met(pace, asked[number]) for number, pace in paces.items()}
    judged, drifted = dict[str, Pace](), list[Drifted]()
    for number, pace in fresh.items():
        expected = _mean(pace) * (season := _season(number, fresh, limits))
        score = _scored(pace, asked[number], expected, limits)
        if score >= limits.drift_alarm:
            drifted.append(Drifted(number, pace.recent, expected))
            score = 0.0
        judged[number] = replace(_learned(pace, asked[number], season, expected, limits), score=score)
    return judged, drifted


def _met(pace: Pace, asked: int) -> Pace:
    return replace(pace, recent=pace.recent + (asked - pace.recent) * (_NEWEST if pace.workdays else 1.0))


def _mean(pace: Pace) -> float:
    return pace.subjects / pace.seasons if pace.seasons else 0.0


def _season(number: str, paces: Mapping[str, Pace], limits: Thresholds) -> float:
    """How busy the others are of late, in parts of what is usual for them. Nobody makes a season for himself."""
    others = [each for name, each in paces.items() if name != number and each.workdays >= limits.drift_days]
    usual = [_mean(each) for each in others]
    if len(others) < _PEERS or not sum(usual):
        return 1.0
    most = median(usual)
    weights = [min(mean, most) for mean in usual]
    busy = sum(weight * each.recent / mean for weight, mean, each in zip(weights, usual, others, strict=True) if mean)
    return busy / (sum(weights) or 1.0)


def _scored(pace: Pace, asked: int, expected: float, limits: Thresholds) -> float:
    """The sequential test of the mean against so many times of it, under a negative binomial."""
    if pace.workdays < limits.drift_days or not expected:
        return 0.0
    mean, times = max(expected, _LEAST_MEAN), limits.drift_times
    shape = 1 / min(max(_noise(pace), _NOISE[0]), _NOISE[1])
    return max(0.0, pace.score + asked * log(times) - (asked + shape) * log((shape + times * mean) / (shape + mean)))


def _noise(pace: Pace) -> float:
    known = max(0, pace.workdays - _NOISY_FROM)
    return (pace.noise + _ASSUMED_NOISE * _ASSUMED_DAYS) / (known + _ASSUMED_DAYS)


def _learned(pace: Pace, asked: int, season: float, expected: float, limits: Thresholds) -> Pace:
    """Before the first use nothing is learned: whoever begins late has no idle past."""
    if not pace.workdays and not asked:
        return pace
    kept = 1 - 1 / _FADES if pace.workdays >= limits.drift_days else 1.0
    return replace(
        pace,
        workdays=pace.workdays + 1,
        subjects=kept * pace.subjects + asked,
        seasons=kept * pace.seasons + season,
        noise=pace.noise + (_surplus(asked, max(expected, _LEAST_MEAN)) if pace.workdays >= _NOISY_FROM else 0.0),
    )


def _surplus(asked: int, expected: float) -> float:
    """By how much a day differs from what was expected, beyond chance (Poisson)."""
    return min(_MOST_SURPLUS, ((asked - expected) ** 2 - expected) / expected**2)
