"""How an attacker moves: it asks, hears, and goes on as it likes. A plan is a generator of moves that is told replies.

Whoever is out of quota comes back the next morning with what was refused; whoever is held or frozen is out.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice
from typing import NamedTuple

import numpy as np
from numpy.random import Generator as Random

from ops.simulate.asking import Heard, Probe
from ops.simulate.numbers import Ints
from ops.simulate.partners import DAY_SECONDS, Kind, Member
from ops.simulate.world import World
from ops.simulate.year import is_workday

OPENS, CLOSES = 8 * 3600, 21 * 3600
OUT = frozenset({"held", "frozen", "failed"})
PATIENCE = 60
"""After so many mornings in a row on which everything was refused, an attacker gives up."""


class Move(NamedTuple):
    """What is asked at once, so many seconds after the beginning of the year."""

    second: int
    member: Member
    operator: str
    probes: Sequence[Probe]


Moves = Generator[Move, list[Heard], None]


@dataclass(frozen=True)
class Scene:
    """What an attacker finds: the world, its partners, its own luck, and when it begins."""

    world: World
    members: Sequence[Member]
    rng: Random
    start: int

    def of(self, kind: Kind) -> list[Member]:
        """The members of a kind."""
        return [member for member in self.members if member.kind is kind]

    def persons(self, size: int, among: Ints | None = None) -> Ints:
        """Persons of the register, each once; all there are if there are no more."""
        pool = self.world.size if among is None else among
        most = pool if isinstance(pool, int) else len(pool)
        return self.rng.choice(pool, min(size, most), replace=False)


@dataclass(frozen=True)
class Plan:
    """Whose credentials are used, what is asked, and whom the attacker knew before."""

    members: Sequence[Member]
    moves: Moves
    known: frozenset[int] = field(default=frozenset())
    silences: bool = False
    """Whether the partner itself is the attacker, and asks nothing honest meanwhile."""


def press(second: int, member: Member, stacks: Iterable[Sequence[Probe]], pause: int) -> Moves:
    """One stack after the other, as fast as the pause allows, while the grant may be used."""
    for stack in stacks:
        second = _open_hour(second)
        second = (yield from insist(second, member, stack)) + pause


def spread(scene: Scene, member: Member, probes: Iterator[Probe], a_day: int) -> Moves:
    """So many single questions on each workday, at times of an office. The first refusal ends the day's work."""
    left: list[Probe] = []
    patience = PATIENCE
    for day in count(scene.start // DAY_SECONDS):
        if not is_workday(day):
            continue
        today = list(islice(chain(left, probes), a_day))
        if not today or not patience:
            return
        left = yield from _workday(scene, member, day, today)
        patience = patience - 1 if len(left) == len(today) else PATIENCE


def _workday(
    scene: Scene, member: Member, day: int, today: Sequence[Probe]
) -> Generator[Move, list[Heard], list[Probe]]:
    """Says what is left for tomorrow."""
    times = np.sort(scene.rng.integers(max(OPENS, scene.start - day * DAY_SECONDS), CLOSES, size=len(today)))
    for nth, time in enumerate(times.tolist()):
        heard = yield Move(day * DAY_SECONDS + time, member, member.operators[0], [today[nth]])
        if heard[0].refused and heard[0].refused not in OUT:
            return list(today[nth:])
    return []


def insist(second: int, member: Member, stack: Sequence[Probe]) -> Generator[Move, list[Heard], int]:
    """Asks again each morning what was refused for want of quota. Says when it was done."""
    for _ in range(PATIENCE):
        heard = yield Move(second, member, member.operators[0], stack)
        stack = [probe for probe, each in zip(stack, heard, strict=True) if each.refused and each.refused not in OUT]
        if not stack:
            break
        second = (second // DAY_SECONDS + 1) * DAY_SECONDS + OPENS
    return second


def together(plans: Sequence[Moves]) -> Moves:
    """Several at once, each told what it asked: always the one whose turn comes first."""
    waiting = [(move.second, place, move) for place, plan in enumerate(plans) if (move := next(plan, None))]
    heapq.heapify(waiting)
    while waiting:
        _, place, move = heapq.heappop(waiting)
        heard = yield move
        try:
            following = plans[place].send(heard)
        except StopIteration:
            continue
        heapq.heappush(waiting, (following.second, place, following))


def _open_hour(second: int) -> int:
    day, time = divmod(second, DAY_SECONDS)
    if time >= CLOSES:
        return (day + 1) * DAY_SECONDS + OPENS
    return max(second, day * DAY_SECONDS + OPENS)
