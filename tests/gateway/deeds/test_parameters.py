"""Parameters: what counts without a deed, what a deed may say, and that it says it strictly."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import JsonValue
from gateway.deeds.calendar import Calendar
from gateway.deeds.errors import DeedError
from gateway.deeds.parameters import DEFAULTS, Parameters, parameters_content, parameters_of, read_parameters

CONTENT = parameters_content(DEFAULTS)
TERMS: Mapping[str, JsonValue] = {"endorse": 3, "review": 5, "sign_off": 3, "emergency_review": 2, "other": 5}


def test_without_a_deed_the_defaults_count() -> None:
    assert parameters_of(None) == DEFAULTS
    assert "保密" in DEFAULTS.undertaking


def test_a_step_without_a_term_of_its_own_has_that_of_all_others() -> None:
    assert DEFAULTS.days_for("review") == 5
    assert DEFAULTS.days_for("propose") == DEFAULTS.deadlines["other"]


@st.composite
def parameters(draw: st.DrawFn) -> Parameters:
    days = st.dates(date(2020, 1, 1), date(2040, 1, 1))
    off = draw(st.frozensets(days, max_size=30))
    return Parameters(
        deadlines={step: draw(st.integers(1, 60)) for step in DEFAULTS.deadlines},
        calendar=Calendar(off, draw(st.frozensets(days, max_size=30)) - off),
        reminder_days=draw(st.integers(1, 366)),
        longest_validity_days=draw(st.integers(1, 1830)),
        emergency_hours=draw(st.integers(1, 72)),
        emergency_subjects_per_day=draw(st.integers(1, 500)),
        undertaking=draw(st.text("承诺书", min_size=1)),
        acknowledgement_days=draw(st.integers(1, 60)),
        person_searches_per_day=draw(st.integers(1, 200)),
    )


@given(parameters())
def test_what_is_written_is_read(written: Parameters) -> None:
    assert read_parameters(parameters_content(written)) == written


WRONG: dict[str, tuple[dict[str, JsonValue], str]] = {
    "an unknown member": ({"extra": 1}, "须恰有"),
    "a term of no step": ({"deadlines": {**TERMS, "publish": 3}}, "deadlines"),
    "a missing term": ({"deadlines": {"endorse": 3}}, "deadlines"),
    "a term of no day": ({"deadlines": {**TERMS, "review": 0}}, "review"),
    "a term of a quarter": ({"deadlines": {**TERMS, "review": 61}}, "review"),
    "a term that is true": ({"deadlines": {**TERMS, "review": True}}, "review"),
    "a term in words": ({"deadlines": {**TERMS, "review": "5"}}, "review"),
    "terms that are a list": ({"deadlines": []}, "deadlines"),
    "no holidays": ({"calendar": {"on": []}}, "calendar"),
    "a holiday that is no date": ({"calendar": {"off": ["2026-02-30"], "on": []}}, "off"),
    "a holiday written otherwise": ({"calendar": {"off": ["20261001"], "on": []}}, "off"),
    "holidays out of order": ({"calendar": {"off": ["2026-10-02", "2026-10-01"], "on": []}}, "从早到晚"),
    "a holiday twice": ({"calendar": {"off": ["2026-10-01", "2026-10-01"], "on": []}}, "不得重复"),
    "a day that is off and on": ({"calendar": {"off": ["2026-10-01"], "on": ["2026-10-01"]}}, "同时列入"),
    "too many holidays": ({"calendar": {"off": ["2026-10-01"] * 1001, "on": []}}, "最多 1000 个"),
    "no reminder": ({"reminder_days": 0}, "reminder_days"),
    "grants for a life": ({"longest_validity_days": 10_000}, "longest_validity_days"),
    "a long emergency": ({"emergency": {"hours": 73, "subjects_per_day": 5}}, "hours"),
    "a wide emergency": ({"emergency": {"hours": 72, "subjects_per_day": 501}}, "subjects_per_day"),
    "an emergency without limits": ({"emergency": {"hours": 72}}, "emergency"),
    "no undertaking": ({"undertaking": "  "}, "undertaking"),
    "a month that waits for a quarter": ({"acknowledgement_days": 61}, "acknowledgement_days"),
    "searches without end": ({"person_searches_per_day": 201}, "person_searches_per_day"),
    "an undertaking without end": ({"undertaking": "诺" * 20_001}, "undertaking"),
}


@pytest.mark.parametrize(("changes", "named"), WRONG.values(), ids=WRONG)
def test_anything_else_is_refused_by_name(changes: dict[str, JsonValue], named: str) -> None:
    with pytest.raises(DeedError, match=named):
        read_parameters({**CONTENT, **changes})


LATER = {
    "acknowledgement_days",
    "person_searches_per_day",
    "disclosure_months",
    "retention_months",
    "hold_days",
    "shadow_days",
}


@pytest.mark.parametrize("member", sorted(LATER))
def test_what_came_later_may_be_left_out(member: str) -> None:
    assert read_parameters({name: value for name, value in CONTENT.items() if name != member}) == DEFAULTS


@pytest.mark.parametrize("member", sorted(CONTENT.keys() - LATER))
def test_nothing_else_may_be_left_out(member: str) -> None:
    with pytest.raises(DeedError, match="须恰有"):
        read_parameters({name: value for name, value in CONTENT.items() if name != member})
