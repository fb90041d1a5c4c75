"""Narrower: of each member of a grant, what a later draft may say, and what would be wider."""

import pytest

from audit.standalone.canonical import Json
from audit.standalone.narrowing import check_narrower
from audit.standalone.verdicts import WrongError

CASES: dict[str, tuple[str, Json, Json, bool]] = {
    "the same purpose": ("purpose", "pension", "pension", True),
    "another purpose": ("purpose", "pension", "salary", False),
    "a new member": ("more", None, True, False),
    "less scope": ("scope", ["a", "b"], ["b"], True),
    "more scope": ("scope", ["a"], ["a", "b"], False),
    "a scope that is none": ("scope", ["a"], "a", False),
    "a scope that was none": ("scope", None, ["a"], False),
    "fewer fields": ("fields", {"unit": "r", "post": "r"}, {"unit": "r"}, True),
    "more fields": ("fields", {"unit": "r"}, {"unit": "r", "post": "r"}, False),
    "lower limits": ("limits", {"day": 9, "hour": 3}, {"day": 8, "hour": 3}, True),
    "a higher limit": ("limits", {"day": 9, "hour": 3}, {"day": 8, "hour": 4}, False),
    "a limit less": ("limits", {"day": 9, "hour": 3}, {"day": 9}, False),
    "a limit that is no number": ("limits", {"day": 9}, {"day": "8"}, False),
    "limits that are none": ("limits", {"day": 9}, None, False),
    "limits that were none": ("limits", None, {"day": 9}, False),
    "a higher hit rate": ("hit_rate", 50, 60, True),
    "a lower hit rate": ("hit_rate", 50, 40, False),
    "a hit rate that is none": ("hit_rate", 50, None, False),
    "a network within": ("networks", ["10.0.0.0/8"], ["10.20.0.0/16"], True),
    "a network outside": ("networks", ["10.0.0.0/8"], ["11.0.0.0/8"], False),
    "a network of the other family": ("networks", ["10.0.0.0/8"], ["fd00::/8"], False),
    "a network within, of both families": ("networks", ["10.0.0.0/8", "fd00::/8"], ["fd00::/16"], True),
    "a network that is none": ("networks", ["10.0.0.0/8"], ["10.0.0.1/8"], False),
    "networks that are none": ("networks", ["10.0.0.0/8"], "10.0.0.0/8", False),
    "hours within": ("hours", ["08:00-18:00"], ["09:00-12:00", "13:00-18:00"], True),
    "hours before": ("hours", ["08:00-18:00"], ["07:59-12:00"], False),
    "hours after": ("hours", ["08:00-12:00", "13:00-18:00"], ["11:00-14:00"], False),
    "hours that are none": ("hours", ["08:00-18:00"], ["always"], False),
    "hours in other digits": ("hours", ["08:00-18:00"], ["０９:00-12:00"], False),
    "a later first day": ("valid_from", "2026-01-01", "2026-02-01", True),
    "an earlier first day": ("valid_from", "2026-02-01", "2026-01-01", False),
    "an earlier last day": ("valid_until", "2026-12-31", "2026-06-30", True),
    "a later last day": ("valid_until", "2026-12-31", "2027-12-31", False),
    "no last day": ("valid_until", "2026-12-31", None, False),
    "younger data": ("max_data_age_days", 30, 7, True),
    "older data": ("max_data_age_days", 7, 30, False),
    "tells less": ("tells_not_found", True, False, True),
    "tells more": ("tells_not_found", False, True, False),
    "another contact": ("contact", "a", "b", True),
    "no contact": ("contact", "a", "", False),
    "fewer reference dates": ("reference_dates", ["2026-01-01"], [], True),
    "signed from now on": ("signed_requests", False, True, True),
    "signed no more": ("signed_requests", True, False, False),
    "fewer additions": ("additions_per_month", 9, 3, True),
    "more additions": ("additions_per_month", 3, 9, False),
    "held to an outcome": ("outcome_rate", None, 80, True),
    "held to more": ("outcome_rate", 70, 80, True),
    "held to less": ("outcome_rate", 80, 70, False),
    "held to nothing": ("outcome_rate", 80, None, False),
    "a leak that was worked out anew": ("leak", {"persons": 9}, {"persons": 8}, True),
}


@pytest.mark.parametrize("case", CASES)
def test_a_later_draft_gives_nothing_that_the_earlier_did_not(case: str) -> None:
    name, old, new, is_narrower = CASES[case]
    before, after = {name: old, "partner": "hr"}, {name: new, "partner": "hr"}
    if is_narrower:
        check_narrower(before, after)
        return

    with pytest.raises(WrongError, match=name):
        check_narrower(before, after)


def test_what_is_wider_is_named_in_order() -> None:
    with pytest.raises(WrongError, match="contact, hit_rate, scope"):
        check_narrower({"scope": [], "hit_rate": 2, "contact": "a"}, {"scope": ["a"], "hit_rate": 1})
