"""What runs statements: the promise that SQLite keeps at once and PostgreSQL (`adapters.sql.pipelined`) by and by."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Protocol, TypeAlias, cast

Row: TypeAlias = tuple[object, ...]


class Asked(Protocol):
    """A question on its way."""

    def rows(self) -> list[Row]:
        """Waits for the answer, and for everything that was sent before the question."""
        ...


class Cursor(Protocol):
    """Runs statements of one transaction, in the order in which they come.

    What is told, and what is asked but not waited for, may still lie here when the call returns; it travels with the
    next question that somebody waits for, at the latest with the commit, and what is wrong with it is raised there.
    """

    def begin(self) -> None: ...
    def commit(self) -> None:
        """Returns when everything is durable."""
        ...

    def rollback(self) -> None: ...
    def ask(self, text: str, parameters: Sequence[object]) -> Asked: ...
    def tell(self, text: str, rows: Sequence[Row]) -> None:
        """Runs it once for each row of parameters."""
        ...

    def flush(self) -> None:
        """Sends what lies here and does not wait."""
        ...

    def execute(self, sql: str) -> None: ...
    def fetchall(self) -> list[Row]:
        """What the last `execute` brought."""
        ...


class Connection(Protocol):
    """A connection of one's own."""

    def cursor(self) -> Cursor: ...
    def close(self) -> None: ...


class SqliteConnection:
    """Keeps the promise of `Connection`: SQLite runs everything at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def cursor(self) -> SqliteCursor:
        return SqliteCursor(self._connection.cursor())

    def close(self) -> None:
        self._connection.close()


class SqliteCursor:
    """Keeps the promise of `Cursor`."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    def begin(self) -> None:
        """Excludes every other writer from the start: a reader that turns writer half-way could not wait."""
        self._cursor.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._cursor.execute("COMMIT")

    def rollback(self) -> None:
        self._cursor.execute("ROLLBACK")

    def ask(self, text: str, parameters: Sequence[object]) -> Asked:
        self._cursor.execute(text, cast("Row", parameters))
        return _Known(self._cursor.fetchall())

    def tell(self, text: str, rows: Sequence[Row]) -> None:
        self._cursor.executemany(text, rows)

    def flush(self) -> None:
        """Nothing ever lies here."""

    def execute(self, sql: str) -> None:
        self._cursor.execute(sql)

    def fetchall(self) -> list[Row]:
        return self._cursor.fetchall()


class _Known:
    """An answer that is there already."""

    __slots__ = ("_rows",)

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def rows(self) -> list[Row]:
        return self._rows
