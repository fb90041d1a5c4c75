"""The store of the simulation keeps what the ports promise: it takes the tests of SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from ops.simulate.memory import Store
from tests.contracts.test_store import (
    DAY,
    a_link,
    spend,
    test_a_grant_that_was_never_used_has_used_nothing,
    test_after_an_answer_expired_another_takes_its_place,
    test_an_answer_is_remembered_until_it_expires,
    test_an_answer_that_still_stands_is_never_replaced,
    test_counters_agree_with_the_simplest_ones,
    test_counters_stand_for_thirty_days,
    test_many_answers_come_back_at_once,
    test_of_two_answers_of_one_key_the_first_is_kept,
    test_only_answers_that_were_asked_for_come_back,
    test_the_first_epoch_is_there,
    test_the_last_day_of_each_subject_is_known_grant_by_grant,
    test_what_was_asked_ahead_is_gone_with_the_work,
    test_whatever_was_asked_ahead_the_answers_are_the_same,
)
from tests.contracts.test_watch import (
    test_a_response_begins_a_control_epoch_and_says_which,
    test_cells_are_counted_by_account_and_from_a_day_on,
    test_counts_of_thirty_days_add_up,
    test_questions_are_replaced,
    test_scores_are_what_they_were_to_the_last_bit,
    test_what_was_never_seen_is_left_out,
    test_what_was_not_committed_is_not_known,
    test_who_is_cleared_begins_anew,
)

__all__ = [
    "test_a_grant_that_was_never_used_has_used_nothing",
    "test_a_response_begins_a_control_epoch_and_says_which",
    "test_after_an_answer_expired_another_takes_its_place",
    "test_an_answer_is_remembered_until_it_expires",
    "test_an_answer_that_still_stands_is_never_replaced",
    "test_cells_are_counted_by_account_and_from_a_day_on",
    "test_counters_agree_with_the_simplest_ones",
    "test_counters_stand_for_thirty_days",
    "test_counts_of_thirty_days_add_up",
    "test_many_answers_come_back_at_once",
    "test_of_two_answers_of_one_key_the_first_is_kept",
    "test_only_answers_that_were_asked_for_come_back",
    "test_questions_are_replaced",
    "test_scores_are_what_they_were_to_the_last_bit",
    "test_the_first_epoch_is_there",
    "test_the_last_day_of_each_subject_is_known_grant_by_grant",
    "test_what_was_asked_ahead_is_gone_with_the_work",
    "test_what_was_never_seen_is_left_out",
    "test_what_was_not_committed_is_not_known",
    "test_whatever_was_asked_ahead_the_answers_are_the_same",
    "test_who_is_cleared_begins_anew",
]


@pytest.fixture
def store() -> Store:
    return Store()


def test_what_was_not_committed_never_was(store: Store) -> None:
    with store.begin() as work:
        spend(work.budgets, DAY, 1, 2)
        work.commit()
    before = store.budgets.lock(["G-1"], DAY + 1), store.budgets.seen([("G-1", a_link(1))])

    with store.begin() as work:
        spend(work.budgets, DAY + 1, 1, 3)
    with pytest.raises(ZeroDivisionError):
        _spend_and_break(store)

    assert (store.budgets.lock(["G-1"], DAY + 1), store.budgets.seen([("G-1", a_link(1))])) == before
    assert store.budgets.seen([("G-1", a_link(3)), ("G-1", a_link(4))]) == {}


def _spend_and_break(store: Store) -> None:
    with store.begin() as work:
        spend(work.budgets, DAY, 4)
        raise ZeroDivisionError


def test_whoever_writes_entries_is_told_that_there_is_no_ledger(store: Store) -> None:
    with store.begin() as work, pytest.raises(NotImplementedError, match="no ledger"):
        work.ledger.lock_head()
