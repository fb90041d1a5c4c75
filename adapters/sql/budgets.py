"""Budget counters in SQL, and who was compared when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import Engine, Integer, LargeBinary, Text, any_, bindparam, case, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import ClauseElement

from adapters.sql.engine import Cursor, Statement, is_sqlite, upsert
from adapters.sql.tables import budget_day, granted, seen_subject
from gateway.domain.budget import DAYS, Spending, Used


class BudgetTable:
    """Keeps the promise of `gateway.ports.BudgetStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._sqlite = is_sqlite(engine)
        self._lock = Statement(_lock(), engine)
        self._used = Statement(_used(), engine)
        self._seen = Statement(_seen_one() if self._sqlite else _seen_any(), engine)
        self._count = Statement(_count(engine), engine)
        self._mark = Statement(_mark(engine), engine)

    def lock(self, grants: Sequence[str], day: int) -> Mapping[str, Used]:
        """SQLite's transaction already excludes every other; PostgreSQL locks the grants' rows, in order."""
        if not self._sqlite:
            self._lock.rows(self._cursor, numbers=list(grants))
        return {grant: self._used_by(grant, day) for grant in grants}

    def seen(self, pairs: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], int]:
        """On PostgreSQL one statement for all; more pairs may come back than were asked for."""
        if self._sqlite:
            found = [row for grant, link in pairs for row in self._seen.rows(self._cursor, granted=grant, link=link)]
        else:
            grants, links = {grant for grant, _ in pairs}, {link for _, link in pairs}
            found = self._seen.rows(self._cursor, granted=list(grants), link=list(links))
        return {(cast("str", grant), bytes(cast("bytes", link))): cast("int", day) for grant, link, day in found}

    def spend(self, spending: Spending) -> None:
        """Adds the changes; both tables are written in key order, so that no two nodes wait for each other."""
        counts = {(grant, day): [change, 0] for (grant, day), change in spending.subjects.items()}
        for grant, comparisons in spending.comparisons.items():
            counts.setdefault((grant, spending.day), [0, 0])[1] += comparisons
        self._count.run(
            self._cursor,
            [
                {"granted": grant, "day": day, "subjects": subjects, "comparisons": comparisons}
                for (grant, day), (subjects, comparisons) in sorted(counts.items())
            ],
        )
        self._mark.run(
            self._cursor,
            [{"granted": grant, "link": link, "day": spending.day} for grant, link in sorted(spending.seen)],
        )

    def _used_by(self, grant: str, day: int) -> Used:
        today, window, comparisons = self._used.rows(self._cursor, granted=grant, day=day, first=day - DAYS + 1)[0]
        return Used(int(cast("int", today)), int(cast("int", window)), int(cast("int", comparisons)))


def _lock() -> ClauseElement:
    numbers = bindparam("numbers", type_=ARRAY(Text))
    return (
        select(granted.c.number).where(granted.c.number == any_(numbers)).order_by(granted.c.number).with_for_update()
    )


def _used() -> ClauseElement:
    is_today = budget_day.c.day == bindparam("day", type_=Integer)
    today = func.coalesce(
        func.sum(case((is_today, budget_day.c.subjects), else_=literal_column("0"))), literal_column("0")
    )
    window = func.coalesce(func.sum(budget_day.c.subjects), literal_column("0"))
    comparisons = func.coalesce(
        func.sum(case((is_today, budget_day.c.comparisons), else_=literal_column("0"))), literal_column("0")
    )
    in_window = budget_day.c.day >= bindparam("first", type_=Integer)
    return select(today, window, comparisons).where(budget_day.c.granted == bindparam("granted"), in_window)


def _seen_one() -> ClauseElement:
    is_pair = (seen_subject.c.granted == bindparam("granted"), seen_subject.c.link == bindparam("link"))
    return select(seen_subject.c.granted, seen_subject.c.link, seen_subject.c.day).where(*is_pair)


def _seen_any() -> ClauseElement:
    grants, links = bindparam("granted", type_=ARRAY(Text)), bindparam("link", type_=ARRAY(LargeBinary))
    among = (seen_subject.c.granted == any_(grants), seen_subject.c.link == any_(links))
    return select(seen_subject.c.granted, seen_subject.c.link, seen_subject.c.day).where(*among)


def _count(engine: Engine) -> ClauseElement:
    new = upsert(engine, budget_day)
    return new.on_conflict_do_update(
        index_elements=["granted", "day"],
        set_={
            "subjects": budget_day.c.subjects + new.excluded.subjects,
            "comparisons": budget_day.c.comparisons + new.excluded.comparisons,
        },
    )


def _mark(engine: Engine) -> ClauseElement:
    new = upsert(engine, seen_subject)
    return new.on_conflict_do_update(index_elements=["granted", "link"], set_={"day": new.excluded.day})
