"""Spot checks, on the cursor of a turn and for those who read beside it."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, cast

from sqlalchemy import Engine, Integer, String, and_, bindparam, literal_column, or_, select
from sqlalchemy.sql import ClauseElement

from adapters.sql.check_tables import spot_check
from adapters.sql.cursors import Cursor, Row
from adapters.sql.statements import Statement, among_texts, pairs, upsert
from adapters.sql.tally_tables import watch_raised
from gateway.domain.spot_check import CheckState, SpotCheck

_NAMES = tuple(each.name for each in spot_check.c)
_MEMBERS = tuple("grant" if name == "granted" else name for name in _NAMES)
_CHANGES = (
    "state",
    "document",
    "digest",
    "operator",
    "filed",
    "filings",
    "judged",
    "judge",
    "reason",
    "needs_acceptance",
)


class CheckTable:
    """Keeps the promise of `gateway.ports.CheckStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._waiting = Statement(_waiting(engine), engine)
        self._chosen = Statement(_chosen(engine), engine)
        self._failed = Statement(_failed(), engine)
        self._raised = Statement(_raised(), engine)
        self._one = Statement(_one(), engine)
        self._late = Statement(_late(), engine)
        self._put = Statement(_put(engine), engine)

    def checks(self, grants: Sequence[str], chosen: Sequence[tuple[str, bytes]]) -> Sequence[SpotCheck]:
        rows = self._waiting.rows(self._cursor, grants=grants, due=CheckState.DUE.value, filed=CheckState.FILED.value)
        if chosen:
            accounts, links = [grant for grant, _ in chosen], [link for _, link in chosen]
            rows = [*rows, *self._chosen.rows(self._cursor, accounts=accounts, links=links)]
        return list({each.number: each for each in map(read_check, rows)}.values())

    def failed(self, since: int) -> Set[str]:
        rows = self._failed.rows(self._cursor, state=CheckState.FAILED.value, since=since)
        return frozenset(str(purpose) for (purpose,) in rows)

    def raised(self, since: int) -> Set[str]:
        return frozenset(str(account) for (account,) in self._raised.rows(self._cursor, since=since))

    def check(self, number: str) -> SpotCheck | None:
        return next(iter(map(read_check, self._one.rows(self._cursor, number=number))), None)

    def late(self, day: int) -> list[SpotCheck]:
        """Those whose document has not come by that day."""
        return [read_check(row) for row in self._late.rows(self._cursor, state=CheckState.DUE.value, day=day)]

    def put(self, checks: Sequence[SpotCheck]) -> None:
        self._put.write(self._cursor, [_row(each) for each in sorted(checks, key=lambda each: each.number)])


def read_check(row: Sequence[object]) -> SpotCheck:
    """A row of the table, its columns in their order."""
    members = cast("dict[str, Any]", dict(zip(_MEMBERS, row, strict=True)))
    members["link"], members["state"] = bytes(members["link"]), CheckState(members["state"])
    members["needs_acceptance"] = bool(members["needs_acceptance"])
    return SpotCheck(**members)


def _row(check: SpotCheck) -> Row:
    return tuple(_plain(getattr(check, name)) for name in _MEMBERS)


def _plain(value: object) -> object:
    if isinstance(value, CheckState):
        return value.value
    return int(value) if isinstance(value, bool) else value


def _waiting(engine: Engine) -> ClauseElement:
    of = spot_check.c
    is_filed = and_(of.state == bindparam("filed", type_=String(8)), of.needs_acceptance == literal_column("1"))
    waits = or_(of.state == bindparam("due", type_=String(8)), is_filed)
    return select(*of).where(waits, among_texts(engine, of.granted, "grants")).order_by(of.number)


def _chosen(engine: Engine) -> ClauseElement:
    asked, there = pairs(engine, "accounts", "links"), spot_check.c
    found = asked.rows.join(spot_check, and_(there.granted == asked.text, there.link == asked.key))
    return select(*there).select_from(found)


def _failed() -> ClauseElement:
    of = spot_check.c
    state, since = of.state == bindparam("state", type_=String(8)), of.judged >= bindparam("since", type_=Integer)
    return select(of.purpose).where(state, since).distinct()


def _raised() -> ClauseElement:
    return select(watch_raised.c.account).where(watch_raised.c.day >= bindparam("since", type_=Integer))


def _late() -> ClauseElement:
    of = spot_check.c
    state, day = of.state == bindparam("state", type_=String(8)), of.late <= bindparam("day", type_=Integer)
    return select(*of).where(state, day).order_by(of.number)


def _one() -> ClauseElement:
    return select(*spot_check.c).where(spot_check.c.number == bindparam("number", type_=String(16)))


def _put(engine: Engine) -> ClauseElement:
    new = upsert(engine, spot_check, *_NAMES)
    return new.on_conflict_do_update(index_elements=["number"], set_={name: new.excluded[name] for name in _CHANGES})
