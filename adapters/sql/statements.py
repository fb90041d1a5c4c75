"""Statements: SQLAlchemy Core writes each of them once for its engine; the hot path runs the text beside the driver.

Text compiled once costs a fraction of what executing the statement object does. A statement speaks of many keys or many
rows at once, because what costs is the statement and, to PostgreSQL, the way there and back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Engine,
    Float,
    FromClause,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    any_,
    bindparam,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import psycopg as over_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine, UserDefinedType

from adapters.sql import binary
from adapters.sql.cursors import Asked, Cursor, Row

KEY_BYTES = 16
"""The length of every key that `among_keys` finds: keyed digests, cut to this."""
Encode: TypeAlias = Callable[[object], object]


class Statement:
    """A statement compiled once for one engine. Columns come back in the order of the statement."""

    __slots__ = ("_encoders", "_is_sqlite", "_names", "_text")

    def __init__(self, clause: ClauseElement, engine: Engine) -> None:
        self._is_sqlite = engine.dialect.name == "sqlite"
        compiled = cast("SQLCompiler", clause.compile(dialect=engine.dialect if self._is_sqlite else _LIBPQ))
        self._text = str(compiled)
        types = [(key, compiled.binds[key].type) for key in compiled.positiontup or ()]
        self._names = [kind.name if isinstance(kind, _Spelt) else key for key, kind in types]
        self._encoders = [_encoder(kind, is_sqlite=self._is_sqlite) for _, kind in types]

    def ask(self, cursor: Cursor, **parameters: object) -> Asked:
        """Asks, and leaves the waiting to the caller."""
        return cursor.ask(self._text, self._encoded([parameters[name] for name in self._names]))

    def rows(self, cursor: Cursor, **parameters: object) -> list[Row]:
        """Asks and waits."""
        return self.ask(cursor, **parameters).rows()

    def write(self, cursor: Cursor, rows: Sequence[Row], **also: object) -> None:
        """Writes rows whose members come in the order of the statement; `also` is the same for all of them."""
        if not rows:
            return
        rest = tuple(also.values())
        if self._is_sqlite:
            cursor.tell(self._text, [row + rest for row in rows] if rest else rows)
        else:
            cursor.tell(self._text, [self._encoded([*zip(*rows, strict=True), *rest])])

    def _encoded(self, parameters: Sequence[object]) -> Row:
        return tuple(encode(each) if encode else each for encode, each in zip(self._encoders, parameters, strict=True))


def rows_into(engine: Engine, table: Table, *names: str) -> sqlite.Insert | postgresql.Insert:
    """An insert for `Statement.write` that takes these columns of many rows.

    SQLite runs it row by row; PostgreSQL takes a list a column and all rows as one statement.
    """
    columns: list[Column[object]] = [table.c[name] for name in names]
    if engine.dialect.name == "sqlite":
        return sqlite.insert(table).values({each.name: bindparam(each.name, type_=each.type) for each in columns})
    lists = [bindparam(each.name, type_=ARRAY(_item(each.type))) for each in columns]
    new = func.unnest(*lists).table_valued(*(column(name) for name in names)).render_derived("new")
    return postgresql.insert(table).from_select(list(names), select(*(new.c[name] for name in names)))


def upsert(engine: Engine, table: Table, *names: str) -> sqlite.Insert | postgresql.Insert:
    """`rows_into`, where it goes on to say what happens to rows that are there."""
    return rows_into(engine, table, *names)


def among_keys(engine: Engine, one: ColumnElement[bytes], name: str) -> ColumnElement[bool]:
    """Whether a column is among many keys, given as the parameter `name`. SQLite cuts one string."""
    if engine.dialect.name != "sqlite":
        return one == any_(bindparam(name, type_=ARRAY(LargeBinary)))
    keys, places = bindparam(name, type_=_Spelt(name, _joined)), bindparam(f"{name}_at", type_=_Spelt(name, _places))
    place = func.json_each(places).table_valued("value")
    return one.in_(select(func.substr(keys, place.c.value, literal_column(str(KEY_BYTES)))))


def among_texts(engine: Engine, one: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Whether a column is among many texts, given as the parameter `name`."""
    if engine.dialect.name != "sqlite":
        return one == any_(bindparam(name, type_=ARRAY(Text)))
    texts = func.json_each(bindparam(name, type_=_Spelt(name, json.dumps))).table_valued("value")
    return one.in_(select(texts.c.value))


class Pairs(NamedTuple):
    """Pairs of a text and a key, given as two lists of equal length, as rows that can be joined with."""

    rows: FromClause
    text: ColumnElement[str]
    key: ColumnElement[bytes]


def pairs(engine: Engine, texts: str, keys: str) -> Pairs:
    """The rows of the parameters of these names. SQLite cuts one string into the keys."""
    if engine.dialect.name != "sqlite":
        lists = [bindparam(texts, type_=ARRAY(Text)), bindparam(keys, type_=ARRAY(LargeBinary))]
        rows = func.unnest(*lists).table_valued("text", "key").render_derived("pair")
        return Pairs(rows, rows.c.text, rows.c.key)
    each = func.json_each(bindparam(texts, type_=_Spelt(texts, json.dumps))).table_valued("key", "value")
    start = each.c.key * literal_column(str(KEY_BYTES)) + literal_column("1")
    whole = bindparam(keys, type_=_Spelt(keys, _joined))
    return Pairs(each, each.c.value, func.substr(whole, start, literal_column(str(KEY_BYTES))))


class _Spelt(UserDefinedType[object]):
    """A parameter that is spelt before it is sent; two may be spellings of one."""

    cache_ok = False

    def __init__(self, name: str, spell: Encode) -> None:
        self.name = name
        self.spell = spell

    def get_col_spec(self, **_: object) -> str:
        return "BLOB"


def _joined(keys: object) -> bytes:
    joined = b"".join(cast("Sequence[bytes]", keys))
    if len(joined) != KEY_BYTES * len(cast("Sequence[bytes]", keys)):
        raise ValueError("a key has another length than all the others")
    return joined


def _places(keys: object) -> str:
    """Where the keys begin in the joined string, as JSON."""
    return str([*range(1, KEY_BYTES * len(cast("Sequence[bytes]", keys)), KEY_BYTES)])


def _libpq() -> Dialect:
    """PostgreSQL as libpq wants it: `$1`, each parameter with its type."""
    dialect: Dialect = over_psycopg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # theirs
    return dialect


_LIBPQ = _libpq()
_BINARY: Mapping[type[TypeEngine[Any]], binary.Kind] = {
    SmallInteger: binary.INT2,
    Float: binary.FLOAT8,
    BigInteger: binary.INT8,
    Integer: binary.INT4,
    String: binary.TEXT,
    LargeBinary: binary.BYTES,
}


def _encoder(kind: TypeEngine[Any], *, is_sqlite: bool) -> Encode | None:
    if isinstance(kind, _Spelt):
        return kind.spell
    if is_sqlite:
        return None
    if isinstance(kind, ARRAY):
        return _kind(kind.item_type).many
    return _kind(kind).one


def _kind(sort: TypeEngine[Any]) -> binary.Kind:
    return next(kind for base, kind in _BINARY.items() if isinstance(sort, base))


def _item(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Without its length: a cast would cut what is longer, and the column refuses it."""
    return Text() if isinstance(kind, String) else LargeBinary() if isinstance(kind, LargeBinary) else kind
