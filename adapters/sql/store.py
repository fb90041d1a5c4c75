"""The control store: one work is one transaction; on SQLite behind a lock file, on PostgreSQL under row locks.

SQLite lets waiting writers starve each other and, before 3.51.3, can race in its WAL; an OS lock taken before each
transaction removes both (docs/adr/0002).

A commit that failed may still have happened: PostgreSQL is asked on a new connection whether the last entry is there.
SQLite is not, because what can be read need not be on the disk. Whoever is in doubt tells nobody anything.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import NoReturn, TextIO

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.accounts import AccountTables
from adapters.sql.answers import AnswerTable
from adapters.sql.budgets import BudgetTable
from adapters.sql.checks import CheckTable
from adapters.sql.cohorts import CohortTable
from adapters.sql.committing import Committer, Committing
from adapters.sql.cursors import Connection
from adapters.sql.day_statements import StatementTable
from adapters.sql.deeds import DeedTable
from adapters.sql.engine import driver_connection, driver_error, is_sqlite, limit_waiting, open_engine
from adapters.sql.erasures import ErasureTable
from adapters.sql.habits import HabitTable
from adapters.sql.ledger import LedgerTable, is_recorded
from adapters.sql.outcomes import OutcomeTable
from adapters.sql.place import DatabaseFile
from adapters.sql.scrubbing import scrub
from adapters.sql.subjects import SubjectTable
from adapters.sql.tallies import SweepTable
from adapters.sql.trail import TrailTable
from adapters.sql.watch import NoticeTable, WatchTable
from gateway.domain.errors import DownError
from gateway.erasure import Scrubbed

POLL_SECONDS = 0.0005
WAITING = "waiting"
"""The trouble of a store that waited in vain: its next work would only wait again, until somebody says it is well."""


class SqlWork:
    """A transaction on one held connection; its parts are set up once and serve every turn."""

    def __init__(
        self,
        engine: Engine,
        connection: Connection,
        file: DatabaseFile,
        committer: Committer,
        left: Callable[[], None],
    ) -> None:
        """`left` is called when a commit ends that nobody waits for any more."""
        self._engine = engine
        self._file = file
        self._committer = committer
        self._cursor = connection.cursor()
        self._connection = connection
        self._is_local = is_sqlite(engine)
        self.budgets = BudgetTable(engine, self._cursor)
        self.watch = WatchTable(engine, self._cursor)
        self.checks = CheckTable(engine, self._cursor)
        self.sweeps = SweepTable(engine, self._cursor)
        self.outcomes = OutcomeTable(engine, self._cursor)
        self.habits = HabitTable(engine, self._cursor)
        self.subjects = SubjectTable(engine, self._cursor)
        self.notices = NoticeTable(engine, self._cursor)
        self.answers = AnswerTable(engine, self._cursor)
        self.ledger = LedgerTable(engine, self._cursor)
        self.deeds = DeedTable(engine, self._cursor)
        self.cohorts = CohortTable(engine, self._cursor)
        self.statements = StatementTable(engine, self._cursor)
        self.accounts = AccountTables(engine, self._cursor)
        self.trail = TrailTable(engine, self._cursor)
        self.erasures = ErasureTable(engine, self._cursor, self.trail)
        self._open = False
        self._committing: Committing | None = None
        self.is_worn = False
        """Whether its connection broke although what it did is durable."""
        self.is_over = False
        """Whether it was committed, be it into a file that is no longer there."""
        self.is_lost = False
        """Whether it was committed into a file that is no longer there."""
        self._left = left

    def begin(self) -> None:
        for part in (self.budgets, self.answers, self.deeds):
            part.begin()
        self.ledger.last = None
        self._cursor.begin()
        self._open, self.is_over, self.is_lost = True, False, False

    def prefetch(self, epoch: int, accounts: Sequence[str], day: int, keys: Sequence[bytes], at: int) -> None:
        """See `gateway.ports.Work`. A database in this process is as quick when it is asked one by one."""
        if not self._is_local:
            self.deeds.prefetch()
            self.budgets.prefetch_lock(accounts, day, epoch)
            self.answers.prefetch(keys, at)

    def prefetch_seen(self, wanted: Sequence[tuple[str, bytes]]) -> None:
        """See `gateway.ports.Work`."""
        if not self._is_local:
            self.budgets.prefetch_seen(wanted)

    def epoch(self) -> int:
        return self.deeds.epoch()

    def touch(self) -> None:
        """Writes something that changes nothing: a trial."""
        self._cursor.execute("UPDATE control SET epoch = epoch WHERE id = 1")

    def commit(self) -> None:
        """Durable when it returns, in the file that everybody else reads."""
        try:
            self._cursor.commit()
        except psycopg.Error:
            self._open, self.is_worn = False, True
            if not is_recorded(self._engine, self.ledger.last):
                raise
        self._open, self.is_over, self.is_lost = False, True, True
        self._file.check_written()
        self.is_lost = False

    def committing(self) -> Committing:
        """The same in a thread; nothing else may be done with this work meanwhile."""
        self._committing = self._committer.start(self.commit, self._left)
        return self._committing

    @property
    def is_left(self) -> bool:
        """Whether a commit is on its way that nobody waits for any more."""
        return self._committing is not None and self._committing.is_left

    def rollback(self) -> None:
        if self._open:
            self._open = False
            self._cursor.rollback()

    def close(self) -> None:
        self._connection.close()


class SqlStore:
    """Keeps the promise of `gateway.ports.Store`, one work at a time. A broken connection is replaced at the next."""

    def __init__(self, url: str, patience: float | None = None) -> None:
        """`patience` is how many seconds a work waits for its turn, and each answer; who has a thread may wait."""
        self._engine = open_engine(url)
        self._errors = (SQLAlchemyError, driver_error(self._engine))
        self._patience = patience
        self._place = DatabaseFile(self._engine)
        self._committer = Committer()
        self._work: SqlWork | None = None
        self._file: TextIO | None = None
        self._turn = Lock()
        self.trouble = ""
        """What the last commit raised, or what is waited for; empty once one went well again."""

    @contextmanager
    def begin(self) -> Iterator[SqlWork]:
        work: SqlWork | None = None
        if self.trouble == WAITING and self._patience is not None:
            raise DownError("the control database does not answer; it is tried every second")
        self._take()
        try:
            self._place.check()
            work = self._work = self._work or self._open()
            work.begin()
            yield work
        except self._errors as error:
            self.trouble = type(error).__name__
            self._drop()
            raise DownError(f"the control database refused ({self.trouble})") from error
        except BaseException:
            self._break_off(work)
            raise
        else:
            self._roll_back()
        finally:
            # A commit that nobody waits for any more has the connection still, and with it this turn.
            if work is None or not work.is_left:
                self._let_go()

    def settle(self) -> None:
        """Says that the database was tried by somebody else, and is well."""
        self.trouble = ""

    def trust_file(self) -> None:
        """Works on whatever file is there from the next work on: somebody has examined it."""
        self._take()
        self._drop()
        self._place.forget()
        self._let_go()

    def scrub(self) -> Scrubbed:
        """See `gateway.erasing.ErasureStore`. Nobody else writes meanwhile: some seconds for a large database."""
        self._take()
        try:
            self._place.check()
            self._drop()
            return scrub(self._engine)
        finally:
            self._let_go()

    def close(self) -> None:
        if self._work and self._work.is_left:
            return
        self._drop()
        self._engine.dispose()
        self._committer.close()
        if self._file:
            self._file.close()

    def _open(self) -> SqlWork:
        self._place.check()
        connection = driver_connection(self._engine)
        if self._patience is not None:
            limit_waiting(connection, self._patience)
        return SqlWork(self._engine, connection, self._place, self._committer, self._leave)

    def _take(self) -> None:
        until = None if self._patience is None else time.monotonic() + self._patience
        if not self._turn.acquire(timeout=-1 if self._patience is None else self._patience):
            self._stall()
        try:
            self._file = self._file or _lock_file(self._engine)
            if self._file is not None and not _lock(self._file, until):
                self._stall()
        except BaseException:
            self._turn.release()
            raise

    def _stall(self) -> NoReturn:
        self.trouble = WAITING
        raise DownError("the control database is held by somebody else for too long; nothing was told")

    def _let_go(self) -> None:
        try:
            if self._file:
                self._unlock(self._file)
        finally:
            self._turn.release()

    def _unlock(self, file: TextIO) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_UN)
        except OSError:
            # What cannot be unlocked is closed: then the kernel lets go, and the next turn opens it again.
            file.close()
            self._file = None

    def _break_off(self, work: SqlWork | None) -> None:
        if work and work.is_left:
            self.trouble = WAITING
        elif work and work.is_lost:
            # Committed, into a file that is no longer the one that everybody reads. Whoever only raises after a
            # commit, as a wrong sign-in does, is nobody's trouble.
            self.trouble = "lost"
            self._drop()
        else:
            self._roll_back()

    def _leave(self) -> None:
        self._drop()
        self._let_go()

    def _roll_back(self) -> None:
        try:
            if self._work:
                if self._work.is_over:
                    self.trouble = ""
                if self._work.is_worn:
                    self._drop()
                else:
                    self._work.rollback()
        except self._errors:
            self._drop()

    def _drop(self) -> None:
        work, self._work = self._work, None
        if work:
            # While somebody holds the error, and with it a cursor, closing alone would leave the database locked.
            with suppress(*self._errors):
                work.rollback()
            self._place.leave()
            work.close()


def _lock(file: TextIO, until: float | None) -> bool:
    """Whether the lock was taken. Who waits on the loop must look again and again: nothing ends a waiting flock."""
    if until is None:
        fcntl.flock(file, fcntl.LOCK_EX)
        return True
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True


def _lock_file(engine: Engine) -> TextIO | None:
    if not is_sqlite(engine) or not engine.url.database:
        return None
    try:
        return Path(f"{engine.url.database}.lock").open("a")
    except OSError as error:
        raise DownError(f"the lock file of the control database cannot be opened ({error.strerror})") from error
