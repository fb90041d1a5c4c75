"""The point store in PostgreSQL: the same parts as tables, copied from the published files and held to their digests.

Sync mirrors a generation in one transaction after it was published on disk, so a table is there whole or not at all,
and one manifest speaks for both. The gateway's account needs SELECT on the tables `index_*` and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import islice
from typing import cast

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from psycopg.sql import SQL, Composable, Composed, Identifier

from adapters.index import sqlite
from adapters.index.beside import Beside
from adapters.index.directory import Published
from adapters.index.parts import ContentPart, Sealed, split
from adapters.index.postgres_files import copy_files, drop_files, drop_other_files, fetch_file
from adapters.sql.binary import INT8
from adapters.sql.engine import open_engine, psycopg_connection
from adapters.sql.pipelined import Driver, PostgresConnection
from gateway.domain.errors import UnavailableError
from gateway.generation import CONTENT, GenerationError, Manifest, Part, digest, files_of, read, version_of
from gateway.ports import DataVersion, LookUp, UnitFact

_BATCH = 1_000
_TABLES = SQL("""
CREATE TABLE IF NOT EXISTS index_manifests (
  generation text NOT NULL, number bigint NOT NULL, content bytea NOT NULL, signature bytea NOT NULL,
  PRIMARY KEY (generation, number));
CREATE TABLE IF NOT EXISTS index_parts (
  name text PRIMARY KEY, generation text NOT NULL, file text NOT NULL, sha256 text NOT NULL);
CREATE TABLE IF NOT EXISTS index_current (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), generation text NOT NULL, number bigint NOT NULL)
""")
# Records are random bytes: squeezing them gains nothing, and most rows fit a page.
_PART = SQL("""
CREATE TABLE {table} (head bigint NOT NULL, tail bigint NOT NULL, kind smallint NOT NULL, rows bytea NOT NULL)
  WITH (toast_tuple_target = 8160, autovacuum_enabled = false);
ALTER TABLE {table} ALTER COLUMN rows SET STORAGE EXTERNAL
""")
_COPY = SQL("COPY {table} (head, tail, kind, rows) FROM STDIN (FORMAT BINARY)")
_LOOK_UP = SQL("SELECT {place}::int, head, tail, rows FROM {table} WHERE head = ANY($1::bigint[])")
# What `ContentPart` digests, worked out where the rows are.
_DIGEST = SQL("""
SELECT encode(sha256(coalesce(string_agg(digest, ''::bytea ORDER BY upper), ''::bytea)), 'hex') FROM (
  SELECT head >> 48 AS upper, sha256(string_agg(
    sha256(int8send(head) || int8send(tail) || int2send(kind) || rows), ''::bytea ORDER BY head)) AS digest
  FROM {table} GROUP BY head >> 48) AS groups
""")
_RECENT = """
SELECT content FROM index_manifests WHERE generation = %s ORDER BY number DESC LIMIT 64
"""


def mirror(url: str, published: Published) -> None:
    """Bring the tables to the published generation: missing parts copied, the manifest current, older ones dropped.

    One transaction: readers see the old generation until it ends. Raises `GenerationError`; trying again is safe.
    """
    manifest = published.manifest
    try:
        with closing(_connect(url)) as connection, connection.transaction():
            connection.execute(_TABLES)
            for part, stored in zip(manifest.stored_as(CONTENT), manifest.stored_as(sqlite.SUFFIX), strict=True):
                _copy(connection, manifest, part, sqlite.read_part(published.directory / stored.file))
            copy_files(connection, published)
            _make_current(connection, published)
            _drop_old(connection, manifest)
    except (psycopg.Error, sqlite3.Error) as error:
        raise GenerationError(
            f"the index could not be copied to PostgreSQL ({type(error).__name__}); the files are published, sync again"
        ) from error


class PostgresIndex:
    """One generation, opened for look-ups on one held connection. Used by one thread at a time."""

    def __init__(self, url: str, manifest: Manifest, version: DataVersion, beside: Beside, connection: Driver) -> None:
        self._url = url
        self._beside = beside
        self._manifest = manifest
        self._version = version
        self._statement = _statement(manifest).as_string(connection)
        self._connection: PostgresConnection | None = PostgresConnection(connection)

    @classmethod
    def open(
        cls,
        url: str,
        key: Ed25519PublicKey,
        previous: PostgresIndex | None = None,
        decoys: X25519PrivateKey | None = None,
    ) -> PostgresIndex:
        """Open the current generation. Signature and content digests are checked; parts of `previous` were.

        Without the key `decoys` nobody is known as one, see `adapters.index.beside`. Raises `GenerationError`; the
        caller keeps what it has.
        """
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(closing(_connect(url)))
                content, signature = _current(connection)
                manifest = read(content, signature, key)
                _check_all(connection, manifest, previous._digests() if previous is not None else frozenset())
                beside = Beside.read(
                    manifest, partial(fetch_file, connection, manifest), decoys, previous._beside if previous else None
                )
            except psycopg.Error as error:
                raise GenerationError(
                    f"the sealed index in PostgreSQL cannot be read ({type(error).__name__}); run `bidui doctor`"
                ) from error
            stack.pop_all()
        return cls(url, manifest, version_of(manifest, content), beside, connection)

    @property
    def version(self) -> DataVersion:
        return self._version

    @property
    def manifest(self) -> Manifest:
        """What sync vouched for."""
        return self._manifest

    def find(self, kind: str, look_ups: Sequence[LookUp]) -> list[bytes]:
        """See `gateway.ports.Index`. A connection that broke is made anew at the next call."""
        if kind not in self._manifest.kinds:
            raise UnavailableError(f"this generation holds no subjects of kind {kind}; add its mapping and sync")
        wanted = [split(look_up.subject) for look_up in look_ups]
        rows = self._ask([head for head, _ in wanted])
        # The newest part comes last and replaces what older ones said.
        found = {(head, tail): sealed for _, head, tail, sealed in sorted(rows, key=_place)}
        return [found.get(subject, b"") for subject in wanted]

    def unit(self, token: int) -> UnitFact | None:
        """See `gateway.ports.Index`."""
        return self._beside.unit(token)

    def units(self) -> Iterable[UnitFact]:
        """See `gateway.ports.Index`."""
        return self._beside.all_units()

    def is_decoy(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return self._beside.is_decoy(link)

    def is_protected(self, link: bytes) -> bool:
        """See `gateway.ports.Index`."""
        return self._beside.is_protected(link)

    def moves_since(self) -> int | None:
        """See `gateway.ports.Index`."""
        return self._beside.moves_since()

    def moved_on(self, link: bytes) -> int:
        """See `gateway.ports.Index`."""
        return self._beside.moved_on(link)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, heads: list[int]) -> list[tuple[int, int, int, bytes]]:
        try:
            if self._connection is None:
                self._connection = PostgresConnection(_connect(self._url))
            asked = self._connection.cursor().ask(self._statement, [INT8.many(heads)])
            return cast("list[tuple[int, int, int, bytes]]", asked.rows())
        except psycopg.Error as error:
            self.close()
            raise UnavailableError("the sealed index in PostgreSQL does not answer; run `bidui doctor`") from error

    def _digests(self) -> frozenset[tuple[str, str]]:
        parts = self._manifest.stored_as(CONTENT)
        return frozenset((_table(self._manifest, part), part.sha256) for part in parts)


def current_digest(url: str) -> str | None:
    """The digest of the current manifest; None before the first sync. Raises `GenerationError`."""
    try:
        with closing(_connect(url)) as connection:
            return digest(_current(connection)[0])
    except psycopg.Error as error:
        raise GenerationError("the sealed index in PostgreSQL does not answer") from error


def _connect(url: str) -> Driver:
    return psycopg_connection(open_engine(url))


def _table(manifest: Manifest, part: Part) -> str:
    return f"index_{manifest.generation}_{part.n:04d}"


def _copy(connection: Driver, manifest: Manifest, part: Part, subjects: Iterator[Sealed]) -> None:
    name = _table(manifest, part)
    known = connection.execute("SELECT sha256 FROM index_parts WHERE name = %s", [name]).fetchone()
    if known == (part.sha256,):
        return
    _drop(connection, name)
    table = Identifier(name)
    connection.execute(_PART.format(table=table))
    content = ContentPart(part.kind, part.n)
    with connection.cursor() as cursor, cursor.copy(_COPY.format(table=table)) as copy:
        copy.set_types(["int8", "int8", "int2", "bytea"])
        while batch := list(islice(subjects, _BATCH)):
            content.add(batch)
            for subject in batch:
                copy.write_row(subject)
    if content.finish()[0].sha256 != part.sha256:
        raise GenerationError(f"{part.file} differs from its digest; find out why, then `bidui sync --full`")
    connection.execute(SQL("ALTER TABLE {table} ADD PRIMARY KEY (head)").format(table=table))
    connection.execute(SQL("ANALYZE {table}").format(table=table))
    values = [name, manifest.generation, part.file, part.sha256]
    connection.execute("INSERT INTO index_parts (name, generation, file, sha256) VALUES (%s, %s, %s, %s)", values)


def _make_current(connection: Driver, published: Published) -> None:
    manifest = published.manifest
    connection.execute(
        "INSERT INTO index_manifests VALUES (%s, %s, %s, %s) ON CONFLICT (generation, number)"
        " DO UPDATE SET content = excluded.content, signature = excluded.signature",
        [manifest.generation, manifest.number, published.content, published.signature],
    )
    connection.execute(
        "INSERT INTO index_current (generation, number) VALUES (%s, %s) ON CONFLICT (one)"
        " DO UPDATE SET generation = excluded.generation, number = excluded.number",
        [manifest.generation, manifest.number],
    )


def _drop_old(connection: Driver, manifest: Manifest) -> None:
    """Keeps this generation and the one before it: a gateway may still look into that."""
    found = connection.execute("SELECT DISTINCT generation FROM index_parts ORDER BY generation DESC").fetchall()
    others = [str(name) for (name,) in found if name != manifest.generation]
    for generation in others[1:]:
        parts = connection.execute("SELECT name FROM index_parts WHERE generation = %s", [generation]).fetchall()
        for (name,) in parts:
            _drop(connection, str(name))
        connection.execute("DELETE FROM index_manifests WHERE generation = %s", [generation])
        drop_files(connection, generation)
    recent = connection.execute(_RECENT, [manifest.generation]).fetchall()
    named = {file for (content,) in recent for file in files_of(cast("bytes", content))}
    drop_other_files(connection, manifest.generation, named)
    known = connection.execute("SELECT name, file FROM index_parts WHERE generation = %s", [manifest.generation])
    for name, file in known.fetchall():
        if file not in named:
            _drop(connection, str(name))


def _drop(connection: Driver, name: str) -> None:
    connection.execute(SQL("DROP TABLE IF EXISTS {table}").format(table=Identifier(name)))
    connection.execute("DELETE FROM index_parts WHERE name = %s", [name])


def _current(connection: Driver) -> tuple[bytes, bytes]:
    row = connection.execute(
        "SELECT content, signature FROM index_manifests JOIN index_current USING (generation, number)"
    ).fetchone()
    if row is None:
        raise GenerationError("there is no sealed index in PostgreSQL yet; set index_database in sync.toml and sync")
    content, signature = cast("tuple[bytes, bytes]", row)
    return content, signature


def _check_all(connection: Driver, manifest: Manifest, known: frozenset[tuple[str, str]]) -> None:
    """Hold every table that is not known already to the digest that sync signed."""
    for part in manifest.stored_as(CONTENT):
        table = _table(manifest, part)
        if (table, part.sha256) in known:
            continue
        if connection.execute(_DIGEST.format(table=Identifier(table))).fetchone() != (part.sha256,):
            raise GenerationError(f"table {table} was altered; find out by whom, then `bidui sync --full`")


def _statement(manifest: Manifest) -> Composed:
    parts = manifest.stored_as(CONTENT)
    tables = [Identifier(_table(manifest, part)) for part in parts]
    asked: list[Composable] = [_LOOK_UP.format(place=place, table=table) for place, table in enumerate(tables)]
    return SQL(" UNION ALL ").join(asked)


def _place(row: tuple[int, int, int, bytes]) -> int:
    return row[0]
