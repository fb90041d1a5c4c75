"""Runs seeds: an honest year each, and at chosen mornings a child process for every attack, from the state as it is.

A child is a fork, so a snapshot costs nothing and cannot differ from the original. It sends its result by a pipe.
"""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Protocol

import msgspec

from gateway.watch.thresholds import DEFAULTS, Thresholds
from ops.simulate.alarms import FalseAlarm, false_alarms
from ops.simulate.attacks import ATTACKS, PUBLISHED
from ops.simulate.partners import DAYS
from ops.simulate.replay import Assault, Honest, Honesty, assail, live
from ops.simulate.stage import Stage
from ops.simulate.world import ORGANISATIONS, PERSONS, build

FIRST_SEED = 100
SNAPSHOTS = (0.283, 0.341, 0.398)
"""When attacks begin, in parts of the year: mornings of three Tuesdays of a whole one."""
CHILDREN = 2


class SimulationError(Exception):
    """The simulation could not be run to its end; the message says where."""


class Hears(Protocol):
    """Told of attacks."""

    def attacked(self, assault: Assault) -> None:
        """One has ended."""
        ...


class Told(Hears, Protocol):
    """Told how far a simulation is."""

    def day(self, seed: int, day: int) -> None:
        """A day of the honest year is over."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is simulated."""

    seeds: int = 5
    first_seed: int = FIRST_SEED
    persons: int = PERSONS
    days: int = DAYS
    attacks: tuple[str, ...] = PUBLISHED
    repeats: int = 1
    """How often each attack is run on each seed, with other luck."""
    gate: bool = False
    near: bool = True
    limits: Thresholds = DEFAULTS
    spots: float = 1.0
    """The share of forged documents that the office takes for forged."""
    children: int = CHILDREN

    @property
    def organisations(self) -> int:
        """As many as the published world has, in proportion."""
        return max(60, ORGANISATIONS * self.persons // PERSONS)

    def begins(self, nth: int, seed: int, again: int = 0) -> int:
        """The day on which an attack begins: another for each seed and each time in turn."""
        return int(SNAPSHOTS[(nth + seed + again) % len(SNAPSHOTS)] * self.days)

    def beginning(self, seed: int, day: int) -> list[tuple[int, int]]:
        """The attacks that begin on a day, each by its place in the suite and for which time."""
        wanted = [nth for nth, name in enumerate(ATTACKS) if name in self.attacks]
        times = [(nth, again) for nth in wanted for again in range(self.repeats)]
        return [(nth, again) for nth, again in times if self.begins(nth, seed, again) == day]


@dataclass(frozen=True)
class SeedRun:
    """What came of one seed."""

    seed: int
    honest: Honest
    assaults: Sequence[Assault]
    alarms: Sequence[FalseAlarm]
    documents: int
    """How many honest answers waited for one."""
    records: int
    seconds: float
    """Processor time spent inside the pipeline for the honest records."""
    watch_seconds: float
    """Of it, what the watch took."""
    stepped_up: int = 0
    """How many honest records had to be signed first: from another network, or at another hour than usual."""


@dataclass
class Children:
    """At most so many at a time."""

    most: int
    told: Hears
    assaults: list[Assault] = field(default_factory=list[Assault])
    _pipes: list[Connection] = field(default_factory=list[Connection])

    def start(self, attack: Callable[[], Assault]) -> None:
        """Starts one, when there is room for it."""
        while len(self._pipes) >= self.most:
            self._collect()
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        context.Process(target=_send, args=(theirs, attack), daemon=True).start()
        theirs.close()
        self._pipes.append(ours)

    def finish(self) -> list[Assault]:
        """Waits for all of them."""
        while self._pipes:
            self._collect()
        return self.assaults

    def _collect(self) -> None:
        for pipe in wait(self._pipes):
            assert isinstance(pipe, Connection)
            self._pipes.remove(pipe)
            try:
                sent = pipe.recv_bytes()
            except EOFError:
                raise SimulationError("an attack broke off; run it alone with --attack to see why") from None
            self.assaults.append(msgspec.json.decode(sent, type=Assault))
            self.told.attacked(self.assaults[-1])


@dataclass
class _Clock:
    """How much of the time on the wall this process had a core. Asked once a day: it costs more than a turn takes."""

    cpu: float = 0.0
    wall: float = 0.0

    def __enter__(self) -> None:
        self.cpu -= time.thread_time()
        self.wall -= time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.cpu += time.thread_time()
        self.wall += time.perf_counter()

    @property
    def share(self) -> float:
        return self.cpu / self.wall


def simulate(settings: Settings, told: Told) -> list[SeedRun]:
    """All seeds, one after the other. Raises `SimulationError`."""
    return [_seed(settings, settings.first_seed + nth, told) for nth in range(settings.seeds)]


def _seed(settings: Settings, seed: int, told: Told) -> SeedRun:
    world = build(seed, settings.persons, settings.organisations)
    stage = Stage(world, gate=settings.gate, limits=settings.limits, spots=settings.spots)
    honesty, children, clock = Honesty(stage, stage.members), Children(settings.children, told), _Clock()
    for day in range(settings.days):
        for nth, again in settings.beginning(seed, day):
            children.start(_attack(stage, settings, (nth, again), day))
        with clock:
            live(stage, honesty, day, day + 1)
        told.day(seed, day)
    if stage.broken:
        raise SimulationError(f"the pipeline broke on honest records: {dict(stage.broken)}")
    ordered = sorted(children.finish(), key=lambda each: list(ATTACKS).index(each.attack))
    seconds, watch_seconds = stage.seconds * clock.share, stage.watch.seconds * clock.share
    alarms = false_alarms(seed, stage.store.watch.incidents, stage.members)
    documents = stage.reviewer.asked
    costs = stage.answered, seconds, watch_seconds
    return SeedRun(seed, honesty.seen, ordered, alarms, documents, *costs, stage.stepped_up)


def _attack(stage: Stage, settings: Settings, luck: tuple[int, int], day: int) -> Callable[[], Assault]:
    attack = list(ATTACKS.values())[luck[0]]
    return lambda: assail(stage, attack, luck, day, settings.days, near=settings.near)


def _send(pipe: Connection, attack: Callable[[], Assault]) -> None:
    # What was there at the fork is shared with the parent as long as nobody counts it.
    gc.freeze()
    pipe.send_bytes(msgspec.json.encode(attack()))
    pipe.close()
