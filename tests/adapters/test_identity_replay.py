"""An id proves its sender once, and what cannot be remembered proves nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from adapters.identity.replay import MemoryReplayStore
from tests.adapters.make_identity import NOW, StandingClock


def test_the_first_use_counts_for_each_client_alone() -> None:
    store = MemoryReplayStore(clock=StandingClock())

    assert store.first_use("one", "jti", NOW + 60)
    assert not store.first_use("one", "jti", NOW + 60)
    assert store.first_use("two", "jti", NOW + 60)


def test_an_id_is_remembered_to_its_end_and_not_much_longer() -> None:
    clock = StandingClock()
    store = MemoryReplayStore(clock=clock, capacity=1)
    assert store.first_use("one", "jti", NOW + 60)

    clock.pass_by(60)
    assert not store.first_use("one", "jti", NOW + 60)
    clock.pass_by(2)
    assert store.first_use("one", "another", NOW + 120)


def test_a_full_store_takes_nothing_more() -> None:
    store = MemoryReplayStore(clock=StandingClock(), capacity=3)

    assert [store.first_use(f"client-{number}", "jti", NOW + 60) for number in range(5)] == [True] * 3 + [False] * 2


def test_a_client_fills_its_own_share_only() -> None:
    store = MemoryReplayStore(clock=StandingClock(), capacity=100, per_client=2)

    assert [store.first_use("loud", f"jti-{number}", NOW + 60) for number in range(4)] == [True, True, False, False]
    assert store.first_use("quiet", "jti", NOW + 60)


def test_of_many_threads_one_is_first() -> None:
    store = MemoryReplayStore(clock=StandingClock())

    with ThreadPoolExecutor(8) as pool:
        firsts = list(pool.map(lambda number: store.first_use("one", f"jti-{number % 50}", NOW + 60), range(2000)))

    assert sum(firsts) == 50


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(1, 70)), max_size=60))
def test_nothing_is_first_twice_before_its_end(steps: list[tuple[int, int, int]]) -> None:
    clock = StandingClock()
    store = MemoryReplayStore(clock=clock, capacity=5, per_client=3)
    used: dict[str, int] = {}
    for wait, jti, life in steps:
        clock.pass_by(wait)
        now = int(clock.now().timestamp())
        if store.first_use("one", str(jti), now + life):
            assert used.get(str(jti), 0) <= now
            used[str(jti)] = now + life
