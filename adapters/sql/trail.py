"""The search index in SQL, from the writer's side: inside a transaction; and what officers keep of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import Engine, bindparam, delete, literal_column, select

from adapters.sql.cursors import Cursor as SqlCursor
from adapters.sql.engine import is_sqlite
from adapters.sql.statements import Statement, among_keys, rows_into, upsert
from adapters.sql.trail_tables import trail_cursor, trail_day, trail_hour, trail_place, trail_token, trail_view
from audit.tallies import Counts
from gateway.trail.ports import Cursor
from gateway.trail.words import FORM

_CURSOR = ("id", "form", "upto", "erasures")
_HOUR = ("hour", "partner", "granted", "told", "entries", "claims")
_FORGOTTEN_AT_ONCE = 500
# Row by row, PostgreSQL would keep all of them until it is vacuumed.
_EMPTYING_SQLITE = ("DELETE FROM trail_place", "DELETE FROM trail_token")
_EMPTYING_POSTGRES = ("TRUNCATE trail_place, trail_token",)


class TrailTable:
    """Keeps the promise of `gateway.trail.ports.TrailBook` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: SqlCursor) -> None:
        self._cursor = cursor
        self._is_sqlite = is_sqlite(engine)
        row, day, view = trail_cursor.c, trail_day.c, trail_view.c
        first = upsert(engine, trail_cursor, *_CURSOR)
        self._begin = Statement(first.on_conflict_do_nothing(), engine)
        moved = first.on_conflict_do_update(index_elements=["id"], set_={n: first.excluded[n] for n in _CURSOR[1:]})
        self._move = Statement(moved, engine)
        where = select(row.form, row.upto, row.erasures).where(row.id == literal_column("1"))
        self._where = Statement(where.with_for_update(), engine)
        self._place = Statement(upsert(engine, trail_place, "word", "index").on_conflict_do_nothing(), engine)
        self._token = Statement(upsert(engine, trail_token, "token", "index").on_conflict_do_nothing(), engine)
        self._forget = Statement(delete(trail_token).where(among_keys(engine, trail_token.c.token, "tokens")), engine)
        since = trail_hour.c.hour >= bindparam("hour", type_=trail_hour.c.hour.type)
        self._drop_hours = Statement(delete(trail_hour).where(since), engine)
        self._hour = Statement(rows_into(engine, trail_hour, *_HOUR), engine)
        is_account, is_day = day.account == bindparam("account", type_=day.account.type), day.day
        self._day = Statement(
            select(day.token).where(is_account, is_day == bindparam("day", type_=is_day.type)).order_by(day.token),
            engine,
        )
        self._note = Statement(upsert(engine, trail_day, "account", "day", "token").on_conflict_do_nothing(), engine)
        self._past = Statement(delete(trail_day).where(is_day < bindparam("day", type_=is_day.type)), engine)
        put = upsert(engine, trail_view, "account", "name", "filter")
        self._put = Statement(
            put.on_conflict_do_update(index_elements=["account", "name"], set_={"filter": put.excluded.filter}), engine
        )
        is_view = [view[name] == bindparam(name, type_=view[name].type) for name in ("account", "name")]
        self._view = Statement(select(view.name).where(*is_view), engine)
        self._drop = Statement(delete(trail_view).where(*is_view), engine)

    def cursor(self) -> Cursor:
        self._begin.write(self._cursor, [(1, FORM, 0, 0)])
        return Cursor(*cast("tuple[int, int, int]", self._where.rows(self._cursor)[0]))

    def add(self, words: Sequence[tuple[int, int]], tokens: Sequence[tuple[bytes, int]], cursor: Cursor) -> None:
        self._place.write(self._cursor, words)
        self._token.write(self._cursor, tokens)
        self._move.write(self._cursor, [(1, *cursor)])

    def clear(self, cursor: Cursor) -> None:
        for emptying in _EMPTYING_SQLITE if self._is_sqlite else _EMPTYING_POSTGRES:
            self._cursor.execute(emptying)
        self._move.write(self._cursor, [(1, *cursor)])

    def forget(self, tokens: Sequence[bytes]) -> None:
        cursor = self.cursor()
        for start in range(0, len(tokens), _FORGOTTEN_AT_ONCE):
            self._forget.ask(self._cursor, tokens=tokens[start : start + _FORGOTTEN_AT_ONCE])
        self._move.write(self._cursor, [(1, *cursor._replace(erasures=cursor.erasures + 1))])

    def replace_hours(self, counts: Counts, first: int) -> None:
        self._drop_hours.ask(self._cursor, hour=first)
        self._hour.write(self._cursor, [(*place, *count) for place, count in sorted(counts.items())])

    def searched(self, account: str, day: int) -> Sequence[bytes]:
        """The cursor's row is the lock: officers do not search so often that they would wait for each other."""
        self.cursor()
        return [cast("bytes", row[0]) for row in self._day.rows(self._cursor, account=account, day=day)]

    def note_searched(self, account: str, day: int, token: bytes) -> None:
        self._past.ask(self._cursor, day=day)
        self._note.write(self._cursor, [(account, day, token)])

    def put_view(self, account: str, name: str, content: bytes) -> None:
        self._put.write(self._cursor, [(account, name, content)])

    def drop_view(self, account: str, name: str) -> bool:
        was_there = bool(self._view.rows(self._cursor, account=account, name=name))
        self._drop.ask(self._cursor, account=account, name=name)
        return was_there
