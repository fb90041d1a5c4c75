"""The promises of outcomes as they are kept, alike by both memories, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import cast

import pytest

from gateway.domain.outcome import Outcome
from gateway.ports import Store
from ops.simulate.memory import Store as SimulatedStore
from tests.fakes import MemoryStore
from tests.gateways import open_store

DAY = 739_797
A, B, C = (bytes([each]) * 16 for each in b"abc")
WHOLE = Outcome(DAY, 13.815510557964274, 1 << 40, 7)


@pytest.fixture(params=["fake", "simulated", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param in {"fake", "simulated"}:
        yield cast("Store", MemoryStore() if request.param == "fake" else SimulatedStore())
        return
    with closing(open_store(request.getfixturevalue(f"{request.param.replace('postgresql', 'postgres')}_url"))) as one:
        yield cast("Store", one)


def ask(store: Store, day: int, *asked: tuple[str, bytes]) -> None:
    with store.begin() as work:
        work.outcomes.ask(asked, day)
        work.commit()


def ripe(store: Store, grant: str, until: int) -> Sequence[tuple[int, bytes]]:
    with store.begin() as work:
        return list(work.outcomes.ripe(grant, until))


def test_the_first_day_stays(store: Store) -> None:
    ask(store, DAY, ("G-1", A))
    ask(store, DAY + 40, ("G-1", A), ("G-1", B), ("G-2", A))

    assert ripe(store, "G-1", DAY + 40) == [(DAY, A), (DAY + 40, B)]
    assert ripe(store, "G-2", DAY + 40) == [(DAY + 40, A)]


def test_they_come_by_day_and_link_and_no_later_ones(store: Store) -> None:
    ask(store, DAY + 1, ("G-1", A))
    ask(store, DAY, ("G-1", C), ("G-1", B), ("G-1", C))

    assert ripe(store, "G-1", DAY + 1) == [(DAY, B), (DAY, C), (DAY + 1, A)]
    assert ripe(store, "G-1", DAY) == [(DAY, B), (DAY, C)]
    assert ripe(store, "G-1", DAY - 1) == []


def test_whoever_was_forgotten_is_asked_about_for_the_first_time_again(store: Store) -> None:
    ask(store, DAY, ("G-1", A), ("G-2", A))
    ask(store, DAY + 1, ("G-1", B))

    with store.begin() as work:
        work.outcomes.forget("G-1", DAY)
        work.commit()
    ask(store, DAY + 9, ("G-1", A))

    assert ripe(store, "G-1", DAY + 9) == [(DAY + 1, B), (DAY + 9, A)]
    assert ripe(store, "G-2", DAY + 9) == [(DAY, A)]


def test_what_was_not_committed_was_never_asked_nor_forgotten(store: Store) -> None:
    ask(store, DAY, ("G-1", A))

    with store.begin() as work:
        work.outcomes.ask([("G-1", B)], DAY)
        work.outcomes.forget("G-1", DAY)
        work.outcomes.put({"G-1": WHOLE})

    assert ripe(store, "G-1", DAY) == [(DAY, A)]
    with store.begin() as work:
        assert work.outcomes.outcomes(["G-1"]) == {}


def test_a_test_comes_back_to_the_last_bit_and_another_takes_its_place(store: Store) -> None:
    with store.begin() as work:
        work.outcomes.put({"G-1": Outcome(1), "G-2": WHOLE})
        work.outcomes.put({"G-1": WHOLE})
        work.commit()

    with store.begin() as work:
        assert work.outcomes.outcomes(["G-1", "G-2", "G-3"]) == {"G-1": WHOLE, "G-2": WHOLE}
        assert work.outcomes.outcomes([]) == {}


def test_nothing_is_written_of_nobody(store: Store) -> None:
    ask(store, DAY)
    with store.begin() as work:
        work.outcomes.put({})
        work.commit()

    assert ripe(store, "G-1", DAY) == []
