"""The promises of what sweeps keep, kept alike by both memories, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from threading import Event, Thread
from typing import cast

import pytest

from gateway.domain.budget import Spending
from gateway.domain.standing import Kept
from gateway.domain.tally import Pace, Tally
from gateway.ports import Store
from ops.simulate.memory import Store as SimulatedStore
from tests.fakes import MemoryStore
from tests.gateways import open_store

DAY = 739_797
PURPOSES = ("purpose:" + "0" * 32, "purpose:" + "1" * 32)
WHOLE = Tally(DAY, 41, 3, 2, 17, 4, Pace(21, 0.1 + 0.2, 13.815510557964274, 7.25, -1.5, 5.999999999999999))


@pytest.fixture(params=["fake", "simulated", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param in {"fake", "simulated"}:
        yield cast("Store", MemoryStore() if request.param == "fake" else SimulatedStore())
        return
    with closing(open_store(request.getfixturevalue(f"{request.param.replace('postgresql', 'postgres')}_url"))) as one:
        yield cast("Store", one)


def use(store: Store, day: int, subjects: dict[str, int], misses: dict[str, int] | None = None) -> None:
    """What turns write of a day."""
    counts = {account: (count, 0) for account, count in (misses or {}).items()}
    with store.begin() as work:
        changes = {(account, day): count for account, count in subjects.items()}
        work.budgets.spend(Spending(day, changes, {}, frozenset()))
        work.watch.keep(Kept(day=day, scores={}, counts=counts, cells={}, questions={}))
        work.commit()


def days(store: Store, accounts: Sequence[str], since: int) -> dict[str, dict[int, tuple[int, int]]]:
    with store.begin() as work:
        found = work.sweeps.days(accounts, since)
        return {account: dict(each) for account, each in found.items() if each}


def test_days_are_told_with_subjects_and_unknown_ones(store: Store) -> None:
    use(store, DAY, {"G-1": 5, "G-2": 1, "G-3": 9}, {"G-1": 2})
    use(store, DAY + 1, {"G-1": 3}, {"G-1": 1})

    assert days(store, ["G-1", "G-2", "G-4"], DAY) == {"G-1": {DAY: (5, 2), DAY + 1: (3, 1)}, "G-2": {DAY: (1, 0)}}
    assert days(store, ["G-1", "G-2"], DAY + 1) == {"G-1": {DAY + 1: (3, 1)}}
    assert days(store, [], DAY) == {}


def test_a_tally_comes_back_to_the_last_bit_and_another_takes_its_place(store: Store) -> None:
    with store.begin() as work:
        work.sweeps.put({"G-1": WHOLE, "G-2": Tally()})
        work.commit()
    with store.begin() as work:
        assert dict(work.sweeps.tallies(["G-1", "G-2", "G-3"])) == {"G-1": WHOLE, "G-2": Tally()}
        work.sweeps.put({"G-2": WHOLE})
        work.commit()

    with store.begin() as work:
        assert dict(work.sweeps.tallies(["G-2"])) == {"G-2": WHOLE}


def test_what_was_not_committed_is_not_known(store: Store) -> None:
    with store.begin() as work:
        before = work.epoch()
        work.sweeps.put({"G-1": WHOLE})
        work.sweeps.raise_checks(PURPOSES[:1], DAY)

    with store.begin() as work:
        assert work.sweeps.tallies(["G-1"]) == {}
        assert work.checks.raised(0) == frozenset()
        assert work.epoch() == before


def test_of_which_purposes_more_is_checked_every_node_learns_with_an_epoch(store: Store) -> None:
    with store.begin() as work:
        before = work.epoch()
        work.sweeps.raise_checks(PURPOSES, DAY)
        work.commit()
    with store.begin() as work:
        assert work.epoch() == before + 1
        work.sweeps.raise_checks(PURPOSES[:1], DAY + 5)
        work.commit()

    with store.begin() as work:
        assert work.checks.raised(DAY) == set(PURPOSES)
        assert work.checks.raised(DAY + 1) == {PURPOSES[0]}
        assert work.checks.raised(DAY + 6) == frozenset()


def test_who_claims_waits_for_the_sweep_before_and_reads_what_it_wrote(engine_url: str) -> None:
    seen, begun = list[Tally](), Event()

    def second() -> None:
        with closing(open_store(engine_url)) as other:
            begun.set()
            with other.begin() as work:
                work.sweeps.claim()
                seen.extend(work.sweeps.tallies(["G-1"]).values())

    thread = Thread(target=second)
    with closing(open_store(engine_url)) as one, one.begin() as work:
        work.sweeps.claim()
        work.epoch()
        thread.start()
        begun.wait(20)
        thread.join(0.3)
        assert thread.is_alive(), "it waits"
        work.sweeps.put({"G-1": WHOLE})
        work.commit()
    thread.join(20)
    assert seen == [WHOLE]
