"""Deeds read beside every transaction, on both engines."""

from __future__ import annotations

from contextlib import closing

import pytest

from adapters.sql.deed_reader import SqlDeedReader
from gateway.domain.errors import UnavailableError
from tests.gateways import open_store, put_grant
from tests.make import a_grant


def test_what_is_committed_is_read_while_others_write(engine_url: str) -> None:
    with closing(open_store(engine_url)) as store, closing(SqlDeedReader.open(engine_url)) as reader:
        with store.begin() as work:
            put_grant(work, a_grant(number="G-1"))
            put_grant(work, a_grant(number="G-2"))
            work.commit()
        with store.begin() as work:
            put_grant(work, a_grant(number="G-3"))
            during = [kept.id for kept in reader.in_force(0)]
        after = [(kept.id, kept.entry) for kept in reader.in_force(1)]

    assert during == ["G-1", "G-2"]
    assert after == [("G-2", 2)]


def test_a_database_that_is_not_there_is_unavailable(sqlite_url: str) -> None:
    with closing(SqlDeedReader.open(sqlite_url)) as reader, pytest.raises(UnavailableError):
        reader.in_force(0)
