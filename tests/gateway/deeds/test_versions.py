"""Amend, renew, clone: content for a new version, which goes through all hands like any other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import State
from gateway.deeds.versions import amended, cloned, renewed
from tests.lives import NUMBER, Life, content

OLD = content()
"""From 2026-06-30 to 2027-06-29."""
LATE = date(2027, 6, 1)
EARLY = date(2026, 1, 1)


def dates(told: dict[str, JsonValue]) -> tuple[JsonValue, JsonValue]:
    return told["valid_from"], told["valid_until"]


MADE: dict[str, tuple[Callable[[], dict[str, JsonValue]], tuple[str, str]]] = {
    "renewed before its end": (lambda: renewed(NUMBER, OLD, date(2028, 6, 29), LATE), ("2027-06-01", "2028-06-29")),
    "renewed after its end": (
        lambda: renewed(NUMBER, OLD, date(2028, 8, 31), date(2027, 9, 1)),
        ("2027-09-01", "2028-08-31"),
    ),
    "renewed before it began": (lambda: renewed(NUMBER, OLD, date(2028, 6, 29), EARLY), ("2026-06-30", "2028-06-29")),
    "cloned while it is valid": (lambda: cloned("2027-014", OLD, LATE), ("2027-06-01", "2028-05-30")),
    "cloned before it began": (lambda: cloned("2027-014", OLD, EARLY), ("2026-06-30", "2027-06-29")),
}


@pytest.mark.parametrize(("make", "expected"), MADE.values(), ids=MADE)
def test_a_new_version_has_new_dates_and_nothing_else(
    make: Callable[[], dict[str, JsonValue]], expected: tuple[str, str]
) -> None:
    made = make()

    assert dates(made) == expected
    assert made | {"valid_from": OLD["valid_from"], "valid_until": OLD["valid_until"]} == OLD


def test_a_renewal_that_ends_no_later_is_none() -> None:
    for until in (date(2027, 6, 29), date(2027, 1, 1)):
        with pytest.raises(DeedError, match="须晚于原到期日"):
            renewed(NUMBER, OLD, until, LATE)


def test_an_amendment_is_written_in_canonical_form() -> None:
    made = amended(NUMBER, OLD, {"networks": ["10.2.0.0/16", "10.1.0.0/16"]})

    assert made["networks"] == ["10.1.0.0/16", "10.2.0.0/16"]


def test_an_amendment_that_is_no_grant_is_refused_by_name() -> None:
    with pytest.raises(DeedError, match="hit_rate"):
        amended(NUMBER, OLD, {"hit_rate": 101})


def test_what_is_made_can_be_drawn_up_and_signed(tmp_path: Path) -> None:
    with closing(Life(tmp_path)) as life:
        life.grant()
        life.clock.pass_by(days=330)
        told = renewed(NUMBER, life.standing.content(Kind.GRANT, NUMBER) or {}, date(2028, 6, 29), date(2027, 5, 26))

        assert life.grant(told=told).state is State.IN_FORCE
        assert (life.state(1), life.state(2)) == ("superseded", "in_force")
        assert life.grant("2027-014", told=cloned("2027-014", told, date(2027, 5, 26))).state is State.IN_FORCE
