"""kill -9 at any line of a sync: the old index or the new one serves, and the next sync needs no hand work."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.index.sqlite import SqliteIndex, SqlitePart
from gateway.generation import Pointer
from ops.sync import running
from ops.sync.gathering import Gathering
from ops.sync.state import State
from tests.adapters.make_sources import a_row, number_of
from tests.ops.make_sync import KEYS, NOT_CONFIRMED, Office, answer

YESTERDAY = "2026-11-02 00:00:00"
MATCH = {"sex": "match"}


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


POINTS: dict[str, tuple[object, str]] = {
    "while the source is read": (Gathering, "refuse"),
    "while a part is written": (SqlitePart, "finish"),
    "before the pointer moves": (Pointer, "write"),
    "after the pointer moved": (State, "finish"),
    "while old generations are removed": (running, "prune"),
}


def _sync_and_die(path: Path, point: str, full: bool) -> None:
    """Runs in a process of its own."""
    owner, name = POINTS[point]
    setattr(owner, name, _die)
    Office(path).sync(full=full)


@pytest.mark.slow
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_sync_leaves_one_whole_index(point: str, full: bool, tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.sync([a_row(1), a_row(2)])
    office.write(
        [a_row(1, 更新时间="2026-11-02 00:00:00", 性别="F"), a_row(2), a_row(3, 更新时间="2026-11-02 00:00:00")]
    )

    process = get_context("spawn").Process(target=_sync_and_die, args=(tmp_path, point, full))
    process.start()
    process.join(60)

    assert process.exitcode == -signal.SIGKILL
    moved = point in {"after the pointer moved", "while old generations are removed"}
    name = str(a_row(1)["姓名"])
    assert office.answer(number_of(1), name, sex="女" if moved else "男") == MATCH
    assert (office.answer(number_of(3), str(a_row(3)["姓名"]), sex="男") == MATCH) == moved
    office.sync()
    assert office.answer(number_of(1), name, sex="女") == MATCH
    assert office.answer(number_of(3), str(a_row(3)["姓名"]), sex="男") == MATCH
    assert not [path for path in office.files() if ".building" in path.parts or path.name == "current.new"]


people = st.integers(1, 4)
sexes, deleted, units = st.sampled_from("MFX"), st.sampled_from([None, None, "1"]), st.sampled_from(["L02", "Z"])
change = st.fixed_dictionaries({"性别": sexes, "删除": deleted, "单位": units})
days = st.lists(st.dictionaries(people, change, max_size=3), min_size=1, max_size=4)


@given(days=days)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_many_small_syncs_end_where_one_whole_sync_does(
    days: list[dict[int, dict[str, object]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = {n: a_row(n) for n in range(1, 6)}
    office = Office(tmp_path_factory.mktemp("office"))
    office.sync(list(rows.values()))
    for day, changes in enumerate(days):
        rows |= {n: rows[n] | cells | {"更新时间": f"2026-11-02 {day:02}:00:00"} for n, cells in changes.items()}
        office.sync(list(rows.values()))
    by_steps = _all_answers(office)

    assert office.sync(full=True).mode == "full"
    assert by_steps == _all_answers(office)
    assert any(found != NOT_CONFIRMED for found in by_steps)


def _all_answers(office: Office) -> list[object]:
    with closing(SqliteIndex.open(office.home.index, KEYS.sync.public_key())) as index:
        return [
            answer(index, number_of(n), str(a_row(n)["姓名"]), {"sex": "男"}, units=[unit])
            for n in range(1, 7)
            for unit in ("L", "L02", "L0101")
        ]
