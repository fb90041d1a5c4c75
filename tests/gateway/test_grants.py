"""What a grant says to a permit: each of its conditions alone can refuse, and all of them only narrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.caller import Caller
from gateway.domain.grant import Grant
from gateway.domain.query import Query
from gateway.grants import Granted, judge
from gateway.ports import Rights
from policies.decision import Permit, Reason, Refusal
from policies.snapshot import Ask
from tests.make import CATALOGUE, NOW, TODAY, a_caller, a_claim, a_grant, a_query, a_snapshot

PURPOSES = ("payroll-check", "benefit-check")


@dataclass(frozen=True)
class Case:
    """One judgement; everything fits unless the case says otherwise."""

    query: Query = field(default_factory=a_query)
    caller: Caller = field(default_factory=a_caller)
    grant: Grant = field(default_factory=a_grant)
    at: datetime = NOW
    data_time: datetime = NOW
    purposes: tuple[str, ...] = PURPOSES

    def judge(self) -> Granted | Refusal:
        rights = Rights(1, a_snapshot(*self.purposes), {self.grant.number: self.grant})
        return judge(self.query, self.caller, rights, self.at, self.data_time)


def test_what_fits_is_granted_for_today() -> None:
    verdict = Case().judge()

    assert isinstance(verdict, Granted)
    assert verdict.permit.fields == {"name", "unit"}
    assert verdict.as_of == TODAY


REFUSED: dict[str, tuple[Case, str]] = {
    "no such grant": (Case(query=a_query(grant="G-2")), "no_such_grant"),
    "the grant of another partner": (Case(caller=a_caller("tax", "tax-1")), "no_such_grant"),
    "a purpose nobody has": (Case(query=a_query(purpose="curiosity")), "no_rule"),
    "a purpose of the rulebook, not of the grant": (Case(query=a_query(purpose="benefit-check")), "grant_purpose"),
    "a purpose of the grant, not of the rulebook": (Case(purposes=("benefit-check",)), "no_rule"),
    "a system nobody enrolled": (Case(caller=a_caller(client="hr-9")), "no_rule"),
    "a unit nobody knows": (Case(grant=a_grant(scope=["root", "elsewhere"])), "no_rule"),
    "not yet valid": (Case(grant=a_grant(valid_from=date(2026, 7, 1))), "grant_not_in_force"),
    "expired": (Case(grant=a_grant(valid_until=date(2026, 6, 29))), "grant_not_in_force"),
    "out of hours": (Case(grant=a_grant(hours=["11:00-12:00"])), "grant_not_in_force"),
    "another network": (Case(caller=a_caller(address="192.168.0.1")), "grant_network"),
    "an operator nobody enrolled": (Case(query=a_query(operator="li-02")), "unknown_operator"),
    "a reference date that is not granted": (Case(query=a_query(as_of="2025-12-31")), "reference_date"),
    "tomorrow": (Case(query=a_query(as_of="2026-07-01")), "reference_date"),
    "a matter, and none is named": (Case(grant=a_grant(**{"class": "matter"})), "no_matter"),
    "no field of the grant": (Case(grant=a_grant(fields=["sex"])), "grant_fields"),
    "the gate is not granted": (Case(grant=a_grant(fields=["unit"])), "gate_not_granted"),
}


@pytest.mark.parametrize(("case", "cause"), REFUSED.values(), ids=REFUSED)
def test_each_condition_alone_refuses(case: Case, cause: str) -> None:
    verdict = case.judge()

    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.NOT_PERMITTED
    assert verdict.cause == cause
    assert verdict.policy is not None


@pytest.mark.parametrize(
    ("since", "signature", "partner", "is_refused"),
    [
        (NOW, None, "hr", True),
        (NOW + timedelta(microseconds=1), None, "hr", False),
        (NOW - timedelta(days=9), b"signed", "hr", False),
        (NOW - timedelta(days=9), None, "tax", False),
    ],
    ids=["from that instant on", "not before it", "signed", "another partner owes it"],
)
def test_a_partner_that_acknowledges_nothing_must_sign(
    since: datetime, signature: bytes | None, partner: str, is_refused: bool
) -> None:
    grant, caller = a_grant(), replace(a_caller(), signature=signature)
    rights = Rights(1, a_snapshot(*PURPOSES), {grant.number: grant}, signed_from={partner: since})

    verdict = judge(a_query(), caller, rights, NOW, NOW)

    assert isinstance(verdict, Refusal) == is_refused
    if isinstance(verdict, Refusal):
        assert (verdict.reason, verdict.cause) == (Reason.NOT_PERMITTED, "statement_unacknowledged")


def test_stale_data_says_so() -> None:
    verdict = Case(data_time=NOW - timedelta(days=31)).judge()

    assert isinstance(verdict, Refusal)
    assert (verdict.reason, verdict.cause) == (Reason.STALE_DATA, "grant_data_age")


GRANTED: dict[str, tuple[Case, date]] = {
    "today, by name": (Case(query=a_query(as_of="2026-06-30")), TODAY),
    "a date of the grant": (
        Case(query=a_query(as_of="2025-12-31"), grant=a_grant(reference_dates=[date(2025, 12, 31)])),
        date(2025, 12, 31),
    ),
    "no date, though the grant has some": (Case(grant=a_grant(reference_dates=[date(2025, 12, 31)])), TODAY),
    "a matter": (Case(query=a_query(matter="办件 7"), grant=a_grant(**{"class": "matter"})), TODAY),
    "a matter that nobody asked for": (Case(query=a_query(matter="办件 7")), TODAY),
    "just before midnight in Shanghai": (Case(at=datetime(2026, 6, 30, 15, 59, 59, tzinfo=NOW.tzinfo)), TODAY),
    "at midnight in Shanghai": (
        Case(at=datetime(2026, 6, 30, 16, 0, tzinfo=NOW.tzinfo)),
        date(2026, 7, 1),
    ),
}


@pytest.mark.parametrize(("case", "as_of"), GRANTED.values(), ids=GRANTED)
def test_what_a_grant_allows_is_granted_for_its_day(case: Case, as_of: date) -> None:
    verdict = case.judge()

    assert isinstance(verdict, Granted)
    assert verdict.as_of == as_of


def test_every_refusal_but_stale_data_tells_the_same() -> None:
    told = {verdict.reason for case, _ in REFUSED.values() if isinstance(verdict := case.judge(), Refusal)}

    assert told == {Reason.NOT_PERMITTED}


FIELDS = [each.key for each in CATALOGUE.fields_of("person") if each.key != "name"]
VALUES: Mapping[str, object] = {"unit": "盟教育局", "sex": "男", "pay_amount": 5200, "birth_month": "1980-01"}


@given(st.sets(st.sampled_from(list(VALUES)), min_size=1), st.sets(st.sampled_from(FIELDS)))
def test_a_grant_only_narrows(asked: set[str], granted: set[str]) -> None:
    query = a_query(claims=[a_claim(key, VALUES[key]) for key in sorted(asked)])
    case = Case(query=query, grant=a_grant(fields=["name", *sorted(granted)]))
    ask = Ask("client:hr-1", query.asked, "purpose:payroll-check", ("org:root",), "10.20.0.7")
    allowed = a_snapshot(*PURPOSES).judge(ask, NOW)

    verdict = case.judge()

    assert isinstance(allowed, Permit)
    assert isinstance(verdict, Granted)
    assert verdict.permit.fields == allowed.fields & ({"name"} | granted)


def test_an_organisation_needs_no_gate() -> None:
    subject = {"kind": "organisation", "id": "150100000001"}
    query = a_query(subject=subject, claims=[a_claim("org_quota_approved", 40, "at_least")])

    verdict = Case(query=query, grant=a_grant(fields=["org_quota_approved"])).judge()

    assert isinstance(verdict, Granted)
    assert verdict.permit.fields == {"org_quota_approved"}


def test_a_caller_without_operators_asks_for_nobody() -> None:
    assert isinstance(Case(caller=replace(a_caller(), operators={})).judge(), Refusal)
