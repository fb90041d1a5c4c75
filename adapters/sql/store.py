"""The control store: one work is one transaction; on SQLite behind a lock file, on PostgreSQL under row locks.

SQLite lets waiting writers starve each other and, before 3.51.3, can race in its WAL; an OS lock taken before each
transaction removes both (docs/adr/0002).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TextIO

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.accounts import AccountTables
from adapters.sql.answers import AnswerTable
from adapters.sql.budgets import BudgetTable
from adapters.sql.cohorts import CohortTable
from adapters.sql.cursors import Connection
from adapters.sql.deeds import DeedTable
from adapters.sql.engine import driver_connection, driver_error, is_sqlite, open_engine
from adapters.sql.ledger import LedgerTable
from gateway.domain.errors import DownError


class SqlWork:
    """A transaction on one held connection; its parts are set up once and serve every turn."""

    def __init__(self, engine: Engine, connection: Connection) -> None:
        self._cursor = connection.cursor()
        self._connection = connection
        self._is_local = is_sqlite(engine)
        self.budgets = BudgetTable(engine, self._cursor)
        self.answers = AnswerTable(engine, self._cursor)
        self.ledger = LedgerTable(engine, self._cursor)
        self.deeds = DeedTable(engine, self._cursor)
        self.cohorts = CohortTable(engine, self._cursor)
        self.accounts = AccountTables(engine, self._cursor)
        self._open = False

    def begin(self) -> None:
        for part in (self.budgets, self.answers, self.deeds):
            part.begin()
        self._cursor.begin()
        self._open = True

    def prefetch(self, epoch: int, grants: Sequence[str], day: int, keys: Sequence[bytes], at: int) -> None:
        """See `gateway.ports.Work`. A database in this process is as quick when it is asked one by one."""
        if not self._is_local:
            self.deeds.prefetch()
            self.budgets.prefetch_lock(grants, day, epoch)
            self.answers.prefetch(keys, at)

    def prefetch_seen(self, pairs: Sequence[tuple[str, bytes]]) -> None:
        """See `gateway.ports.Work`."""
        if not self._is_local:
            self.budgets.prefetch_seen(pairs)

    def epoch(self) -> int:
        return self.deeds.epoch()

    def commit(self) -> None:
        self._cursor.commit()
        self._open = False

    def rollback(self) -> None:
        if self._open:
            self._open = False
            self._cursor.rollback()

    def close(self) -> None:
        self._connection.close()


class SqlStore:
    """Keeps the promise of `gateway.ports.Store`, one work at a time. A broken connection is replaced at the next."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        self._errors = (SQLAlchemyError, driver_error(self._engine))
        self._work: SqlWork | None = None
        self._file: TextIO | None = None
        self._turn = Lock()

    @contextmanager
    def begin(self) -> Iterator[SqlWork]:
        with self._locked():
            try:
                work = self._work = self._work or SqlWork(self._engine, driver_connection(self._engine))
                work.begin()
                yield work
            except self._errors as error:
                self._drop()
                raise DownError(f"the control database refused ({type(error).__name__})") from error
            except BaseException:
                self._roll_back()
                raise
            else:
                self._roll_back()

    def close(self) -> None:
        self._drop()
        self._engine.dispose()
        if self._file:
            self._file.close()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._turn:
            self._file = self._file or _lock_file(self._engine)
            if self._file is None:
                yield
                return
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _roll_back(self) -> None:
        try:
            if self._work:
                self._work.rollback()
        except self._errors:
            self._drop()

    def _drop(self) -> None:
        work, self._work = self._work, None
        if work:
            # While somebody holds the error, and with it a cursor, closing alone would leave the database locked.
            with suppress(*self._errors):
                work.rollback()
            work.close()


def _lock_file(engine: Engine) -> TextIO | None:
    if not is_sqlite(engine) or not engine.url.database:
        return None
    return Path(f"{engine.url.database}.lock").open("a")
