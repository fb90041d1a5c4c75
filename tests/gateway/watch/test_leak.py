"""Leak by contract: known grants in a table, rules that hold for all, and numbers that nobody should write."""

from __future__ import annotations

import time
from dataclasses import astuple, replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.entry import MAX_INTEGER, encode
from gateway.domain.budget import DAYS, YEAR, Limits, Used
from gateway.domain.grant import Grant, GrantClass
from gateway.domain.leak import Case, Cases, Leak, LeakError, in_brief, read_leak
from gateway.watch.leak import Leaks
from gateway.watch.leak_assumed import ASSUMED, Assumed
from gateway.watch.leak_pace import pace
from gateway.watch.leak_play import Luck, outsiders_noticed, wrong_noticed
from gateway.watch.profile import profile_of
from gateway.watch.thresholds import DEFAULTS, Thresholds
from policies.catalogue import load_catalogue
from tests.make import a_grant, limits

CATALOGUE = load_catalogue()
LEAKS = Leaks(catalogue=CATALOGUE)
REGISTER = 1_000_000
FIELDS = ["name", "unit", "person_status", "quota_type", "leader_rank", "education"]
MOST = 2**31 - 1


def grant(grant_class: str = "open", day: int = 65, month: int = 450, year: int = 2_700, **changes: object) -> Grant:
    members = {
        "class": grant_class,
        "limits": limits(day, month, min(3 * day, MOST), year),
        "fields": FIELDS,
        "hit_rate": 99,
    }
    return a_grant(**(members | changes))


def told(case: Case) -> tuple[int, int, int]:
    return case.persons.worst, case.answers.worst, case.stopped


# --------------------------------------------------------------------------------------------------- grants in a table

PAYROLL = {"day": 8_250, "month": 8_250, "year": 9_075}
KNOWN: dict[str, tuple[Grant, int, tuple[int, int], tuple[int, int]]] = {
    # the grant, the register; persons at worst and how many plays in a hundred end early: stolen, dishonest
    "nothing but need bounds it": (grant(), REGISTER, (277, 100), (191, 100)),
    "people at large": (
        grant(day=7_500, month=30_000, year=210_000, hit_rate=8),
        REGISTER,
        (16_500, 100),
        (6_500, 100),
    ),
    "its units bound it": (grant("scoped", **PAYROLL), REGISTER, (1, 100), (3_025, 0)),
    "a list bounds it": (grant("closed", **PAYROLL), REGISTER, (1, 100), (0, 0)),
    "a list that its head may add to": (
        grant("closed", **PAYROLL, additions_per_month=20),
        REGISTER,
        (1, 100),
        (240, 0),
    ),
    "each matter for itself": (grant("matter", 90, 180, 1_080), REGISTER, (327, 100), (207, 100)),
    "nobody knows how large the register is": (grant("scoped", **PAYROLL), 0, (58, 100), (3_025, 0)),
    "half of the register": (grant("scoped", **PAYROLL), 16_000, (58, 100), (3_025, 0)),
    "the whole register": (grant("scoped", **PAYROLL), 8_000, (9_075, 0), (3_025, 0)),
    "one day, one person": (grant("open", 1, 1, 1, valid_until=date(2026, 1, 1)), REGISTER, (1, 0), (1, 0)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_grants_leak_what_is_known_of_them(name: str) -> None:
    made, register, stolen, dishonest = KNOWN[name]

    leak = LEAKS.of(made, register)

    for case, (persons, stopped) in ((leak.stolen, stolen), (leak.dishonest, dishonest)):
        assert case.stopped == pytest.approx(stopped, abs=5)
        assert case.persons.worst == pytest.approx(persons, rel=0.1, abs=1)
        assert case.persons.median <= case.persons.worst <= leak.most.persons
        assert case.answers.worst <= case.persons.worst * 5
        assert 1 <= case.days.median <= case.days.worst <= leak.most.days


def test_the_first_spot_check_is_where_a_share_of_one_in_fifty_has_it() -> None:
    places = sorted(Luck("G-1", nth).first_checked(0.02) or 0 for nth in range(100))

    assert places[0] >= 1
    assert places[49] == pytest.approx(35, abs=2)
    assert places[94] == pytest.approx(149, abs=8)
    assert [Luck("G-1", 0).first_checked(share) for share in (0.0, 1.0)] == [None, 1]


def test_the_line_itself_says_when_outsiders_are_too_many() -> None:
    for people, many in ((100, 6), (10_000, 51)):
        profile = profile_of(grant("scoped", month=people), people, DEFAULTS)
        assert outsiders_noticed(profile, DEFAULTS, 1_000) == many
        assert outsiders_noticed(profile, DEFAULTS, many - 1) is None


def test_the_line_itself_says_when_wrong_values_are_too_many() -> None:
    profile = profile_of(grant(), 100, DEFAULTS)

    assert wrong_noticed(Luck("G-1", 0), 1.0, profile, DEFAULTS, 100) == 7
    assert wrong_noticed(Luck("G-1", 0), 1.0, profile, DEFAULTS, 6) is None
    assert wrong_noticed(Luck("G-1", 0), 0.0, profile, DEFAULTS, 100) is None
    assert not any(wrong_noticed(Luck("G-1", nth), 0.06, profile, DEFAULTS, 200) for nth in range(100))


def test_a_thief_whose_list_is_bad_is_stopped_at_once() -> None:
    bad = Leaks(catalogue=CATALOGUE, assumed=ASSUMED._replace(wrong_on_list=0.9))

    stolen = bad.of(grant("matter"), REGISTER).stolen

    assert stolen.stopped == 100
    assert stolen.persons.worst < 20


def test_a_wrong_value_is_corrected_where_a_field_takes_a_second_question() -> None:
    one = Leaks(catalogue=CATALOGUE, limits=Thresholds(questions=(1, 1, 1)))
    many = Leaks(catalogue=CATALOGUE, limits=Thresholds(questions=(2, 2, 2)))

    persons = LEAKS.of(grant()).stolen.persons.worst
    assert many.of(grant()).stolen.answers.worst == 5 * persons
    assert one.of(grant()).stolen.answers.worst == pytest.approx((5 - 0.06) * persons, abs=1)


def test_the_field_to_drop_is_the_most_sensitive_one() -> None:
    without = LEAKS.of(grant(fields=["name", "unit", "pay_amount", "education"])).without

    assert without is not None
    assert without.field == "pay_amount"


NOTHING_TO_DROP = {"the name alone": ["name"], "one field": ["unit"]}


@pytest.mark.parametrize("fields", NOTHING_TO_DROP.values(), ids=NOTHING_TO_DROP.keys())
def test_where_nothing_can_be_dropped_nothing_is_told_of_it(fields: list[str]) -> None:
    assert LEAKS.of(grant(fields=fields)).without is None


def test_who_may_only_ask_for_names_is_told_no_attribute() -> None:
    leak = LEAKS.of(grant(fields=["name"]))

    assert leak.stolen.persons.worst > 0
    assert leak.stolen.answers.worst == leak.dishonest.answers.worst == leak.most.answers == 0


# ------------------------------------------------------------------------------------------------ the same, every time


def test_a_figure_is_the_same_every_time_and_luck_hangs_on_the_number_alone() -> None:
    first, again = (Leaks(catalogue=load_catalogue()).of(grant(), REGISTER) for _ in range(2))
    renamed = LEAKS.of(grant(contact="另一联系人", legal_basis="另一办法"), REGISTER)
    other = LEAKS.of(grant(number="G-2"), REGISTER)

    assert first == again == renamed
    assert other.stolen.persons.worst == pytest.approx(first.stolen.persons.worst, rel=0.1)


def test_other_thresholds_and_other_assumptions_have_another_name() -> None:
    names = {
        LEAKS.digest,
        Leaks(catalogue=CATALOGUE, limits=Thresholds(check_share=0.05)).digest,
        Leaks(catalogue=CATALOGUE, assumed=Assumed(hidden_part=4)).digest,
    }

    assert len(names) == 3


# -------------------------------------------------------------------------------------------------------- rules for all

COUNTS = st.integers(1, 4_000)
CLASSES = st.sampled_from([each.value for each in GrantClass])


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    """Grants as somebody could mean them: no window below what 30 days or a year of days come to is out of reach."""
    day = draw(st.integers(20, 2_000))
    month = draw(st.integers(day, 30 * day))
    year = draw(st.integers(month, 12 * month))
    days = draw(st.integers(0, 700))
    return grant(
        draw(CLASSES.filter(lambda each: each != "closed")),
        day,
        month,
        year,
        hit_rate=draw(st.integers(1, 100)),
        fields=draw(st.lists(st.sampled_from(FIELDS[1:]), min_size=2, unique=True)),
        valid_until=date(2026, 1, 1) + timedelta(days=days),
    )


REGISTERS = st.sampled_from([0, 30_000, 300_000, 5_000_000])


def cases(leak: Leak) -> list[tuple[str, Case]]:
    return [("stolen", leak.stolen), ("dishonest", leak.dishonest)]


def is_in_reach(made: Grant, register: int) -> bool:
    """Whether the watch can meet as many outsiders in a window as it needs to notice."""
    return made.grant_class is not GrantClass.SCOPED or told(LEAKS.of(made, register).stolen)[2] == 100


@given(grants(), REGISTERS, st.integers(1, 100), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_smaller_budgets_never_leak_more(made: Grant, register: int, percent: int, which: int) -> None:
    own = list(astuple(made.limits))
    own[which] = max(1, own[which] * percent // 100)
    smaller = replace(made, limits=Limits(*own))

    before, after = LEAKS.of(made, register), LEAKS.of(smaller, register)

    assert after.most.persons <= before.most.persons
    assert after.dishonest.persons.worst <= before.dishonest.persons.worst
    assert after.dishonest.persons.median <= before.dishonest.persons.median
    if is_in_reach(smaller, register):
        assert after.stolen.persons.worst <= before.stolen.persons.worst
        assert after.stolen.answers.worst <= before.stolen.answers.worst


@given(grants(), st.sampled_from([300_000, 5_000_000]))
@settings(max_examples=40, deadline=None)
def test_closing_the_cohort_never_leaks_more(made: Grant, register: int) -> None:
    leak = LEAKS.of(made, register)

    assert leak.closed is not None
    assert told(leak.closed.dishonest)[:2] == (0, 0)
    assert leak.closed.stolen.persons.worst <= leak.stolen.persons.worst
    assert leak.closed.stolen.answers.worst <= leak.stolen.answers.worst


@given(grants(), REGISTERS)
@settings(max_examples=40, deadline=None)
def test_dropping_a_field_never_tells_more(made: Grant, register: int) -> None:
    leak = LEAKS.of(made, register)

    assert leak.without is not None
    for (_, before), after in zip(cases(leak), (leak.without.stolen, leak.without.dishonest), strict=True):
        assert after.persons == before.persons
        assert after.answers.worst < before.answers.worst or not before.persons.worst
        assert after.answers.median <= before.answers.median


@given(grants(), REGISTERS, st.integers(1, 200))
@settings(max_examples=30, deadline=None)
def test_fewer_days_never_leak_more(made: Grant, register: int, fewer: int) -> None:
    shorter = replace(made, valid_until=max(made.valid_from, made.valid_until - timedelta(days=fewer)))

    before, after = LEAKS.of(made, register), LEAKS.of(shorter, register)

    assert after.most.persons <= before.most.persons
    for (_, long), (_, short) in zip(cases(before), cases(after), strict=True):
        assert short.persons.worst <= long.persons.worst


@given(
    st.integers(1, 6), st.integers(1, 12), st.integers(1, 30), st.integers(1, 8), st.lists(st.booleans(), max_size=80)
)
@settings(max_examples=100, deadline=None)
def test_a_pace_is_what_the_budgets_of_the_line_let_pass_one_by_one(
    day: int, month: int, year: int, comparisons: int, works: list[bool]
) -> None:
    own, asked = Limits(day, month, year, comparisons), list[int]()
    for today, is_asking in enumerate(works):
        days = [0 if today - at < 0 else today - at for at in range(today + 1)]
        used = Used(
            0,
            sum(count for at, count in enumerate(asked) if days[at] < DAYS),
            sum(count for at, count in enumerate(asked) if days[at] < YEAR),
        )
        taken = 0
        while is_asking and used.has_room(own):
            used, taken = used.plus(today=True, in_30_days=True, in_year=True), taken + 1
        asked.append(taken)

    found = pace(own, works)

    assert list(found.through) == [sum(asked[: at + 1]) for at in range(len(asked))]
    assert found.total == sum(asked)
    assert found.window == sum(asked[:DAYS])


# ------------------------------------------------------------------------------------- numbers that nobody should write

ABSURD: dict[str, Grant] = {
    "ten million a day": grant(day=10**7, month=10**7, year=10**7),
    "as many as can be written": grant(day=MOST, month=MOST, year=MOST, valid_until=date(2030, 12, 31)),
    "to the end of time": grant("scoped", MOST, MOST, MOST, valid_until=date(9999, 12, 31)),
    "a day of the last year": grant(valid_from=date(9999, 12, 31), valid_until=date(9999, 12, 31)),
    "one a day": grant("matter", 1, 1, 1),
    "more in a day than in a year": grant("scoped", MOST, 10, 3),
    "nobody is expected to be there": grant(hit_rate=1),
    "every field there is": grant(fields=list(CATALOGUE.fields)),
    "fields of organisations alone": grant(fields=[each for each in CATALOGUE.fields if each.startswith("org_")]),
    "a hundred units": grant("scoped", scope=[f"u-{nth}" for nth in range(100)]),
    "a list that doubles each month": grant("closed", additions_per_month=MOST),
}


@pytest.mark.parametrize("name", ABSURD)
@pytest.mark.parametrize("register", [0, 1, MOST])
def test_absurd_numbers_give_a_figure_that_can_be_signed_soon(name: str, register: int) -> None:
    start = time.perf_counter()
    leak = LEAKS.of(ABSURD[name], register)

    assert time.perf_counter() - start < 2.5
    content = leak.content()
    assert read_leak(content) == leak
    assert encode(content)
    assert leak.most.answers <= MAX_INTEGER


def test_no_budget_at_all_leaks_nothing() -> None:
    nothing = replace(grant("scoped"), limits=Limits(0, 0, 0, 0), scope=(), reasons={})

    leak = LEAKS.of(nothing, REGISTER)

    assert (leak.most.persons, told(leak.stolen)[:2], told(leak.dishonest)[:2]) == (0, (0, 0), (0, 0))


BAD = {
    "nothing": {},
    "text": "120",
    "below zero": {"most": {"persons": -1, "answers": 0, "days": 0}},
    "a member too many": {"note": ""},
    "a part of a person": {"most": {"persons": 1.5, "answers": 0, "days": 0}},
    "more than all": {"stolen": {"stopped": 101}},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_what_is_no_figure_is_refused(bad: object) -> None:
    content: object = bad
    if isinstance(bad, dict) and bad:
        whole = LEAKS.of(grant()).content()
        content = {**whole, **{name: _merged(whole.get(name), value) for name, value in bad.items()}}

    with pytest.raises(LeakError, match="重新拟稿"):
        read_leak(content)


def _merged(old: object, new: object) -> object:
    return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new


def test_in_brief_it_is_one_short_line() -> None:
    leak = LEAKS.of(ABSURD["as many as can be written"])

    brief = in_brief(leak.content())

    assert isinstance(brief, str)
    assert len(brief) <= 120
    assert in_brief("none") == "none"
    assert in_brief({"basis": 1}) == {"basis": 1}
    assert Cases(stolen=leak.stolen, dishonest=leak.dishonest).stolen == leak.stolen
