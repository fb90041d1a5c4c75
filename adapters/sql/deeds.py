"""Deeds in SQL, and the control epoch that grows with every one that comes into force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import BindParameter, Engine, bindparam, func, literal_column, select, update

from adapters.sql.cursors import Asked, Cursor, Row
from adapters.sql.deed_tables import deed
from adapters.sql.engine import driver_connection, is_sqlite, open_engine
from adapters.sql.statements import Statement, upsert
from adapters.sql.tables import budget_lock, control, ledger_entry
from gateway.deeds.document import Kind
from gateway.deeds.keeping import Kept, State
from gateway.domain.errors import UnavailableError
from gateway.watch.accounts import partner_lock

_NAMES = ("kind", "id", "serial", "attempt", "state", "deed", "author", "partner", "entry", "changed", "note")
_KEY = _NAMES[:4]


class DeedTable:
    """Keeps the promise of `gateway.deeds.keeping.DeedStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        every = select(*(deed.c[name] for name in _NAMES))
        order = (deed.c.serial, deed.c.attempt)
        self._pending = Statement(
            every.where(deed.c.state == literal_column("'pending'")).order_by(deed.c.changed, deed.c.id), engine
        )
        self._attempts = Statement(
            every.where(deed.c.kind == _text("kind"), deed.c.id == _text("id")).order_by(*order), engine
        )
        since = bindparam("after", type_=deed.c.entry.type)
        self._in_force = Statement(every.where(deed.c.entry > since).order_by(deed.c.entry), engine)
        named = (deed.c.kind == _text("kind"), deed.c.entry > literal_column("0"))
        self._of_kind = Statement(every.where(*named).order_by(deed.c.entry), engine)
        put = upsert(engine, deed, *_NAMES)
        changed = {name: put.excluded[name] for name in _NAMES[4:]}
        there = deed.c.state == literal_column("'pending'")
        self._put = Statement(put.on_conflict_do_update(index_elements=_KEY, set_=changed, where=there), engine)
        newest = select(func.max(ledger_entry.c.index)).where(ledger_entry.c.type == literal_column("'deed.in_force'"))
        last = select(ledger_entry.c.entry).where(ledger_entry.c.index == newest.scalar_subquery())
        self._last = Statement(last, engine)
        self._epoch = Statement(select(control.c.epoch).where(control.c.id == literal_column("1")), engine)
        lock = upsert(engine, budget_lock, "granted").on_conflict_do_nothing()
        self._lock = Statement(lock, engine)
        self._is_sqlite = is_sqlite(engine)
        held = select(control.c.epoch).where(control.c.id == literal_column("1")).with_for_update()
        self._hold = Statement(held, engine)
        self._advance = Statement(update(control).values(epoch=control.c.epoch + literal_column("1")), engine)
        self.begin()

    def begin(self) -> None:
        """Forgets what an earlier transaction asked."""
        self._ahead: Asked | None = None

    def prefetch(self) -> None:
        """Sends the question after the epoch."""
        self._ahead = self._epoch.ask(self._cursor)

    def epoch(self) -> int:
        rows = (self._ahead or self._epoch.ask(self._cursor)).rows()
        if not rows:
            raise UnavailableError("the control database is empty: run `bidui migrate`")
        return cast("int", rows[0][0])

    def lock(self) -> None:
        """SQLite's transaction already excludes every other; PostgreSQL locks the row of the control epoch."""
        if not self._is_sqlite:
            self._hold.rows(self._cursor)

    def pending(self) -> Sequence[Kept]:
        return _kept(self._pending.rows(self._cursor))

    def attempts(self, kind: str, deed_id: str) -> Sequence[Kept]:
        return _kept(self._attempts.rows(self._cursor, kind=kind, id=deed_id))

    def in_force(self, after: int) -> Sequence[Kept]:
        return _kept(self._in_force.rows(self._cursor, after=after))

    def of_kind(self, kind: str) -> Sequence[Kept]:
        """What ever came into force of one kind, in the order of the entries."""
        return _kept(self._of_kind.rows(self._cursor, kind=kind))

    def put(self, kept: Kept) -> None:
        self._put.write(self._cursor, [tuple(_column(kept, name) for name in _NAMES)])
        if kept.kind == Kind.GRANT and kept.state is State.IN_FORCE:
            self._lock.write(self._cursor, sorted([(kept.id,), (partner_lock(kept.partner),)]))

    def last_change(self) -> bytes:
        rows = self._last.rows(self._cursor)
        return cast("bytes", rows[0][0]) if rows else b""

    def advance(self) -> None:
        self._advance.ask(self._cursor)


def _text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=deed.c.id.type)


def _column(kept: Kept, name: str) -> object:
    value = getattr(kept, name)
    return value.value if isinstance(value, State) else value


def _kept(rows: Sequence[Row]) -> list[Kept]:
    return [_one(row) for row in rows]


def _one(row: Row) -> Kept:
    kind, deed_id, serial, attempt, state, encoded, author, partner, entry, changed, note = cast(
        "tuple[str, str, int, int, str, bytes, str, str, int, int, str]", row
    )
    return Kept(
        kind=kind,
        id=deed_id,
        serial=serial,
        attempt=attempt,
        state=State(state),
        deed=encoded,
        author=author,
        partner=partner,
        entry=entry,
        changed=changed,
        note=note,
    )


class EpochReader:
    """Reads the control epoch, on a connection of its own each time; asked twice a second, so it is compiled once."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        self._epoch = Statement(select(control.c.epoch).where(control.c.id == literal_column("1")), self._engine)

    def epoch(self) -> int:
        """The epoch now. Raises `UnavailableError` where there is none."""
        connection = driver_connection(self._engine)
        try:
            rows = self._epoch.rows(connection.cursor())
        finally:
            connection.close()
        if not rows:
            raise UnavailableError("the control database is empty: run `bidui migrate`")
        return cast("int", rows[0][0])
