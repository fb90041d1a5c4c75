"""How well one measured time tells two cases apart: the area under the ROC curve, with its interval.

0.5 is a coin; 1 and 0 are certainty. The estimate is Mann and Whitney's; its variance is that of DeLong's placements,
summed within each pair, because the two members of a pair were measured side by side and drift together (Obuchowski).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance
from typing import NamedTuple

_NORMAL_95 = 1.959964


class Auc(NamedTuple):
    """The chance that the second case takes longer than the first, ties counting half, and the 95 % interval."""

    value: float
    low: float
    high: float


def auc(first: Sequence[float], second: Sequence[float]) -> Auc:
    """From pairs: `first[n]` and `second[n]` were measured side by side. At least two pairs."""
    firsts, seconds = sorted(first), sorted(second)
    placed = [(1 - _below(seconds, a), _below(firsts, b)) for a, b in zip(first, second, strict=True)]
    value = fmean(a for a, _ in placed)
    reach = _NORMAL_95 * sqrt(variance(a + b for a, b in placed) / len(placed))
    return Auc(value, max(0.0, value - reach), min(1.0, value + reach))


def _below(ordered: Sequence[float], value: float) -> float:
    """The share of the others that lie below, ties half."""
    return (bisect_left(ordered, value) + bisect_right(ordered, value)) / 2 / len(ordered)
