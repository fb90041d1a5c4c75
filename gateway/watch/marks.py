"""Marks: what is counted of a window by a digest that tells nothing: cells of numbers, units, regions, decoys."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.watch.cells import mark_of
from gateway.watch.detectors import NOTHING, Counted, Observation

_UNIT, _REGION, _DECOY, _LOCK = "unit", "region", "decoy", "lock"


def marks_of(key: bytes, seen: Observation) -> list[bytes]:
    """Every mark that an observation counts for."""
    if seen.unit is not None:
        return [unit_mark(key, seen.unit.name), region_mark(key, seen.unit.region)]
    if seen.cell is None:
        return []
    return [seen.cell, decoy_mark(key)] if seen.is_decoy else [seen.cell]


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


class Marks:
    """The counts of a window, with what the turn adds."""

    def __init__(self, key: bytes, known: Mapping[tuple[str, bytes], int]) -> None:
        self._key, self._known = key, dict(known)
        self.added: dict[tuple[str, bytes], int] = {}

    def forget(self, account: str) -> None:
        """What was known before the account was released does not count any more."""
        self._known = {place: count for place, count in self._known.items() if place[0] != account}

    def count(self, account: str, seen: Observation) -> Counted:
        """Adds an observation; what its marks have come to."""
        counts = [self._add(account, mark) for mark in marks_of(self._key, seen)]
        if not counts:
            return NOTHING
        if seen.unit is not None:
            return Counted(in_unit=counts[0], in_region=counts[1])
        return Counted(in_cell=counts[0], decoys=counts[1] if seen.is_decoy else 0)

    def _add(self, account: str, mark: bytes) -> int:
        place = account, mark
        added = self.added[place] = self.added.get(place, 0) + 1
        return added + self._known.get(place, 0)
