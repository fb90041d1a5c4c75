"""What sweeps look at and keep, in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import Engine, Integer, and_, bindparam, func, literal_column, select, update
from sqlalchemy.sql import ClauseElement

from adapters.sql.cursors import Cursor, Row
from adapters.sql.engine import is_sqlite
from adapters.sql.statements import Statement, among_texts, upsert
from adapters.sql.tables import budget_day, control
from adapters.sql.tally_tables import watch_raised, watch_tally
from adapters.sql.watch_tables import watch_day
from gateway.domain.tally import Pace, Tally

_CLAIM = 0x6269_6475_69
"""The number of the lock that one sweep has at a time: one for each database, and of no row that a turn waits for."""
_NAMES = tuple(each.name for each in watch_tally.c)
_COUNTS = 7
"""Columns in front of those of the pace."""


class SweepTable:
    """Keeps the promise of `gateway.ports.SweepStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._claim = None if is_sqlite(engine) else Statement(_claim(), engine)
        self._days = Statement(_days(engine), engine)
        self._tallies = Statement(_tallies(engine), engine)
        self._put = Statement(_put(engine), engine)
        self._raise = Statement(_raise(engine), engine)
        advanced = update(control).values(epoch=control.c.epoch + literal_column("1")).returning(control.c.epoch)
        self._advance = Statement(advanced, engine)

    def claim(self) -> None:
        """SQLite's transaction already excludes every other."""
        if self._claim is not None:
            self._claim.rows(self._cursor)

    def days(self, accounts: Sequence[str], since: int) -> Mapping[str, Mapping[int, tuple[int, int]]]:
        """In one statement, so that both counts are of one moment."""
        found = defaultdict[str, dict[int, tuple[int, int]]](dict)
        rows = self._days.rows(self._cursor, accounts=accounts, since=since)
        for account, day, subjects, misses in cast("list[tuple[str, int, int, int]]", rows):
            found[account][day] = subjects, misses
        return found

    def tallies(self, accounts: Sequence[str]) -> Mapping[str, Tally]:
        return {cast("str", row[0]): _read(row) for row in self._tallies.rows(self._cursor, accounts=accounts)}

    def put(self, tallies: Mapping[str, Tally]) -> None:
        self._put.write(self._cursor, [_row(account, tallies[account]) for account in sorted(tallies)])

    def raise_checks(self, purposes: Sequence[str], day: int) -> None:
        self._raise.write(self._cursor, [(each, day) for each in sorted(purposes)])
        self._advance.rows(self._cursor)


def _row(account: str, tally: Tally) -> Row:
    pace = tally.pace
    counts = (tally.day, tally.window, tally.misses, tally.waiting, tally.firsts, tally.missed)
    return (account, *counts, *(getattr(pace, name) for name in Pace.__struct_fields__))


def _read(row: Row) -> Tally:
    counts = cast("tuple[int, int, int, int, int, int]", row[1:_COUNTS])
    pace = cast("tuple[int, float, float, float, float, float]", row[_COUNTS:])
    return Tally(*counts, Pace(*pace))


def _claim() -> ClauseElement:
    return select(func.count()).select_from(select(func.pg_advisory_xact_lock(literal_column(str(_CLAIM)))).subquery())


def _days(engine: Engine) -> ClauseElement:
    used, met = budget_day.c, watch_day.c
    both = budget_day.outerjoin(watch_day, and_(met.account == used.granted, met.day == used.day))
    wanted = select(used.granted, used.day, used.subjects, func.coalesce(met.misses, literal_column("0")))
    since = used.day >= bindparam("since", type_=Integer)
    return wanted.select_from(both).where(among_texts(engine, used.granted, "accounts"), since)


def _tallies(engine: Engine) -> ClauseElement:
    return select(*watch_tally.c).where(among_texts(engine, watch_tally.c.account, "accounts"))


def _put(engine: Engine) -> ClauseElement:
    new = upsert(engine, watch_tally, *_NAMES)
    changed = {name: new.excluded[name] for name in _NAMES[1:]}
    return new.on_conflict_do_update(index_elements=["account"], set_=changed)


def _raise(engine: Engine) -> ClauseElement:
    new = upsert(engine, watch_raised, "account", "day")
    return new.on_conflict_do_update(index_elements=["account"], set_={"day": new.excluded.day})
