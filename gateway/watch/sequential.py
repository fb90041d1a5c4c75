"""Sequential tests: what speaks for a harvest adds up, what speaks against it brings down to zero and no further.

So good behaviour earns no credit that could be spent later (CUSUM, Page 1954; for scans: Jung et al. 2004).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import inf, lgamma, log
from typing import NamedTuple

_TERMS = 50
"""Of the tail of the distribution; it is asked for where few are expected, and falls fast."""


class Steps(NamedTuple):
    """What one observation adds to a score."""

    bad: float
    good: float

    def through(self, score: float, bads: Iterable[bool]) -> tuple[float, float]:
        """The score behind these observations, one after the other, and the highest that it ever was."""
        bad, good = self
        most = score
        for is_bad in bads:
            score += bad if is_bad else good
            if score < 0.0:
                score = 0.0
            elif score > most:
                most = score
        return score, most


@lru_cache(maxsize=1 << 14)
def steps(usual: float, harvest: float) -> Steps:
    """For a test of the rate `usual` against the rate `harvest`, each between 0 and 1."""
    return Steps(log(harvest / usual), log((1 - harvest) / (1 - usual)))


def share_at_least(count: int, among: int, share: float) -> float:
    """Natural logarithm of a bound on how likely so many or more of `among` are of a part that has `share` of all.

    The bound of Chernoff: minus `among` times the divergence of what was met from what was to be expected.
    """
    if among <= 0 or count <= share * among:
        return 0.0
    if share <= 0:
        return -inf
    met = count / among
    rest = (1 - met) * log((1 - met) / (1 - share)) if met < 1 else 0.0
    return -among * (met * log(met / share) + rest)


def at_least(count: int, mean: float) -> float:
    """Natural logarithm of how likely it is to meet so many or more where `mean` are expected (Poisson)."""
    if count <= 0:
        return 0.0
    if mean <= 0:
        return -inf
    term = total = 1.0
    for number in range(count + 1, count + _TERMS):
        term *= mean / number
        total += term
    return min(0.0, count * log(mean) - mean - lgamma(count + 1) + log(total))
