"""Grants from documents, read strictly: what each key may hold, when a grant holds, and the one form that is signed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import encode
from gateway.domain.budget import Limits
from gateway.domain.grant import Grant, GrantClass, GrantError, canonical_document, local_day, parse_grant
from tests.make import NOW, a_grant, a_grant_document, limits

# ---------------------------------------------------------------------------------------- reading


def test_a_grant_says_what_its_document_says() -> None:
    grant = a_grant(reference_dates=[date(2025, 12, 31)])

    assert (grant.number, grant.partner, grant.purpose) == ("G-1", "hr", "payroll-check")
    assert grant.grant_class is GrantClass.SCOPED
    assert grant.limits == Limits(1_000, 10_000, 50_000, 100_000)
    assert grant.scope == ("root",)
    assert grant.fields >= {"name", "unit"}
    assert grant.hours == ((0, 1440),)
    assert grant.reference_dates == {date(2025, 12, 31)}


@pytest.mark.parametrize("key", [key for key in a_grant_document() if key != "reference_dates"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(GrantError, match=key):
        parse_grant(a_grant_document(**{key: None}))


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(GrantError, match="unlimited"):
        parse_grant(a_grant_document(unlimited=True))


WRONG: dict[str, dict[str, object]] = {
    "number: empty": {"number": ""},
    "number: a slash": {"number": "G/1"},
    "number: too long": {"number": "G" * 65},
    "number: a number": {"number": 1},
    "partner: blank": {"partner": " "},
    "purpose: a list": {"purpose": ["payroll-check"]},
    "legal_basis: empty": {"legal_basis": ""},
    "class: unknown": {"class": "everything"},
    "class: empty": {"class": ""},
    "scope: empty list": {"scope": []},
    "scope: a text": {"scope": "root"},
    "scope: a number": {"scope": 7},
    "scope: an empty text": {"scope": ["root", ""]},
    "scope: twice the same": {"scope": ["root", "root"]},
    "fields: empty list": {"fields": []},
    "fields: a number for a reason": {"fields": {"unit": 1}},
    "fields: an empty reason": {"fields": {"unit": " "}},
    "fields: a reason that is too long": {"fields": {"unit": "因" * 201}},
    "fields: a list": {"fields": ("unit",)},
    "hit_rate: nothing": {"hit_rate": 0},
    "hit_rate: more than all": {"hit_rate": 101},
    "outcome_rate: nothing": {"outcome_rate": 0, "class": "open"},
    "outcome_rate: more than all": {"outcome_rate": 101, "class": "open"},
    "outcome_rate: a part": {"outcome_rate": 0.8, "class": "open"},
    "outcome_rate: of a grant with a scope": {"outcome_rate": 80, "class": "scoped"},
    "outcome_rate: of a grant with a list": {"outcome_rate": 80, "class": "closed"},
    "contact: empty": {"contact": ""},
    "contact: too long": {"contact": "联" * 201},
    "signed_requests: a word": {"signed_requests": "yes"},
    "additions_per_month: without a cohort": {"additions_per_month": 5},
    "additions_per_month: below nothing": {"additions_per_month": -1, "class": "closed"},
    "limits: one is missing": {"limits": {"subjects_per_day": 1, "subjects_per_30_days": 1, "subjects_per_year": 1}},
    "limits: one too many": {"limits": limits() | {"subjects_per_week": 1}},
    "limits: zero": {"limits": limits(day=0)},
    "limits: negative": {"limits": limits(month=-1)},
    "limits: a bool": {"limits": limits(comparisons=True)},
    "limits: a fraction": {"limits": limits() | {"subjects_per_day": 1.5}},
    "limits: a text": {"limits": limits() | {"subjects_per_day": "1"}},
    "limits: beyond all use": {"limits": limits(day=2**31)},
    "limits: a list": {"limits": [1, 2, 3]},
    "networks: empty list": {"networks": []},
    "networks: host bits": {"networks": ["10.20.0.7/16"]},
    "networks: no network": {"networks": ["anywhere"]},
    "hours: empty list": {"hours": []},
    "hours: no span": {"hours": ["all day"]},
    "hours: backwards": {"hours": ["18:00-08:00"]},
    "hours: no length": {"hours": ["08:00-08:00"]},
    "hours: beyond the day": {"hours": ["08:00-24:30"]},
    "hours: no such minute": {"hours": ["08:60-09:00"]},
    "hours: one digit": {"hours": ["8:00-9:00"]},
    "hours: blank around": {"hours": [" 08:00-09:00"]},
    "valid_from: no date": {"valid_from": "soon"},
    "valid_from: a time": {"valid_from": datetime(2026, 1, 1, tzinfo=UTC)},
    "valid_from: a week date": {"valid_from": "2026-W01-1"},
    "valid_from: no day of any year": {"valid_from": "2026-02-30"},
    "valid_from: without hyphens": {"valid_from": "20260101"},
    "valid_until: before valid_from": {"valid_until": date(2025, 12, 31)},
    "max_data_age_days: zero": {"max_data_age_days": 0},
    "max_data_age_days: a bool": {"max_data_age_days": True},
    "tells_not_found: a text": {"tells_not_found": "false"},
    "tells_not_found: a number": {"tells_not_found": 0},
    "reference_dates: a text": {"reference_dates": "2026-01-01"},
    "reference_dates: a day that cannot be sealed": {"reference_dates": [date(1899, 12, 31)]},
    "reference_dates: a number": {"reference_dates": 7},
    "reference_dates: no date": {"reference_dates": ["soon"]},
    "reference_dates: a week date": {"reference_dates": ["2026-W01-1"]},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_an_error_that_names_its_key(changes: Mapping[str, object]) -> None:
    with pytest.raises(GrantError, match=next(iter(changes))):
        parse_grant(a_grant_document(**changes))


# ---------------------------------------------------------------------------------------- when and from where it holds

IN_SHANGHAI = timedelta(hours=8)


def shanghai(text: str) -> datetime:
    return (datetime.fromisoformat(text) - IN_SHANGHAI).replace(tzinfo=UTC)


TIMES: dict[str, tuple[str, bool]] = {
    "its first minute": ("2026-01-01 08:30:00", True),
    "a second before its first day's hours": ("2026-01-01 08:29:59", False),
    "the evening before its first day": ("2025-12-31 17:59:00", False),
    "its last minute": ("2026-12-31 17:59:59", True),
    "the end of its last day's hours": ("2026-12-31 18:00:00", False),
    "the day after": ("2027-01-01 09:00:00", False),
    "noon, between two spans": ("2026-06-30 12:30:00", False),
    "after noon": ("2026-06-30 13:00:00", True),
    "a day of another year in the same hours": ("2025-06-30 09:00:00", False),
}


@pytest.mark.parametrize(("at", "holds"), TIMES.values(), ids=TIMES)
def test_a_grant_holds_on_its_days_and_in_its_hours_of_shanghai(at: str, holds: bool) -> None:
    grant = a_grant(hours=["08:30-12:00", "13:00-18:00"])

    assert grant.covers(shanghai(at)) is holds


def test_a_whole_day_has_no_gap() -> None:
    grant = a_grant(hours=["00:00-24:00"], valid_from=date(2026, 6, 30), valid_until=date(2026, 6, 30))
    minutes = [shanghai("2026-06-29 23:59:00") + timedelta(minutes=n) for n in range(1442)]

    assert [grant.covers(minute) for minute in minutes] == [False] + [True] * 1440 + [False]


ADDRESSES: dict[str, tuple[str, bool]] = {
    "inside": ("10.20.255.255", True),
    "outside": ("10.21.0.0", False),
    "inside, as IPv6": ("::ffff:10.20.0.1", True),
    "IPv6 inside": ("2001:db8::1", True),
    "IPv6 outside": ("2001:db9::1", False),
    "none": ("", False),
    "a name": ("localhost", False),
    "two": ("10.20.0.1,10.20.0.2", False),
    "with a port": ("10.20.0.1:443", False),
    "spelled in octal": ("012.024.0.1", False),
}


@pytest.mark.parametrize(("address", "admitted"), ADDRESSES.values(), ids=ADDRESSES)
def test_a_grant_admits_its_networks(address: str, admitted: bool) -> None:
    assert a_grant(networks=["10.20.0.0/16", "2001:db8::/32"]).admits(address) is admitted


AGES: dict[str, tuple[timedelta, bool]] = {
    "just now": (timedelta(0), True),
    "at the limit": (timedelta(days=30), True),
    "a second beyond": (timedelta(days=30, seconds=1), False),
    "of another clock, a little ahead": (timedelta(minutes=-1), True),
}


@pytest.mark.parametrize(("age", "accepted"), AGES.values(), ids=AGES)
def test_data_may_be_as_old_as_the_grant_says(age: timedelta, accepted: bool) -> None:
    assert a_grant(max_data_age_days=30).accepts_age(NOW - age, NOW) is accepted


@pytest.mark.parametrize(("at", "day"), [("2026-06-30 00:00:00", 30), ("2026-06-29 23:59:59", 29)])
def test_days_are_days_of_shanghai(at: str, day: int) -> None:
    assert local_day(shanghai(at)) == date(2026, 6, day)


# ---------------------------------------------------------------------------------------- the form that is signed

DATES = st.dates(date(2020, 1, 1), date(2030, 12, 31))
DOCUMENTS = st.builds(
    a_grant_document,
    number=st.sampled_from(["G-1", "盟签〔2026〕7号", "2026-caizheng-001"]),
    scope=st.permutations(["root", "other", "150100"]),
    fields=st.permutations(["name", "unit", "sex"]),
    networks=st.permutations(["10.0.0.0/8", "192.168.0.0/24", "2001:db8::/32"]),
    hours=st.sampled_from([["00:00-24:00"], ["08:30-12:00", "13:00-18:00"]]),
    valid_from=st.dates(date(2018, 1, 1), date(2019, 12, 31)),
    valid_until=DATES,
    tells_not_found=st.booleans(),
    reference_dates=st.lists(DATES, max_size=3),
    **{"class": st.sampled_from(list(GrantClass)).map(str)},
)


@given(DOCUMENTS)
def test_the_signed_form_reads_back_as_the_same_grant(document: dict[str, object]) -> None:
    grant = parse_grant(document)
    again = parse_grant(canonical_document(grant))

    assert canonical_document(again) == canonical_document(grant)
    assert encode(canonical_document(again)) == encode(canonical_document(grant))  # type: ignore[arg-type]  # plain JSON
    assert {*again.scope} == {*grant.scope}
    assert {*again.networks} == {*grant.networks}


@given(DOCUMENTS, st.randoms())
def test_the_order_of_lists_does_not_change_what_is_signed(document: dict[str, object], random: Random) -> None:
    shuffled = dict(document)
    for key in ("scope", "networks", "reference_dates"):
        values = list(document[key])  # type: ignore[call-overload]  # each is a list
        random.shuffle(values)
        shuffled[key] = values
    fields = list(document["fields"].items())  # type: ignore[attr-defined]  # a table
    random.shuffle(fields)
    shuffled["fields"] = dict(fields)

    assert canonical_document(parse_grant(shuffled)) == canonical_document(parse_grant(document))


CHANGES: dict[str, dict[str, object]] = {
    "number": {"number": "G-2"},
    "partner": {"partner": "tax"},
    "purpose": {"purpose": "other"},
    "legal_basis": {"legal_basis": "另一办法"},
    "class": {"class": "open"},
    "scope": {"scope": ["root", "other"]},
    "fields": {"fields": ["name"]},
    "limits": {"limits": limits(day=1_001)},
    "networks": {"networks": ["10.0.0.0/9"]},
    "hours": {"hours": ["00:00-23:59"]},
    "valid_from": {"valid_from": date(2026, 1, 2)},
    "valid_until": {"valid_until": date(2026, 12, 30)},
    "max_data_age_days": {"max_data_age_days": 31},
    "tells_not_found": {"tells_not_found": True},
    "reference_dates": {"reference_dates": [date(2025, 12, 31)]},
    "hit_rate": {"hit_rate": 89},
    "contact": {"contact": "另一联系人"},
    "signed_requests": {"signed_requests": True},
    "additions_per_month": {"class": "closed", "additions_per_month": 5},
}


def test_every_key_of_a_grant_is_signed() -> None:
    def form(grant: Grant) -> bytes:
        return encode(canonical_document(grant))  # type: ignore[arg-type]  # plain JSON

    assert CHANGES.keys() == canonical_document(a_grant()).keys()
    assert [key for key, change in CHANGES.items() if form(a_grant(**change)) == form(a_grant())] == []


@pytest.mark.parametrize("rate", [1, 80, 100])
@pytest.mark.parametrize("grant_class", ["open", "matter"])
def test_what_is_to_become_of_people_is_signed_where_it_is_said(rate: int, grant_class: str) -> None:
    grant = a_grant(**{"class": grant_class, "outcome_rate": rate})

    assert canonical_document(grant)["outcome_rate"] == rate
    assert parse_grant(canonical_document(grant)).outcome_rate == rate
    assert "outcome_rate" not in canonical_document(a_grant(**{"class": grant_class}))
