"""Who began or moved: kept over generations, told to serve by day, forgotten in time, never guessed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.index.movers import MOVED_DAYS
from adapters.keys.files import DECOY_PUBLIC, write_public
from gateway.domain.grant import local_day
from ops.sync import moving
from tests.adapters.make_sources import Cells, a_row, number_of
from tests.ops.make_decoys import SERVE_KEY, an_index, link
from tests.ops.make_sync import NOW, Office

FIRST = local_day(NOW).toordinal()
ROWS = [a_row(n) for n in range(1, 5)]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office that knows serve's key."""
    (tmp_path / "keys").mkdir()
    write_public(tmp_path / "keys" / DECOY_PUBLIC, SERVE_KEY)
    return Office(tmp_path)


def moved(office: Office, among: range = range(1, 10)) -> dict[int, int]:
    """Who moved, by how many days after the first sync."""
    with closing(an_index(office)) as index:
        days = {n: index.moved_on(link(number_of(n))) for n in among}
        return {n: day - FIRST for n, day in days.items() if day}


def since(office: Office) -> int | None:
    with closing(an_index(office)) as index:
        told = index.moves_since()
    return None if told is None else told - FIRST


def later(office: Office, days: int) -> None:
    office.clock.at += timedelta(days=days)


def changed(n: int, **cells: object) -> Cells:
    return a_row(n, 更新时间="2026-11-02 08:00:00", **cells)


def test_the_first_sync_knows_of_nobody_and_says_since_when(office: Office) -> None:
    office.sync(ROWS)

    assert moved(office) == {}
    assert since(office) == 0


@pytest.mark.parametrize("full", [True, False])
def test_whoever_is_new_or_in_another_unit_moved(office: Office, *, full: bool) -> None:
    office.sync(ROWS)
    later(office, 2)

    office.write([*ROWS[:3], changed(4, 单位="L02"), changed(5)])
    report = office.sync(full=full)

    assert report.mode == ("full" if full else "delta")
    assert moved(office) == {4: 2, 5: 2}
    assert since(office) == 0


@pytest.mark.parametrize("full", [True, False])
def test_what_changes_within_the_unit_is_no_move(office: Office, *, full: bool) -> None:
    office.sync(ROWS)

    office.write([*ROWS[:3], changed(4, 姓名="另名"), changed(3, 主职="0", 单位="L02", 任职="2026-10-01")])
    office.sync(full=full)

    assert moved(office) == {}


def test_moves_add_up_over_deltas_and_generations(office: Office) -> None:
    office.sync(ROWS)
    for day, n in enumerate((5, 6, 7), 1):
        later(office, 1)
        office.sync(
            [*ROWS, *(a_row(each, 更新时间=f"2026-11-{each:02} 08:00:00") for each in range(5, n + 1))], full=n == 6
        )
        assert moved(office) == {each: each - 4 for each in range(5, n + 1)}, day


def test_a_move_is_forgotten_after_its_days(office: Office) -> None:
    office.sync(ROWS)
    later(office, 1)
    office.sync([*ROWS, changed(5)])
    later(office, MOVED_DAYS)

    office.sync([*ROWS, changed(5)], full=True)

    assert moved(office) == {}
    assert since(office) == 2


def test_whoever_leaves_and_comes_back_began_anew(office: Office) -> None:
    office.sync(ROWS)
    office.sync([*ROWS[:3], changed(4, 删除="1")])
    later(office, 3)

    office.sync([*ROWS[:3], a_row(4, 更新时间="2026-11-03 08:00:00")])

    assert moved(office) == {4: 3}


@pytest.mark.parametrize("full", [True, False])
def test_a_register_whose_units_got_other_codes_has_not_moved(
    office: Office, monkeypatch: pytest.MonkeyPatch, *, full: bool
) -> None:
    monkeypatch.setattr(moving, "FEW", 2)
    office.sync(ROWS)
    later(office, 5)

    office.sync([changed(n, 单位="L02") for n in range(1, 5)], full=full)

    assert moved(office) == {}
    assert since(office) == 5, "nothing is known of the days before"


def test_another_sealing_key_begins_anew(office: Office) -> None:
    office.sync(ROWS)
    later(office, 5)
    keys = replace(office.keys, sealing=b"t" * 32)

    replace(office, keys=keys).sync([*ROWS, changed(5)], full=True)

    assert moved(office) == {}
    assert since(office) == 5


def test_a_lost_state_begins_anew(office: Office) -> None:
    office.sync(ROWS)
    later(office, 5)
    (office.path / "data" / "sync" / "subjects.sqlite").unlink()

    office.sync([*ROWS, changed(5)])

    assert moved(office) == {}
    assert since(office) == 5


def test_without_serves_key_nothing_is_told(office: Office) -> None:
    (office.path / "keys" / DECOY_PUBLIC).unlink()

    office.sync(ROWS)

    assert since(office) is None
