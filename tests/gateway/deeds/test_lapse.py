"""When grants lapse: a table of grants, of what came after, and of ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from audit.entry import JsonValue
from gateway.deeds.calendar import Calendar
from gateway.deeds.deed import Deed
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import read_grant
from gateway.deeds.lapse import ATTESTED_FOR, Cause, End, Followed, end_of_grant, needs_attestation
from gateway.deeds.parameters import DEFAULTS
from gateway.deeds.steps import EMERGENCY
from tests.make import a_grant, limits
from tests.people import a_document, granted, signed_by

SIGNED = datetime(2026, 6, 30, 2, 0, tzinfo=UTC)
"""A Tuesday, ten in the morning in Shanghai."""
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def a_deed(path: str = "usual", **changes: object) -> Deed:
    """A grant that was signed on that Tuesday."""
    grant = a_grant(**changes)
    deed = granted(grant, path=path, reason="急需")
    accounts = ("hr-head", "leader") if path == EMERGENCY else ("hr-head", "reviewer", "leader")
    return signed_by(deed.document, *accounts, at=SIGNED)


YEAR = a_deed(valid_from="2026-06-30", valid_until="2027-06-30")
TWO_YEARS = a_deed(valid_from="2026-06-30", valid_until="2028-06-30")
URGENT = a_deed(EMERGENCY, valid_from="2026-06-30", valid_until="2026-07-03", limits=limits(day=20))


def attested(deed: Deed, after: timedelta) -> Deed:
    told: dict[str, JsonValue] = {"partner": "hr", "grant": deed.digest}
    return signed_by(a_document(Kind.ATTESTATION, "G-1", told), "hr-head", "reviewer", at=SIGNED + after)


def reviewed(deed: Deed, after: timedelta, finding: str = "justified") -> Deed:
    told: dict[str, JsonValue] = {"partner": "hr", "grant": deed.digest, "finding": finding, "text": "已核"}
    return signed_by(a_document(Kind.REVIEW, "G-1", told), "reviewer", at=SIGNED + after)


MISSED = End(datetime(2026, 7, 2, 16, 0, tzinfo=UTC), Cause.NO_REVIEW)
"""Two working days, and the midnight behind them."""
OVER = End(SIGNED + 72 * HOUR, Cause.EMERGENCY_OVER)

ENDS: dict[str, tuple[Deed, Followed, End | None]] = {
    "a year": (YEAR, Followed(), None),
    "two years": (TWO_YEARS, Followed(), End(SIGNED + 366 * DAY, Cause.NO_ATTESTATION)),
    "attested after 300 days": (
        TWO_YEARS,
        Followed(attestation=attested(TWO_YEARS, 300 * DAY)),
        End(SIGNED + 666 * DAY, Cause.NO_ATTESTATION),
    ),
    "another version was attested": (
        TWO_YEARS,
        Followed(attestation=attested(YEAR, 300 * DAY)),
        End(SIGNED + 366 * DAY, Cause.NO_ATTESTATION),
    ),
    "urgent": (URGENT, Followed(), MISSED),
    "urgent and reviewed": (URGENT, Followed(review=reviewed(URGENT, DAY)), OVER),
    "reviewed, but another version": (URGENT, Followed(review=reviewed(YEAR, DAY)), MISSED),
    "reviewed too late": (URGENT, Followed(review=reviewed(URGENT, 3 * DAY)), MISSED),
    "objected to": (
        URGENT,
        Followed(review=reviewed(URGENT, DAY, "objected")),
        End(SIGNED + DAY, Cause.REVIEW_OBJECTED),
    ),
    "an attestation helps no emergency": (URGENT, Followed(attestation=attested(URGENT, HOUR)), MISSED),
}


@pytest.mark.parametrize(("deed", "followed", "end"), ENDS.values(), ids=ENDS)
def test_a_grant_ends_when_its_signatures_say(deed: Deed, followed: Followed, end: End | None) -> None:
    assert end_of_grant(deed, read_grant(deed.document), followed, DEFAULTS) == end


def test_the_parameters_shorten_an_emergency_and_its_review() -> None:
    grant = read_grant(URGENT.document)

    short = end_of_grant(URGENT, grant, Followed(), replace(DEFAULTS, emergency_hours=12))
    holiday = Calendar(off=frozenset({datetime(2026, 7, 1, tzinfo=UTC).date()}))
    late = end_of_grant(URGENT, grant, Followed(), replace(DEFAULTS, calendar=holiday))

    assert short == End(SIGNED + 12 * HOUR, Cause.EMERGENCY_OVER)
    assert late == OVER, "a holiday gives the reviewer another day, which the emergency does not last"


LENGTHS = {"a day": ("2026-06-30", False), "a year": ("2027-06-29", False), "a year and two days": ("2027-07-01", True)}


@pytest.mark.parametrize(("until", "expected"), LENGTHS.values(), ids=LENGTHS)
def test_only_what_is_longer_than_a_year_is_attested(until: str, expected: bool) -> None:
    assert needs_attestation(a_grant(valid_from="2026-06-30", valid_until=until)) is expected


def test_an_attestation_counts_as_long_as_the_sign_off_did() -> None:
    assert timedelta(days=366) == ATTESTED_FOR


# ---------------------------------------------------------------------------------------- what no emergency may say

TOO_MUCH: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "no reason": ({}, {"reason": " "}, "来不及走常规路径"),
    "a change of another grant": ({}, {"serial": 2, "previous": "0" * 64}, "另用新编号"),
    "five days": ({"valid_until": "2026-07-04"}, {}, "72 小时"),
    "a thousand subjects a day": ({"limits": limits(day=1000)}, {}, "最多 500"),
}


@pytest.mark.parametrize(("changes", "document", "told"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_no_emergency_is_wider_than_its_ceilings_whoever_signed(
    changes: dict[str, object], document: dict[str, object], told: str
) -> None:
    usual: dict[str, object] = {"valid_from": "2026-06-30", "valid_until": "2026-07-03", "limits": limits(day=20)}
    deed = granted(a_grant(**(usual | changes)), **({"path": EMERGENCY, "reason": "急需"} | document))

    with pytest.raises(DeedError, match=told):
        read_grant(deed.document)
