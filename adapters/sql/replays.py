"""What works once and what works no more, for all nodes and across restarts.

Both are apart from the turns: who is calling is known before a request waits for one. Callers in many threads share a
transaction: whoever comes while one is being written goes into the next, all together.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, Engine, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.engine import is_sqlite, open_engine
from adapters.sql.replay_tables import revoked, used_once
from gateway.domain.errors import DownError

NAME_BYTES = 16


class _Ticket:
    """One id that somebody wants to use, and what came of it."""

    __slots__ = ("error", "expires", "is_first", "is_settled", "name")

    def __init__(self, name: bytes, expires: int) -> None:
        self.name, self.expires = name, expires
        self.is_first = self.is_settled = False
        self.error: DownError | None = None


class SqlReplayStore:
    """Keeps the promise of `adapters.identity.replay.ReplayStore` for every node of one database.

    Bounded by time: what has expired goes away. How much one client may use at a time is the business of the memory
    before it (`adapters.identity.replay.NearAndFar`).
    """

    def __init__(self, url: str) -> None:
        self._database = _Database(url)
        self._queue: list[_Ticket] = []
        self._queued, self._writing = Lock(), Lock()

    def first_use(self, client: str, jti: str, until: int) -> bool:
        """True once for each client and jti. Raises `DownError` when nobody can know."""
        ticket = _Ticket(_name(client, jti), until)
        with self._queued:
            self._queue.append(ticket)
        with self._writing:
            # Whoever held the lock before may have written this one, too.
            if not ticket.is_settled:
                self._settle()
        if ticket.error:
            raise DownError(str(ticket.error)) from ticket.error
        return ticket.is_first

    def sweep(self, now: int) -> None:
        """Forgets what expired before that."""
        with self._writing, self._database.alone() as connection:
            connection.execute(delete(used_once).where(used_once.c.expires < now))

    def close(self) -> None:
        self._database.close()

    def _settle(self) -> None:
        with self._queued:
            taken, self._queue = self._queue, []
        # Of an id that comes twice in one batch the first is the first.
        tickets = {ticket.name: ticket for ticket in reversed(taken)}
        rows = [{"name": each.name, "expires": each.expires} for each in tickets.values()]
        error: DownError | None = None
        try:
            for name in self._database.insert_new(rows):
                tickets[name].is_first = True
        except DownError as down:
            error = down
        for ticket in taken:
            ticket.is_settled, ticket.error = True, error


class SqlRevocations:
    """Keeps the promise of `adapters.identity.revocation.RevocationStore` for every node of one database."""

    def __init__(self, url: str) -> None:
        self._database = _Database(url)

    def revoke(self, jti: str, since: int, expires: int) -> None:
        """Durable when it returns; every node that looks afterwards finds it. Raises `DownError`."""
        made = self._database.upsert(revoked).values(jti=jti, since=since, expires=expires)
        with self._database.alone() as connection:
            connection.execute(delete(revoked).where(revoked.c.expires < since))
            connection.execute(made.on_conflict_do_nothing())

    def all(self) -> Sequence[tuple[str, int]]:
        """Every revoked token, and since when (Unix seconds)."""
        with self._database.reading() as connection:
            return [(jti, since) for jti, since in connection.execute(select(revoked.c.jti, revoked.c.since)).all()]

    def close(self) -> None:
        self._database.close()


class _Database:
    """Transactions of a few rows. SQLite lets writers starve each other, so they queue at the store's lock file."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        with _lock(self._engine), self._guarded(self._engine.begin) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._guarded(self._engine.connect) as connection:
            yield connection

    def upsert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        return sqlite.insert(table) if is_sqlite(self._engine) else postgresql.insert(table)

    def insert_new(self, rows: Sequence[Mapping[str, object]]) -> Sequence[bytes]:
        """Leaves alone what is there, and says the names of what was not."""
        with self.alone() as connection:
            found = connection.execute(
                self.upsert(used_once).on_conflict_do_nothing().returning(used_once.c.name), rows
            )
            return [bytes(name) for name in found.scalars()]

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _guarded(self, begin: Callable[[], AbstractContextManager[Connection]]) -> Iterator[Connection]:
        try:
            with begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise DownError(f"the control database refused ({type(error).__name__})") from error


@contextmanager
def _lock(engine: Engine) -> Iterator[None]:
    if not is_sqlite(engine) or not engine.url.database:
        yield
        return
    with Path(f"{engine.url.database}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _name(client: str, jti: str) -> bytes:
    return sha256(f"{client}\0{jti}".encode("utf-8", "surrogatepass")).digest()[:NAME_BYTES]
