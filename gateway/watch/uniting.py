"""Looks at what grants did together in one unit or one cell, with counts of marks that turns keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.domain.budget import DAYS
from gateway.domain.incident import Action, Incident, Level
from gateway.domain.standing import NEW
from gateway.ports import UnitFact
from gateway.watch.detectors import Trip
from gateway.watch.rounds import Round
from gateway.watch.unions import Marked, Union, marked, unions


@dataclass
class Unions:
    """`key` is that of the watch, whose marks it reads."""

    key: bytes = field(repr=False)
    _units: dict[bytes, Marked] = field(default_factory=dict[bytes, Marked])

    def know(self, units: Iterable[UnitFact]) -> None:
        """Learns the units of a generation."""
        self._units = marked(self.key, units)

    def look(self, now: Round) -> list[Incident]:
        """See `gateway.watch.rounds.Look`."""
        known = now.work.watch.standings(sorted(now.grants), now.day)
        # Who was released and has not asked since begins anew: what stands there does not count any more.
        numbers = [each for each in sorted(now.grants) if each in now.stopped or not known.get(each, NEW).stopped]
        shares = now.work.watch.shares(numbers, now.day, now.day - DAYS + 1)
        misses = sum(known[each].misses for each in numbers if each in known)
        found = unions(shares, self._units, misses, now.limits)
        return [each for union in found for each in united(union, now)]


def united(union: Union, now: Round) -> Iterator[Incident]:
    """The incidents of those whose part was no accident, each naming the others."""
    trip = Trip(union.detector, Action.HOLD, union.observed, union.expected)
    for number in union.grants:
        if number not in now.stopped and not now.is_spared(number, trip):
            others = tuple(each for each in union.grants if each != number)
            yield now.incident(now.grants[number], trip, Level.PATTERN, others)
