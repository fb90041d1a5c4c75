"""Deleting the bodies of old entries: the one lawful way past the guards of the ledger's tables.

The triggers refuse every DELETE, so this takes the one that does off and puts it back, in one transaction under the
writers' lock: whoever else looks sees it always in its place, and a crash leaves all or nothing. Only the maintenance
command has this store. On PostgreSQL it must be the owner of the tables, which the account of serve need not be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import cast

from sqlalchemy import BigInteger, ColumnElement, Engine, Table, bindparam, delete, func, literal_column, select
from sqlalchemy.sql import ClauseElement

from adapters.sql.engine import driver_connection, is_sqlite
from adapters.sql.statements import Statement, upsert
from adapters.sql.store import SqlStore, SqlWork
from adapters.sql.tables import delete_guard, ledger_disclosure, ledger_entry, ledger_floor
from adapters.sql.trail_tables import trail_place, trail_token

SEARCHED = (trail_place, trail_token)
"""What entries are found by; of those that are kept it stays, so that they are found still."""
BESIDE = (ledger_disclosure, *SEARCHED)
"""Tables whose rows speak of single entries by their `index`: they go with them."""


class PruningWork(SqlWork):
    """A transaction that may delete."""

    def doomed(self, before: int, kept: Collection[str]) -> int:
        """How many entries `prune` would delete."""
        wanted = select(func.count(ledger_entry.c.index)).where(*_doomed(kept))
        rows = Statement(wanted, self._engine).rows(self._cursor, before=before)
        return cast("int", rows[0][0])

    def prune(self, before: int, kept: Collection[str]) -> None:
        """Deletes entries below an index, all but those of these kinds, with what they are found by; and every
        disclosure below it.
        """
        gone = select(ledger_entry.c.index).where(*_doomed(kept))
        self._delete(delete(ledger_disclosure).where(_below(ledger_disclosure)), before)
        for table in SEARCHED:
            self._delete(delete(table).where(table.c.index.in_(gone)), before)
        off, on = delete_guard(self._engine.dialect.name)
        self._cursor.execute(off)
        self._delete(delete(ledger_entry).where(*_doomed(kept)), before)
        self._cursor.execute(on)
        Statement(_set_floor(self._engine), self._engine).write(self._cursor, [(1, before)])

    def _delete(self, deleting: ClauseElement, before: int) -> None:
        Statement(deleting, self._engine).ask(self._cursor, before=before).rows()


class PruningStore(SqlStore):
    """The control store of the maintenance command."""

    @contextmanager
    def pruning(self) -> Iterator[PruningWork]:
        """One work that may delete."""
        with self.begin() as work:
            yield cast("PruningWork", work)

    def vacuum(self) -> None:
        """Gives the room back, and what SQLite's write-ahead log still held. Others wait meanwhile."""
        with self.begin():
            pass
        self._take()
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                tables = " ".join(["VACUUM", ", ".join(each.name for each in (ledger_entry, *BESIDE))])
                connection.exec_driver_sql("VACUUM" if is_sqlite(self._engine) else tables)
                if is_sqlite(self._engine):
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._let_go()

    def _open(self) -> PruningWork:
        self._place.check()
        connection = driver_connection(self._engine)
        if is_sqlite(self._engine):
            # What is deleted is written over, not only given back.
            connection.cursor().execute("PRAGMA secure_delete=ON")
        return PruningWork(self._engine, connection, self._place, self._committer, self._leave)


def _below(table: Table) -> ColumnElement[bool]:
    return table.c.index < bindparam("before", type_=BigInteger)


def _doomed(kept: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return _below(ledger_entry), ledger_entry.c.type.not_in([literal_column(f"'{each}'") for each in sorted(kept)])


def _set_floor(engine: Engine) -> ClauseElement:
    new = upsert(engine, ledger_floor, "id", "first")
    return new.on_conflict_do_update(index_elements=["id"], set_={"first": new.excluded.first})
