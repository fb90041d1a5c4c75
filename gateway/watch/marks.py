"""Marks: what is counted of a window by a digest that tells nothing: cells of numbers, units, regions, decoys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from gateway.watch.cells import mark_of
from gateway.watch.detectors import NOTHING, Counted, Observation

_UNIT, _REGION, _DECOY, _LOCK = "unit", "region", "decoy", "lock"
Place = tuple[str, bytes]
"""A mark under an account."""


def unit_mark(key: bytes, name: bytes) -> bytes:
    """Under what confirmed subjects of a unit are counted."""
    return mark_of(key, _UNIT, name)


def region_mark(key: bytes, name: bytes) -> bytes:
    """Under what those of a region are."""
    return mark_of(key, _REGION, name)


def decoy_mark(key: bytes) -> bytes:
    """Under what all decoys are: who asks about the same one again in a window has not met another."""
    return mark_of(key, _DECOY, b"")


def lock_mark(key: bytes, account: str) -> bytes:
    """Under what an account's questions are about whose subject nothing is told any more: no other account has it."""
    return mark_of(key, _LOCK, account.encode())


class Places(msgspec.Struct, frozen=True, gc=False):
    """Under what observations are counted, by kind."""

    cells: Sequence[Place] = ()
    units: Sequence[Place] = ()
    regions: Sequence[Place] = ()
    decoys: Sequence[Place] = ()

    def all(self) -> list[Place]:
        """Of every kind."""
        return [*self.cells, *self.units, *self.regions, *self.decoys]


_NOWHERE = Places()


def places_of(key: bytes, account: str, seen: Sequence[Observation]) -> Places:
    """Every place that observations count for."""
    counted = [each for each in seen if each.cell or each.unit]
    if not counted:
        return _NOWHERE
    units = [each.unit for each in counted if each.unit]
    return Places(
        cells=[(account, each.cell) for each in counted if each.cell],
        units=[(account, unit_mark(key, each.name)) for each in units],
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

    def count(self, places: Places) -> Counted:
        """Adds these; what they have come to: of cells and of units the one with most."""
        if places is _NOWHERE:
            return NOTHING
        kinds = places.cells, places.units, places.regions, places.decoys
        return Counted(*[self._add(each) if each else 0 for each in kinds])

    def uncount(self, places: Places) -> None:
        """Takes them back."""
        for place in places.all():
            self.added[place] -= 1

    def _add(self, places: Sequence[Place]) -> int:
        known, added = self._known, self.added
        for place in places:
            added[place] = added.get(place, 0) + 1
        return max([added[place] + known.get(place, 0) for place in places])
