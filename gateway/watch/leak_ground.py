"""What a figure of a leak is worked out by, besides the grant: the thresholds in force, and how much a scope covers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gateway.deeds.applying import RULEBOOKS_ID
from gateway.deeds.document import Kind
from gateway.deeds.standing import Standing
from gateway.watch.threshold_deeds import thresholds_in
from gateway.watch.thresholds import DEFAULTS, Thresholds

WHOLE = 1000
ALL_UNITS = "all"


class Ground(NamedTuple):
    """`units` gives for each unit the one above it, and "" at the top; empty where nobody knows the tree."""

    limits: Thresholds = DEFAULTS
    units: Mapping[str, str] = {}


def ground_of(standing: Standing) -> Ground:
    """By the deeds in force. Raises `DeedError`."""
    content = standing.content(Kind.RULEBOOKS, RULEBOOKS_ID) or {}
    units = content.get("units")
    tree = {str(code): str(above) for code, above in units.items()} if isinstance(units, Mapping) else {}
    return Ground(thresholds_in(standing), tree)


def part_of_units(scope: Iterable[str], units: Mapping[str, str]) -> int:
    """How many of a thousand units lie in a scope, rounded up: those that it names and all below them."""
    named = set(scope)
    if ALL_UNITS in named:
        return WHOLE
    covered = dict.fromkeys(named & units.keys(), True)
    within = sum(_is_within(unit, units, covered) for unit in units)
    return -(-WHOLE * within // len(units)) if units else 0


def _is_within(unit: str, units: Mapping[str, str], covered: dict[str, bool]) -> bool:
    """Goes up until something is known, and remembers it for everybody on the way. A ring leads nowhere."""
    way = list[str]()
    while unit in units and unit not in covered:
        covered[unit] = False
        way.append(unit)
        unit = units[unit]
    is_covered = covered.get(unit, False)
    covered.update(dict.fromkeys(way, is_covered))
    return is_covered
