"""Budgets against a plain list of what was compared when: thirty rolling days, worst case first, nobody twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.domain.budget import DAYS, YEAR, Limits, Reservation, Used
from gateway.watch.accounts import Accounts
from gateway.watch.budgets import Budgets, Spent, Use
from tests.fakes import MemoryBudgets
from tests.make import some_limits

DAY = 739_797


def accounts(grant: str = "G-1") -> Accounts:
    return Accounts(grant, f"purpose:{grant}", f"operator:{grant}")


def open_budgets(store: MemoryBudgets, limits: Mapping[str, Limits], day: int = DAY) -> Budgets:
    """One turn's hold on grants, whose purposes and operators may use as much."""
    return Budgets(store, {each: limit for grant, limit in limits.items() for each in accounts(grant)}, day)


def compare(store: MemoryBudgets, limits: Limits, day: int, links: Iterable[bytes], grant: str = "G-1") -> list[bool]:
    """One turn of comparisons under one grant; which of them were paid for."""
    budgets = open_budgets(store, {grant: limits}, day)
    reserved = [(budgets.reserve(accounts(grant)), link) for link in links]
    budgets.settle([Use(held, accounts(grant), link) for held, link in reserved if held])
    return [held is not None for held, _ in reserved]


def used(store: MemoryBudgets, day: int, grant: str = "G-1") -> Used:
    return store.lock([grant], day)[grant]


def links(*numbers: int) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in numbers]


# ---------------------------------------------------------------------------------------- by example


def test_a_subject_counts_once_a_day_and_every_comparison_counts() -> None:
    store = MemoryBudgets()

    assert compare(store, some_limits(), DAY, links(1, 2, 1)) == [True, True, True]
    assert compare(store, some_limits(), DAY, links(1)) == [True]
    assert used(store, DAY) == Used(2, 2, 2, 4)


def test_a_subject_counts_once_in_thirty_days() -> None:
    store = MemoryBudgets()
    for day in (DAY, DAY + 10, DAY + 29):
        compare(store, some_limits(), day, links(1))

    assert used(store, DAY + 29) == Used(1, 1, 1, 1)


LAST_DAYS: dict[str, tuple[int, Used]] = {
    "the day itself": (0, Used(1, 1, 1, 1)),
    "the next day": (1, Used(0, 1, 1, 0)),
    "the thirtieth day, this one included": (DAYS - 1, Used(0, 1, 1, 0)),
    "the day after": (DAYS, Used(0, 0, 1, 0)),
    "the last day of a year, this one included": (YEAR - 1, Used(0, 0, 1, 0)),
    "the day after that": (YEAR, Used(0, 0, 0, 0)),
}


@pytest.mark.parametrize(("later", "expected"), LAST_DAYS.values(), ids=LAST_DAYS)
def test_a_subject_leaves_the_window_after_thirty_days(later: int, expected: Used) -> None:
    store = MemoryBudgets()
    compare(store, some_limits(), DAY, links(1))

    assert used(store, DAY + later) == expected


REFUSED: dict[str, tuple[Limits, list[int], list[bool]]] = {
    "subjects of a day": (some_limits(day=2), [1, 2, 3], [True, True, False]),
    "subjects of thirty days": (some_limits(month=2), [1, 2, 3], [True, True, False]),
    "comparisons of a day": (some_limits(comparisons=2), [1, 1, 1], [True, True, False]),
    "a repeat takes the worst case too": (some_limits(day=2), [1, 1, 2], [True, True, False]),
}


@pytest.mark.parametrize(("limits", "asked", "paid"), REFUSED.values(), ids=REFUSED)
def test_each_limit_alone_refuses(limits: Limits, asked: list[int], paid: list[bool]) -> None:
    assert compare(MemoryBudgets(), limits, DAY, links(*asked)) == paid


def test_what_a_repeat_did_not_need_is_returned() -> None:
    store = MemoryBudgets()

    assert compare(store, some_limits(day=2), DAY, links(1, 1)) == [True, True]
    assert compare(store, some_limits(day=2), DAY, links(2)) == [True]
    assert used(store, DAY) == Used(2, 2, 2, 3)


def test_at_the_edge_a_repeat_is_refused_like_everything_else() -> None:
    store = MemoryBudgets()
    compare(store, some_limits(day=1), DAY, links(1))

    assert compare(store, some_limits(day=1), DAY, links(1)) == [False]


def test_a_reservation_that_was_not_used_costs_nothing() -> None:
    store = MemoryBudgets()
    budgets = open_budgets(store, {"G-1": some_limits(day=1)})

    assert budgets.reserve(accounts()) == Reservation("G-1", DAY)
    assert budgets.settle([]) == []
    assert used(store, DAY) == Used(0, 0, 0, 0)
    assert compare(store, some_limits(day=1), DAY, links(1)) == [True]


def test_grants_do_not_pay_for_each_other() -> None:
    store = MemoryBudgets()
    limits = {"G-1": some_limits(day=1), "G-2": some_limits(day=1)}
    budgets = open_budgets(store, limits)

    asked = [accounts(grant) for grant in ("G-1", "G-2", "G-1", "G-2")]
    held = [budgets.reserve(each) for each in asked]
    budgets.settle(
        [Use(one, names, link) for one, names, link in zip(held, asked, links(1, 1, 2, 2), strict=True) if one]
    )

    assert [each is not None for each in held] == [True, True, False, False]
    assert used(store, DAY, "G-1") == used(store, DAY, "G-2") == Used(1, 1, 1, 1)


def test_a_day_is_new_and_a_month_is_not() -> None:
    store, limits = MemoryBudgets(), some_limits(day=1, month=2)

    assert compare(store, limits, DAY, links(1)) == [True]
    assert compare(store, limits, DAY + 1, links(2)) == [True]
    assert compare(store, limits, DAY + 2, links(3)) == [False]
    assert compare(store, limits, DAY + DAYS, links(3)) == [True]


def test_what_was_spent_is_told_comparison_by_comparison() -> None:
    store = MemoryBudgets()
    compare(store, some_limits(), DAY - 1, links(1))
    budgets = open_budgets(store, {"G-1": some_limits()})
    held = [each for each in (budgets.reserve(accounts()) for _ in range(3)) if each]

    spent = budgets.settle([Use(each, accounts(), link) for each, link in zip(held, links(1, 2, 2), strict=True)])

    assert spent == [
        Spent(Used(0, 1, 1, 0), Used(1, 1, 1, 1), is_first=False),
        Spent(Used(1, 1, 1, 1), Used(2, 2, 2, 2), is_first=True),
        Spent(Used(2, 2, 2, 2), Used(2, 2, 2, 3), is_first=False),
    ]


def test_a_clock_that_steps_back_over_midnight_forgets_nobody() -> None:
    store = MemoryBudgets()
    compare(store, some_limits(), DAY, links(1, 2))
    compare(store, some_limits(), DAY - 1, links(1))

    assert used(store, DAY).subjects_today == 2
    assert used(store, DAY).subjects_30_days == 2


# ---------------------------------------------------------------------------------------- against a plain model


class AgainstAPlainList(RuleBasedStateMachine):
    """Any history of turns and days, against a list of (day, subject) and the words of the grant."""

    @initialize(day=st.integers(1, 4), month=st.integers(1, 8), year=st.integers(1, 9), comparisons=st.integers(1, 8))
    def begin(self, day: int, month: int, year: int, comparisons: int) -> None:
        self.limits = Limits(day, month, year, comparisons)
        self.store, self.today = MemoryBudgets(), DAY
        self.history: list[tuple[int, int]] = []

    @rule(subjects=st.lists(st.integers(1, 9), min_size=1, max_size=5))
    def compare(self, subjects: Sequence[int]) -> None:
        before = self.expected()
        room = min(
            self.limits.subjects_per_day - before.subjects_today,
            self.limits.subjects_per_30_days - before.subjects_30_days,
            self.limits.subjects_per_year - before.subjects_year,
            self.limits.comparisons_per_day - before.comparisons_today,
        )
        paid = compare(self.store, self.limits, self.today, links(*subjects))

        # The first that fit in their worst case are paid for, and no others.
        assert paid == [place < room for place in range(len(subjects))]
        self.history += [(self.today, each) for each, is_paid in zip(subjects, paid, strict=True) if is_paid]

    @rule(days=st.sampled_from([1, 1, 2, 7, 28, 29, 30, 31, 334, 335, 364, 365]))
    def days_pass(self, days: int) -> None:
        self.today += days

    @invariant()
    def counts_are_those_of_the_list(self) -> None:
        assert used(self.store, self.today) == self.expected()

    @invariant()
    def no_limit_is_ever_passed(self) -> None:
        days = Counter(day for day, _ in self.history)
        for day in days:
            window = {subject for on, subject in self.history if day - DAYS < on <= day}
            year = {subject for on, subject in self.history if day - YEAR < on <= day}
            assert days[day] <= self.limits.comparisons_per_day
            assert len({subject for on, subject in self.history if on == day}) <= self.limits.subjects_per_day
            assert len(window) <= self.limits.subjects_per_30_days
            assert len(year) <= self.limits.subjects_per_year

    def expected(self) -> Used:
        today = [subject for day, subject in self.history if day == self.today]
        window = {subject for day, subject in self.history if self.today - DAYS < day}
        year = {subject for day, subject in self.history if self.today - YEAR < day}
        return Used(len(set(today)), len(window), len(year), len(today))


TestAgainstAPlainList = AgainstAPlainList.TestCase
TestAgainstAPlainList.settings = settings(stateful_step_count=30)
