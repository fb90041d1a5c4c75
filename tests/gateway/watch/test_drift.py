"""Volume drift: a season that others share is none, and a few names more each day are one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from gateway.domain.tally import Pace
from gateway.watch.drift import Drifted, after_workday
from gateway.watch.thresholds import Thresholds

LIMITS = Thresholds()
SEASONS = (0.6, 0.5, 0.9, 0.8, 0.8, 1.1, 2.0, 1.7, 1.3, 0.9, 0.8, 0.6)
MONTH = 21
MEANS = (7.0, 3.3, 4.8, 2.4, 9.0, 11.4, 15.2, 20.5, 27.6, 38.1)
"""New people a workday of ten partners who take people on."""


def play(
    days: int, means: Sequence[float], *, season: Callable[[int], float], more: Mapping[int, int], seed: int = 1
) -> list[tuple[int, Drifted]]:
    """Who drifted, and on which workday; `more` are people that somebody asks about besides from day 100 on."""
    rng, found = np.random.default_rng(seed), list[tuple[int, Drifted]]()
    paces = {f"G-{place}": Pace() for place in range(len(means))}
    for day in range(days):
        asked = {
            f"G-{place}": int(rng.negative_binomial(3, 3 / (3 + mean * season(day))))
            + (more.get(place, 0) if day >= 100 else 0)
            for place, mean in enumerate(means)
        }
        paces, drifted = after_workday(paces, asked, LIMITS)
        found += [(day, each) for each in drifted]
    return found


def of_the_year(day: int) -> float:
    return SEASONS[day // MONTH % 12]


def test_a_season_four_times_as_busy_is_no_drift() -> None:
    alarms = [len(play(252, MEANS, season=of_the_year, more={}, seed=seed)) for seed in range(20)]

    assert sum(alarms) / len(alarms) < 1.0, "ten partners, a year"


def test_without_others_their_season_would_be_drift() -> None:
    alone = [len(play(252, MEANS[5:6], season=of_the_year, more={}, seed=seed)) for seed in range(20)]

    assert sum(alone) / len(alone) > 0.5


@pytest.mark.parametrize("place", [0, 5])
def test_eight_more_a_day_are_seen(place: int) -> None:
    delays = list[int]()
    for seed in range(20):
        found = play(252, MEANS, season=of_the_year, more={place: 8}, seed=seed)
        delays += [next((day - 100 for day, each in found if each.grant == f"G-{place}" and day >= 100), 999)]

    assert sorted(delays)[10] <= 40


def test_it_is_told_what_was_to_be_expected() -> None:
    found = play(252, MEANS, season=lambda day: 1.0, more={5: 30})

    drifted = next(each for day, each in found if day >= 100 and each.grant == "G-5")
    assert drifted.observed > 1.45 * drifted.expected
    assert 6 < drifted.expected < 20


def test_whoever_begins_late_has_no_idle_past() -> None:
    paces, _ = after_workday({"G-1": Pace()}, {"G-1": 0}, LIMITS)
    assert paces["G-1"].workdays == 0

    paces, _ = after_workday(paces, {"G-1": 7}, LIMITS)
    assert (paces["G-1"].workdays, paces["G-1"].subjects) == (1, 7.0)


def test_one_day_out_of_all_proportion_blinds_nobody() -> None:
    paces, days = {"G-1": Pace()}, [9, 8, 11, 7, 10] * 5
    for asked in [*days, 100_000]:
        paces, _ = after_workday(paces, {"G-1": asked}, LIMITS)

    assert paces["G-1"].noise <= 6.0
