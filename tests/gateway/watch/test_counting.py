"""What sweeps count is what turns met, whenever somebody sweeps: nothing twice, nothing left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.budget import DAYS, Limits, Reservation
from gateway.domain.tally import Tally
from gateway.watch.budgets import Budgets, Use
from gateway.watch.counting import LOOKED_BACK, DayCount, count
from tests.fakes import MemoryBudgets

FIRST = 739_800
PLENTY = Limits(10**6, 10**6, 10**6, 10**6)
asks = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 12), st.booleans()), max_size=80)
"""Days that pass before, about whom, and whether somebody sweeps behind it."""


def ask(store: MemoryBudgets, day: int, who: int) -> bool:
    """Whether it was the first time in a window."""
    use = Use(Reservation("G-1", day), ["G-1"], who.to_bytes(16, "big"))
    (spent,) = Budgets(store, {"G-1": PLENTY}, day).settle([use])
    return spent.is_first


def counted(store: MemoryBudgets, today: int, misses: dict[int, int]) -> dict[int, DayCount]:
    return {
        day: DayCount(subjects, misses.get(day, 0))
        for (_, day), (subjects, _) in store.counts.items()
        if day >= today - LOOKED_BACK
    }


@given(asks=asks)
def test_a_sweep_every_day_misses_no_new_subject_and_counts_none_twice(asks: list[tuple[int, int, bool]]) -> None:
    store, tally, day, firsts, missed = MemoryBudgets(), Tally(), FIRST, 0, 0
    misses = dict[int, int]()
    tally = count(tally, {}, day)
    for wait, who, sweeps in asks:
        for _ in range(wait):
            day += 1
            tally = count(tally, counted(store, day, misses), day)
        is_first = ask(store, day, who)
        firsts += is_first
        if is_first and who % 3 == 0:
            missed += 1
            misses[day] = misses.get(day, 0) + 1
        if sweeps:
            tally = count(tally, counted(store, day, misses), day)

    tally = count(tally, counted(store, day, misses), day)

    assert (tally.firsts, tally.missed, tally.waiting) == (firsts, missed, firsts)


def test_a_clock_that_steps_back_makes_it_wait() -> None:
    tally = count(Tally(), {FIRST: DayCount(5, 1)}, FIRST)

    assert count(tally, {FIRST - 1: DayCount(9, 9), FIRST: DayCount(5, 1)}, FIRST - 1) == tally


def test_a_clock_that_was_a_year_ahead_blinds_for_no_year() -> None:
    tally = count(Tally(day=738_999), {}, 739_365)
    met = count(tally, {739_000: DayCount(50, 50)}, 739_000)
    later = count(met, {739_000: DayCount(50, 50), 739_001: DayCount(50, 50)}, 739_001)

    assert later.missed == 100, "every day since counts"


def test_who_was_released_begins_anew() -> None:
    tally = count(Tally(), {FIRST: DayCount(5, 4)}, FIRST)

    again = count(tally, {FIRST: DayCount(6, 1)}, FIRST)

    assert (again.missed - tally.missed, again.firsts - tally.firsts) == (1, 1)


def test_after_a_month_without_sweeps_a_day_counts_from_its_beginning() -> None:
    tally = Tally(day=FIRST, window=3, firsts=2, missed=1)
    days = {FIRST + 5: DayCount(50, 50), FIRST + DAYS: DayCount(4, 2)}

    assert count(tally, days, FIRST + DAYS) == Tally(FIRST + DAYS, 54, 2, waiting=4, firsts=4, missed=2)
