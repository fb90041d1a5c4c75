"""The stage of a simulation: a world, its members, and the real pipeline on what is played around it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from typing import ParamSpec, TypeVar, cast

import msgspec

from gateway.checking import WAITS, SpotChecks
from gateway.domain.comparison import Comparison as RealComparison
from gateway.domain.habit import STEP_UP
from gateway.domain.incident import Incident
from gateway.domain.reply import Refused, Reply, Request, Wants
from gateway.habits import Habits
from gateway.hearing import Hearing
from gateway.idempotency import Idempotency as RealIdempotency
from gateway.pipeline import Pipeline
from gateway.ports import DataVersion, Rights, WatchStore
from gateway.record import Recorder as RealRecorder
from gateway.sweeping import Sweep
from gateway.watch.circle import Circle
from gateway.watch.thresholds import DEFAULTS, Thresholds
from gateway.watching import Watch, Watching
from ops.simulate.asking import Asking, at
from ops.simulate.fields import GATE
from ops.simulate.granting import members_of
from ops.simulate.memory import Store
from ops.simulate.partners import HOUR_SECONDS, START
from ops.simulate.reviewer import Reviewer
from ops.simulate.rights import YearsRights
from ops.simulate.rows import CHUNK
from ops.simulate.standins import Comparison, Idempotency, Index, Link, Recorder, Seal, link_of
from ops.simulate.world import World
from policies.catalogue import load_catalogue

_P = ParamSpec("_P")
_R = TypeVar("_R")
_SIGNATURE = b"simulated"
_NEVER = 1 << 60
BLIND = Thresholds(
    alarm=inf,
    least_misses=_NEVER,
    least_outside=_NEVER,
    cell_misses=_NEVER,
    unit_odds=-inf,
    run_outs=_NEVER,
    drift_alarm=inf,
    fan_in=_NEVER,
    overlap_least=_NEVER,
    decoys=_NEVER,
    other_questions=_NEVER,
    small_values=0,
    contradictions=_NEVER,
    locks=_NEVER,
    pace_burst=_NEVER,
    habit_days=_NEVER,
    check_share=0.0,
    check_open_share=0.0,
    check_accept_share=0.0,
    questions=(_NEVER, _NEVER, _NEVER),
    bounds=_NEVER,
)
"""Thresholds that nobody crosses: what is left of the protection without a watch."""
VERSION = DataVersion("a" * 64, "g2026", START)


class BackwardsError(Exception):
    """Somebody asked before what was already asked: the order of a simulated year is broken."""


@dataclass
class DrivenClock:
    """Moves only when told."""

    moment: datetime = START

    def now(self) -> datetime:
        """See `gateway.ports.Clock`."""
        return self.moment


@dataclass
class TimedWatch(Watch):
    """The watch as it is, and the time that it takes."""

    seconds: float = 0.0

    def begin(self, hearings: Sequence[Hearing], store: WatchStore, rights: Rights, at: datetime) -> Watching:
        """See `gateway.watching.Watch`."""
        watching = self._timed(super().begin)(hearings, store, rights, at)
        for step in ("lock_questions", "look"):
            setattr(watching, step, self._timed(getattr(watching, step)))
        return watching

    def _timed(self, act: Callable[_P, _R]) -> Callable[_P, _R]:
        def act_timed(*given: _P.args, **named: _P.kwargs) -> _R:
            start = time.perf_counter()
            try:
                return act(*given, **named)
            finally:
                self.seconds += time.perf_counter() - start

        return act_timed


@dataclass
class Stage:
    """Everything that has a state in a simulation; forking the process is a snapshot of it."""

    world: World
    gate: bool = False
    """Whether a question must name the person, as the product asks. Without it a guessed number is a hit."""
    limits: Thresholds = DEFAULTS
    broken: Counter[str] = field(default_factory=Counter[str])
    """What the pipeline said it broke on: nothing, in a simulation that is to be believed."""
    suspects: frozenset[str] = frozenset()
    """Grants that officers do not let go on."""
    key: bytes = field(default=b"k" * 32, repr=False)
    """What the watch draws by."""
    link: Link = link_of
    """Makes the long-lived name of a subject."""
    turn: int = CHUNK
    """How many records are taken together: one, where they come as over HTTP."""
    spots: float = 1.0
    """The share of forged documents that whoever looks at them takes for forged."""
    stepped_up: int = 0
    """How many requests had to be signed because they came from another network or at another hour than usual."""
    seconds: float = 0.0
    """Spent inside the pipeline, on a core that may be shared."""
    answered: int = 0

    def __post_init__(self) -> None:
        gate = (GATE,) if self.gate else ()
        self.members = members_of(self.world, gate=self.gate)
        self.asking = Asking(self.world, self.members, gate=self.gate)
        self.reviewer = Reviewer(self.key, self.spots)
        self.clock, self.store, self.recorder = DrivenClock(), Store(), Recorder()
        self.rights = YearsRights(self.world, self.members, self.store, self.link)
        self.seal = Seal(self.world, self.rights.scopes(), self.link)
        self.watch = TimedWatch(key=self.key, catalogue=load_catalogue(), limits=self.limits)
        self.sweep, self._hour, self.sweep_seconds = Sweep(self.key, self.limits, Circle(1, timedelta(days=1))), 0, 0.0
        index = Index(self.world, VERSION, self.link)
        self.sweep.know(VERSION.generation, index.units())
        self.pipeline = Pipeline(
            clock=self.clock,
            store=self.store,
            rights=self.rights,
            seal=self.seal,
            index=index,
            comparisons={"person": cast("RealComparison", Comparison(gate))},
            watch=self.watch,
            spot_checks=SpotChecks(self.key, self.limits),
            habits=Habits(self.key, self.limits),
            recorder=cast("RealRecorder", self.recorder),
            idempotency=cast("RealIdempotency", Idempotency()),
            broke=self._broke,
        )

    def begin(self, day: int) -> None:
        """A morning: what changes of the rights, and whom officers let go on because it was no attack."""
        grants = {incident.number: incident.finding.grant for incident in self.incidents()}
        for target, stop in list(self.store.watch.stops.items()):
            if grants[stop.incident] not in self.suspects:
                self.store.release(target)
        self.reviewer.judge(self.store, self.clock.moment)
        self.rights.begin(day)
        self.seal.scopes = self.rights.scopes()

    def ask(self, second: int, requests: Sequence[Request], forged: Set[int] = frozenset()) -> list[Reply]:
        """The replies to what is asked together, so many seconds after the beginning of the year.

        Whoever is asked to sign does so at once; so does an attacker, who may well sit in the very office. Whoever is
        asked for a document names one at once and asks again; `forged` are the places of who has none.
        """
        moment = at(second)
        if moment < self.clock.moment:
            raise BackwardsError(f"asked {self.clock.moment - moment} before what was asked last")
        self._sweep(second // HOUR_SECONDS)
        self.clock.moment = moment
        self.answered += len(requests)
        replies, requests = self._signed(requests)
        waiting = self.reviewer.file(self.store, replies, forged)
        for place, reply in zip(waiting, self._answer([requests[place] for place in waiting]), strict=True):
            replies[place] = reply
        self.recorder.causes = Counter(
            {each: times for each, times in self.recorder.causes.items() if each[2] not in {WAITS, STEP_UP}}
        )
        return replies

    def _signed(self, requests: Sequence[Request]) -> tuple[list[Reply], Sequence[Request]]:
        """The replies to what is asked, signed where that is wanted, and the requests as they were asked last."""
        replies = self._answer(requests)
        if not any(isinstance(each, Refused) and each.wants is Wants.SIGNATURE for each in replies):
            return replies, requests
        self.stepped_up += len(requests)
        signed = [msgspec.structs.replace(each, caller=replace(each.caller, signature=_SIGNATURE)) for each in requests]
        return self._answer(signed), signed

    def _sweep(self, hour: int) -> None:
        """Once an hour in which something was asked: the product sweeps several times a minute."""
        if hour == self._hour:
            return
        self._hour = hour
        start = time.perf_counter()
        with self.store.begin() as work:
            self.sweep.run(work, self.rights.load(), self.clock.moment, lambda drafts: range(len(drafts)))
            work.commit()
        self.sweep_seconds += time.perf_counter() - start

    def _answer(self, requests: Sequence[Request]) -> list[Reply]:
        if not requests:
            return []
        start = time.perf_counter()
        turns = [requests[first : first + self.turn] for first in range(0, len(requests), self.turn)]
        replies = [reply for turn in turns for reply in self.pipeline.answer(turn)]
        self.seconds += time.perf_counter() - start
        return replies

    def causes(self) -> Counter[tuple[str, str, str]]:
        """What was refused since this was asked last: by grant, reason and inner cause."""
        taken, self.recorder.causes = self.recorder.causes, Counter()
        return taken

    def locked(self) -> Counter[tuple[str, bytes]]:
        """Where too much had been asked, since this was asked last: by grant and link."""
        taken, self.recorder.locked = self.recorder.locked, Counter()
        return taken

    def incidents(self) -> Sequence[Incident]:
        """What the watch found."""
        return self.store.watch.incidents

    def _broke(self, count: int, what: str) -> None:
        self.broken[what] += count
