"""Statements and disputes in SQL: within the transaction that makes them, and as readers see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import BindParameter, Engine, Executable, bindparam, func, literal_column, select
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.cursors import Cursor
from adapters.sql.engine import open_engine
from adapters.sql.statement_tables import day_statement, statement_day, statement_dispute
from adapters.sql.statements import Statement, rows_into, upsert
from gateway.domain.errors import UnavailableError
from gateway.statements.keeping import Dispute, KeptStatement, PartnerMonth

_STATEMENT = (
    "day",
    "partner",
    "system",
    "document",
    "answered",
    "refused",
    "operators",
    "entry",
    "made",
)
_DISPUTE = (
    "id",
    "partner",
    "system",
    "period",
    "by",
    "unknown",
    "missing",
    "text",
    "raised",
    "entry",
    "settled",
    "settled_by",
    "finding",
)
_MONTH = 7
"""Characters of a day that name its month."""


class StatementTable:
    """Keeps the promise of `gateway.statements.keeping.StatementStore` on one cursor, inside the transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._last = Statement(select(func.max(statement_day.c.day)), engine)
        self._put = Statement(rows_into(engine, day_statement, *_STATEMENT), engine)
        self._close = Statement(rows_into(engine, statement_day, "day", "entry"), engine)
        named = statement_dispute.c.id == _text("id")
        self._dispute = Statement(select(*(statement_dispute.c[name] for name in _DISPUTE)).where(named), engine)
        put = upsert(engine, statement_dispute, *_DISPUTE)
        changed = {name: put.excluded[name] for name in _DISPUTE[1:]}
        self._put_dispute = Statement(put.on_conflict_do_update(index_elements=["id"], set_=changed), engine)

    def last_day(self) -> str | None:
        return cast("str | None", self._last.rows(self._cursor)[0][0])

    def put(self, statements: Sequence[KeptStatement]) -> None:
        self._put.write(self._cursor, [tuple(getattr(each, name) for name in _STATEMENT) for each in statements])

    def close_day(self, day: str, entry: int) -> None:
        self._close.write(self._cursor, [(day, entry)])

    def dispute(self, dispute_id: str) -> Dispute | None:
        rows = self._dispute.rows(self._cursor, id=dispute_id)
        return _dispute(rows[0]) if rows else None

    def put_dispute(self, dispute: Dispute) -> None:
        self._put_dispute.write(self._cursor, [tuple(_column(dispute, name) for name in _DISPUTE)])


class SqlStatementReader:
    """Keeps the promise of `gateway.statements.keeping.StatementReader`. Asked rarely, so it holds nothing open."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> SqlStatementReader:
        return cls(open_engine(url))

    def find(self, day: str, partner: str, system: str) -> KeptStatement | None:
        row = day_statement.c
        named = (row.day == day, row.partner == partner, row.system == system)
        found = self._statements(select(*_statement()).where(*named))
        return found[0] if found else None

    def listed(self, first: str, last: str, partner: str | None) -> Sequence[KeptStatement]:
        row = day_statement.c
        wanted = (
            select(*_statement()).where(row.day >= first, row.day <= last).order_by(row.day, row.partner, row.system)
        )
        return self._statements(wanted if partner is None else wanted.where(row.partner == partner))

    def last_day(self) -> str | None:
        return cast("str | None", self._rows(select(func.max(statement_day.c.day)))[0][0])

    def months(self) -> Sequence[PartnerMonth]:
        row = day_statement.c
        month = func.substr(row.day, literal_column("1"), literal_column(str(_MONTH)))
        count = func.sum(row.answered + row.refused)
        wanted = select(row.partner, month, count, func.max(row.made)).group_by(row.partner, month)
        rows = self._rows(wanted.having(count > literal_column("0")).order_by(row.partner, month))
        return [PartnerMonth(partner=each[0], month=each[1], count=int(each[2]), made=each[3]) for each in rows]

    def disputes(self, *, only_open: bool = True) -> Sequence[Dispute]:
        row = statement_dispute.c
        wanted = select(*(row[name] for name in _DISPUTE)).order_by(row.raised, row.id)
        return [_dispute(each) for each in self._rows(wanted.where(row.settled == 0) if only_open else wanted)]

    def _statements(self, wanted: Executable) -> list[KeptStatement]:
        return [KeptStatement(**dict(zip(_STATEMENT, _plain(row), strict=True))) for row in self._rows(wanted)]

    def _rows(self, wanted: Executable) -> Sequence[Sequence[Any]]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(wanted).all()
        except SQLAlchemyError as error:
            raise UnavailableError("the statements cannot be read; `bidui doctor` says why") from error
        finally:
            self._engine.dispose()


def _statement() -> list[Any]:
    return [day_statement.c[name] for name in _STATEMENT]


def _plain(row: Sequence[Any]) -> list[Any]:
    return [bytes(each) if isinstance(each, memoryview) else each for each in row]


def _column(dispute: Dispute, name: str) -> object:
    value = getattr(dispute, name)
    return json.dumps(value) if isinstance(value, tuple) else value


def _dispute(row: Sequence[Any]) -> Dispute:
    members = dict(zip(_DISPUTE, row, strict=True))
    lists = {name: tuple(json.loads(members[name])) for name in ("unknown", "missing")}
    return Dispute(**(members | lists))


def _text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=statement_dispute.c.id.type)
