"""Narrower: less of everything and more of nothing. A narrower grant never allows what the wider one did not."""

from __future__ import annotations

from dataclasses import astuple, fields, replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.standalone import narrowing as alone
from audit.standalone.canonical import Json
from gateway.deeds import narrowing
from gateway.deeds.errors import DeedError
from gateway.deeds.narrowing import check_narrower
from gateway.domain.budget import Limits
from gateway.domain.grant import Grant, canonical_document
from tests.make import a_grant, limits

WIDE = a_grant(
    scope=["a", "b"],
    networks=["10.0.0.0/8", "fd00::/16"],
    hours=["08:00-12:00", "13:00-18:00"],
    reference_dates=[date(2025, 12, 31), date(2026, 1, 31)],
    tells_not_found=True,
)


def is_narrower(before: Grant, after: Grant) -> bool:
    try:
        check_narrower(before, after)
    except DeedError:
        return False
    return True


NARROWER: dict[str, Grant] = {
    "the same": WIDE,
    "a unit less": replace(WIDE, scope=("a",)),
    "the units in another order": replace(WIDE, scope=("b", "a")),
    "fewer subjects": replace(WIDE, limits=Limits(*astuple(a_grant(limits=limits(day=1)).limits))),
    "a network less": replace(WIDE, networks=WIDE.networks[:1]),
    "a part of a network": replace(WIDE, networks=(ip_network("10.1.0.0/16"),)),
    "two parts of one network": replace(WIDE, networks=(ip_network("10.1.0.0/16"), ip_network("10.2.0.0/16"))),
    "hours less": replace(WIDE, hours=WIDE.hours[:1]),
    "shorter hours": replace(WIDE, hours=((9 * 60, 10 * 60),)),
    "a later beginning": replace(WIDE, valid_from=WIDE.valid_from + timedelta(1)),
    "an earlier end": replace(WIDE, valid_until=WIDE.valid_until - timedelta(1)),
    "fresher data": replace(WIDE, max_data_age_days=1),
    "not told who is absent": replace(WIDE, tells_not_found=False),
    "a reference date less": replace(WIDE, reference_dates=frozenset({date(2026, 1, 31)})),
    "no reference date": replace(WIDE, reference_dates=frozenset()),
    "signed requests": replace(WIDE, signed_requests=True),
    "held to an outcome": replace(WIDE, outcome_rate=50),
}


@pytest.mark.parametrize("after", NARROWER.values(), ids=NARROWER)
def test_less_is_narrower(after: Grant) -> None:
    check_narrower(WIDE, after)


@pytest.mark.parametrize("after", NARROWER.values(), ids=NARROWER)
def test_whoever_looks_without_the_gateway_agrees(after: Grant) -> None:
    """Also where what it leaks was worked out anew, as it is for every draft."""
    alone.check_narrower(_signed(WIDE, persons=9), _signed(after, persons=8))


def _signed(grant: Grant, persons: int) -> dict[str, Json]:
    return cast("dict[str, Json]", {**canonical_document(grant), "leak": {"persons": persons}})


WIDER: dict[str, Grant] = {
    "another number": replace(WIDE, number="G-2"),
    "another partner": replace(WIDE, partner="tax"),
    "another purpose": replace(WIDE, purpose="other-check"),
    "another legal basis": replace(WIDE, legal_basis="另一办法"),
    "another class": a_grant(**{"class": "open"}),
    "another unit": replace(WIDE, scope=("a", "c")),
    "a unit more": replace(WIDE, scope=("a", "b", "c")),
    "more subjects a day": replace(WIDE, limits=replace(WIDE.limits, subjects_per_day=1_001)),
    "more subjects in 30 days": replace(WIDE, limits=replace(WIDE.limits, subjects_per_30_days=10_001)),
    "more subjects in a year": replace(WIDE, limits=replace(WIDE.limits, subjects_per_year=50_001)),
    "more comparisons": replace(WIDE, limits=replace(WIDE.limits, comparisons_per_day=100_001)),
    "fewer subjects, more comparisons": replace(
        WIDE, limits=replace(WIDE.limits, subjects_per_day=1, comparisons_per_day=100_001)
    ),
    "a network more": replace(WIDE, networks=(*WIDE.networks, ip_network("192.168.0.0/16"))),
    "a larger network": replace(WIDE, networks=(ip_network("8.0.0.0/6"),)),
    "the other kind of network": replace(WIDE, networks=(ip_network("::/0"),)),
    "hours more": replace(WIDE, hours=(*WIDE.hours, (19 * 60, 20 * 60))),
    "longer hours": replace(WIDE, hours=((8 * 60, 12 * 60 + 1),)),
    "over the noon": replace(WIDE, hours=((8 * 60, 18 * 60),)),
    "an earlier beginning": replace(WIDE, valid_from=WIDE.valid_from - timedelta(1)),
    "a later end": replace(WIDE, valid_until=WIDE.valid_until + timedelta(1)),
    "older data": replace(WIDE, max_data_age_days=31),
    "another reference date": replace(WIDE, reference_dates=frozenset({date(2026, 2, 28)})),
}


@pytest.mark.parametrize("after", WIDER.values(), ids=WIDER)
def test_more_of_anything_is_refused(after: Grant) -> None:
    with pytest.raises(DeedError):
        check_narrower(WIDE, after)


def test_who_is_absent_is_not_told_by_a_reviewer() -> None:
    with pytest.raises(DeedError):
        check_narrower(replace(WIDE, tells_not_found=False), WIDE)


def test_a_field_more_is_refused_and_a_field_less_is_not() -> None:
    less, more = a_grant(fields=["name", "unit"]), a_grant(fields=["name", "unit", "sex"])

    assert is_narrower(more, less)
    assert not is_narrower(less, more)
    assert not is_narrower(less, a_grant(fields=["name", "sex"]))


def test_signed_requests_are_not_given_up() -> None:
    assert not is_narrower(replace(WIDE, signed_requests=True), WIDE)


def test_additions_to_a_cohort_only_become_fewer() -> None:
    assert is_narrower(replace(WIDE, additions_per_month=5), WIDE)
    assert not is_narrower(WIDE, replace(WIDE, additions_per_month=5))


def test_every_member_of_a_grant_has_its_rule() -> None:
    """A member without one could be widened by a reviewer, and nobody would notice."""
    assert narrowing._RULES.keys() == {each.name for each in fields(Grant)}


# ---------------------------------------------------------------------------------------- a partial order

UNITS, FIELDS, DAYS = ["a", "b", "c"], ["name", "unit", "sex"], [date(2026, 1, day) for day in (1, 2, 3)]
SPANS = ["08:00-12:00", "09:00-10:00", "13:00-18:00", "08:00-18:00"]
NETWORKS = ["10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "fd00::/16", "0.0.0.0/0"]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, unique=True)


GRANTS = st.builds(
    a_grant,
    scope=some(UNITS),
    fields=some(FIELDS),
    networks=some(NETWORKS),
    hours=some(SPANS),
    limits=st.builds(limits, *[st.integers(1, 3)] * 3),
    valid_from=st.sampled_from(DAYS),
    valid_until=st.sampled_from([date(2026, 6, 29), date(2026, 6, 30)]),
    max_data_age_days=st.integers(1, 3),
    tells_not_found=st.booleans(),
    reference_dates=st.lists(st.sampled_from(DAYS), unique=True),
)
INSTANTS = [datetime(2026, 6, day, hour, 30, tzinfo=UTC) for day in (29, 30) for hour in range(24)]
ADDRESSES = ["10.0.0.1", "10.1.0.1", "10.1.1.1", "192.168.0.1", "fd00::1", "fe80::1"]


@given(GRANTS)
def test_a_grant_is_as_narrow_as_itself(grant: Grant) -> None:
    check_narrower(grant, grant)


@given(GRANTS, GRANTS, GRANTS)
def test_narrower_than_narrower_is_narrower(one: Grant, two: Grant, three: Grant) -> None:
    if is_narrower(one, two) and is_narrower(two, three):
        check_narrower(one, three)


@given(GRANTS, GRANTS)
def test_narrower_both_ways_is_the_same(one: Grant, other: Grant) -> None:
    if is_narrower(one, other) and is_narrower(other, one):
        assert allowed(one) == allowed(other)


@given(GRANTS, GRANTS)
def test_a_narrower_grant_allows_nothing_that_the_wider_did_not(wide: Grant, narrow: Grant) -> None:
    if is_narrower(wide, narrow):
        before, after = allowed(wide), allowed(narrow)
        assert all(after[name] <= before[name] for name in before)
        assert all(a <= b for a, b in zip(astuple(narrow.limits), astuple(wide.limits), strict=True))


def allowed(grant: Grant) -> dict[str, frozenset[object]]:
    """What a grant lets through, tried out: of each gate, which of the samples."""
    return {
        "instants": frozenset(at for at in INSTANTS if grant.covers(at)),
        "addresses": frozenset(each for each in ADDRESSES if grant.admits(each)),
        "fields": frozenset(grant.fields),
        "scope": frozenset(grant.scope),
        "dates": frozenset(grant.reference_dates),
        "ages": frozenset(range(grant.max_data_age_days)),
        "absent": frozenset({1} if grant.tells_not_found else ()),
    }
