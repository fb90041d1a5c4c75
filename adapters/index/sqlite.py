"""The point store in SQLite: one file a part, read-only and immutable once it is published.

A look-up asks all parts for all keys of a turn in one statement, compiled once when the generation is opened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.index.beside import Beside
from adapters.index.directory import Published, check_file, read_current, read_stored
from adapters.index.parts import Sealed, file_digest, make_durable, part_name, split
from gateway.domain.errors import UnavailableError
from gateway.generation import GenerationError, Manifest, Part, PartKind
from gateway.ports import DataVersion, LookUp, UnitFact

SUFFIX = ".sqlite"
_SETTINGS = (
    "PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;"
)
_TABLE = """
CREATE TABLE records (head INTEGER PRIMARY KEY, tail INTEGER NOT NULL, kind SMALLINT NOT NULL, rows BLOB NOT NULL)
"""
_LOOK_UP = "SELECT r.head, r.tail, r.rows FROM json_each(?1) AS k CROSS JOIN %s.records AS r ON r.head = k.value"
_MAPPED_BYTES = 1 << 36


class SqlitePart:
    """Writes one part. It needs no journal: a file that is not finished is thrown away."""

    def __init__(self, directory: Path, kind: PartKind, n: int) -> None:
        self._kind: PartKind = kind
        self._n = n
        self._path = directory / (part_name(kind, n) + SUFFIX)
        self._rows = 0
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        self._connection.executescript(_SETTINGS + _TABLE)
        self._connection.execute("BEGIN")

    def add(self, subjects: Sequence[Sealed]) -> None:
        self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", subjects)
        self._rows += len(subjects)

    def finish(self) -> list[Part]:
        self._connection.execute("COMMIT")
        self._connection.close()
        make_durable(self._path)
        return [Part(self._n, self._kind, self._path.name, file_digest(self._path), self._rows)]

    def close(self) -> None:
        self._connection.close()


def read_part(path: Path) -> Iterator[Sealed]:
    """The subjects of a part, in the order of their heads."""
    with closing(sqlite3.connect(_address(path), uri=True)) as connection:
        for row in connection.execute("SELECT head, tail, kind, rows FROM records ORDER BY head"):
            yield Sealed(*row)


class SqliteIndex:
    """One generation, opened for look-ups on one held connection. Used by one thread at a time."""

    def __init__(self, published: Published, beside: Beside, connection: sqlite3.Connection, statement: str) -> None:
        self._published = published
        self._beside = beside
        self._connection = connection
        self._statement = statement

    @classmethod
    def open(
        cls,
        root: Path,
        key: Ed25519PublicKey,
        previous: SqliteIndex | None = None,
        decoys: X25519PrivateKey | None = None,
    ) -> SqliteIndex:
        """Open the current generation under `root`. Signature and digests are checked; parts of `previous` were.

        Without the key `decoys` nobody is known as one, see `adapters.index.beside`. Raises `GenerationError`; the
        caller keeps what it has.
        """
        published = read_current(root, key)
        parts = published.manifest.stored_as(SUFFIX)
        known = previous._files() if previous is not None else frozenset[tuple[str, str, str]]()
        for part in parts:
            if (published.manifest.generation, part.file, part.sha256) not in known:
                check_file(published.directory, part)
        beside = Beside.read(
            published.manifest,
            partial(read_stored, published.directory),
            decoys,
            previous._beside if previous else None,
        )
        paths = [published.directory / part.file for part in parts]
        try:
            return cls(published, beside, _connect(paths), _statement(len(paths)))
        except sqlite3.Error as error:
            raise GenerationError("the files of the sealed index cannot be opened; run `bidui doctor`") from error

    @property
    def version(self) -> DataVersion:
        return self._published.version

    @property
    def manifest(self) -> Manifest:
        """What sync vouched for."""
        return self._published.manifest

    def find(self, kind: str, look_ups: Sequence[LookUp]) -> list[bytes]:
        """See `gateway.ports.Index`."""
        if kind not in self._published.manifest.kinds:
            raise UnavailableError(f"this generation holds no subjects of kind {kind}; add its mapping and sync")
        wanted = [split(look_up.subject) for look_up in look_ups]
        try:
            rows = self._connection.execute(self._statement, (str([head for head, _ in wanted]),)).fetchall()
        except sqlite3.Error as error:
            raise UnavailableError("the sealed index cannot be read; run `bidui doctor`") from error
        # The newest part comes last and replaces what older ones said.
        found = {(head, tail): sealed for head, tail, sealed in rows}
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
        self._connection.close()

    def _files(self) -> frozenset[tuple[str, str, str]]:
        manifest = self._published.manifest
        return frozenset((manifest.generation, part.file, part.sha256) for part in manifest.parts)


def _connect(paths: Sequence[Path]) -> sqlite3.Connection:
    # One thread at a time, not always the same one: the sequencer decides which.
    connection = sqlite3.connect(_address(paths[0]), uri=True, isolation_level=None, check_same_thread=False)
    for place, path in enumerate(paths[1:], 1):
        connection.execute(f"ATTACH ? AS part{place}", (_address(path),))
    connection.execute("PRAGMA query_only = 1")
    connection.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
    return connection


def _statement(parts: int) -> str:
    schemas = ["main", *(f"part{place}" for place in range(1, parts))]
    return " UNION ALL ".join(_LOOK_UP % schema for schema in schemas)


def _address(path: Path) -> str:
    return f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
