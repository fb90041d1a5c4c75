"""The sealing process's meter: no restart empties it, no crash loosens it, and it counts as the budgets do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sealing import meter as module
from adapters.sealing.counts import Counts, Uses
from adapters.sealing.journal import Journal, JournalError
from adapters.sealing.meter import Meter, comparisons_in
from gateway.domain.budget import DAYS, Limits
from gateway.domain.errors import DownError
from tests.disks import full_disk
from tests.make import some_limits
from tests.workers import DAY, a_link


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "meter.journal"


def taken(meter: Meter, *numbers: int, day: int = DAY, most: int = 3) -> list[bool]:
    return meter.take({"G-1": some_limits(day=most)}, day, [("G-1", a_link(number)) for number in numbers])


def test_a_meter_counts_across_its_restarts(path: Path) -> None:
    for numbers, expected in (((1, 2), [True, True]), ((3, 4), [True, False]), ((5,), [False])):
        with closing(Meter(path)) as meter:
            assert taken(meter, *numbers) == expected


def test_a_meter_asked_nothing_takes_nothing(path: Path) -> None:
    with closing(Meter(path)) as meter:
        assert meter.take({}, DAY, []) == []
        assert taken(meter, 1, 2, 3) == [True] * 3


def test_a_new_day_has_room(path: Path) -> None:
    with closing(Meter(path)) as meter:
        assert taken(meter, 1, 2, 3, 4) == [True, True, True, False]
        assert taken(meter, 4, day=DAY + 1) == [True]


def test_a_clock_that_stepped_back_gives_nothing_again(path: Path) -> None:
    limits = {"G-1": some_limits(day=2, month=3)}
    for _ in range(2):
        with closing(Meter(path)) as meter:
            meter.take(limits, DAY + 1, [("G-1", a_link(number)) for number in (1, 2)])
            meter.take(limits, DAY, [("G-1", a_link(3))])

            assert meter.take(limits, DAY, [("G-1", a_link(4))]) == [False]


def test_a_batch_that_breaks_has_taken_nothing(path: Path) -> None:
    with closing(Meter(path)) as meter:
        with pytest.raises(KeyError):
            meter.take({"G-1": some_limits()}, DAY, [("G-1", a_link(1)), ("G-2", a_link(2))])

        assert taken(meter, 1, 2, 3) == [True] * 3


# ---------------------------------------------------------------------------------------- the rule

ROOM = Limits(subjects_per_day=3, subjects_per_30_days=5, subjects_per_year=5, comparisons_per_day=6)


def has_room(history: list[tuple[int, int]], day: int) -> bool:
    """The rule in one breath: a subject counts once in the window, on the last day it was compared."""
    last_days = {number: at for at, number in sorted(history)}
    today = sum(at == day for at in last_days.values())
    window = sum(at > day - DAYS for at in last_days.values())
    return today < 3 and window < 5 and sum(at == day for at, _ in history) < 6


steps = st.tuples(st.sampled_from([0, 0, 0, 0, 1, 2, 28, 29, 30, 31]), st.integers(1, 8), st.booleans())


@given(st.lists(steps, max_size=40))
def test_it_counts_by_the_rule_through_days_restarts_and_rewritings(
    tmp_path_factory: pytest.TempPathFactory, walk: list[tuple[int, int, bool]]
) -> None:
    path, history, day = tmp_path_factory.mktemp("meter") / "meter.journal", list[tuple[int, int]](), DAY
    meter = Meter(path)
    for days, number, restarts in walk:
        day += days
        if restarts:
            meter.close()
            meter = Meter(path)
        expected = has_room(history, day)
        assert meter.take({"G-1": ROOM}, day, [("G-1", a_link(number))]) == [expected]
        history += [(day, number)] if expected else []
    meter.close()

    assert comparisons_in(path) == len(history)


# ---------------------------------------------------------------------------------------- crashes


def contents(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield from (content[:place] for place in range(len(content) + 1))


def test_a_crash_at_any_byte_loses_no_batch_that_was_given(path: Path) -> None:
    with closing(Meter(path)) as meter:
        ends = {path.stat().st_size: 0}
        for number in (1, 2):
            taken(meter, number)
            ends[path.stat().st_size] = number

    for content in contents(path):
        path.write_bytes(content)
        given = max((count for end, count in ends.items() if end <= len(content)), default=0)
        with closing(Meter(path)) as meter:
            assert taken(meter, 3, 4, 5, 6) == [number <= 3 - given for number in (1, 2, 3, 4)]


def test_a_meter_that_is_damaged_seals_nothing(path: Path) -> None:
    with closing(Meter(path)) as meter:
        for number in (1, 2, 3):
            taken(meter, number)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(DownError, match="damaged"):
        Meter(path)
    assert path.read_bytes() == content


def foreign(path: Path, *bodies: bytes) -> None:
    with closing(Journal(path)) as journal:
        journal.rewrite(bodies)


FOREIGN: dict[str, list[bytes]] = {
    "of another version": [b"bidui-meter/9"],
    "not a meter": [b"anything"],
    "what nobody counted": [module.FORMAT, b"\xc1"],
}


@pytest.mark.parametrize("bodies", FOREIGN.values(), ids=FOREIGN)
def test_a_journal_of_something_else_is_refused(path: Path, bodies: list[bytes]) -> None:
    foreign(path, *bodies)

    with pytest.raises(JournalError, match="no meter of this version"):
        Meter(path)


def test_a_second_meter_is_refused_until_the_first_is_gone(path: Path) -> None:
    first = Meter(path)
    with pytest.raises(DownError, match="held by another"):
        Meter(path)
    assert taken(first, 1, 2, 3) == [True] * 3
    first.close()

    with closing(Meter(path)) as second:
        assert taken(second, 4) == [False]


def test_on_a_full_disk_nothing_is_given_and_afterwards_all_goes_on(path: Path) -> None:
    with closing(Meter(path)) as meter:
        assert taken(meter, 1) == [True]
        with full_disk(path.stat().st_size + 10):
            for _ in range(2):
                with pytest.raises(DownError, match="nothing is sealed"):
                    taken(meter, 2)

        assert taken(meter, 2, 3, 4) == [True, True, False]


def test_where_no_folder_is_no_meter_begins(tmp_path: Path) -> None:
    with pytest.raises(DownError):
        Meter(tmp_path / "nowhere" / "meter.journal")


# ---------------------------------------------------------------------------------------- size


def test_a_journal_that_has_grown_is_rewritten_and_counts_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPARE_BYTES", 0)
    limits = {"G-1": some_limits(comparisons=200)}
    with closing(Meter(path)) as meter:
        sizes = [(meter.take(limits, DAY, [("G-1", a_link(turn % 3))]), path.stat().st_size)[1] for turn in range(200)]

        assert max(sizes) < 500
        assert meter.take(limits, DAY, [("G-1", a_link(1))]) == [False]
    assert comparisons_in(path) == 200


def test_no_more_subjects_are_held_than_the_limits_allow() -> None:
    counts = Counts()
    for day in range(DAY, DAY + 200):
        counts.add(Uses(day, {"G-1": (2, a_link(2 * day) + a_link(2 * day + 1))}))

    held = list(counts.all())

    assert sum(len(uses.grants["G-1"][1]) for uses in held) == 2 * DAYS * 16
    assert sum(uses.grants["G-1"][0] for uses in held) == 400
