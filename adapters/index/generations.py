"""Which generation is the newest, and opening it: from the files of the index directory or from PostgreSQL tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.index.beside import require_key
from adapters.index.directory import pointer
from adapters.index.postgres import PostgresIndex, current_digest
from adapters.index.sqlite import SqliteIndex
from adapters.keys.files import KeyFileError
from gateway.generation import GenerationError, Manifest
from gateway.ports import Index

DecoyKey: TypeAlias = Callable[[], X25519PrivateKey | None]
"""Reads the key by which decoys are known, at each opening: one that was made meanwhile needs no restart."""


def no_key() -> X25519PrivateKey | None:
    """Of those who know no decoys; they open no generation that has some."""
    return None


class OpenIndex(Index, Protocol):
    """An index with the manifest it was opened by."""

    @property
    def manifest(self) -> Manifest: ...


class Generations(Protocol):
    """Where sync publishes to."""

    def newest(self) -> str | None:
        """The digest of the newest manifest; cheap. None before the first sync."""
        ...

    def open(self, previous: Index | None = None) -> OpenIndex:
        """Open the newest; what `previous` has verified is not verified again. Raises `GenerationError`."""
        ...


@dataclass(frozen=True)
class GenerationFiles:
    """SQLite files under the index directory."""

    root: Path
    key: Ed25519PublicKey
    decoys: DecoyKey = no_key

    def newest(self) -> str | None:
        current = pointer(self.root)
        return current.digest if current else None

    def open(self, previous: Index | None = None) -> OpenIndex:
        before = previous if isinstance(previous, SqliteIndex) else None
        key = _read(self.decoys)
        return _knowing(SqliteIndex.open(self.root, self.key, before, key), key)


@dataclass(frozen=True)
class GenerationTables:
    """Tables of a PostgreSQL database."""

    url: str
    key: Ed25519PublicKey
    decoys: DecoyKey = no_key

    def newest(self) -> str | None:
        return current_digest(self.url)

    def open(self, previous: Index | None = None) -> OpenIndex:
        before = previous if isinstance(previous, PostgresIndex) else None
        key = _read(self.decoys)
        return _knowing(PostgresIndex.open(self.url, self.key, before, key), key)


def _read(decoys: DecoyKey) -> X25519PrivateKey | None:
    try:
        return decoys()
    except KeyFileError as error:
        raise GenerationError(str(error)) from error


def _knowing(index: OpenIndex, decoys: X25519PrivateKey | None) -> OpenIndex:
    try:
        require_key(index.manifest, decoys)
    except GenerationError:
        index.close()
        raise
    return index
