"""Any database SQLAlchemy can reach, read-only, as one stream of one instant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from urllib.parse import quote

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Select,
    and_,
    column,
    create_engine,
    false,
    inspect,
    make_url,
    or_,
    select,
    table,
    text,
    tuple_,
)
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

from adapters.sources import marks
from adapters.sources.cells import as_key
from adapters.sources.mapping import SourceMapping
from adapters.sources.source import NumberedRow, SourceError, Watermark

_FETCHED_AT_ONCE = 2_000
_KEYS_AT_ONCE = 500
# Where the default isolation lets a long read see half of a change. Others read in whatever their default is.
_SNAPSHOT = {"postgresql": "REPEATABLE READ", "mysql": "REPEATABLE READ", "mariadb": "REPEATABLE READ"}


class SqlSource:
    """One table, join or query. Keeps `adapters.sources.source.Source`."""

    note = ""
    data_time = None

    def __init__(self, connection: Connection, mapping: SourceMapping) -> None:
        self._connection = connection
        self._mapping = mapping
        self._newest = marks.Newest(mapping.watermark)
        self._tables = _Tables(connection, mapping)
        self._keys = [self._tables.column(key) for key in mapping.source.key]

    @property
    def watermark(self) -> Watermark | None:
        return self._newest.value()

    def rows(self, since: Watermark | None = None) -> Iterator[NumberedRow]:
        """See `Source`. Rows come in the order of their keys, so that row numbers mean the same at each reading."""
        names = self._mapping.columns()
        whole = select(*map(self._tables.column, names)).select_from(self._tables.joined).order_by(*self._keys)
        statements = [whole] if since is None else self._of_changed(whole, since)
        for number, row in enumerate(chain.from_iterable(map(self._stream, statements)), 1):
            named = dict(zip(names, row, strict=True))
            self._newest.see(named)
            yield number, named

    def parents(self) -> Mapping[str, str]:
        part = self._mapping.unit.parents if self._mapping.unit else None
        if part is None:
            return {}
        units = table(part.table, column(part.code), column(part.parent), schema=part.schema)
        _require(self._connection, part.table, part.schema, [part.code, part.parent])
        pairs = self._stream(select(units.c[part.code], units.c[part.parent]))
        return {as_key(code): "" if parent is None else as_key(parent) for code, parent in pairs}

    def _stream(self, statement: Executable) -> Iterator[Sequence[object]]:
        try:
            with self._connection.execute(statement, execution_options={"yield_per": _FETCHED_AT_ONCE}) as result:
                for rows in result.partitions():
                    yield from rows
        except SQLAlchemyError as error:
            # The text of a driver's error may quote a row; its class may not.
            raise SourceError(f"the source stopped answering ({type(error).__name__}); nothing was changed") from error

    def _of_changed(self, whole: Select[*tuple[object, ...]], since: Watermark) -> Iterator[Executable]:
        """All rows of the keys that changed. Asked by key, a database uses its index, whatever is joined to it."""
        changed = select(*self._keys).select_from(self._tables.joined).where(self._changed(since))
        found = [tuple(row) for row in self._stream(changed.distinct().order_by(*self._keys))]
        for start in range(0, len(found), _KEYS_AT_ONCE):
            keys = found[start : start + _KEYS_AT_ONCE]
            if len(self._keys) == 1:
                yield whole.where(self._keys[0].in_([key for (key,) in keys]))
            else:
                yield whole.where(tuple_(*self._keys).in_(keys))

    def _changed(self, since: Watermark) -> ColumnElement[bool]:
        part = self._mapping.watermark
        if part is None:
            raise SourceError("the mapping names no watermark; run `bidui sync --full`")
        bounds = [(self._tables.column(name), self._sample(name)) for name in part.columns]
        return or_(
            false(), *(bound > marks.like(since, sample, part) for bound, sample in bounds if sample is not None)
        )

    def _sample(self, name: str) -> object:
        """Any value of a column, for its form; None when it never had one."""
        values = self._tables.column(name)
        some = select(values).select_from(self._tables.joined).where(values.is_not(None)).limit(1)
        return next((value for (value,) in self._stream(some)), None)


class _Tables:
    """The tables of a mapping, checked to have its columns, and joined."""

    def __init__(self, connection: Connection, mapping: SourceMapping) -> None:
        source = mapping.source
        names = [*mapping.columns(), *(ours for join in source.join for ours in join.on)]
        joined = {join.table: join.schema for join in source.join}
        wanted: dict[str, list[str]] = {"": [], **{name: [] for name in joined}}
        for name in names:
            owner, bare = _owner(name, joined)
            wanted[owner].append(bare)
        for join in source.join:
            wanted[join.table] += join.on.values()
            _require(connection, join.table, join.schema, wanted[join.table])
        self._joined_names = joined
        self._parts = {name: _table(name, joined[name], wanted[name]) for name in joined}
        self._parts[""] = _base(connection, mapping, wanted[""])
        self.joined = self._join(mapping)

    def column(self, name: str) -> ColumnElement[object]:
        owner, bare = _owner(name, self._joined_names)
        return self._parts[owner].c[bare].label(name) if owner else self._parts[owner].c[bare]

    def _join(self, mapping: SourceMapping) -> FromClause:
        joined = self._parts[""]
        for join in mapping.source.join:
            pairs = join.on.items()
            condition = and_(*(self._plain(ours) == self._parts[join.table].c[theirs] for ours, theirs in pairs))
            joined = joined.join(self._parts[join.table], condition, isouter=join.outer)
        return joined

    def _plain(self, name: str) -> ColumnElement[object]:
        owner, bare = _owner(name, self._joined_names)
        return self._parts[owner].c[bare]


@contextmanager
def open_sql(address: str, mapping: SourceMapping) -> Iterator[SqlSource]:
    """A source within one read-only transaction. Raises `SourceError` for what the mapping names in vain."""
    url = _read_only(address)
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            yield SqlSource(_one_instant(connection), mapping)
    except SQLAlchemyError as error:
        raise SourceError(
            f"the source database cannot be used ({type(error).__name__}); check url and account in sync.toml"
        ) from error
    finally:
        engine.dispose()


def _read_only(address: str) -> URL:
    url = make_url(address)
    if url.drivername == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:"):
        return url.set(database=f"file:{quote(url.database)}").update_query_dict({"mode": "ro", "uri": "true"})
    return url


def _one_instant(connection: Connection) -> Connection:
    backend = connection.dialect.name
    if backend in _SNAPSHOT:
        connection = connection.execution_options(isolation_level=_SNAPSHOT[backend])
    if backend == "postgresql":
        connection = connection.execution_options(postgresql_readonly=True)
    if backend == "sqlite":
        # The driver would begin only before a write; without this every statement had an instant of its own.
        connection.exec_driver_sql("BEGIN")
    return connection


def _base(connection: Connection, mapping: SourceMapping, columns: list[str]) -> FromClause:
    source = mapping.source
    if source.query is None:
        if source.table is None:
            raise SourceError("the mapping of a database must name source.table or source.query")
        _require(connection, source.table, source.schema, columns)
        return _table(source.table, source.schema, columns)
    found = connection.execute(select(text("*")).select_from(text(f"({source.query}) AS source")).where(false())).keys()
    _compare("the query", set(found), columns)
    return text(source.query).columns(*map(column, dict.fromkeys(columns))).subquery("source")


def _table(name: str, schema: str | None, columns: list[str]) -> FromClause:
    return table(name, *map(column, dict.fromkeys(columns)), schema=schema)


def _require(connection: Connection, name: str, schema: str | None, columns: list[str]) -> None:
    try:
        found = {str(known["name"]) for known in inspect(connection).get_columns(name, schema=schema)}
    except NoSuchTableError:
        raise SourceError(f"the source has no table {name}; correct the mapping, or the account's rights") from None
    _compare(f"table {name}", found, columns)


def _compare(where: str, found: set[str], columns: list[str]) -> None:
    if missing := sorted(set(columns) - found):
        raise SourceError(f"{where} has no column {', '.join(missing)}; it has {', '.join(sorted(found))}")


def _owner(name: str, joined: Mapping[str, str | None]) -> tuple[str, str]:
    """The joined table that a column belongs to, empty for the first one, and its bare name."""
    owner, point, bare = name.partition(".")
    return (owner, bare) if point and owner in joined else ("", name)
