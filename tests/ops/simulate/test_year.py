"""An honest year: its mix, what was planted in it, and that it can be drawn in any order."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from ops.simulate.fields import RANK
from ops.simulate.partners import AMENDED_DAY, DAYS, MOVED_DAY, Kind
from ops.simulate.rows import CHUNK, Rows, chunks_of, joined
from ops.simulate.year import Year
from tests.ops.simulate.make import a_world, the_members

PROMOTED_DAYS = range(181, 212)


@cache
def the_year() -> list[Rows | None]:
    year = Year(a_world(), the_members())
    return [year.day(day) for day in range(DAYS)]


def of(kind: Kind, rows: Rows) -> Rows:
    places = [member.place for member in the_members() if member.kind is kind]
    return rows.take(np.flatnonzero(np.isin(rows.members, places)))


def whole() -> Rows:
    return joined([rows for rows in the_year() if rows is not None])


def test_there_are_thirty_one_partners() -> None:
    kinds = [member.kind for member in the_members()]

    assert [kinds.count(kind) for kind in Kind] == [8, 10, 3, 10]


MIX = {
    Kind.PAYROLL: (0.994, 1.0, 0.008, 0.03),
    Kind.ONBOARDING: (0.99, 1.0, 0.006, 0.025),
    Kind.SCREENING: (0.05, 0.11, 0.0, 0.04),
    Kind.INSPECTION: (0.95, 0.995, 0.09, 0.15),
}


@pytest.mark.parametrize(("kind", "mix"), MIX.items(), ids=MIX)
def test_hits_and_mismatches_are_as_published(kind: Kind, mix: tuple[float, float, float, float]) -> None:
    world, rows = a_world(), of(kind, whole())
    hits = world.persons_of(rows.keys) >= 0
    mismatches = (rows.wrong[hits] >= 0).mean()

    assert mix[0] <= hits.mean() <= mix[1]
    assert mix[2] <= mismatches <= mix[3]


def test_a_part_of_the_members_asks_the_same_without_the_others() -> None:
    member, day = the_members()[10], 180
    alone = Year(a_world(), [member]).day(day)
    among = the_year()[day]
    assert alone is not None
    assert among is not None

    here = among.take(np.flatnonzero(among.members == member.place))

    assert here.keys.tobytes() == alone.keys.tobytes()
    assert here.other.tobytes() == alone.other.tobytes()


def test_chunks_are_of_one_caller_at_most_a_hundred_and_in_time_order() -> None:
    for rows in the_year()[::7]:
        chunks = list(chunks_of(rows)) if rows else []
        assert [chunk.second for chunk in chunks] == sorted(chunk.second for chunk in chunks)
        for chunk in chunks:
            assert len(chunk.rows) <= CHUNK
            assert len({*zip(chunk.rows.members, chunk.rows.operators, chunk.rows.callers, strict=True)}) == 1
        assert sum(len(chunk.rows) for chunk in chunks) == (len(rows) if rows else 0)


def test_what_is_stale_in_a_partners_files_is_stale_every_month() -> None:
    january, february = (of(Kind.PAYROLL, rows) for rows in (the_year()[5], the_year()[36]) if rows)
    wrong = [dict(zip(rows.keys.tolist(), rows.other.tolist(), strict=True)) for rows in (january, february)]
    lasting = [key for key, value in wrong[0].items() if wrong[1].get(key) == value]

    assert 0 < len(january) <= len(february)
    assert lasting


def test_what_is_sent_again_is_the_same_slip_for_slip() -> None:
    rows = joined(asked(Kind.PAYROLL, 3, range(120, 151)))
    first = rows.take(np.flatnonzero(rows.runs == rows.runs.min()))
    again = rows.take(np.flatnonzero(rows.runs == rows.runs.max()))

    for column in ("keys", "donors", "misnamed", "wrong", "other"):
        assert (getattr(first, column)[: len(again)] == getattr(again, column)).all()


def test_staff_join_in_the_course_of_the_year() -> None:
    sizes = [len(rows.keys) for rows in asked(Kind.PAYROLL, 6, range(DAYS)) if len(rows.keys)]

    assert len(sizes) == 12
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] == len(the_members()[6].roster)


def asked(kind: Kind, nth: int, days: range) -> list[Rows]:
    place = next(member.place for member in the_members() if (member.kind, member.nth) == (kind, nth))
    days_rows = [the_year()[day] for day in days]
    return [rows.take(np.flatnonzero(rows.members == place)) for rows in days_rows if rows is not None]


def test_hard_events_are_planted() -> None:
    world, late = a_world(), the_members()[2].late
    promoted = joined(asked(Kind.PAYROLL, 1, PROMOTED_DAYS))
    moved = joined(asked(Kind.ONBOARDING, 4, range(MOVED_DAY - 10, MOVED_DAY + 10)))
    stormy = joined(asked(Kind.PAYROLL, 3, range(120, 151)))
    sorted_list = joined(asked(Kind.PAYROLL, 6, range(90, 120)))
    strangers = joined(asked(Kind.PAYROLL, 4, range(243, 273)))

    assert (promoted.wrong == RANK).mean() > 0.08
    assert {*moved.callers.tolist()} == {0, 1}
    assert len(stormy) > 4 * len(set(stormy.keys.tolist()))
    assert (np.diff(np.sort(sorted_list.donors)) >= 0).all()
    assert (np.diff(world.keys[sorted_list.donors]) > 0).mean() > 0.98
    assert (world.persons_of(strangers.keys) == -1).sum() >= len(the_members()[4].roster) // 20
    assert np.isin(late.keys, joined(asked(Kind.PAYROLL, 2, range(AMENDED_DAY, AMENDED_DAY + 1))).keys).all()
    assert not asked(Kind.PAYROLL, 7, range(100))[0].keys.size
