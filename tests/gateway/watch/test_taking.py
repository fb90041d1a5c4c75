"""Outcomes taken in columns come to what one after the other comes to: the same scores, counts, marks and trips."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.exemption import Exemption
from gateway.domain.incident import Detector
from gateway.domain.standing import Scores, Standing
from gateway.ports import UnitFact
from gateway.watch.detectors import Observation
from gateway.watch.marks import Column, column_of, decoy_mark, region_mark, unit_mark
from gateway.watch.profile import Profile, profile_of
from gateway.watch.taking import Taking
from gateway.watch.thresholds import DEFAULTS, Thresholds
from tests.gateway.watch.one_by_one import Model
from tests.make import a_grant

AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
KEY = b"k" * 32
CELLS = [bytes([number]) * 16 for number in range(40)]
UNITS = [UnitFact(b"unit-%d" % number, b"region-%d" % (number % 2), 40 * number + 3, 4000) for number in range(5)]
MARKS = [
    *CELLS[:6],
    decoy_mark(KEY),
    *(unit_mark(KEY, each) for each in UNITS),
    *(region_mark(KEY, each.region) for each in UNITS[:2]),
]
STRICT = Thresholds(least_misses=8, least_outside=3, cell_odds=-1.0, unit_odds=-1.0, decoy_odds=-1.0, alarm=6.0)
GRANTS = {
    "sure": a_grant(hit_rate=99),
    "scoped": a_grant(hit_rate=60),
    "open to those who know whom they ask about": a_grant(**{"class": "open", "hit_rate": 99}),
    "open to those who look for people": a_grant(**{"class": "open", "hit_rate": 8}),
    "scoped, for those who look for people": a_grant(hit_rate=8),
}


SURE = profile_of(GRANTS["sure"], 100, DEFAULTS)


class Grant(NamedTuple):
    """What a turn meets under one grant."""

    found: Standing
    seen: Sequence[Observation]
    profile: Profile
    exempt: Exemption | None


def a_row(draw: st.DrawFn, kind: str) -> Observation:
    match kind:
        case "match":
            return Observation(is_first=True, is_confirmed=True)
        case "mismatch":
            return Observation(is_first=draw(st.booleans()), is_confirmed=True, is_mismatched=True)
        case "outside":
            return Observation(is_first=draw(st.booleans()), is_outside=True)
        case "unit":
            return Observation(is_first=True, is_confirmed=True, unit=draw(st.sampled_from(UNITS)))
        case "unknown":
            return Observation(is_first=True, is_unknown=True, cell=draw(st.sampled_from(CELLS)))
        case "decoy":
            return Observation(is_first=True, is_unknown=True, is_decoy=True, cell=draw(st.sampled_from(CELLS)))
        case "organisation":
            return Observation(is_first=True, is_unknown=True, is_decoy=draw(st.booleans()))
        case _:
            return Observation(is_first=False, is_unknown=draw(st.booleans()), is_confirmed=draw(st.booleans()))


KINDS = ["match", "mismatch", "outside", "unit", "unknown", "decoy", "organisation", "again"]


@st.composite
def rows(draw: st.DrawFn) -> list[Observation]:
    """Runs of some kinds."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
    runs = draw(st.lists(st.tuples(st.sampled_from(kinds), st.integers(1, 20)), min_size=1, max_size=8))
    return [a_row(draw, kind) for kind, count in runs for _ in range(count)]


SCORE = st.one_of(st.just(0.0), st.floats(0, 20))
FOUND = st.builds(
    Standing,
    st.builds(
        lambda misses, mismatches, firsts, share: Scores(misses, mismatches, firsts, int(firsts * share)),
        SCORE,
        SCORE,
        st.sampled_from([0, 150, 199, 200, 500, 990, 999, 1000]),
        st.floats(0, 1),
    ),
    st.integers(0, 30),
    st.integers(0, 6),
    st.sampled_from([0, 0, 0, 3]),
)
EXCEPTED = [
    Detector.MISS_RATE,
    Detector.MISMATCH_RATE,
    Detector.MISSES,
    Detector.OUTSIDE,
    Detector.CELL,
    Detector.UNIT_SHARE,
    Detector.DECOY,
]
EXEMPT = st.one_of(
    st.none(),
    st.builds(
        Exemption,
        st.just("G-1"),
        st.sampled_from(EXCEPTED),
        st.sampled_from([date(2026, 3, 2), date(2026, 3, 1)]),
        st.sampled_from([None, 3, 12]),
        st.just(""),
    ),
)


@st.composite
def grants(draw: st.DrawFn, limits: Thresholds) -> Grant:
    grant = GRANTS[draw(st.sampled_from(sorted(GRANTS)))]
    return Grant(draw(FOUND), draw(rows()), profile_of(grant, 100, limits), draw(EXEMPT))


def in_column(number: str, met: Grant) -> tuple[Standing, Column, Profile, Exemption | None]:
    return met.found, column_of(KEY, number, met.seen), met.profile, met.exempt


NUMBERS = ["G-1", "G-2", "G-3"]
MATCH, MISMATCH = (Observation(is_first=True, is_confirmed=True, is_mismatched=each) for each in (False, True))
UNKNOWN = Observation(is_first=True, is_unknown=True)
SOUGHT = profile_of(GRANTS["open to those who look for people"], 100, DEFAULTS)
COLUMNS = {
    "wrong values, forgotten by the end": Grant(Standing(), [*[MISMATCH] * 9, *[MATCH] * 60], SURE, None),
    "unknown numbers, forgotten by the end": Grant(Standing(), [*[UNKNOWN] * 9, *[MATCH] * 90], SURE, None),
    "the last that is learned from": Grant(Standing(Scores(firsts=999, hits=40)), [MATCH, UNKNOWN] * 9, SOUGHT, None),
    "the first that was learned from": Grant(Standing(Scores(firsts=195, hits=40)), [UNKNOWN] * 9, SOUGHT, None),
}


@pytest.mark.parametrize("met", COLUMNS.values(), ids=COLUMNS)
def test_a_column_comes_to_what_one_after_the_other_comes_to(met: Grant) -> None:
    columns, model = Taking(DEFAULTS, KEY, {}, AT), Model(DEFAULTS, KEY, {}, AT)
    columns.take("G-1", *in_column("G-1", met))
    model.take("G-1", *met)

    assert columns.tripped == model.tripped
    assert columns.scores == model.scores


@settings(max_examples=150)
@given(st.sampled_from([DEFAULTS, STRICT]), st.data())
def test_columns_come_to_what_one_after_the_other_comes_to(limits: Thresholds, data: st.DataObject) -> None:
    met = data.draw(st.lists(grants(limits), min_size=1, max_size=3))
    places = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(MARKS))
    known = data.draw(st.dictionaries(places, st.integers(1, 9)))
    columns, model = Taking(limits, KEY, known, AT), Model(limits, KEY, known, AT)
    for number, each in zip(NUMBERS, met, strict=False):
        columns.take(number, *in_column(number, each))
        model.take(number, *each)

    assert columns.tripped == model.tripped
    assert columns.scores == model.scores
    assert columns.counts == model.counts
    assert columns.marks.added == model.added
    assert columns.cleared == model.cleared
