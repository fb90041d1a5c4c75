"""Budget counters in SQL, and who was compared when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Integer,
    Text,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal_column,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import ClauseElement

from adapters.sql.cursors import Asked, Cursor
from adapters.sql.engine import is_sqlite
from adapters.sql.statements import Statement, among_texts, pairs, upsert
from adapters.sql.tables import budget_day, budget_lock, control, seen_subject
from gateway.domain.budget import DAYS, YEAR, Spending, Used
from gateway.watch.accounts import is_lock

_UNUSED = Used()


class BudgetTable:
    """Keeps the promise of `gateway.ports.BudgetStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._is_sqlite = is_sqlite(engine)
        self._lock = Statement(_lock(), engine)
        self._lock_at = Statement(_lock_at(), engine)
        self._used = Statement(_used(engine), engine)
        self._seen = Statement(_seen(engine), engine)
        self._count = Statement(_count(engine), engine)
        self._mark = Statement(_mark(engine), engine)
        self.begin()

    def begin(self) -> None:
        """Forgets what an earlier transaction asked."""
        self._locked_ahead: _Locked | None = None
        self._seen_ahead: _Seen | None = None

    def prefetch_lock(self, accounts: Sequence[str], day: int, epoch: int) -> None:
        """Sends what `lock` will be asked. At another epoch nothing is locked: who may ask is then judged anew."""
        if accounts:
            lock = self._lock_at.ask(self._cursor, numbers=_locks(accounts), epoch=epoch)
            self._locked_ahead = _Locked(list(accounts), day, lock, self._ask_used(accounts, day))

    def lock(self, accounts: Sequence[str], day: int) -> Mapping[str, Used]:
        """SQLite's transaction already excludes every other; PostgreSQL locks rows of grants and partners, in order."""
        if not accounts:
            return {}
        ahead = self._locked_ahead
        if ahead is None or not ahead.is_for(accounts, day):
            # Nobody waits for the lock, but what is asked behind it stands still until it is there.
            if not self._is_sqlite:
                self._lock.ask(self._cursor, numbers=_locks(accounts))
            ahead = _Locked(accounts, day, None, self._ask_used(accounts, day))
        used = {account: Used(*numbers) for account, *numbers in cast("list[tuple[str, int]]", ahead.used.rows())}
        return {account: used.get(account, _UNUSED) for account in accounts}

    def prefetch_seen(self, wanted: Sequence[tuple[str, bytes]]) -> None:
        """Sends what `seen` will be asked, at once."""
        if wanted:
            self._seen_ahead = _Seen(frozenset(wanted), self._ask_seen(wanted))
            self._cursor.flush()

    def seen(self, wanted: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], int]:
        """More pairs may come back than were asked for: those that were sent before."""
        if not wanted:
            return {}
        ahead = self._seen_ahead
        asked = ahead.asked if ahead and ahead.pairs.issuperset(wanted) else self._ask_seen(wanted)
        return {(grant, link): day for grant, link, day in cast("list[tuple[str, bytes, int]]", asked.rows())}

    def spend(self, spending: Spending) -> None:
        """Adds the changes; both tables are written in key order, so that no two nodes wait for each other."""
        counts = {(grant, day): [change, 0] for (grant, day), change in spending.subjects.items()}
        for grant, comparisons in spending.comparisons.items():
            counts.setdefault((grant, spending.day), [0, 0])[1] += comparisons
        self._count.write(self._cursor, [(*place, *changes) for place, changes in sorted(counts.items())])
        day = spending.day
        self._mark.write(self._cursor, [(grant, link, day) for grant, link in sorted(spending.seen)])

    def _ask_used(self, accounts: Sequence[str], day: int) -> Asked:
        return self._used.ask(self._cursor, grants=accounts, today=day, month=day - DAYS + 1, year=day - YEAR + 1)

    def _ask_seen(self, wanted: Sequence[tuple[str, bytes]]) -> Asked:
        return self._seen.ask(self._cursor, accounts=[each for each, _ in wanted], links=[link for _, link in wanted])


class _Locked(NamedTuple):
    """Accounts locked, or being locked, and what they have used."""

    accounts: Sequence[str]
    day: int
    lock: Asked | None
    used: Asked

    def is_for(self, accounts: Sequence[str], day: int) -> bool:
        """Whether these accounts are what was locked, all of them."""
        is_asked = self.day == day and self.accounts == list(accounts)
        return is_asked and self.lock is not None and len(self.lock.rows()) == len(_locks(accounts))


def _locks(accounts: Sequence[str]) -> list[str]:
    return [each for each in accounts if is_lock(each)]


class _Seen(NamedTuple):
    """A question that was sent before it was asked."""

    pairs: frozenset[tuple[str, bytes]]
    asked: Asked


def _numbers() -> ColumnElement[bool]:
    return budget_lock.c.granted == any_(bindparam("numbers", type_=ARRAY(Text)))


def _lock() -> ClauseElement:
    return select(budget_lock.c.granted).where(_numbers()).order_by(budget_lock.c.granted).with_for_update()


def _lock_at() -> ClauseElement:
    at_epoch = select(control.c.epoch).where(control.c.id == literal_column("1")).scalar_subquery()
    is_then = at_epoch == bindparam("epoch", type_=BigInteger)
    return select(budget_lock.c.granted).where(_numbers(), is_then).order_by(budget_lock.c.granted).with_for_update()


def _used(engine: Engine) -> ClauseElement:
    day, is_asked = budget_day.c.day, among_texts(engine, budget_day.c.granted, "grants")
    is_today, in_month = day == bindparam("today", type_=Integer), day >= bindparam("month", type_=Integer)
    wanted = select(
        budget_day.c.granted,
        _sum(budget_day.c.subjects, is_today),
        _sum(budget_day.c.subjects, in_month),
        _sum(budget_day.c.subjects),
        _sum(budget_day.c.comparisons, is_today),
    )
    in_year = day >= bindparam("year", type_=Integer)
    return wanted.where(is_asked, in_year).group_by(budget_day.c.granted)


def _sum(each: ColumnElement[int], where: ColumnElement[bool] | None = None) -> ColumnElement[int]:
    """PostgreSQL adds up to a number without bounds; ours have room."""
    counted = each if where is None else case((where, each), else_=literal_column("0"))
    return sql_cast(func.sum(counted), BigInteger)


def _seen(engine: Engine) -> ClauseElement:
    asked, there = pairs(engine, "accounts", "links"), seen_subject.c
    found = asked.rows.join(seen_subject, and_(there.granted == asked.text, there.link == asked.key))
    return select(there.granted, there.link, there.day).select_from(found)


def _count(engine: Engine) -> ClauseElement:
    new = upsert(engine, budget_day, "granted", "day", "subjects", "comparisons")
    return new.on_conflict_do_update(
        index_elements=["granted", "day"],
        set_={
            "subjects": budget_day.c.subjects + new.excluded.subjects,
            "comparisons": budget_day.c.comparisons + new.excluded.comparisons,
        },
    )


def _mark(engine: Engine) -> ClauseElement:
    new = upsert(engine, seen_subject, "granted", "link", "day")
    return new.on_conflict_do_update(index_elements=["granted", "link"], set_={"day": new.excluded.day})
