"""Marks: what is counted of a window by a digest that tells nothing: cells of numbers, units, regions, decoys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from gateway.ports import UnitFact
from gateway.watch.cells import mark_of
from gateway.watch.detectors import NOTHING, Counted, Observation

_UNIT, _REGION, _DECOY, _LOCK = "unit", "region", "decoy", "lock"
Place = tuple[str, bytes]
"""A mark under an account."""


def unit_mark(key: bytes, unit: UnitFact) -> bytes:
    """Under what confirmed subjects of a unit are counted; elsewhere in the register it is another one, and begins
    anew as its region does.
    """
    return mark_of(key, _UNIT, unit.name + unit.region)


def region_mark(key: bytes, name: bytes) -> bytes:
    """Under what those of a region are."""
    return mark_of(key, _REGION, name)


def decoy_mark(key: bytes) -> bytes:
    """Under what all decoys are: who asks about the same one again in a window has not met another."""
    return mark_of(key, _DECOY, b"")


def lock_mark(key: bytes, account: str) -> bytes:
    """Under what an account's questions are about whose subject nothing is told any more: no other account has it."""
    return mark_of(key, _LOCK, account.encode())


class Column(msgspec.Struct, frozen=True, gc=False):
    """Observations under one account, in order, and where they are counted, by kind."""

    seen: Sequence[Observation]
    cells: Sequence[Place] = ()
    units: Sequence[Place] = ()
    regions: Sequence[Place] = ()
    decoys: Sequence[Place] = ()

    def places(self) -> list[Place]:
        """Of every kind."""
        return [*self.cells, *self.units, *self.regions, *self.decoys]


def column_of(key: bytes, account: str, seen: Sequence[Observation]) -> Column:
    """Every observation and place."""
    counted = [each for each in seen if each.cell or each.unit]
    if not counted:
        return Column(seen)
    units = [each.unit for each in counted if each.unit]
    return Column(
        seen,
        cells=[(account, each.cell) for each in counted if each.cell],
        units=[(account, unit_mark(key, each)) for each in units],
        regions=[(account, region_mark(key, each.region)) for each in units],
        decoys=[(account, decoy_mark(key)) for each in counted if each.is_decoy],
    )


class Marks:
    """The counts of a window, with what the turn adds."""

    def __init__(self, known: Mapping[Place, int]) -> None:
        self._known = dict(known)
        self.added: dict[Place, int] = {}

    def forget(self, account: str) -> None:
        """What was known before the account was released does not count any more."""
        self._known = {place: count for place, count in self._known.items() if place[0] != account}

    def count(self, column: Column) -> Counted:
        """Adds these; what they have come to: of cells and of units the one with most."""
        if not (column.cells or column.units or column.decoys):
            return NOTHING
        kinds = column.cells, column.units, column.regions, column.decoys
        return Counted(*[self._add(each) if each else 0 for each in kinds])

    def uncount(self, column: Column) -> None:
        """Takes them back."""
        for place in column.places():
            self.added[place] -= 1

    def _add(self, places: Sequence[Place]) -> int:
        known, added, most = self._known, self.added, 0
        for place in places:
            now = added[place] = added.get(place, 0) + 1
            now += known.get(place, 0)
            if now > most:  # noqa: PLR1730 - a call for each of a hundred costs more than all the rest
                most = now
        return most
