"""How fast somebody may try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accounts.ports import Counter
from gateway.accounts.throttle import (
    ADDRESS,
    FORGOTTEN_AFTER,
    LONGEST_WAIT,
    PLACE,
    STRANGERS,
    Pace,
    charged,
    given_back,
    is_told,
    wait,
)

PACES = st.sampled_from([PLACE, STRANGERS, ADDRESS])


@given(PACES, st.integers(0, 10_000))
def test_waits_grow_and_are_never_longer_than_a_quarter_of_an_hour(pace: Pace, failures: int) -> None:
    assert 0 <= wait(pace, failures) <= wait(pace, failures + 1) <= LONGEST_WAIT == 900
    assert (wait(pace, failures) == 0) == (failures <= pace.free)


@given(PACES, st.lists(st.integers(0, 1000), max_size=60))
def test_whoever_is_heard_only_after_the_wait_guesses_a_few_hundred_times_a_day(pace: Pace, pauses: list[int]) -> None:
    counter, now, heard = Counter(), 0, 0
    for pause in pauses:
        now += pause
        if now >= counter.until:
            counter, heard = charged(pace, counter, now), heard + 1

    assert heard <= pace.free + 8 + now // LONGEST_WAIT + (now // FORGOTTEN_AFTER) * (pace.free + 8)


@given(PACES, st.integers(0, 100), st.integers(0, 10**9))
def test_giving_back_undoes_a_charge(pace: Pace, failures: int, now: int) -> None:
    before = Counter(failures, now, now + wait(pace, failures))

    after = given_back(pace, charged(pace, before, now))

    assert after.failures == before.failures
    assert (after.until > now) <= (wait(pace, failures) > 0)


@given(st.integers(0, 100))
def test_failures_are_forgotten_after_an_hour(failures: int) -> None:
    assert charged(PLACE, Counter(failures, 0, 0), FORGOTTEN_AFTER).failures == 1
    assert charged(PLACE, Counter(failures, 0, 0), FORGOTTEN_AFTER - 1).failures == failures + 1


@pytest.mark.parametrize(("failures", "told"), [(1, True), (2, True), (3, False), (4, True), (6, False), (1024, True)])
def test_the_ledger_is_told_ever_more_seldom(failures: int, told: bool) -> None:
    assert is_told(failures) == told
