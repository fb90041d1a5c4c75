"""Who asked about whom, in SQL: a slice of the links at a time, found by the primary keys that are there anyway."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Engine,
    Integer,
    LargeBinary,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.sql import ClauseElement

from adapters.sql.cursors import Cursor
from adapters.sql.statements import Statement, among_keys, among_texts, upsert
from adapters.sql.tables import seen_subject
from adapters.sql.tally_tables import watch_noted
from adapters.sql.watch_tables import watch_question
from gateway.ports import Asked, LinkSpan, Seen


class SubjectTable:
    """Keeps the promise of `gateway.ports.SubjectStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._seen = Statement(_seen(engine), engine)
        self._asked = Statement(_asked(engine), engine)
        self._noted = Statement(_noted(engine), engine)
        self._note = Statement(_note(engine), engine)

    def seen_by(self, accounts: Sequence[str], since: int, span: LinkSpan) -> Sequence[Seen]:
        found = self._seen.rows(self._cursor, accounts=accounts, since=since, first=span.first, end=span.end)
        return [Seen(account, bytes(link), day) for account, link, day in cast("list[tuple[str, bytes, int]]", found)]

    def asked_together(self, accounts: Sequence[str], span: LinkSpan) -> Sequence[Asked]:
        found = self._asked.rows(self._cursor, accounts=accounts, first=span.first, end=span.end)
        rows = cast("list[tuple[str, bytes, bytes]]", found)
        return [Asked(account, bytes(link), bytes(asked)) for account, link, asked in rows]

    def noted(self, names: Sequence[bytes], since: int) -> Set[bytes]:
        rows = self._noted.rows(self._cursor, names=names, since=since) if names else []
        return frozenset(bytes(cast("bytes", name)) for (name,) in rows)

    def note(self, names: Sequence[bytes], day: int) -> None:
        self._note.write(self._cursor, [(name, day) for name in sorted(names)])


def _within(link: Column[bytes]) -> ColumnElement[bool]:
    first, end = (bindparam(name, type_=LargeBinary) for name in ("first", "end"))
    return and_(link >= first, link < end)


def _seen(engine: Engine) -> ClauseElement:
    of = seen_subject.c
    since = of.day >= bindparam("since", type_=Integer)
    wanted = select(of.granted, of.link, of.day).where(among_texts(engine, of.granted, "accounts"))
    return wanted.where(_within(of.link), since)


def _asked(engine: Engine) -> ClauseElement:
    of, other = watch_question.c, watch_question.alias("other").c
    more = select(other.link).where(among_texts(engine, other.account, "accounts"), _within(other.link))
    several = more.group_by(other.link).having(func.count() > literal_column("1"))
    wanted = select(of.account, of.link, of.asked).where(among_texts(engine, of.account, "accounts"))
    return wanted.where(_within(of.link), of.link.in_(several))


def _noted(engine: Engine) -> ClauseElement:
    of = watch_noted.c
    return select(of.name).where(among_keys(engine, of.name, "names"), of.day >= bindparam("since", type_=Integer))


def _note(engine: Engine) -> ClauseElement:
    new = upsert(engine, watch_noted, "name", "day")
    return new.on_conflict_do_update(index_elements=["name"], set_={"day": new.excluded.day})
