"""Marks: what is counted of a window by a digest that tells nothing: cells of numbers, units, regions, decoys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from gateway.watch.cells import mark_of
from gateway.watch.detectors import NOTHING, Counted, Observation

_UNIT, _REGION, _DECOY = "unit", "region", "decoy"


def marks_of(key: bytes, seen: Observation) -> Iterator[bytes]:
    """Every mark that an observation counts for."""
    if seen.cell is not None:
        yield seen.cell
    if seen.is_decoy and seen.is_first:
        yield decoy_mark(key)
    if seen.unit is not None:
        yield unit_mark(key, seen.unit.name)
        yield region_mark(key, seen.unit.region)


def unit_mark(key: bytes, name: bytes) -> bytes:
    """Under what confirmed subjects of a unit are counted."""
    return mark_of(key, _UNIT, name)


def region_mark(key: bytes, name: bytes) -> bytes:
    """Under what those of a region are."""
    return mark_of(key, _REGION, name)


def decoy_mark(key: bytes) -> bytes:
    """Under what all decoys are: who asks about the same one again in a window has not met another."""
    return mark_of(key, _DECOY, b"")


class Marks:
    """The counts of a window, with what the turn adds."""

    def __init__(self, key: bytes, known: Mapping[tuple[str, bytes], int]) -> None:
        self._key, self._known = key, dict(known)
        self.added: Counter[tuple[str, bytes]] = Counter()

    def forget(self, account: str) -> None:
        """What was known before the account was released does not count any more."""
        self._known = {place: count for place, count in self._known.items() if place[0] != account}

    def count(self, account: str, seen: Observation) -> Counted:
        """Adds an observation; what its marks have come to."""
        if seen.cell is None and seen.unit is None:
            return NOTHING
        cell = self._add(account, seen.cell) if seen.cell is not None else 0
        decoys = self._add(account, decoy_mark(self._key)) if seen.is_decoy and seen.is_first else 0
        if seen.unit is None:
            return Counted(in_cell=cell, decoys=decoys)
        unit = self._add(account, unit_mark(self._key, seen.unit.name))
        return Counted(cell, unit, self._add(account, region_mark(self._key, seen.unit.region)), decoys)

    def _add(self, account: str, mark: bytes) -> int:
        place = account, mark
        self.added[place] += 1
        return self.added[place] + self._known.get(place, 0)
