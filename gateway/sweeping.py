"""The sweep: looks beside the line at what un-scoped grants did together; stops those whose part was no accident.

It reads what turns have counted, so nothing is counted twice, and runs as often as its caller likes. Of two nodes that
sweep at once the second finds what the first has stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from gateway.domain.budget import DAYS
from gateway.domain.exemption import Exemption
from gateway.domain.grant import Grant, GrantClass, local_day
from gateway.domain.incident import Action, Finding, Incident, Level, Principal
from gateway.domain.standing import NEW
from gateway.ports import Rights, UnitFact, Work
from gateway.watch.profile import expects_hits
from gateway.watch.stopping import Note, incident_of, stop
from gateway.watch.threshold_deeds import in_force
from gateway.watch.thresholds import DEFAULTS, Thresholds
from gateway.watch.unions import Marked, Union, marked, unions


@dataclass
class Sweep:
    """Sweeps. `key` is that of the watch, whose marks it reads."""

    key: bytes = field(repr=False)
    limits: Thresholds = DEFAULTS
    _units: dict[bytes, Marked] = field(default_factory=dict[bytes, Marked])
    _generation: str = ""

    def know(self, generation: str, units: Iterable[UnitFact]) -> None:
        """Learns the units of a generation, unless it knows them."""
        if generation != self._generation:
            self._units, self._generation = marked(self.key, units), generation

    def run(self, work: Work, rights: Rights, at: datetime, note: Note) -> list[Incident]:
        """What was found and stopped in this transaction. `rights` must be those of its control epoch."""
        grants = {each.number: each for each in rights.grants.values() if _counts(each)}
        stopped = {each for each in grants if f"grant.{each}" in rights.frozen | rights.held}
        if len(grants) < 2:
            return []
        self.limits = in_force(rights.thresholds, self.limits)
        day, known = local_day(at).toordinal(), work.watch.standings(sorted(grants), local_day(at).toordinal())
        # Who was released and has not asked since begins anew: what stands there does not count any more.
        numbers = [each for each in sorted(grants) if each in stopped or not known.get(each, NEW).stopped]
        shares = work.watch.shares(numbers, day, day - DAYS + 1)
        misses = sum(known[each].misses for each in numbers if each in known)
        found = dict[str, Incident]()
        for union in unions(shares, self._units, misses, self.limits):
            spared = {each for each in union.grants if _is_spared(union, rights.exempt.get(each), at)}
            for number in (each for each in union.grants if each not in spared | stopped):
                found.setdefault(number, self._incident(union, grants[number], rights.epoch, at))
        return stop(work, list(found.values()), note, grants)

    def _incident(self, union: Union, grant: Grant, epoch: int, at: datetime) -> Incident:
        finding = Finding(
            detector=union.detector,
            action=Action.HOLD,
            principal=Principal(Level.PATTERN, grant.number),
            partner=grant.partner,
            grant=grant.number,
            observed=round(union.observed, 3),
            expected=round(union.expected, 6),
            days=DAYS,
            at=at,
        )
        others = tuple(each for each in union.grants if each != grant.number)
        return replace(incident_of(self.key, finding, epoch, ()), others=others)


def _is_spared(union: Union, exemption: Exemption | None, at: datetime) -> bool:
    """Whether two officers excepted a grant from this for a time."""
    return exemption is not None and exemption.spares(union.detector, union.observed, at)


def _counts(grant: Grant) -> bool:
    """Whether what a grant does counts together with others: only need bounds it. What is stopped has done its part."""
    return grant.grant_class is GrantClass.OPEN and expects_hits(grant)
