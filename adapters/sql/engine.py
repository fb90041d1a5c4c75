"""Engines and statements: SQLAlchemy Core writes every statement once; the hot path runs its text on the driver.

Text compiled once and run on the driver's own connection costs a fraction of what executing the statement object does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import psycopg
from sqlalchemy import Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql import ClauseElement

WAL_PAGES = 8192
"""Pages that the log of SQLite takes before they are moved to the database: 32 MiB."""
Parameters = Mapping[str, object]


class Cursor(Protocol):
    """The part of a driver's cursor that is used here."""

    def execute(self, sql: str, parameters: Parameters = ..., /) -> object: ...
    def executemany(self, sql: str, parameters: Sequence[Parameters], /) -> object: ...
    def fetchall(self) -> list[tuple[object, ...]]: ...


class Connection(Protocol):
    """The part of a driver's connection that is used here."""

    def cursor(self) -> Cursor: ...
    def close(self) -> None: ...


class Statement:
    """A statement compiled once for one engine. Columns come back in the order of the statement."""

    __slots__ = ("_text",)

    def __init__(self, clause: ClauseElement, engine: Engine) -> None:
        self._text = str(clause.compile(dialect=engine.dialect))

    def rows(self, cursor: Cursor, **parameters: object) -> list[tuple[object, ...]]:
        """Runs it and fetches everything."""
        cursor.execute(self._text, parameters)
        return cursor.fetchall()

    def run(self, cursor: Cursor, parameters: Sequence[Parameters]) -> None:
        """Runs it once for each set of parameters."""
        if parameters:
            cursor.executemany(self._text, parameters)


def is_sqlite(engine: Engine) -> bool:
    """Whether the engine is SQLite; PostgreSQL is the only other one."""
    return engine.dialect.name == "sqlite"


def upsert(engine: Engine, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that may say what to do when the row is there; both engines spell it alike."""
    return sqlite.insert(table) if is_sqlite(engine) else postgresql.insert(table)


def open_engine(url: str) -> Engine:
    """An engine for SQLite (durable WAL) or PostgreSQL (`postgresql+psycopg://`)."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, paramstyle="named", connect_args={"check_same_thread": False, "timeout": 10})
    event.listen(engine, "connect", _make_sqlite_durable)
    return engine


def driver_connection(engine: Engine) -> Connection:
    """A driver's connection of one's own, outside the pool, where every transaction is begun by hand."""
    fairy = engine.raw_connection()
    fairy.detach()
    connection = fairy.dbapi_connection
    if connection is None:
        raise ConnectionError("the database gave no connection")
    if is_sqlite(engine):
        connection.isolation_level = None
    else:
        connection.autocommit = True
    return cast("Connection", connection)


def driver_error(engine: Engine) -> type[Exception]:
    """The base of what the driver raises."""
    return sqlite3.Error if is_sqlite(engine) else psycopg.Error


def _make_sqlite_durable(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", f"wal_autocheckpoint={WAL_PAGES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
