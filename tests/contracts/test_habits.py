"""The promises of habits as they are kept, alike by memory, SQLite, PostgreSQL and the simulation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest

from gateway.domain.habit import Habit, hour_of, network_of, slot_of
from gateway.ports import Store
from ops.simulate.memory import Store as SimulatedStore
from tests.fakes import MemoryStore
from tests.gateways import open_store

ONE, TWO = "habit:" + "1" * 32, "habit:" + "2" * 32
HERE, THERE = b"h" * 16, bytes(range(16))
EVERY_HOUR = (1 << 48) - 1


@pytest.fixture(params=["fake", "simulation", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param in {"fake", "simulation"}:
        yield cast("Store", MemoryStore() if request.param == "fake" else SimulatedStore())
        return
    with closing(open_store(request.getfixturevalue(f"{request.param.replace('postgresql', 'postgres')}_url"))) as one:
        yield cast("Store", one)


def learn(store: Store, habits: dict[str, Habit], *networks: tuple[str, bytes], day: int = 1) -> None:
    with store.begin() as work:
        work.habits.learn(habits, networks, day)
        work.commit()


def test_what_was_never_used_is_not_there(store: Store) -> None:
    with store.begin() as work:
        assert work.habits.habits([]) == {}
        assert work.habits.habits([ONE]) == {}
        assert work.habits.networks([]) == set()
        assert work.habits.networks([(ONE, HERE)]) == set()


def test_it_comes_back_as_it_was(store: Store) -> None:
    whole = {ONE: Habit(739_798, EVERY_HOUR, 1 << 20), TWO: Habit(1)}
    learn(store, whole)

    with store.begin() as work:
        assert dict(work.habits.habits([ONE, TWO, "habit:3"])) == whole


def test_a_habit_is_replaced_and_networks_are_added(store: Store) -> None:
    learn(store, {ONE: Habit(5, 1, 1)}, (ONE, HERE))
    learn(store, {ONE: Habit(5, 3, 2)}, (ONE, THERE), (ONE, HERE), day=2)

    with store.begin() as work:
        assert work.habits.habits([ONE]) == {ONE: Habit(5, 3, 2)}
        asked = [(ONE, HERE), (ONE, THERE), (TWO, HERE)]
        assert set(work.habits.networks(asked)) == {(ONE, HERE), (ONE, THERE)}


def test_what_was_not_committed_is_not_known(store: Store) -> None:
    learn(store, {ONE: Habit(5)})
    with store.begin() as work:
        work.habits.learn({ONE: Habit(5, 1, 1), TWO: Habit(6)}, [(ONE, HERE)], 2)

    with store.begin() as work:
        assert work.habits.habits([ONE, TWO]) == {ONE: Habit(5)}
        assert work.habits.networks([(ONE, HERE)]) == set()


# ------------------------------------------------------------------------------------------------------ the values

NETWORKS: dict[str, str] = {
    "10.1.2.3": "10.1.2.0/24",
    "10.1.2.255": "10.1.2.0/24",
    "::ffff:10.1.2.3": "10.1.2.0/24",
    "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
    "fe80::1%eth0": "fe80::/64",
    "testclient": "testclient",
}


@pytest.mark.parametrize("address", NETWORKS)
def test_a_network_is_that_of_its_address(address: str) -> None:
    assert network_of(address) == NETWORKS[address]


@pytest.mark.parametrize("is_working", [True, False])
def test_hours_are_near_around_the_clock_and_on_days_of_one_sort(is_working: bool) -> None:
    for hour in range(24):
        slot = slot_of(hour, is_working=is_working)
        assert hour_of(slot) == (hour, is_working)
        near = {other for other in range(48) if Habit(0, 1 << slot).is_near(other, 1)}
        assert near == {slot_of((hour + shift) % 24, is_working=is_working) for shift in (-1, 0, 1)}


LEARNING: dict[str, tuple[int, bool]] = {
    "the first day": (100, True),
    "the last": (129, True),
    "the next": (130, False),
    "a day before the first": (99, True),
    "long before": (98, False),
}


@pytest.mark.parametrize("case", LEARNING)
def test_it_is_learned_for_some_days(case: str) -> None:
    day, is_learning = LEARNING[case]

    assert Habit(100).is_learning(day, 30) is is_learning
