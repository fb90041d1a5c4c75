"""Which responses lie: by entries alone, each ended by a later release that names it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deeds.releasing import Release
from gateway.domain.exemption import Exemption
from gateway.domain.incident import Detector
from gateway.domain.standing import Stop
from gateway.watch.lying import lying

A, B = "aa" * 8, "bb" * 8
GRANT = "grant.G-1"


def stop(entry: int, incident: str = A, target: str = GRANT, *, is_frozen: bool = False) -> Stop:
    return Stop(target, is_frozen, incident, entry)


def release(entry: int, incident: str = A, target: str = GRANT) -> Release:
    return Release(target, entry, incident, None)


CASES: dict[str, tuple[Sequence[Stop], Sequence[Release], list[int]]] = {
    "nothing": ([], [], []),
    "a hold": ([stop(5)], [], [5]),
    "released later": ([stop(5)], [release(6)], []),
    "released before": ([stop(5)], [release(4)], [5]),
    "by an entry that cannot be": ([stop(5)], [release(5)], [5]),
    "another's release": ([stop(5)], [release(6, target="grant.G-2")], [5]),
    "a release of another incident": ([stop(5, B)], [release(6, A)], [5]),
    "a release from before releases named any": ([stop(5)], [release(6, "")], []),
    "the same incident trips again": ([stop(5), stop(9)], [release(6)], [9]),
    "and is released again": ([stop(5), stop(9)], [release(6), release(10)], []),
    "escalated": ([stop(5), stop(7, is_frozen=True)], [], [7]),
    "released after it was escalated": ([stop(5), stop(7, is_frozen=True)], [release(8)], []),
    "one takes the place of another": ([stop(5, A), stop(7, B)], [release(8, A)], [7]),
    "in any order": ([stop(7, B), stop(5, A)], [release(8, B)], []),
    "each on its own": ([stop(5), stop(6, B, "grant.G-2")], [release(7)], [6]),
}


@pytest.mark.parametrize(("stops", "releases", "lies"), CASES.values(), ids=CASES)
def test_the_last_lies_unless_a_later_release_names_it(
    stops: Sequence[Stop], releases: Sequence[Release], lies: list[int]
) -> None:
    assert sorted(each.entry for each in lying(stops, releases).values()) == lies


_TARGETS, _INCIDENTS, _ENTRIES = st.sampled_from([GRANT, "grant.G-2"]), st.sampled_from([A, B]), st.integers(0, 12)
_STOPS = st.lists(st.builds(stop, _ENTRIES, _INCIDENTS, _TARGETS), max_size=8, unique_by=lambda each: each.entry)
_RELEASES = st.lists(st.builds(release, _ENTRIES, _INCIDENTS, _TARGETS), max_size=8)


@given(_STOPS, _RELEASES, st.integers(0, 13))
def test_what_lay_then_does_not_depend_on_what_came_later(
    stops: list[Stop], releases: list[Release], entry: int
) -> None:
    then = lying([each for each in stops if each.entry < entry], [each for each in releases if each.entry < entry])

    assert lying(stops, releases, entry) == then


DAYS = {
    "long before": (datetime(2026, 6, 1, tzinfo=UTC), True),
    "its last instant": (datetime(2026, 7, 5, 15, 59, 59, tzinfo=UTC), True),
    "the next day in Beijing": (datetime(2026, 7, 5, 16, 0, tzinfo=UTC), False),
}


@pytest.mark.parametrize(("at", "is_in_force"), DAYS.values(), ids=DAYS)
def test_an_exception_ends_with_its_day(at: datetime, is_in_force: bool) -> None:
    free, capped = (Exemption("G-1", Detector.MISSES, date(2026, 7, 5), most, A) for most in (None, 40))

    assert free.is_in_force(at) is is_in_force
    assert free.spares(Detector.MISSES, 1e9, at) is is_in_force
    assert capped.spares(Detector.MISSES, 40, at) is is_in_force
    assert not capped.spares(Detector.MISSES, 41, at)
    assert not free.spares(Detector.CELL, 1, at)
