"""Answers kept for a day, for callers that repeat a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import BigInteger, Engine, LargeBinary, Select, any_, bindparam, delete, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import ClauseElement

from adapters.sql.engine import Cursor, Statement, is_sqlite, upsert
from adapters.sql.tables import answer
from gateway.ports import Remembered


class AnswerTable:
    """Keeps the promise of `gateway.ports.AnswerStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._sqlite = is_sqlite(engine)
        self._find = Statement(_find_one() if self._sqlite else _find_any(), engine)
        self._expire = Statement(delete(answer).where(answer.c.expires <= bindparam("at", type_=BigInteger)), engine)
        self._insert = Statement(_insert(engine), engine)

    def remembered(self, keys: Sequence[bytes], at: int) -> Mapping[bytes, Remembered]:
        if not keys:
            return {}
        if self._sqlite:
            found = [row for key in keys for row in self._find.rows(self._cursor, name=key, at=at)]
        else:
            found = self._find.rows(self._cursor, names=list(keys), at=at)
        kept = [Remembered(_bytes(key), _bytes(body), _bytes(text), cast("int", end)) for key, body, text, end in found]
        return {each.key: each for each in kept}

    def remember(self, answers: Sequence[Remembered], at: int) -> None:
        self._insert.run(
            self._cursor,
            [{"name": a.key, "body": a.body, "answer": a.answer, "expires": a.expires, "at": at} for a in answers],
        )

    def forget(self, at: int) -> None:
        """Removes those that expired at the Unix time `at`."""
        self._expire.run(self._cursor, [{"at": at}])


def _insert(engine: Engine) -> ClauseElement:
    new = upsert(engine, answer)
    changed = {name: new.excluded[name] for name in ("body", "answer", "expires")}
    has_expired = answer.c.expires <= bindparam("at", type_=BigInteger)
    return new.on_conflict_do_update(index_elements=["name"], set_=changed, where=has_expired)


def _bytes(value: object) -> bytes:
    return bytes(cast("bytes", value))


def _find_one() -> ClauseElement:
    return _found().where(answer.c.name == bindparam("name"))


def _find_any() -> ClauseElement:
    return _found().where(answer.c.name == any_(bindparam("names", type_=ARRAY(LargeBinary))))


def _found() -> Select[tuple[bytes, bytes, bytes, int]]:
    live = answer.c.expires > bindparam("at", type_=BigInteger)
    return select(answer.c.name, answer.c.body, answer.c.answer, answer.c.expires).where(live)
