"""Thresholds as people write and sign them: strict, within bounds, the same whichever way they came."""

from __future__ import annotations

import math
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import JsonValue, decode, encode
from gateway.domain.standing import Scores
from gateway.watch.profile import open_steps, profile_of
from gateway.watch.threshold_file import (
    BOUNDS,
    ThresholdError,
    changes,
    content_of,
    digest_of,
    file_of,
    loosened,
    read_content,
    read_file,
    values_of,
)
from gateway.watch.thresholds import DEFAULTS, Thresholds
from tests.make import a_grant


def test_every_threshold_has_bounds_and_a_meaning_and_is_within_them_as_delivered() -> None:
    assert list(BOUNDS) == [each.name for each in fields(Thresholds)], "a new threshold needs a line in BOUNDS"
    assert all(each.zh for each in BOUNDS.values())
    assert read_content(content_of(DEFAULTS)) == DEFAULTS


def test_a_whole_file_says_what_is_delivered_and_an_empty_one_says_the_same() -> None:
    assert read_file(file_of(DEFAULTS).encode()) == read_file(b"") == DEFAULTS


def test_what_is_signed_has_a_canonical_form_and_keeps_every_digit() -> None:
    made = replace(DEFAULTS, alarm=13.800000000000002, outside_share=0.1)

    assert read_content(decode(encode(content_of(made)))) == made
    assert digest_of(made) != digest_of(DEFAULTS)


FILES = {
    "no TOML": (b"alarm", "TOML"),
    "not UTF-8": (b"\xff", "UTF-8"),
    "an unknown name": (b"alarms = 14.0", "alarms"),
    "a table": (b"[alarm]\nvalue = 14.0", "alarm"),
    "nan": (b"alarm = nan", "5 至 40"),
    "inf": (b"alarm = inf", "5 至 40"),
    "minus inf": (b"cell_odds = -inf", "-60 至 -5"),
    "negative": (b"least_misses = -1", "1 至 1000"),
    "zero, so that nothing would ever be asked": (b"cell_misses = 0", "2 至 100"),
    "huge": (b"least_misses = 99999999999999999999999", "1 至 1000"),
    "a fraction for a count": (b"least_misses = 20.0", "整数"),
    "a truth for a count": (b"decoys = true", "整数"),
    "a text": (b'alarm = "13.8"', "须为数"),
    "two of three questions": (b"questions = [1, 2]", "3 个整数"),
    "questions as text": (b'questions = "123"', "3 个整数"),
    "questions that fall": (b"questions = [3, 2, 1]", "依次不减"),
    "a fraction among questions": (b"questions = [1, 2.5, 3]", "整数"),
    "usual beyond harvest": (b"usual_misses = 0.2\nharvest_misses = 0.1", "usual_misses"),
    "too long": (b"#" * 70_000, "字节"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_wrong_says_what_to_write(case: str) -> None:
    content, hint = FILES[case]

    with pytest.raises(ThresholdError, match=hint):
        read_file(content)


CONTENTS: dict[str, JsonValue] = {
    "nan as text": {"alarm": "nan"},
    "inf as text": {"alarm": "inf"},
    "another spelling": {"alarm": "13.80"},
    "with a space": {"alarm": " 13.8"},
    "no number": {"alarm": "many"},
    "a count as text": {"least_misses": "20"},
    "unknown": {"alarm": "13.8", "other": 1},
    "a list": [1],
    "nothing": None,
}


@pytest.mark.parametrize("case", CONTENTS)
def test_a_deed_that_is_wrong_is_refused(case: str) -> None:
    with pytest.raises(ThresholdError):
        read_content(CONTENTS[case])


STRICTER: dict[str, tuple[dict[str, object], list[str]]] = {
    "an earlier alarm": ({"alarm": 9.0}, []),
    "a later alarm": ({"alarm": 18.0}, ["alarm"]),
    "likelier odds": ({"cell_odds": -12.0}, []),
    "rarer odds": ({"cell_odds": -30.0}, ["cell_odds"]),
    "fewer questions": ({"questions": (1, 1, 2)}, []),
    "fewer of one, more of another": ({"questions": (1, 1, 4)}, ["questions"]),
    "what may stop more or less": ({"usual_misses": 0.02}, ["usual_misses"]),
    "one of each": ({"alarm": 9.0, "decoys": 3}, ["decoys"]),
    "nothing": ({}, []),
}


@pytest.mark.parametrize("case", STRICTER)
def test_what_may_stop_less_is_told(case: str) -> None:
    change, expected = STRICTER[case]
    new = replace(DEFAULTS, **change)  # type: ignore[arg-type]  # a table of values

    assert loosened(DEFAULTS, new) == expected
    assert set(changes(DEFAULTS, new)) == set(change)


def _within(name: str) -> st.SearchStrategy[object]:
    bound, usual = BOUNDS[name], values_of(DEFAULTS)[name]
    if isinstance(usual, tuple):
        return st.lists(st.integers(int(bound.low), int(bound.high)), min_size=3, max_size=3).map(sorted)
    if isinstance(usual, int):
        return st.integers(int(bound.low), int(bound.high))
    return st.floats(bound.low, bound.high)


@given(
    table=st.fixed_dictionaries({name: _within(name) for name in BOUNDS}),
    hit_rate=st.integers(1, 100),
    firsts=st.integers(0, 1000),
    share=st.floats(0, 1),
)
def test_whatever_is_within_the_bounds_the_watch_can_reckon_with(
    table: dict[str, object], hit_rate: int, firsts: int, share: float
) -> None:
    try:
        limits = read_content({name: _signed(value) for name, value in table.items()})
    except ThresholdError:
        return
    profile = profile_of(a_grant(hit_rate=hit_rate), 100, limits)
    steps = [profile.misses, profile.mismatches]
    steps.append(open_steps(profile, Scores(firsts=firsts, hits=int(firsts * share)), limits))

    assert all(math.isfinite(each.bad) and math.isfinite(each.good) for each in steps)
    assert all(each.bad > 0 > each.good for each in (profile.misses, profile.mismatches))


def _signed(value: object) -> JsonValue:
    return repr(value) if isinstance(value, float) else value  # type: ignore[return-value]  # a count or counts


def test_the_page_tells_every_threshold_with_what_is_delivered_and_its_bounds() -> None:
    page = (Path(__file__).parents[3] / "docs" / "watch.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    told = {name: (delivered, bounds) for name, delivered, bounds, _ in rows if name in BOUNDS}

    assert told == {name: (_delivered(name), f"{bound.low:g}–{bound.high:g}") for name, bound in BOUNDS.items()}


def _delivered(name: str) -> str:
    value = values_of(DEFAULTS)[name]
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
