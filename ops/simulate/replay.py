"""Drives the stage through a year, and an attack through what is left of it; counts what was answered and refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np

from gateway.domain.incident import Action
from ops.simulate.asking import Heard, heard, refusals
from ops.simulate.attacks import Attack
from ops.simulate.moves import OUT, Move, Moves, Plan, Scene
from ops.simulate.partners import DAY_SECONDS, DAYS, Kind, Member, day_of
from ops.simulate.rows import Chunk, chunks_of
from ops.simulate.staged import Staged
from ops.simulate.year import Year

LOCKED = "locked"
"""What checks an attacker who asked too much of one person: it is told what somebody is told who asks about nobody."""


class Learned(msgspec.Struct, frozen=True):
    """What an attacker had by some moment."""

    queries: int
    days: float
    persons: int
    attributes: int
    by: str = ""
    """What refused it then."""


class Assault(msgspec.Struct, frozen=True):
    """How one attack went on one seed."""

    attack: str
    seed: int
    checked: Learned | None
    """When it was first refused, or met a lock; None when it never was."""
    end: Learned
    stopped: bool
    """Whether every credential it used was held or frozen, or it learned nothing more once people were locked."""
    named: int
    """How many of its credentials stand in an incident, and of how many."""
    credentials: int
    refused: dict[str, int]
    """How many of its questions were refused, by reason and inner cause."""


class Refusing(NamedTuple):
    """Honest records that were not answered."""

    day: int
    member: int
    kind: Kind
    reason: str
    cause: str


@dataclass
class Honest:
    """What became of honest records, by kind of partner."""

    records: Counter[Kind] = field(default_factory=Counter[Kind])
    refused: Counter[Refusing] = field(default_factory=Counter[Refusing])
    locked: dict[Kind, set[tuple[str, bytes]]] = field(default_factory=lambda: {kind: set() for kind in Kind})
    """Of whom a grant had asked too much, by the grant and the subject."""

    def of(self, kind: Kind) -> dict[Refusing, int]:
        """What partners of a kind were refused."""
        return {key: times for key, times in self.refused.items() if key.kind is kind}


class Honesty:
    """Puts the honest records of some members, in time order."""

    def __init__(self, stage: Staged, members: Sequence[Member]) -> None:
        self._stage = stage
        self._year = Year(stage.world, members)
        self.seen = Honest()

    def chunks(self, first: int, last: int) -> Iterator[tuple[int, Chunk]]:
        """All chunks of these days, the last left out, with their second of the year; begins each day."""
        for day in range(first, last):
            self._stage.begin(day)
            rows = self._year.day(day)
            for chunk in chunks_of(rows) if rows else ():
                yield day * DAY_SECONDS + chunk.second, chunk

    def put(self, second: int, chunk: Chunk) -> None:
        """Asks, and counts what was refused."""
        member = self._stage.members[int(chunk.rows.members[0])]
        replies = self._stage.ask(second, self._stage.asking.honest(chunk))
        self.seen.records[member.kind] += len(replies)
        if refusals(replies):
            self._count(day_of(second), member)
        if locked := self._stage.locked():
            self.seen.locked[member.kind].update(locked)

    def _count(self, day: int, member: Member) -> None:
        for (_, reason, cause), times in self._stage.causes().items():
            self.seen.refused[Refusing(day, member.place, member.kind, reason, cause)] += times


def live(stage: Staged, honesty: Honesty, first: int, last: int) -> None:
    """Honest days without anybody else."""
    for second, chunk in honesty.chunks(first, last):
        honesty.put(second, chunk)


def assail(
    stage: Staged, attack: Attack, luck: Sequence[int], first: int, last: int = DAYS, *, near: bool = True
) -> Assault:
    """An attack from the morning of a day on, among the honest records, until it is stopped or ends or the year does.

    It draws from the seed of the world and from `luck`, so that one world is attacked in many ways.
    With `near`, of the others only those take part whom a detector may count together with the attacker's grants.
    """
    start = first * DAY_SECONDS + 9 * 3600
    rng = np.random.default_rng([stage.world.seed, 4, *luck])
    plan = attack.plan(Scene(stage.world, stage.members, rng, start))
    stage.suspects = frozenset(member.grant.number for member in plan.members)
    honesty = Honesty(stage, _around(stage.members, plan, near=near))
    attacker = _Attacker(stage, plan, start)
    chunks = honesty.chunks(first, last)
    ahead = next(chunks, None)
    while (move := attacker.move) and move.second < last * DAY_SECONDS:
        while ahead and ahead[0] <= move.second:
            honesty.put(*ahead)
            ahead = next(chunks, None)
        attacker.ask(move)
    return attacker.assault(attack.name)


def _around(members: Sequence[Member], plan: Plan, *, near: bool) -> list[Member]:
    attacked = {member.place for member in plan.members}
    counted = {Kind.ONBOARDING, Kind.INSPECTION}
    around = [each for each in members if not near or each.kind in counted or each.place in attacked]
    return [each for each in around if not (plan.silences and each.place in attacked)]


class _Attacker:
    """Asks what its plan says, and keeps account of what it learned."""

    def __init__(self, stage: Staged, plan: Plan, start: int) -> None:
        self._stage, self._plan, self._start = stage, plan, start
        self._moves: Moves = plan.moves
        self.move: Move | None = next(self._moves, None)
        self._persons: set[int] = set()
        self._attributes: set[tuple[int, str]] = set()
        self._out: set[int] = set()
        self._refused: Counter[str] = Counter()
        self._checked: Learned | None = None
        self._queries, self._last = 0, start

    def ask(self, move: Move) -> None:
        """One move. Whoever is held or frozen needs not ask any more to know the reply."""
        if move.member.place in self._out:
            replies = [Heard(False, frozenset(), "frozen")] * len(move.probes)
        else:
            replies = self._ask(move)
        try:
            self.move = None if self._is_stopped() else self._moves.send(replies)
        except StopIteration:
            self.move = None

    def assault(self, attack: str) -> Assault:
        """How it went."""
        return Assault(
            attack=attack,
            seed=self._stage.world.seed,
            checked=self._checked,
            end=self._learned(""),
            stopped=self._is_stopped() or self._is_silenced(),
            named=self._named(),
            credentials=len(self._plan.members),
            refused=dict(self._refused),
        )

    def _is_silenced(self) -> bool:
        """Whether locks checked it and nothing was learned since."""
        now, then = self._learned(LOCKED), self._checked
        known = (now.by, now.persons, now.attributes)
        return then is not None and known == (then.by, then.persons, then.attributes)

    def _named(self) -> int:
        found = [each for each in self._stage.incidents() if each.finding.action >= Action.HOLD]
        named = {grant for incident in found for grant in (incident.finding.grant, *incident.others)}
        return len(named.intersection(member.grant.number for member in self._plan.members))

    def _ask(self, move: Move) -> list[Heard]:
        requests = self._stage.asking.probing(move.member, move.operator, move.probes)
        forged = {place for place, probe in enumerate(move.probes) if probe.key not in self._plan.known}
        replies = [heard(reply) for reply in self._stage.ask(move.second, requests, forged)]
        causes, locked = self._stage.causes(), self._stage.locked()
        self._refused.update({LOCKED: locked.total()} if locked else {})
        self._queries, self._last = self._queries + len(replies), move.second
        for probe, each in zip(move.probes, replies, strict=True):
            self._learn(probe.key, each)
        for (_, reason, cause), times in causes.items():
            self._refused[f"{reason}:{cause}"] += times
        met = [f"{reason}:{cause}" for _, reason, cause in causes] + [LOCKED] * bool(locked)
        if met and self._checked is None:
            self._checked = self._learned(met[0])
        if any(each.refused in OUT for each in replies):
            self._out.add(move.member.place)
        return replies

    def _learn(self, key: int, reply: Heard) -> None:
        if reply.confirmed and key not in self._plan.known:
            self._persons.add(key)
            self._attributes.update((key, name) for name in reply.agreed)

    def _learned(self, by: str) -> Learned:
        days = (self._last - self._start) / DAY_SECONDS
        return Learned(self._queries, round(days, 2), len(self._persons), len(self._attributes), by)

    def _is_stopped(self) -> bool:
        return self._out.issuperset(member.place for member in self._plan.members)
