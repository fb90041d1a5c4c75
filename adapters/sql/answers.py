"""Answers kept for a day, for callers that repeat a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from sqlalchemy import BigInteger, BindParameter, Engine, bindparam, delete, select
from sqlalchemy.sql import ClauseElement

from adapters.sql.cursors import Asked, Cursor
from adapters.sql.statements import Statement, among_keys, upsert
from adapters.sql.tables import answer
from gateway.ports import Remembered


class AnswerTable:
    """Keeps the promise of `gateway.ports.AnswerStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._find = Statement(_find(engine), engine)
        self._expire = Statement(delete(answer).where(answer.c.expires <= _at()), engine)
        self._insert = Statement(_insert(engine), engine)
        self._ahead: _Ahead | None = None

    def begin(self) -> None:
        """Forgets what an earlier transaction asked."""
        self._ahead = None

    def prefetch(self, keys: Sequence[bytes], at: int) -> None:
        """Sends the question that `remembered` will be asked."""
        self._ahead = _Ahead(frozenset(keys), at, self._ask(keys, at)) if keys else None

    def remembered(self, keys: Sequence[bytes], at: int) -> Mapping[bytes, Remembered]:
        wanted = frozenset(keys)
        if not wanted:
            return {}
        ahead = self._ahead
        is_ahead = ahead is not None and ahead.at == at and ahead.keys >= wanted
        asked = ahead.asked if ahead and is_ahead else self._ask(keys, at)
        kept = [Remembered(*cast("tuple[bytes, bytes, bytes, int]", row)) for row in asked.rows()]
        return {each.key: each for each in kept if each.key in wanted}

    def remember(self, answers: Sequence[Remembered], at: int) -> None:
        """Of several of one key the first is kept."""
        firsts = {each.key: each for each in reversed(answers)}
        rows = [(each.key, each.body, each.answer, each.expires) for each in firsts.values()]
        self._insert.write(self._cursor, rows, at=at)

    def forget(self, at: int) -> None:
        """Removes those that expired at the Unix time `at`."""
        self._expire.rows(self._cursor, at=at)

    def _ask(self, keys: Sequence[bytes], at: int) -> Asked:
        return self._find.ask(self._cursor, names=keys, at=at)


class _Ahead(NamedTuple):
    """A question that was sent before it was asked."""

    keys: frozenset[bytes]
    at: int
    asked: Asked


def _find(engine: Engine) -> ClauseElement:
    wanted = select(answer.c.name, answer.c.body, answer.c.answer, answer.c.expires)
    return wanted.where(among_keys(engine, answer.c.name, "names"), answer.c.expires > _at())


def _insert(engine: Engine) -> ClauseElement:
    new = upsert(engine, answer, "name", "body", "answer", "expires")
    changed = {name: new.excluded[name] for name in ("body", "answer", "expires")}
    return new.on_conflict_do_update(index_elements=["name"], set_=changed, where=answer.c.expires <= _at())


def _at() -> BindParameter[int]:
    return bindparam("at", type_=BigInteger)
