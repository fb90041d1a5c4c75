"""PostgreSQL without waiting: statements go one behind the other, and one way there and back brings all answers.

psycopg connects and names the errors. Its own statements cost some 50 us each and wait for each other; here they are
prepared once a connection and sent in libpq's pipeline mode, everything in binary form.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from select import POLLIN, POLLOUT, poll
from typing import TypeAlias, cast

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from adapters.sql import binary
from adapters.sql.cursors import Asked, Row

Driver: TypeAlias = "psycopg.Connection[tuple[object, ...]]"

# Every statement reads by key. A plan made while a table was empty must not read all of it when it is full.
_SETTINGS = ("SET enable_seqscan = off", "SET jit = off")
# A later statement of a transaction must see what others committed while an earlier one waited for a lock.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"


class PostgresConnection:
    """Keeps the promise of `adapters.sql.cursors.Connection`. It has one cursor."""

    def __init__(self, connection: Driver) -> None:
        self._connection = connection
        self._cursor = PostgresCursor(connection.pgconn)

    def cursor(self) -> PostgresCursor:
        return self._cursor

    def close(self) -> None:
        self._connection.close()

    def limit_waiting(self, seconds: float) -> None:
        """Has whoever waits for PostgreSQL give up after this long; the connection is of no use then."""
        self._cursor.patience = seconds


class PostgresCursor:
    """Keeps the promise of `adapters.sql.cursors.Cursor`. Raises `psycopg.Error`."""

    def __init__(self, libpq: PGconn) -> None:
        self._libpq = libpq
        self._poll = poll()
        self.patience: float | None = None
        self._names: dict[str, bytes] = {}
        self._sent: deque[_Answer] = deque()
        self._syncs = 0
        self._is_flushed = True
        self._must_begin = False
        self._executed: _Answer | None = None
        libpq.enter_pipeline_mode()
        for setting in _SETTINGS:
            self.execute(setting)

    def begin(self) -> None:
        """Goes with the first statement."""
        self._must_begin = True

    def commit(self) -> None:
        ended = self._send_plain("COMMIT").result()
        if ended.command_status != b"COMMIT":
            raise psycopg.OperationalError("the transaction was rolled back when it was to be committed")

    def rollback(self) -> None:
        if self._must_begin:
            self._must_begin = False
        else:
            self._send_plain("ROLLBACK").result()

    def ask(self, text: str, parameters: Sequence[object]) -> _Answer:
        """Sends it; parameters are in binary form."""
        name = self._names.get(text) or self._prepare(text)
        self._begin_first()
        values = cast("Sequence[bytes]", parameters)
        self._libpq.send_query_prepared(name, values, [1] * len(values), 1)
        return self._expect()

    def tell(self, text: str, rows: Sequence[Row]) -> None:
        for row in rows:
            self.ask(text, row)

    def flush(self) -> None:
        if not self._is_flushed:
            self._libpq.pipeline_sync()
            self._syncs += 1
            self._is_flushed = True

    def execute(self, sql: str) -> None:
        self._executed = self._send_plain(sql)

    def fetchall(self) -> list[Row]:
        return self._executed.rows() if self._executed else []

    def read_until(self, answer: _Answer) -> None:
        """Reads answers, the oldest first, until this one is there."""
        self.flush()
        while answer.read is None:
            result = self._next()
            self._sent.popleft().read = result

    def _send_plain(self, sql: str) -> _Answer:
        self._begin_first()
        self._libpq.send_query_params(sql.encode(), None, result_format=1)
        return self._expect()

    def _begin_first(self) -> None:
        if self._must_begin:
            self._must_begin = False
            self._send_plain(_BEGIN)

    def _prepare(self, text: str) -> bytes:
        name = self._names[text] = b"s%d" % len(self._names)
        self._libpq.send_prepare(name, text.encode())
        self._expect()
        return name

    def _expect(self) -> _Answer:
        answer = _Answer(self)
        self._sent.append(answer)
        self._is_flushed = False
        return answer

    def _next(self) -> PGresult:
        while True:
            result = self._get()
            if result is None:
                # Stands between two answers; or the connection is gone, and no answer will ever come.
                self._check()
            elif result.status == ExecStatus.PIPELINE_SYNC:
                self._syncs -= 1
            elif result.status in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
                return result
            else:
                self._give_up()
                raise error_from_result(result)

    def _get(self) -> PGresult | None:
        """Waits outside libpq, whose own waiting would stop all other threads too: one may hold the lock waited for."""
        libpq = self._libpq
        is_left = libpq.flush()
        while libpq.is_busy():
            self._poll.register(libpq.socket, POLLIN | POLLOUT if is_left else POLLIN)
            if not self._poll.poll(None if self.patience is None else self.patience * 1000):
                libpq.finish()
                raise psycopg.OperationalError("PostgreSQL does not answer")
            libpq.consume_input()
            is_left = libpq.flush()
        return libpq.get_result()

    def _check(self) -> None:
        if self._libpq.status != ConnStatus.OK:
            raise psycopg.OperationalError("the connection to PostgreSQL was lost")

    def _give_up(self) -> None:
        """Passes over what was sent behind a statement that failed: PostgreSQL did none of it."""
        self._sent.clear()
        while self._syncs and self._libpq.status == ConnStatus.OK:
            result = self._get()
            self._syncs -= int(result is not None and result.status == ExecStatus.PIPELINE_SYNC)


class _Answer(Asked):
    """What a statement that was sent will bring."""

    __slots__ = ("_cursor", "read")

    def __init__(self, cursor: PostgresCursor) -> None:
        self._cursor = cursor
        self.read: PGresult | None = None

    def result(self) -> PGresult:
        if self.read is None:
            self._cursor.read_until(self)
        assert self.read is not None
        return self.read

    def rows(self) -> list[Row]:
        result = self.result()
        readers = [binary.READ[result.ftype(at)] for at in range(result.nfields)]
        return [_row(result, at, readers) for at in range(result.ntuples)]


def _row(result: PGresult, place: int, readers: Sequence[binary.Read]) -> Row:
    values = [result.get_value(place, at) for at in range(len(readers))]
    return tuple(None if value is None else read(value) for read, value in zip(readers, values, strict=True))
