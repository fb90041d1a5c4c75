"""The promises of the store of statements, kept alike by memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import pytest
from msgspec.structs import replace

from adapters.sql.day_statements import SqlStatementReader
from gateway.domain.errors import UnavailableError
from gateway.statements.keeping import Dispute, KeptStatement, PartnerMonth, StatementReader, StatementStore
from tests.fakes_statements import MemoryStatementStore
from tests.gateways import open_store


class StatementsWork(Protocol):
    """A transaction over statements."""

    @property
    def statements(self) -> StatementStore: ...
    def commit(self) -> None: ...


class Kept(NamedTuple):
    """Both sides of one store."""

    begin: Callable[[], AbstractContextManager[StatementsWork]]
    reader: StatementReader


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    if request.param == "fake":
        memory = MemoryStatementStore()
        yield Kept(memory.begin, memory.statements)
        return
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    store = open_store(url)
    yield Kept(store.begin, SqlStatementReader.open(url))
    store.close()


def a_statement(day: str = "2026-03-01", partner: str = "cz", system: str = "cz-1", count: int = 3) -> KeptStatement:
    return KeptStatement(
        day=day,
        partner=partner,
        system=system,
        document=b'{"of":"' + system.encode() + b'"}',
        answered=count,
        refused=0,
        operators=b"\0" * 32,
        entry=9,
        made=1_782_000_000,
    )


def put(kept: Kept, day: str, *statements: KeptStatement) -> None:
    with kept.begin() as work:
        work.statements.put(statements)
        work.statements.close_day(day, 9)
        work.commit()


def test_a_day_comes_back_as_it_was_put(kept: Kept) -> None:
    first, second = a_statement(), a_statement(partner="rs", system="rs-1")
    put(kept, "2026-03-01", first, second)
    put(kept, "2026-03-02", a_statement("2026-03-02"))

    assert kept.reader.find("2026-03-01", "cz", "cz-1") == first
    assert kept.reader.find("2026-03-01", "rs", "cz-1") is None
    assert list(kept.reader.listed("2026-03-01", "2026-03-01", None)) == [first, second]
    assert [each.day for each in kept.reader.listed("2026-03-01", "2026-03-31", "cz")] == ["2026-03-01", "2026-03-02"]
    assert kept.reader.last_day() == "2026-03-02"


def test_before_the_first_day_there_is_nothing(kept: Kept) -> None:
    with kept.begin() as work:
        assert work.statements.last_day() is None
    assert kept.reader.last_day() is None
    assert list(kept.reader.months()) == []
    assert list(kept.reader.disputes()) == []


def test_a_day_is_made_once(kept: Kept) -> None:
    put(kept, "2026-03-01", a_statement())

    with pytest.raises((KeyError, UnavailableError)):
        put(kept, "2026-03-01", a_statement())
    with pytest.raises((KeyError, UnavailableError)):
        put(kept, "2026-03-01")
    assert kept.reader.find("2026-03-01", "cz", "cz-1") == a_statement()


def test_what_was_not_committed_is_not_there(kept: Kept) -> None:
    with kept.begin() as work:
        work.statements.put([a_statement()])
        work.statements.close_day("2026-03-01", 9)

    assert kept.reader.last_day() is None


def test_months_count_what_was_compared(kept: Kept) -> None:
    put(kept, "2026-03-01", a_statement(), a_statement(system="cz-2"), a_statement(partner="rs", system="rs", count=0))
    put(kept, "2026-04-01", a_statement("2026-04-01", count=1))

    assert list(kept.reader.months()) == [
        PartnerMonth(partner="cz", month="2026-03", count=6, made=1_782_000_000),
        PartnerMonth(partner="cz", month="2026-04", count=1, made=1_782_000_000),
    ]


def test_a_dispute_is_open_until_it_is_settled(kept: Kept) -> None:
    dispute = Dispute(
        id="d" * 32,
        partner="cz",
        system="cz-1",
        period="2026-03-01",
        by="system",
        unknown=(7,),
        missing=(8, 9),
        raised=1,
    )
    with kept.begin() as work:
        work.statements.put_dispute(dispute)
        work.commit()
    assert list(kept.reader.disputes()) == [dispute]

    with kept.begin() as work:
        assert work.statements.dispute("d" * 32) == dispute
        assert work.statements.dispute("e" * 32) is None
        work.statements.put_dispute(replace(dispute, settled=2, settled_by="zz", finding="无误"))
        work.commit()

    assert list(kept.reader.disputes()) == []
    assert [each.finding for each in kept.reader.disputes(only_open=False)] == ["无误"]
