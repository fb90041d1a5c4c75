"""Engines and connections: SQLite on its driver's own connection, PostgreSQL on libpq's (`adapters.sql.pipelined`)."""

from __future__ import annotations

import sqlite3
from typing import cast

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from adapters.sql.cursors import Connection, SqliteConnection
from adapters.sql.pipelined import Driver, PostgresConnection

WAL_PAGES = 1000
"""Pages that the log of SQLite takes before they are moved to the database, while turns wait: some milliseconds."""


def is_sqlite(engine: Engine) -> bool:
    """Whether the engine is SQLite; PostgreSQL is the only other one."""
    return engine.dialect.name == "sqlite"


def open_engine(url: str) -> Engine:
    """An engine for SQLite (durable WAL) or PostgreSQL (`postgresql+psycopg://`)."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 10})
    event.listen(engine, "connect", _make_sqlite_durable)
    return engine


def driver_connection(engine: Engine) -> Connection:
    """A connection of one's own, outside the pool, where every transaction is begun by hand."""
    if is_sqlite(engine):
        connection = cast("sqlite3.Connection", _detached(engine))
        connection.isolation_level = None
        return SqliteConnection(connection)
    return PostgresConnection(psycopg_connection(engine))


def psycopg_connection(engine: Engine) -> Driver:
    """A connection to PostgreSQL as psycopg gives it, each statement a transaction of its own."""
    connection = cast("Driver", _detached(engine))
    connection.autocommit = True
    return connection


def driver_error(engine: Engine) -> type[Exception]:
    """The base of what the driver raises."""
    return sqlite3.Error if is_sqlite(engine) else psycopg.Error


def _detached(engine: Engine) -> DBAPIConnection:
    fairy = engine.raw_connection()
    fairy.detach()
    connection = fairy.dbapi_connection
    if connection is None:
        raise ConnectionError("the database gave no connection")
    return connection


def _make_sqlite_durable(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", f"wal_autocheckpoint={WAL_PAGES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
