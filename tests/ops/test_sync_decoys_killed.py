"""kill -9 in a sync that drops or changes decoys: serve never takes a person for a decoy, nor a decoy for a person."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.index.sqlite import SqlitePart
from gateway.generation import Pointer
from ops.sync import hiding, running
from ops.sync.decoys.keeping import lists
from ops.sync.gathering import Gathering
from ops.sync.state import State
from tests.adapters.make_sources import Cells, a_row, number_of
from tests.ops.make_decoys import SHARE, an_index, folder, guarded, link, numbers, people, sealed, subject
from tests.ops.make_sync import NOW, Office

PERSONS = 60
ROWS = people(PERSONS)
YESTERDAY = "2026-11-02 00:00:00"


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


POINTS: Mapping[str, tuple[object, str]] = {
    "while the source is read": (Gathering, "refuse"),
    "while a part is written": (SqlitePart, "finish"),
    "before the tokens are written": (hiding, "write_stored"),
    "before the pointer moves": (Pointer, "write"),
    "after the pointer moved": (State, "finish"),
    "while old generations are removed": (running, "prune"),
}


def check(office: Office, rows: Mapping[str, Cells]) -> None:
    """Every number that was ever on a list: sealed and known as a decoy, or neither, unless it is a person's."""
    listed = {number for name in lists(folder(office)) for number in numbers(office, name)}
    found = sealed(office)
    with closing(an_index(office)) as index:
        decoys = {number for number in listed if index.is_decoy(link(number))}
        assert not [number for number in rows if index.is_decoy(link(number)) and _answers(office, number, rows)]
    hidden = {number for number in listed if subject(office, number) in found and not _answers(office, number, rows)}
    assert decoys == hidden


def _answers(office: Office, number: str, rows: Mapping[str, Cells]) -> bool:
    """Whether the index has the person that the source has."""
    return number in rows and office.answer(number, str(rows[number]["姓名"]), sex="男") == {"sex": "match"}


def _sync_and_die(path: Path, point: str, full: bool) -> None:
    """Runs in a process of its own."""
    owner, name = POINTS[point]
    setattr(owner, name, _die)
    office = Office(path).told(decoy_share=SHARE)
    office.clock.at = NOW + timedelta(days=400)
    office.sync(full=full)


@pytest.mark.slow
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_sync_leaves_one_whole_set(point: str, full: bool, tmp_path: Path) -> None:
    office = guarded(tmp_path)
    office.sync(ROWS)
    entered = a_row(900, 身份证号=numbers(office)[0], 更新时间=YESTERDAY)
    rows = {str(row["身份证号"]): row for row in [*ROWS, entered] if row["性别"] == "M"}
    office.write([*ROWS, entered])

    process = get_context("spawn").Process(target=_sync_and_die, args=(tmp_path, point, full))
    process.start()
    process.join(60)

    assert process.exitcode == -signal.SIGKILL
    check(office, rows)
    office.clock.at = NOW + timedelta(days=401)
    office.sync()
    check(office, rows)
    assert office.answer(str(entered["身份证号"]), str(entered["姓名"]), sex="男") == {"sex": "match"}


SAID: Mapping[str, dict[str, object]] = {"enters": {}, "is refused": {"性别": "X"}, "is deleted": {"删除": "1"}}
places = st.integers(0, 4)
change = st.sampled_from([*SAID, "leaves", "a full sync", "a year on"])
days = st.lists(st.tuples(places, change), min_size=1, max_size=5)


@given(days=days)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_to_numbers_of_decoys(
    days: list[tuple[int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    office = guarded(tmp_path_factory.mktemp("office"))
    office.sync(ROWS)
    listed = numbers(office)
    rows: dict[str, Cells] = {str(row["身份证号"]): row for row in ROWS}
    for day, (place, what) in enumerate(days):
        number = listed[place % len(listed)]
        _happen(office, rows, number, what, f"2026-11-02 {day:02}:00:00")
        check(office, {number: row for number, row in rows.items() if row["性别"] == "M"})


def _happen(office: Office, rows: dict[str, Cells], number: str, what: str, at: str) -> None:
    if what in SAID:
        rows[number] = a_row(900 + int(number[14:17]), 身份证号=number, 更新时间=at, **SAID[what])
    elif what == "leaves":
        rows.pop(number, None)
    elif what == "a year on":
        office.clock.at += timedelta(days=366)
    office.sync(list(rows.values()), full=what not in SAID)


def test_the_register_is_whole_beside_them(tmp_path: Path) -> None:
    office = guarded(tmp_path)
    office.sync(ROWS)

    answers = {office.answer(number_of(n), str(a_row(n)["姓名"]), sex="男女"[n % 2])["sex"] for n in range(1, PERSONS)}

    assert answers == {"match"}
