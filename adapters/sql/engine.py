"""Engines and connections: SQLite on its driver's own connection, PostgreSQL on libpq's (`adapters.sql.pipelined`)."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import cast

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from adapters.sql.cursors import Connection, SqliteConnection
from adapters.sql.pipelined import Driver, PostgresConnection

WAL_PAGES = 1000
"""Pages that the log of SQLite takes before they are moved to the database, while turns wait: some milliseconds."""
CONNECT_SECONDS = 5


def is_sqlite(engine: Engine) -> bool:
    """Whether the engine is SQLite; PostgreSQL is the only other one."""
    return engine.dialect.name == "sqlite"


def open_engine(url: str) -> Engine:
    """An engine for SQLite (durable WAL) or PostgreSQL (`postgresql+psycopg://`)."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_SECONDS})
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 10})
    event.listen(engine, "do_connect", _make_no_new_file)
    event.listen(engine, "connect", _make_sqlite_durable)
    event.listen(engine, "checkout", _check_still_the_same)
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


def limit_waiting(connection: Connection, seconds: float) -> None:
    """Has statements on this connection fail that wait longer than this, for a lock or for the database itself."""
    if isinstance(connection, SqliteConnection):
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
        cursor.fetchall()
    elif isinstance(connection, PostgresConnection):
        connection.limit_waiting(seconds)


def make_file(engine: Engine) -> None:
    """Makes the empty file of a SQLite database that is not there yet. Connecting never does: it might be lost."""
    if is_sqlite(engine) and engine.url.database:
        Path(engine.url.database).touch(mode=0o640)


def _make_no_new_file(_: Dialect, __: ConnectionPoolEntry, arguments: list[str], ___: object) -> None:
    if arguments and arguments[0] not in {"", ":memory:"} and not Path(arguments[0]).exists():
        raise sqlite3.OperationalError("the file of the database is not there")


def _check_still_the_same(connection: DBAPIConnection, entry: ConnectionPoolEntry, _: object) -> None:
    """A connection of the pool to a file that is gone, or was replaced, is given up."""
    name = cast("sqlite3.Connection", connection).execute("PRAGMA database_list").fetchone()[2]
    found = os.stat(name) if name else None
    now = (found.st_dev, found.st_ino) if found else None
    if entry.info.setdefault("inode", now) != now:
        raise DisconnectionError


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
