"""Sessions, attempts, known places and things that are good once, in SQL: what all nodes must see alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import Engine, Table, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ClauseElement

from adapters.sql.account_tables import (
    account_attempt,
    account_once,
    account_place,
    account_session,
    forgetting,
    replacing,
    same,
)
from adapters.sql.cursors import Cursor
from adapters.sql.statements import Statement
from gateway.accounts.ports import Counter
from gateway.accounts.values import Level, Session


class SessionTable:
    """Keeps the promise of `gateway.accounts.ports.SessionBook`."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        row = account_session.c
        one = row.name == same(account_session, "name")
        self._find = Statement(select(account_session).where(one), engine)
        self._put = Statement(replacing(engine, account_session, "name"), engine)
        at = bindparam("at", type_=row.seen.type)
        self._touch = Statement(update(account_session).where(one).values(seen=at), engine)
        self._end = Statement(delete(account_session).where(one), engine)
        of = row.account == same(account_session, "account")
        self._end_all = Statement(delete(account_session).where(of), engine)
        old = (row.seen <= same(account_session, "seen")) | (row.opened <= same(account_session, "opened"))
        self._forget = Statement(forgetting(account_session, old), engine)

    def find(self, name: bytes) -> Session | None:
        rows = self._find.rows(self._cursor, name=name)
        if not rows:
            return None
        found, account, level, *times = cast("tuple[bytes, str, str, int, int, int]", rows[0])
        opened, seen, fresh_until = times
        return Session(
            name=found, account=account, level=Level(level), opened=opened, seen=seen, fresh_until=fresh_until
        )

    def put(self, kept: Session) -> None:
        row = (kept.name, kept.account, kept.level.value, kept.opened, kept.seen, kept.fresh_until)
        self._put.write(self._cursor, [row])

    def touch(self, name: bytes, seen: int) -> None:
        self._touch.ask(self._cursor, name=name, at=seen)

    def end(self, name: bytes) -> None:
        self._end.ask(self._cursor, name=name)

    def end_all(self, account: str) -> None:
        self._end_all.ask(self._cursor, account=account)

    def forget(self, seen_before: int, opened_before: int) -> None:
        self._forget.ask(self._cursor, seen=seen_before, opened=opened_before)


class AttemptTable:
    """Keeps the promise of `AttemptBook`. A counter is there as soon as somebody locks it, so that it can be locked."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._lock = Statement(_locking(engine), engine)
        self._put = Statement(replacing(engine, account_attempt, "name"), engine)
        old = account_attempt.c.last <= same(account_attempt, "last")
        self._forget = Statement(forgetting(account_attempt, old), engine)

    def lock(self, names: Sequence[bytes]) -> Mapping[bytes, Counter]:
        """In the order of their names, so that nobody waits in a ring."""
        found = dict[bytes, Counter]()
        for name in sorted(names):
            rows = self._lock.rows(self._cursor, name=name, failures=0, last=0, until=0)
            failures, last, until = cast("tuple[int, int, int]", rows[0])
            found[name] = Counter(failures, last, until)
        return found

    def put(self, name: bytes, counter: Counter) -> None:
        self._put.write(self._cursor, [(name, *counter)])

    def forget(self, last_before: int) -> None:
        self._forget.ask(self._cursor, last=last_before)


class PlaceTable:
    """Keeps the promise of `PlaceBook`."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        row = account_place.c
        of, later = row.account == same(account_place, "account"), row.until > same(account_place, "until")
        one = of & (row.name == same(account_place, "name")) & later
        self._known = Statement(select(row.name).where(one), engine)
        self._put = Statement(replacing(engine, account_place, "account", "name"), engine)
        self._forget = Statement(delete(account_place).where(of), engine)
        old = row.until <= same(account_place, "until")
        self._expire = Statement(forgetting(account_place, old), engine)

    def known(self, account: str, names: Sequence[bytes], at: int) -> frozenset[bytes]:
        asked = [self._known.ask(self._cursor, account=account, name=name, until=at) for name in names]
        return frozenset(cast("bytes", row[0]) for each in asked for row in each.rows())

    def remember(self, account: str, name: bytes, until: int) -> None:
        self._put.write(self._cursor, [(account, name, until)])

    def forget(self, account: str) -> None:
        self._forget.ask(self._cursor, account=account)

    def expire(self, at: int) -> None:
        self._expire.ask(self._cursor, until=at)


class OnceTable:
    """Keeps the promise of `OnceBook`."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        add = _inserting(engine, account_once).on_conflict_do_nothing().returning(account_once.c.until)
        self._use = Statement(add, engine)
        old = account_once.c.until <= same(account_once, "until")
        self._forget = Statement(forgetting(account_once, old), engine)

    def use(self, name: bytes, until: int) -> bool:
        return bool(self._use.rows(self._cursor, name=name, until=until))

    def forget(self, until: int) -> None:
        self._forget.ask(self._cursor, until=until)


def _inserting(engine: Engine, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert of one row, which can tell what it did."""
    insert = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
    return insert(table).values({each.name: same(table, each.name) for each in table.columns})


def _locking(engine: Engine) -> ClauseElement:
    put, row = _inserting(engine, account_attempt), account_attempt.c
    return put.on_conflict_do_update(index_elements=["name"], set_={"last": row.last}).returning(
        row.failures, row.last, row.until
    )
