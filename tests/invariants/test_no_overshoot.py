"""Promise 7, no_overshoot: budgets are exact, however many nodes and callers ask at once, and after a crash.

Nodes are processes of their own over one database and one sealing process. What a grant has used is counted again from
the log, whose disclosures say who was asked about.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count, islice
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from random import Random

import pytest

from gateway.api.body import parse
from gateway.domain.caller import Caller
from gateway.domain.query import parse_query
from gateway.domain.reply import Answered, Failed, Refused, Request
from ops.demo.person import Person
from ops.prove.checking import meter_counted
from ops.prove.homes import limits
from ops.wiring import wire
from policies.identifiers import id_check_character
from tests.invariants.logged import log_size, logged
from tests.invariants.test_alike import price_of
from tests.invariants.world import NOW, World, a_scope

FORK = multiprocessing.get_context("fork")
NODES = 3
PEOPLE = 90
TURN = 16

LIMITS = {
    "subjects a day": (limits(day=17), 17),
    "subjects in 30 days": (limits(month=23), 23),
    "comparisons a day": (limits(comparisons=29), 29),
}


@pytest.mark.parametrize(("granted", "allowed"), LIMITS.values(), ids=LIMITS)
def test_many_callers_of_a_turn_get_what_is_granted_and_no_more(
    world: World, granted: dict[str, int], allowed: int
) -> None:
    number = world.grant(limits=granted)

    told = world.ask(*(world.question(each, grant=number) for each in world.people[:PEOPLE]))

    assert Counter(each.status for each in told) == {200: allowed, 403: PEOPLE - allowed}
    assert price_of(world, number) == (allowed, allowed, allowed)


@pytest.mark.parametrize(("granted", "allowed"), LIMITS.values(), ids=LIMITS)
def test_many_nodes_give_what_is_granted_and_no_more(world: World, granted: dict[str, int], allowed: int) -> None:
    number, before = world.grant(limits=granted), log_size(world.home)

    with nodes(world, number, [world.people[n:PEOPLE:NODES] for n in range(NODES)]) as running:
        told = sum((node.end() for node in running), Counter[str]())

    assert told == {"answered": allowed, "quota": PEOPLE - allowed}
    assert price_of(world, number) == (allowed, allowed, allowed) == counted_again(world, number, before)


def test_somebody_asked_about_by_many_nodes_counts_once(world: World) -> None:
    number, before = world.grant(), log_size(world.home)

    with nodes(world, number, [world.people[:30]] * NODES) as running:
        told = sum((node.end() for node in running), Counter[str]())

    assert told == {"answered": 30 * NODES}
    assert price_of(world, number) == (30, 30 * NODES, 30) == counted_again(world, number, before)


@pytest.mark.slow
def test_a_crash_loses_and_doubles_nothing(world: World) -> None:
    """Nodes are killed in the middle of their turns; the budget says what the log says, and the limit holds."""
    number, before = world.grant(limits=limits(day=40)), log_size(world.home)
    rng = Random(world.engine)

    for _ in range(4):
        with nodes(world, number, [world.people] * NODES, rounds=50) as running:
            time.sleep(rng.uniform(0.05, 0.4))
            for node in running:
                node.process.kill()
    with nodes(world, number, [world.people]) as running:
        told = running[0].end()

    subjects, comparisons, links = counted_again(world, number, before)
    assert price_of(world, number) == (subjects, comparisons, links)
    assert subjects <= 40
    assert told["quota"] >= len(world.people) - 40
    assert meter_counted(world.home) >= comparisons


WORKERS = 8
HARVEST = 5
"""Unknown numbers that one caller alone is told of under a grant that expects to know everybody (D3)."""


def test_many_nodes_learn_no_more_of_a_harvest_than_one(world: World) -> None:
    number = world.grant(hit_rate=99)

    with nodes(world, number, strangers(world, WORKERS, 6)) as running:
        told = sum((node.end() for node in running), Counter[str]())

    assert told["answered"] <= HARVEST
    assert told.total() == WORKERS * 6
    assert told.keys() <= {"answered", "held", "frozen"}


@pytest.mark.slow
def test_a_harvest_gains_nothing_by_crashes(world: World) -> None:
    """Nodes are killed in the middle of their turns: what they were told is counted, and the response stands."""
    number, before = world.grant(hit_rate=99), log_size(world.home)
    rng = Random(world.engine)

    for _ in range(4):
        with nodes(world, number, strangers(world, NODES, 2), rounds=50) as running:
            time.sleep(rng.uniform(0.05, 0.4))
            for node in running:
                node.process.kill()
    with nodes(world, number, strangers(world, NODES, 6)) as running:
        told = sum((node.end() for node in running), Counter[str]())
    with nodes(world, number, [world.people[:3]] * NODES) as running:
        after = sum((node.end() for node in running), Counter[str]())

    assert told["answered"] <= HARVEST
    assert after == {"held": 3 * NODES}
    assert len(subjects_told_of(world, number, before)) <= HARVEST


def subjects_told_of(world: World, number: str, before: int) -> set[str]:
    """Of whom answers speak, as the log tells it."""
    told = [each for each in logged(world.home, before) if each.kind == "comparison.answered"]
    return {str(each.secrets["subject"]) for each in told if each.body["grant"] == number}


def strangers(world: World, workers: int, each: int) -> list[tuple[Person, ...]]:
    """People whom the register does not have, each in a region or of a birthday of its own; others for each worker."""
    known, person = {each.id_number for each in world.people}, world.plain_person()
    first17 = (f"1509{place % 90 + 10:02}19{place % 40 + 50:02}0{place % 9 + 1}1{place % 10}001" for place in count(1))
    numbers = (number for one in first17 if (number := one + id_check_character(one)) not in known)
    found = [replace(person, id_number=number) for number in islice(numbers, workers * each)]
    return [tuple(found[worker::workers]) for worker in range(workers)]


def test_the_long_window_moves_day_by_day(world: World) -> None:
    """Ten a day of twenty-five in thirty days; on the thirty-first day the first ten are forgotten."""
    number = world.grant(limits=limits(day=10, month=25))
    told = []
    try:
        for day in (0, 1, 2, 3, 29, 30, 31):
            world.move_to(NOW + timedelta(days=day))
            people = world.people[20 * (day % 10) :][:20]
            answers = world.ask(*(world.question(each, grant=number) for each in people))
            told.append(sum(each.status == 200 for each in answers))
    finally:
        world.move_to(NOW)

    assert told == [10, 10, 5, 0, 0, 10, 10]


def counted_again(world: World, number: str, before: int) -> tuple[int, int, int]:
    """Subjects, comparisons and subjects again, as the log tells them."""
    answered = [each for each in logged(world.home, before) if each.kind == "comparison.answered"]
    subjects = [each.secrets["subject"] for each in answered if each.body["grant"] == number]
    return len(set(map(str, subjects))), len(subjects), len(set(map(str, subjects)))


@dataclass(frozen=True)
class Node:
    """A gateway in a process of its own, and the line on which it reports."""

    process: BaseProcess
    line: Connection

    def end(self) -> Counter[str]:
        """What it told, once it is done."""
        told: Counter[str] = self.line.recv()
        self.process.join()
        return told


@dataclass(frozen=True)
class Errand:
    """What a node is to ask: about these people, in turns of all sizes, as many rounds as told."""

    world: World
    number: str
    people: tuple[Person, ...]
    rounds: int
    name: str


@contextmanager
def nodes(world: World, number: str, people: list[tuple[Person, ...]], rounds: int = 1) -> Iterator[list[Node]]:
    """Nodes at work, each on the people of its own."""
    at = log_size(world.home)
    errands = [Errand(world, number, each, rounds, f"node-{place}-{at}") for place, each in enumerate(people)]
    running = [_start(errand) for errand in errands]
    try:
        yield running
    finally:
        for node in running:
            node.process.kill()
            node.process.join()
            node.line.close()


def _start(errand: Errand) -> Node:
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_run, args=(errand, theirs))
    process.start()
    theirs.close()
    return Node(process, ours)


def _run(errand: Errand, line: Connection) -> None:
    gateway, rng = wire(errand.world.home), Random(errand.name)
    caller = gateway.identity.identify(a_scope("POST", "/", errand.world.credentials()))
    assert isinstance(caller, Caller)
    told: Counter[str] = Counter()
    for round_ in range(errand.rounds):
        bodies = [errand.world.body(each, grant=errand.number) for each in errand.people]
        requests = [
            Request(caller, parse_query(parse(body), gateway.catalogue), body, f"{errand.name}-{round_}-{n}")
            for n, body in enumerate(bodies)
        ]
        while requests:
            taken = rng.randint(1, TURN)
            told.update(_in_a_word(reply) for reply in gateway.pipeline.answer(requests[:taken]))
            del requests[:taken]
    line.send(told)


def _in_a_word(reply: object) -> str:
    match reply:
        case Answered():
            return "answered"
        case Refused(reason=reason):
            return reason.value
        case Failed(error=error):
            return type(error).__name__
        case _:
            raise TypeError(reply)
