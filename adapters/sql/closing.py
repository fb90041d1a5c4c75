"""Closing a log: from the commit on, its database takes no further entry, whoever asks.

A process that still runs on it, or was started on it by mistake, is refused by the database itself. SQLite alone: on
PostgreSQL a successor has a database of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from adapters.sql.engine import driver_connection
from adapters.sql.store import SqlStore, SqlWork
from adapters.sql.tables import ledger_entry

_SHUT = f"""CREATE TRIGGER IF NOT EXISTS {ledger_entry.name}_closed BEFORE INSERT ON {ledger_entry.name}
BEGIN SELECT RAISE(ABORT, 'the log is closed'); END"""


class ClosingWork(SqlWork):
    """A transaction that may close the log."""

    def shut(self) -> None:
        """Nothing is appended any more once this is committed."""
        self._cursor.execute(_SHUT)


class ClosingStore(SqlStore):
    """The control store of whoever closes a log."""

    @contextmanager
    def closing(self) -> Iterator[ClosingWork]:
        """One work that may close it."""
        with self.begin() as work:
            yield cast("ClosingWork", work)

    def _open(self) -> ClosingWork:
        self._place.check()
        return ClosingWork(self._engine, driver_connection(self._engine), self._place, self._committer, self._leave)
