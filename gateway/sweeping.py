"""The sweep: looks beside the line at what no single turn can see; stops those whose part was no accident.

It reads what turns have counted, so nothing is counted twice, and runs as often as its caller likes. Of two nodes that
sweep at once the second finds what the first has done: one waits for the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from gateway.domain.grant import local_day
from gateway.domain.incident import Action, Incident
from gateway.domain.standing import Kept
from gateway.ports import Index, Rights, UnitFact, Work
from gateway.watch.accounts import purpose_account
from gateway.watch.circle import Circle
from gateway.watch.joining import joined
from gateway.watch.noticing import noticed
from gateway.watch.outcomes import Outcomes
from gateway.watch.paces import Paces
from gateway.watch.rounds import Look, Round, counts
from gateway.watch.stopping import Note, stop
from gateway.watch.subjects import Subjects
from gateway.watch.threshold_deeds import in_force
from gateway.watch.thresholds import DEFAULTS, Thresholds
from gateway.watch.uniting import Unions


@dataclass
class Sweep:
    """Sweeps. `key` is that of the watch."""

    key: bytes = field(repr=False)
    limits: Thresholds = DEFAULTS
    circle: Circle = field(default_factory=Circle)
    """How it goes round all subjects."""
    _generation: str = ""

    def __post_init__(self) -> None:
        self._unions, self._subjects = Unions(self.key), Subjects(self.key, self.circle)
        self._outcomes = Outcomes()
        self._looks: Sequence[Look] = (self._unions, Paces(), self._outcomes, self._subjects)

    def know(self, generation: str, units: Iterable[UnitFact]) -> None:
        """Learns the units of a generation, unless it knows them."""
        if generation != self._generation:
            known = list(units)
            self._unions.know(known)
            self._subjects.know(known)
            self._generation = generation

    def follow(self, index: Index) -> None:
        """Asks this generation what became of people."""
        self._outcomes.index = index

    def run(self, work: Work, rights: Rights, at: datetime, note: Note) -> list[Incident]:
        """What was found and stopped in this transaction, which must be committed also where that is nothing.

        At another control epoch than that of `rights` nothing is looked at: the next sweep has newer ones.
        """
        work.sweeps.claim()
        if work.epoch() != rights.epoch:
            return []
        now = self._round(work, rights, at)
        found = [each for look in self._looks for each in look.look(now)]
        stopping = dict[str, Incident]()
        for each in found:
            if each.finding.action >= Action.HOLD:
                stopping.setdefault(each.finding.grant, self._whole(each))
        # In the order of turns, so that nobody waits in a ring: grants, the control epoch, the ledger's head.
        work.budgets.lock(sorted(stopping), now.day)
        _step_up(now, found)
        stopped = stop(work, list(stopping.values()), note, now.grants)
        return [*stopped, *_notice(work, [each for each in found if each.finding.action < Action.HOLD], note)]

    def _whole(self, incident: Incident) -> Incident:
        """Names also those who ask about the same people as somebody who is stopped."""
        others = {*incident.others, *self._subjects.near(incident.finding.grant)}
        return replace(incident, others=tuple(sorted(others)))

    def _round(self, work: Work, rights: Rights, at: datetime) -> Round:
        grants = {each.number: each for each in rights.grants.values() if counts(each)}
        lying = rights.frozen | rights.held
        self.limits = in_force(rights.thresholds, self.limits)
        return Round(
            key=self.key,
            limits=self.limits,
            work=work,
            rights=rights,
            at=at,
            grants=grants,
            stopped={each for each in grants if f"grant.{each}" in lying},
        )


def _step_up(now: Round, found: Sequence[Incident]) -> None:
    """Of their purposes more documents are asked for from now on."""
    grants = [now.rights.grants[each.finding.grant] for each in found if each.finding.action is Action.STEP_UP]
    if grants:
        purposes = {purpose_account(each.partner, each.purpose) for each in grants}
        now.work.sweeps.raise_checks(sorted(purposes), now.day)


def _notice(work: Work, found: Sequence[Incident], note: Note) -> list[Incident]:
    """Keeps incidents that stop nothing, each joined to that of its last seven days, and tells the ledger."""
    if not found:
        return []
    incidents = [joined(work.watch, each) for each in found]
    day = local_day(found[0].finding.at).toordinal()
    work.watch.keep(Kept(day=day, scores={}, counts={}, cells={}, questions={}, incidents=incidents))
    note([noticed(each) for each in incidents])
    return incidents
