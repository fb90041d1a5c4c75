"""The search index as searches see it: on connections of their own, never inside a writer's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Executable,
    Select,
    and_,
    cast,
    exists,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.expression import FromClause

from adapters.sql.engine import is_sqlite, open_engine
from adapters.sql.tables import ledger_disclosure, ledger_entry
from adapters.sql.trail_tables import trail_cursor, trail_hour, trail_place, trail_token, trail_view
from audit.tallies import Count, Counts, Place
from gateway.domain.errors import UnavailableError
from gateway.trail.ports import Choice, Cursor, Span, Stored
from gateway.trail.words import FORM

# Each further condition is looked up by its key for each entry that fits the first; a plan that reads all of them first
# would be as slow as the log is long.
_BY_KEY = ("SET LOCAL enable_hashjoin = off", "SET LOCAL enable_mergejoin = off", "SET LOCAL enable_seqscan = off")


class SqlTrailReader:
    """Keeps the promise of `gateway.trail.ports.TrailReader`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_local = is_sqlite(engine)

    @classmethod
    def open(cls, url: str) -> SqlTrailReader:
        return cls(open_engine(url))

    def close(self) -> None:
        self._engine.dispose()

    def cursor(self) -> Cursor:
        row = trail_cursor.c
        rows = self._rows(select(row.form, row.upto, row.erasures).where(row.id == 1))
        return Cursor(*rows[0]) if rows else Cursor(FORM, 0, 0)

    def count(self, choice: Choice, span: Span, most: int) -> int:
        counted = 0
        for table, key in _keys(choice):
            some = select(literal(1)).select_from(table).where(_is(table, key), _in(table, span)).limit(most - counted)
            counted += self._rows(select(func.count()).select_from(some.subquery()))[0][0]
            if counted >= most:
                break
        return counted

    def find(self, choices: Sequence[Choice], without: Sequence[int], span: Span, limit: int) -> Sequence[int]:
        """One question for each word of the first condition: each reads along one key, from the end."""
        found: set[int] = set()
        for table, key in _keys(choices[0]):
            wanted = _along(table, key, choices[1:], without, span)
            found.update(row[0] for row in self._rows(wanted.limit(limit)))
        return sorted(found, reverse=True)[:limit]

    def stored(self, indices: Sequence[int]) -> Sequence[Stored]:
        index = ledger_entry.c.index
        beside = ledger_entry.outerjoin(ledger_disclosure, ledger_disclosure.c.index == index)
        wanted = select(index, ledger_entry.c.entry, ledger_entry.c.leaf, ledger_disclosure.c.disclosures)
        rows = self._rows(wanted.select_from(beside).where(index.in_(indices)).order_by(index.desc()))
        return [Stored(row[0], *map(_bytes, row[1:])) for row in rows]

    def kept(self, span: Span) -> tuple[Sequence[tuple[int, int]], Sequence[tuple[bytes, int]]]:
        place, token = trail_place.c, trail_token.c
        words = self._rows(select(place.word, place.index).where(_in(trail_place, span)))
        tokens = self._rows(select(token.token, token.index).where(_in(trail_token, span)))
        return [(row[0], row[1]) for row in words], [(_bytes(row[0]), row[1]) for row in tokens]

    def hours(self, first: int, end: int) -> Counts:
        row = trail_hour.c
        wanted = select(*row).where(row.hour >= first, row.hour < end).order_by(*row)
        return {Place(*found[:4]): Count(*found[4:]) for found in self._rows(wanted)}

    def totals(self, first: int, end: int, without: Collection[str]) -> Counts:
        row = trail_hour.c
        place = (row.hour, row.partner, row.told)
        sums = [cast(func.sum(each), BigInteger) for each in (row.entries, row.claims)]
        wanted = select(*place, *sums).where(row.hour >= first, row.hour < end, row.granted.not_in(without))
        rows = self._rows(wanted.group_by(*place).order_by(*place))
        return {Place(hour, partner, "", told): Count(*counts) for hour, partner, told, *counts in rows}

    def views(self, account: str) -> Mapping[str, bytes]:
        row = trail_view.c
        wanted = select(row.name, row.filter).where(row.account == account).order_by(row.name)
        return {found[0]: _bytes(found[1]) for found in self._rows(wanted)}

    def _rows(self, wanted: Executable) -> Sequence[Any]:
        try:
            with self._engine.connect() as connection:
                for setting in () if self._is_local else _BY_KEY:
                    connection.execute(text(setting))
                return connection.execute(wanted).all()
        except SQLAlchemyError as error:
            raise UnavailableError("the search index cannot be read; `bidui doctor` says why") from error


def _keys(choice: Choice) -> Sequence[tuple[FromClause, int | bytes]]:
    return [*((trail_place, word) for word in choice.words), *((trail_token, token) for token in choice.tokens)]


def _along(
    table: FromClause, key: int | bytes, choices: Sequence[Choice], without: Sequence[int], span: Span
) -> Select[tuple[int]]:
    index = table.c.index
    wanted = select(index).where(_is(table, key), _in(table, span))
    for choice in choices:
        wanted = wanted.where(_has(index, choice))
    if without:
        wanted = wanted.where(~_has(index, Choice(words=tuple(without))))
    return wanted.order_by(index.desc())


def _has(index: ColumnElement[int], choice: Choice) -> ColumnElement[bool]:
    table = (trail_place if choice.words else trail_token).alias()
    keys = table.c.word.in_(choice.words) if choice.words else table.c.token.in_(choice.tokens)
    return exists(select(literal(1)).where(keys, table.c.index == index))


def _is(table: FromClause, key: int | bytes) -> ColumnElement[bool]:
    return (table.c.word if isinstance(key, int) else table.c.token) == key


def _in(table: FromClause, span: Span) -> ColumnElement[bool]:
    return and_(table.c.index >= span.first, table.c.index < span.end)


def _bytes(value: object) -> bytes:
    """What is stored as anything but bytes was not written by us; nothing stands in its place."""
    return bytes(value) if isinstance(value, bytes | memoryview) else b""
