"""Subjects that grants of different partners have in common (D9b), by sketches: a few kilobytes a grant, however many.

A sketch is filled while the sweep goes round all subjects; then pairs are held against each other, some in each sweep.
What two partners of one region have in common by chance is worked out region by region.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from gateway.domain.budget import DAYS
from gateway.ports import Seen, UnitFact
from gateway.watch.marks import region_mark
from gateway.watch.rounds import Round
from gateway.watch.sequential import at_least
from gateway.watch.sketches import Sketch

PAIRS = 64
"""Pairs that one sweep compares: some 10 ms."""


class Overlap(NamedTuple):
    """Two grants that have more subjects in common than chance brings."""

    grants: tuple[str, str]
    observed: float
    expected: float


@dataclass
class Overlaps:
    """What is known of the last time round."""

    key: bytes = field(repr=False)
    near: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Of each grant those that overlap with it."""
    _filling: defaultdict[str, Sketch] = field(default_factory=lambda: defaultdict(Sketch))
    _pairs: Iterator[tuple[str, str]] = field(default_factory=lambda: iter(()))
    _full: Mapping[str, Sketch] = field(default_factory=dict[str, Sketch])
    _met: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    _around: dict[bytes, int] = field(default_factory=dict[bytes, int])

    def know(self, units: Iterable[UnitFact]) -> None:
        """Learns how many people each region has."""
        self._around = {region_mark(self.key, each.region): each.around for each in units}

    def take(self, seen: Iterable[Seen]) -> None:
        """Subjects of a window, each grant's once."""
        for each in seen:
            self._filling[each.account].add(each.link)

    def close(self) -> None:
        """All subjects were met: from now on pairs are compared, and the next time round begins."""
        self.near = {grant: frozenset(others) for grant, others in self._met.items()}
        self._full, self._filling, self._met = self._filling, defaultdict(Sketch), {}
        self._pairs = combinations(sorted(self._full), 2)

    def compare(self, now: Round) -> Iterator[Overlap]:
        """The next pairs."""
        for _, pair in zip(range(PAIRS), self._pairs, strict=False):
            first, second = (now.grants.get(each) for each in pair)
            if first and second and first.partner != second.partner and (found := self._overlap(pair, now)):
                for own, other in (pair, pair[::-1]):
                    self._met.setdefault(own, set()).add(other)
                yield found

    def _overlap(self, pair: tuple[str, str], now: Round) -> Overlap | None:
        first, second = (self._full[each] for each in pair)
        least = max(now.limits.overlap_least, now.limits.overlap_part * min(first.size, second.size))
        common = first.common(second)
        if common < least:
            return None
        expected = self._by_chance(pair, now)
        is_chance = at_least(int(common), expected) >= now.limits.overlap_odds
        return None if is_chance else Overlap(pair, common, expected)

    def _by_chance(self, pair: tuple[str, str], now: Round) -> float:
        """Of people drawn from the regions that both ask about, how many both would meet."""
        wanted = [(grant, region) for grant in pair for region in self._around]
        counts = now.work.watch.cells(wanted, now.day - DAYS + 1)
        first, second = pair
        return sum(
            counts.get((first, region), 0) * counts.get((second, region), 0) / max(1, people)
            for region, people in self._around.items()
        )
