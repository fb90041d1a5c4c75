"""Unions: what grants do together that none of them does alone, beside the line.

Who shares the work of a harvest shows nothing under any single grant. Counted over all un-scoped grants the same
detectors see it; then it is asked whose part was out of proportion (bracket the time, then find the sources; Javed and
Paxson 2013).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from gateway.domain.incident import Detector
from gateway.ports import UnitFact
from gateway.watch.detectors import Counted, walked
from gateway.watch.marks import region_mark, unit_mark
from gateway.watch.sequential import at_least, share_at_least
from gateway.watch.thresholds import Thresholds

Shares = Mapping[bytes, Mapping[str, int]]
"""What each grant counted for a mark in a window, by mark and grant."""


class Union(NamedTuple):
    """Something that grants did together, and those whose part in it was no accident."""

    detector: Detector
    observed: float
    expected: float
    grants: tuple[str, ...]


class Marked(NamedTuple):
    """A unit with the mark of its region."""

    fact: UnitFact
    region: bytes


def marked(key: bytes, units: Iterable[UnitFact]) -> dict[bytes, Marked]:
    """Units by their marks."""
    return {unit_mark(key, each): Marked(each, region_mark(key, each.region)) for each in units}


def unions(shares: Shares, units: Mapping[bytes, Marked], misses: int, limits: Thresholds) -> Iterator[Union]:
    """What was crossed together. `misses` are the unknown numbers of all these grants in the window."""
    regions = {each.region for each in units.values()}
    mean = misses / limits.cells_a_region
    for mark, parts in shares.items():
        if len(parts) > 1 and mark not in regions:
            known = units.get(mark)
            found = _walk(parts, shares.get(known.region, {}), known.fact, limits) if known else None
            found = found or (None if known else _cell(parts, mean, limits))
            if found:
                yield found


def _walk(parts: Mapping[str, int], around: Mapping[str, int], unit: UnitFact, limits: Thresholds) -> Union | None:
    counted = Counted(in_unit=sum(parts.values()), in_region=sum(around.values()))
    for trip in walked(unit, counted, limits):
        share = unit.staff / max(unit.around, 1)
        odds = {grant: share_at_least(count, around.get(grant, count), share) for grant, count in parts.items()}
        named = [grant for grant, count in parts.items() if count > 1 and odds[grant] < limits.part_odds]
        return Union(Detector.UNION_UNIT, trip.observed, trip.expected, tuple(sorted(named or parts)))
    return None


def _cell(parts: Mapping[str, int], mean: float, limits: Thresholds) -> Union | None:
    count = sum(parts.values())
    if count < limits.cell_misses or at_least(count, mean) >= limits.cell_odds:
        return None
    named = [grant for grant, part in parts.items() if part > 1]
    return Union(Detector.UNION_CELL, count, mean, tuple(sorted(named or parts)))
