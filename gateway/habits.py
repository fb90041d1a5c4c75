"""Habits within a turn: a network never seen, or an hour far from all usual ones, asks for a fresh proof (二次验证).

For a system that is a signed request (RFC 9421): its token and certificate may lie on a stolen machine, its signing key
should lie elsewhere. Unsigned, nobody is looked up. Signed, it is answered, and what was new is known from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from msgspec.structs import replace

from gateway.domain.caller import Caller
from gateway.domain.grant import SHANGHAI, Grant
from gateway.domain.habit import STEP_UP, Habit, network_of, slot_of
from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal
from gateway.domain.reply import Wants
from gateway.domain.standing import Kept
from gateway.hearing import Hearing
from gateway.ports import Rights, Work
from gateway.watch.accounts import habit_account
from gateway.watch.cells import mark_of
from gateway.watch.joining import join, recent
from gateway.watch.stopping import incident_of
from gateway.watch.threshold_deeds import in_force
from gateway.watch.thresholds import DEFAULTS, Thresholds
from policies.decision import Reason

_NETWORK: Final = "network"
Place = tuple[str, str, str]
"""A system, a grant, and the address it asks from."""


class _Met(NamedTuple):
    """A request that is not known to be usual, and what its habit is kept under."""

    hearing: Hearing
    grant: Grant
    account: str
    mark: bytes
    """Of its network."""

    @property
    def place(self) -> Place:
        return _place(self.hearing.request.caller, self.grant)

    @property
    def is_signed(self) -> bool:
        return self.hearing.request.caller.signature is not None


@dataclass
class Habits:
    """Learns, and asks for proofs. `key` makes marks of networks; nobody who reads the database has it.

    What was found to be usual in this hour is remembered, so that an ordinary turn asks the store nothing.
    """

    key: bytes = field(repr=False)
    limits: Thresholds = DEFAULTS
    slot: int = -1
    """The hour of the last turn."""
    _usual: set[Place] = field(default_factory=set[Place])
    _epoch: int = -1

    def look(self, hearings: Sequence[Hearing], work: Work, rights: Rights, at: datetime) -> list[Incident]:
        """Refuses what is new and unsigned; what is to be told of it. The turn holds the grants."""
        local = at.astimezone(SHANGHAI)
        slot = slot_of(local.hour, is_working=rights.working.is_working(local.date()))
        if slot != self.slot:
            self._usual, self.slot = set(), slot
        heard = {id(each.granted): (each, each.granted.grant) for each in hearings if each.granted}
        met = [
            self._met(*each) for each in heard.values() if _place(each[0].request.caller, each[1]) not in self._usual
        ]
        if not met:
            return []
        if rights.epoch != self._epoch:
            self.limits, self._epoch = in_force(rights.thresholds, self.limits), rights.epoch
        turn = _Turn(self, met, work, rights, at)
        self._usual |= turn.usual
        turn.refuse(hearings)
        return turn.keep()

    def _met(self, hearing: Hearing, grant: Grant) -> _Met:
        caller = hearing.request.caller
        mark = mark_of(self.key, _NETWORK, network_of(caller.address).encode())
        return _Met(hearing, grant, habit_account(caller.client_id, grant.number), mark)


def _place(caller: Caller, grant: Grant) -> Place:
    return caller.client_id, grant.number, caller.address


class _Turn:
    """What a turn meets that is not known to be usual."""

    def __init__(self, habits: Habits, met: Sequence[_Met], work: Work, rights: Rights, at: datetime) -> None:
        self._habits, self._store, self._watch = habits, work.habits, work.watch
        self._rights, self._at, self._slot = rights, at, habits.slot
        self._day = at.astimezone(SHANGHAI).toordinal()
        self._known = dict(self._store.habits(sorted({each.account for each in met})))
        self._networks = set(self._store.networks(sorted({(each.account, each.mark) for each in met})))
        self._learned: dict[str, Habit] = {}
        self._new: list[tuple[str, bytes]] = []
        self._found: dict[tuple[str, Detector], Incident] = {}
        self._changed: dict[tuple[str, Detector], Incident] = {}
        self._told: list[Incident] = []
        self._refused: dict[int, str] = {}
        self.usual: set[Place] = set()
        """What the store knows already: whatever this turn adds may yet be rolled back."""
        for each in met:
            self._take(each)

    def refuse(self, hearings: Sequence[Hearing]) -> None:
        """Those that should have been signed: all that share the right of one that was met."""
        for hearing in hearings if self._refused else ():
            if number := self._refused.get(id(hearing.granted)):
                hearing.withhold(Reason.HELD, STEP_UP, number, Wants.SIGNATURE)

    def keep(self) -> list[Incident]:
        """Writes what was learned and met; what the ledger is to be told."""
        if self._learned or self._new:
            self._store.learn(self._learned, self._new, self._day)
        if self._changed:
            met = list(self._changed.values())
            self._watch.keep(Kept(day=self._day, scores={}, counts={}, cells={}, questions={}, incidents=met))
        return self._told

    def _take(self, met: _Met) -> None:
        habit = self._known.get(met.account)
        if habit is None or habit.is_learning(self._day, self._habits.limits.habit_days):
            self._learn(met, habit or Habit(self._day), hour=True, network=True)
            return
        strange = list(self._strange(met, habit))
        numbers = [self._notice(met, each) for each in strange if not self._is_spared(each)]
        if numbers and not met.is_signed:
            self._refused[id(met.hearing.granted)] = numbers[0]
            return
        found = {each.detector for each in strange}
        self._learn(met, habit, hour=Detector.OFF_HOURS in found, network=Detector.NEW_NETWORK in found)

    def _learn(self, met: _Met, habit: Habit, *, hour: bool, network: bool) -> None:
        """What is new belongs to the habit from now on; where nothing is, the request is usual."""
        place = met.account, met.mark
        is_new = network and place not in self._networks
        if is_new:
            self._networks.add(place)
            self._new.append(place)
        grown = Habit(habit.since, habit.hours | hour << self._slot, habit.networks + is_new)
        if grown != self._known.get(met.account):
            self._known[met.account] = self._learned[met.account] = grown
        elif met.account not in self._learned:
            self.usual.add(met.place)

    def _strange(self, met: _Met, habit: Habit) -> Iterator[Finding]:
        """What is new about a request."""
        if (met.account, met.mark) not in self._networks:
            yield self._finding(met, habit, Detector.NEW_NETWORK, (habit.networks + 1, habit.networks))
        if not habit.is_near(self._slot, self._habits.limits.habit_hours):
            yield self._finding(met, habit, Detector.OFF_HOURS, (self._slot, habit.hours.bit_count()))

    def _finding(self, met: _Met, habit: Habit, detector: Detector, figures: tuple[int, int]) -> Finding:
        return Finding(
            detector=detector,
            action=Action.RECORD if met.is_signed else Action.STEP_UP,
            principal=Principal(Level.GRANT, met.grant.number),
            partner=met.grant.partner,
            grant=met.grant.number,
            observed=figures[0],
            expected=figures[1],
            days=max(1, self._day - habit.since),
            at=self._at,
        )

    def _is_spared(self, finding: Finding) -> bool:
        """Whether two officers excepted the grant from this for a time: then it learns again."""
        exemption = self._rights.exempt.get(finding.grant)
        return exemption is not None and exemption.spares(finding.detector, finding.observed, self._at)

    def _notice(self, met: _Met, finding: Finding) -> str:
        """The number of the incident: one in seven days, which is told anew where it stops more than before."""
        name, caller = (finding.grant, finding.detector), met.hearing.request.caller
        made = incident_of(self._habits.key, finding, self._rights.epoch, ())
        new = replace(made, client=caller.client_id, network=caller.network)
        known = self._found.get(name) or recent(self._watch, new)
        if known is None:
            self._told.append(new)
        if known is None or known.finding.action < finding.action:
            known = self._changed[name] = join(known, new) if known else new
        self._found[name] = known
        return known.number
