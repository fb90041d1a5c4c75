"""Outcomes in SQL: who was asked about first and when, and the test of each grant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import Engine, Integer, String, bindparam, delete, select
from sqlalchemy.sql import ClauseElement, ColumnElement

from adapters.sql.cursors import Cursor
from adapters.sql.outcome_tables import outcome_asked, outcome_score
from adapters.sql.statements import Statement, among_texts, upsert
from gateway.domain.outcome import Outcome


class OutcomeTable:
    """Keeps the promise of `gateway.ports.OutcomeStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._ask = Statement(_ask(engine), engine)
        self._ripe = Statement(_ripe(), engine)
        self._forget = Statement(delete(outcome_asked).where(*_until()), engine)
        self._known = Statement(_known(engine), engine)
        self._put = Statement(_put(engine), engine)

    def ask(self, asked: Sequence[tuple[str, bytes]], day: int) -> None:
        self._ask.write(self._cursor, [(grant, link, day) for grant, link in sorted(set(asked))])

    def ripe(self, grant: str, until: int) -> Sequence[tuple[int, bytes]]:
        rows = self._ripe.rows(self._cursor, grant=grant, until=until)
        return [(day, bytes(link)) for day, link in cast("list[tuple[int, bytes]]", rows)]

    def forget(self, grant: str, until: int) -> None:
        self._forget.ask(self._cursor, grant=grant, until=until).rows()

    def outcomes(self, grants: Sequence[str]) -> Mapping[str, Outcome]:
        rows = cast("list[tuple[str, int, float, int, int]]", self._known.rows(self._cursor, grants=grants))
        return {grant: Outcome(day, score, asked, moved) for grant, day, score, asked, moved in rows}

    def put(self, outcomes: Mapping[str, Outcome]) -> None:
        rows = [(grant, each.day, each.score, each.asked, each.moved) for grant, each in sorted(outcomes.items())]
        self._put.write(self._cursor, rows)


def _until() -> tuple[ColumnElement[bool], ...]:
    of = outcome_asked.c
    return of.granted == bindparam("grant", type_=String(64)), of.day <= bindparam("until", type_=Integer)


def _ask(engine: Engine) -> ClauseElement:
    return upsert(engine, outcome_asked, "granted", "link", "day").on_conflict_do_nothing()


def _ripe() -> ClauseElement:
    of = outcome_asked.c
    return select(of.day, of.link).where(*_until()).order_by(of.day, of.link)


def _known(engine: Engine) -> ClauseElement:
    return select(*outcome_score.c).where(among_texts(engine, outcome_score.c.granted, "grants"))


def _put(engine: Engine) -> ClauseElement:
    names = [each.name for each in outcome_score.c]
    new = upsert(engine, outcome_score, *names)
    return new.on_conflict_do_update(index_elements=["granted"], set_={name: new.excluded[name] for name in names[1:]})
