"""The rules of the watch, without a gateway: sequential tests, questions, accounts, cells."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.budget import DAYS
from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal
from gateway.domain.standing import NEW, Scores, Standing
from gateway.ports import UnitFact
from gateway.watch.accounts import Ceilings, accounts_of, is_grant, is_lock, partner_lock
from gateway.watch.cells import CELL_BYTES, cells_of
from gateway.watch.detectors import NOTHING, Counted, Observation, is_quiet, observe, trips
from gateway.watch.profile import profile_of
from gateway.watch.questions import Asked, Shape, add, allowed, contradicted
from gateway.watch.sequential import at_least, share_at_least, steps
from gateway.watch.stopping import incident_of
from gateway.watch.thresholds import DEFAULTS
from tests.make import CATALOGUE, a_grant, an_id, limits, some_limits

DAY = 739_797
MANY = 3


@given(st.lists(st.booleans(), max_size=200))
def test_a_score_never_falls_below_nothing(history: list[bool]) -> None:
    score, test = 0.0, steps(0.03, 0.3)
    for is_bad in history:
        score, _ = test.through(score, [is_bad])
        assert score >= 0.0


@given(st.integers(0, 300), st.integers(0, 30))
def test_good_behaviour_before_is_worth_nothing(good: int, bad: int) -> None:
    test = steps(0.03, 0.3)

    with_credit, _ = test.through(0.0, [False] * good + [True] * bad)
    without, _ = test.through(0.0, [True] * bad)

    assert with_credit == without


@pytest.mark.parametrize(("count", "mean"), [(1, 0.5), (4, 0.01), (3, 3.0), (10, 2.5), (40, 20.0)])
def test_the_tail_of_poisson_is_that_of_the_sum(count: int, mean: float) -> None:
    below = sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(count))

    if 1 - below > 1e-9:
        assert math.exp(at_least(count, mean)) == pytest.approx(1 - below, rel=1e-6)
    else:
        assert at_least(count, mean) < math.log(1e-8)


def test_nothing_is_always_met_and_something_never_where_none_is() -> None:
    assert at_least(0, 0.0) == 0.0
    assert at_least(1, 0.0) == -math.inf


QUESTIONS = {
    "a field of two values": ("sex", "equals", 1),
    "a field of five": ("leader_rank", "at_least", 2),
    "any unit": ("unit", "equals", 3),
}


@pytest.mark.parametrize(("field", "comparator", "most"), QUESTIONS.values(), ids=QUESTIONS)
def test_the_smaller_a_field_the_fewer_questions(field: str, comparator: str, most: int) -> None:
    assert allowed(CATALOGUE.fields[field], comparator, DEFAULTS) == most


def asked(name: str, token: int, most: int) -> tuple[Asked, int]:
    return Asked(name, most, most < MANY), token


def items(kept: bytes) -> set[bytes]:
    return {kept[at : at + 8] for at in range(0, len(kept), 8)}


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=30), st.integers(1, 3))
def test_no_window_ever_has_more_new_questions_than_allowed(history: list[tuple[int, int]], most: int) -> None:
    kept, told = b"", list[tuple[int, int]]()
    day = DAY
    for later, token in history:
        day += later % 7
        before, (kept, _) = items(kept), add(kept, day, [asked("unit", token, most)], 9)
        told += [(day, token)] * len(items(kept) - before)

    for last, _ in told:
        assert len([on for on, _ in told if last - DAYS < on <= last]) <= most


def test_where_one_question_is_too_many_none_is_counted() -> None:
    kept, _ = add(b"", DAY, [asked("sex", 1, 1)], 9)

    assert add(kept, DAY, [asked("unit", 7, 3), asked("sex", 2, 1)], 9) == (kept, False)


SHUT = {
    "another small field": ([("person_status", 1, 1)], False),
    "another small field beside a known one": ([("sex", 1, 1), ("person_status", 1, 1)], False),
    "the same again": ([("sex", 1, 1)], True),
    "the same corrected": ([("degree", 2, 2)], True),
    "another field of many values": ([("unit", 1, 3)], True),
}


@pytest.mark.parametrize(("put", "is_allowed"), SHUT.values(), ids=SHUT)
@pytest.mark.parametrize("is_hasty", [True, False])
def test_behind_a_contradiction_no_other_small_field_is_answered(
    put: list[tuple[str, int, int]], is_allowed: bool, is_hasty: bool
) -> None:
    """Nor while nobody knows yet whether there is one, because the other question stands in the same turn."""
    kept, _ = add(b"", DAY, [asked("sex", 1, 1), asked("degree", 1, 2)], 9)
    if not is_hasty:
        kept = contradicted(contradicted(kept, DAY - 5), DAY)

    assert add(kept, DAY, [asked(*each) for each in put], 9, is_hasty=is_hasty)[1] == is_allowed
    assert add(kept, DAY + DAYS, [asked(*each) for each in put], 9)[1]


def test_a_contradiction_is_no_question() -> None:
    kept, _ = add(b"", DAY, [asked("unit", 1, 3)], 0)

    assert add(contradicted(kept, DAY), DAY, [asked("post", 1, 3)], 0)[1]


def test_an_operator_may_use_no_more_than_the_largest_grant() -> None:
    small, large = a_grant(limits=limits(day=3)), a_grant(number="G-2", limits=limits(day=9))
    other = a_grant(number="G-3", partner="tax", limits=limits(day=99))
    found = Ceilings([small, large, other]).of([(small, accounts_of(small, "wang-01"))])
    accounts = accounts_of(small, "wang-01")

    assert found == {
        accounts.grant: some_limits(day=3),
        accounts.purpose: some_limits(day=12, month=20_000, year=100_000, comparisons=200_000),
        accounts.operator: some_limits(day=9),
    }


def test_only_grants_and_partners_have_a_row_to_lock() -> None:
    accounts = accounts_of(a_grant(), "wang-01")

    assert [is_lock(each) for each in accounts] == [True, False, False]
    assert is_lock(partner_lock("hr"))
    assert not is_grant(partner_lock("hr"))
    assert len({accounts.purpose, accounts.operator, partner_lock("hr")}) == 3


def test_a_cell_is_a_region_and_a_birthday_and_nobody_can_read_it() -> None:
    numbers = ["152921198001010011", "152921198001010257", an_id(1)]
    first, neighbour, other = cells_of(b"k" * 32, numbers)

    assert first == neighbour != other
    assert cells_of(b"x" * 32, numbers)[0] != first


@given(st.lists(st.integers(1, 400), max_size=30))
def test_a_cell_is_the_same_among_whichever_others_it_is_made(numbers: list[int]) -> None:
    made = cells_of(b"k" * 32, [an_id(number) for number in numbers])

    assert made == [cell for number in numbers for cell in cells_of(b"k" * 32, [an_id(number)])]
    assert {len(each) for each in made} <= {CELL_BYTES}


def test_an_open_grant_is_held_when_it_meets_nobody_any_more() -> None:
    """Eight of a hundred are there when it looks for people; nobody is when it makes numbers up."""
    profile = profile_of(a_grant(**{"class": "open", "hit_rate": 8}), 20_000, DEFAULTS)
    standing = NEW
    for number in range(2000):
        last = seen(is_unknown=number % 12 != 0)
        standing = observe([last], standing, profile, DEFAULTS).last
        assert not list(trips(standing, profile, DEFAULTS, last, NOTHING))
    made_up = 0
    while not list(trips(standing, profile, DEFAULTS, last, NOTHING)):
        made_up += 1
        last = seen(is_unknown=True)
        standing = observe([last], standing, profile, DEFAULTS).last

    assert 200 < made_up < 500


def seen(*, is_unknown: bool) -> Observation:
    return Observation(is_first=True, is_confirmed=not is_unknown, is_unknown=is_unknown)


def test_beyond_the_first_to_each_field_few_questions_are_allowed() -> None:
    kept, _ = add(b"", DAY, [asked("unit", 1, 3), asked("post", 2, 3), asked("title", 3, 3)], 2)

    corrected, is_allowed = add(kept, DAY, [asked("unit", 4, 3), asked("post", 5, 3), asked("title", 3, 3)], 2)
    assert is_allowed
    assert add(corrected, DAY, [asked("title", 6, 3)], 2) == (corrected, False)
    assert add(kept, DAY, [asked("unit", 4, 3), asked("post", 5, 3), asked("title", 6, 3)], 2) == (kept, False)


@given(st.integers(1, 400), st.floats(0.01, 0.99), st.data())
def test_the_bound_on_a_share_is_one(among: int, share: float, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, among))
    exact = sum(math.comb(among, k) * share**k * (1 - share) ** (among - k) for k in range(count, among + 1))

    bound = share_at_least(count, among, share)
    assert bound <= 0.0
    # Smaller ones are lost in the sum.
    assert exact < 1e-200 or bound >= math.log(exact) - 1e-6


NUMBERS = st.integers(0, 70)


@given(
    st.builds(Standing, st.builds(Scores, st.floats(0, 20), st.floats(0, 20)), NUMBERS, NUMBERS),
    st.builds(Counted, st.integers(0, 9), st.integers(0, 99), st.integers(0, 99), st.integers(0, 4)),
    st.booleans(),
)
def test_where_all_is_quiet_nothing_trips(standing: Standing, counted: Counted, has_unit: bool) -> None:
    profile, last = profile_of(a_grant(), 100, DEFAULTS), seen(is_unknown=False)
    last = msgspec.structs.replace(last, unit=UnitFact(b"unit", b"region", 3, 4000) if has_unit else None)

    if is_quiet(standing, profile, DEFAULTS, counted):
        assert not list(trips(standing, profile, DEFAULTS, last, counted))


@given(st.lists(st.tuples(st.integers(0, 70), st.lists(st.integers(0, 3), min_size=2, max_size=2)), max_size=12))
def test_questions_of_a_form_are_added_as_each_of_them_is(history: list[tuple[int, list[int]]]) -> None:
    fields, day, kept, alike = [Asked("unit", 3, False), Asked("post", 1, True)], DAY, b"", b""
    for later, tokens in history:
        day += later
        sealed = struct.pack(">2I", *tokens)
        kept, is_allowed = Shape(fields, day).add(kept, sealed, 2)
        alike, is_alike = add(alike, day, list(zip(fields, tokens, strict=True)), 2)

        assert is_allowed == is_alike
        assert items_in(kept, day) == items_in(alike, day)


def items_in(kept: bytes, day: int) -> set[bytes]:
    """What still counts on a day."""
    return {each for each in items(kept) if (day - int.from_bytes(each[2:4], "big")) % 65536 < DAYS}


SMALL_UNIT = UnitFact(b"unit", b"region", 40, 4000)
WALKS = {
    "one unit, and nobody else": (SMALL_UNIT, 8, 8, [Detector.UNIT_SHARE]),
    "fewer than could be chance": (SMALL_UNIT, 7, 7, []),
    "many of the region with it": (SMALL_UNIT, 8, 400, []),
    "the unit is its whole region": (UnitFact(b"unit", b"region", 40, 40), 40, 40, []),
    "the largest employer of the region": (UnitFact(b"unit", b"region", 3600, 4000), 60, 60, []),
    "a large unit, where few are no walk": (UnitFact(b"unit", b"region", 1000, 40000), 40, 60, []),
    "a large unit, where many are": (UnitFact(b"unit", b"region", 1000, 40000), 50, 60, [Detector.UNIT_SHARE]),
}


@pytest.mark.parametrize(("unit", "in_unit", "in_region", "found"), WALKS.values(), ids=WALKS)
def test_a_walk_is_more_of_a_unit_than_its_region_brings_along(
    unit: UnitFact, in_unit: int, in_region: int, found: list[Detector]
) -> None:
    profile, last = profile_of(a_grant(), 100, DEFAULTS), msgspec.structs.replace(seen(is_unknown=False), unit=unit)

    tripped = trips(NEW, profile, DEFAULTS, last, Counted(0, in_unit, in_region, 0))

    assert [each.detector for each in tripped] == found


@pytest.mark.parametrize("observed", [4, 4.0, 13.815])
def test_an_incident_that_was_read_is_written_as_it_was(observed: float) -> None:
    """Or a replay would differ from a row that somebody has read and put back."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    found = Finding(Detector.CELL, Action.FREEZE_GRANT, Principal(Level.GRANT, "G-1"), "hr", "G-1", observed, 0, 30, at)
    written = msgspec.json.encode(incident_of(b"k" * 32, found, 7, ["0a1b2c3d"]))

    assert msgspec.json.encode(msgspec.json.decode(written, type=Incident)) == written
