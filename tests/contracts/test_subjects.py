"""The promises of who asked about whom, as sweeps read it, kept alike by both memories, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest

from gateway.domain.budget import Spending
from gateway.domain.standing import Kept
from gateway.ports import Asked, Seen, Store
from gateway.watch.circle import Circle, Span
from ops.simulate.memory import Store as SimulatedStore
from tests.fakes import MemoryStore
from tests.gateways import open_store

DAY = 739_797
LOW, MIDDLE, HIGH, LAST = (bytes([first]) * 16 for first in (0, 127, 128, 255))
HALVES = Span(b"\x00", b"\x80", False), Span(b"\x80", b"\xff" * 17, True)


@pytest.fixture(params=["fake", "simulated", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param in {"fake", "simulated"}:
        yield cast("Store", MemoryStore() if request.param == "fake" else SimulatedStore())
        return
    with closing(open_store(request.getfixturevalue(f"{request.param.replace('postgresql', 'postgres')}_url"))) as one:
        yield cast("Store", one)


def see(store: Store, day: int, *pairs: tuple[str, bytes]) -> None:
    with store.begin() as work:
        work.budgets.spend(Spending(day, {}, {}, frozenset(pairs)))
        work.commit()


def ask(store: Store, asked: dict[tuple[str, bytes], bytes]) -> None:
    with store.begin() as work:
        work.watch.keep(Kept(day=DAY, scores={}, counts={}, cells={}, questions=asked))
        work.commit()


def test_who_was_seen_is_told_slice_by_slice(store: Store) -> None:
    see(store, DAY - 1, ("G-1", LOW), ("G-2", LOW), ("G-1", HIGH))
    see(store, DAY, ("G-1", MIDDLE), ("G-1", LAST), ("G-3", LAST), ("G-2", LOW))

    with store.begin() as work:
        low, high = (sorted(work.subjects.seen_by(["G-1", "G-2"], DAY - 1, each)) for each in HALVES)
        new = sorted(work.subjects.seen_by(["G-1", "G-2"], DAY, HALVES[0]))
    assert low == [Seen("G-1", LOW, DAY - 1), Seen("G-1", MIDDLE, DAY), Seen("G-2", LOW, DAY)]
    assert high == [Seen("G-1", HIGH, DAY - 1), Seen("G-1", LAST, DAY)]
    assert new == [Seen("G-1", MIDDLE, DAY), Seen("G-2", LOW, DAY)]


def test_what_was_asked_is_told_of_whom_several_asked(store: Store) -> None:
    ask(store, {("p", LOW): b"1", ("q", LOW): b"2", ("r", LOW): b"3", ("p", MIDDLE): b"4", ("r", MIDDLE): b"5"})
    ask(store, {("p", LAST): b"6", ("q", LAST): b"7"})

    with store.begin() as work:
        low, high = (sorted(work.subjects.asked_together(["p", "q"], each)) for each in HALVES)
    assert low == [Asked("p", LOW, b"1"), Asked("q", LOW, b"2")]
    assert high == [Asked("p", LAST, b"6"), Asked("q", LAST, b"7")]


def test_what_was_noted_is_known_from_a_day_on(store: Store) -> None:
    with store.begin() as work:
        work.subjects.note([LOW, HIGH], DAY)
        work.commit()
    with store.begin() as work:
        work.subjects.note([HIGH], DAY + 3)
        work.commit()

    with store.begin() as work:
        assert work.subjects.noted([LOW, HIGH, LAST], DAY) == {LOW, HIGH}
        assert work.subjects.noted([LOW, HIGH], DAY + 1) == {HIGH}
        assert work.subjects.noted([], DAY) == frozenset()


def test_what_was_not_committed_is_not_known(store: Store) -> None:
    with store.begin() as work:
        work.subjects.note([LOW], DAY)

    with store.begin() as work:
        assert work.subjects.noted([LOW], DAY) == frozenset()


@pytest.mark.parametrize("parts", [1, 3, 256])
def test_a_circle_meets_every_link_once(parts: int) -> None:
    circle = Circle(parts)
    spans = [circle._step() for _ in range(parts)]

    assert [each.is_last for each in spans] == [False] * (parts - 1) + [True]
    for link in (LOW, MIDDLE, HIGH, LAST):
        assert sum(each.holds(link) for each in spans) == 1
