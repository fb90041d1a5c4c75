"""Drawing from weighted words and from spans of days, many times over."""

from bisect import bisect
from collections.abc import Mapping
from datetime import date
from itertools import accumulate
from random import Random


class Weighted:
    """Words with weights; `draw` gives one of them."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._words = tuple(weights)
        self._sums = tuple(accumulate(weights.values()))

    def draw(self, rng: Random) -> str:
        """Return one word, as often as its weight says."""
        return self._words[bisect(self._sums, rng.random() * self._sums[-1], 0, len(self._sums) - 1)]


def day_between(rng: Random, first: date, last: date) -> date:
    """Return a day from `first` to `last`; `last` if the span is empty."""
    start, end = first.toordinal(), last.toordinal()
    return date.fromordinal(rng.randint(start, end)) if start < end else last


def years_after(day: date, years: float) -> date:
    """The day so many years of 365.25 days later."""
    return date.fromordinal(day.toordinal() + round(years * 365.25))
