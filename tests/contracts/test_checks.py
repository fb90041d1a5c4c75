"""The promises of spot checks as they are kept, alike by memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, cast

import pytest
from msgspec.structs import replace

from adapters.sql.check_reader import SqlCheckReader
from gateway.domain.spot_check import CheckState, SpotCheck
from gateway.ports import Store
from gateway.spot_checks.keeping import CheckReader
from ops.simulate.checkbook import CheckBook
from tests.checks import a_check
from tests.fakes import MemoryStore
from tests.fakes_checks import MemoryCheckReader
from tests.gateways import open_store

ONE, TWO, THREE = (f"{each:016x}" for each in (1, 2, 3))
WHOLE: dict[str, Any] = {
    "state": CheckState.FILED,
    "document": "调档函 2026-117 号",
    "digest": "0a" * 32,
    "operator": "wang-01",
    "filed": 739_798,
    "filings": 2,
    "judged": 739_799,
    "judge": "hs-reviewer",
    "reason": "查无\n此函",
    "needs_acceptance": True,
    "entry": 1 << 40,
}


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "fake":
        yield MemoryStore()
        return
    with closing(open_store(request.getfixturevalue(f"{request.param.replace('postgresql', 'postgres')}_url"))) as one:
        yield cast("Store", one)


def put(store: Store, *checks: SpotCheck) -> None:
    with store.begin() as work:
        work.checks.put(checks)
        work.commit()


def test_what_was_never_asked_for_is_not_there(store: Store) -> None:
    with store.begin() as work:
        assert list(work.checks.checks([], [])) == []
        assert list(work.checks.checks(["G-1"], [("G-1", b"l" * 16)])) == []
        assert work.checks.check(ONE) is None
        assert work.checks.failed(0) == frozenset()


def test_it_comes_back_as_it_was(store: Store) -> None:
    plain, whole = a_check(ONE), a_check(TWO, **WHOLE)
    put(store, plain, whole)

    with store.begin() as work:
        assert [work.checks.check(each) for each in (ONE, TWO)] == [plain, whole]


def test_another_of_the_same_number_takes_its_place(store: Store) -> None:
    check = a_check(ONE, entry=7)
    put(store, check)
    put(store, replace(check, **{name: each for name, each in WHOLE.items() if name != "entry"}))

    with store.begin() as work:
        assert work.checks.check(ONE) == a_check(ONE, **{**WHOLE, "entry": 7})


def test_a_turn_is_told_of_what_waits_for_an_acceptance_too(store: Store) -> None:
    waits = a_check(ONE, state=CheckState.FILED, needs_acceptance=True)
    answered, accepted = a_check(TWO, state=CheckState.FILED), replace(waits, number=THREE, state=CheckState.ACCEPTED)
    put(store, waits, answered, accepted)

    with store.begin() as work:
        assert list(work.checks.checks([waits.grant], [])) == [waits]


def test_a_turn_is_told_of_what_is_due_and_of_whom_it_asks(store: Store) -> None:
    due = a_check(ONE, grant="G-1")
    judged = a_check(TWO, grant="G-1", state=CheckState.ACCEPTED)
    other = a_check(THREE, grant="G-2")
    put(store, due, judged, other)

    with store.begin() as work:
        assert list(work.checks.checks(["G-1"], [])) == [due]
        assert list(work.checks.checks(["G-1"], [("G-1", due.link)])) == [due], "once, for whatever reason"
        found = work.checks.checks(["G-1"], [("G-1", judged.link), ("G-1", other.link), ("G-2", judged.link)])
        assert sorted(each.number for each in found) == [ONE, TWO]


def test_purposes_that_failed_are_told_from_a_day_on(store: Store) -> None:
    failed = a_check(ONE, purpose="a", state=CheckState.FAILED, judged=10)
    older = a_check(TWO, purpose="b", state=CheckState.FAILED, judged=9)
    put(store, failed, older, a_check(THREE, purpose="c", state=CheckState.ACCEPTED, judged=11))

    with store.begin() as work:
        assert [work.checks.failed(day) for day in (9, 10, 11)] == [{"a", "b"}, {"a"}, frozenset()]


def test_what_was_not_committed_is_not_known(store: Store) -> None:
    put(store, a_check(ONE))
    with store.begin() as work:
        work.checks.put([a_check(ONE, state=CheckState.FAILED), a_check(TWO)])

    with store.begin() as work:
        assert work.checks.check(ONE) == a_check(ONE)
        assert work.checks.check(TWO) is None


def test_the_simulators_undo_leaves_nothing() -> None:
    book = CheckBook()
    book.put([a_check(ONE)])
    book.undo.clear()
    book.put([a_check(ONE, state=CheckState.FILED), a_check(TWO)])

    for each in reversed(book.undo):
        each()

    assert book.kept == {ONE: a_check(ONE)}
    assert list(book.checks([a_check(ONE).grant], [(a_check(TWO).grant, a_check(TWO).link)])) == [a_check(ONE)]


# ---------------------------------------------------------------------------------------- beside the turns


Reading = Callable[..., CheckReader]


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def reading(request: pytest.FixtureRequest) -> Reading:
    """Keeps checks, and gives who reads them beside the turns."""

    def reader(*checks: SpotCheck) -> CheckReader:
        if request.param == "fake":
            memory = MemoryStore()
            put(cast("Store", memory), *checks)
            return MemoryCheckReader(memory)
        url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
        with closing(open_store(url)) as store:
            put(cast("Store", store), *checks)
        return SqlCheckReader.open(url)

    return reader


def numbers(checks: object) -> list[str]:
    return [each.number for each in cast("list[SpotCheck]", checks)]


def test_a_partner_is_told_first_of_what_waits_for_it(reading: Reading) -> None:
    filed = a_check(ONE, 1, state=CheckState.FILED)
    due, later = a_check(TWO, 2), a_check(THREE, 3)
    judged = a_check("04" * 8, state=CheckState.ACCEPTED)
    desk = reading(filed, due, later, judged, a_check("05" * 8, partner="rs"))

    assert numbers(desk.open_of("cz", 9)) == [TWO, THREE, ONE]
    assert numbers(desk.open_of("cz", 2)) == [TWO, THREE]
    assert numbers(desk.open_of("rs", 9)) == ["05" * 8]
    assert desk.check(ONE) == filed
    assert desk.check("06" * 8) is None


def test_the_office_is_told_the_newest_first_and_what_waits_the_oldest_first(reading: Reading) -> None:
    filed, overdue, due = a_check(ONE, 5, state=CheckState.FILED), a_check(TWO, 1), a_check(THREE, 8)
    desk = reading(filed, overdue, due)

    assert numbers(desk.listed(None, 9, frozenset())) == [THREE, ONE, TWO]
    assert numbers(desk.listed(CheckState.DUE, 9, frozenset())) == [THREE, TWO]
    assert numbers(desk.listed(None, 9, {"payroll-check"})) == []
    assert numbers(desk.waiting(3, 9)) == [TWO, ONE]
    assert numbers(desk.waiting(2, 9)) == [ONE]
    assert [list(desk.late(day)) for day in (7, 8, 15)] == [[], [TWO], [TWO, THREE]]
    assert dict(desk.counts()) == {CheckState.FILED: 1, CheckState.DUE: 2}
