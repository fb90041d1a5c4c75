"""The files beside the parts of a generation, as rows of a table of PostgreSQL, held to the digests of the manifest."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from adapters.index.directory import Published, check_stored, read_stored
from adapters.sql.pipelined import Driver
from gateway.generation import GenerationError, Manifest, Stored

_TABLE = """
CREATE TABLE IF NOT EXISTS index_files (
  generation text NOT NULL, file text NOT NULL, content bytea NOT NULL, PRIMARY KEY (generation, file))
"""
_PUT = """
INSERT INTO index_files (generation, file, content) VALUES (%s, %s, %s)
  ON CONFLICT (generation, file) DO UPDATE SET content = excluded.content
"""


def copy_files(connection: Driver, published: Published) -> None:
    """Copy what the manifest names, within the transaction that makes it current. Raises `GenerationError`."""
    connection.execute(_TABLE)
    for stored in published.manifest.beside:
        content = read_stored(published.directory, stored)
        connection.execute(_PUT, [published.manifest.generation, stored.file, content])


def fetch_file(connection: Driver, manifest: Manifest, stored: Stored) -> bytes:
    """One file as sync signed it. Raises `GenerationError`."""
    asked = "SELECT content FROM index_files WHERE generation = %s AND file = %s"
    row = connection.execute(asked, [manifest.generation, stored.file]).fetchone()
    if row is None:
        raise GenerationError(f"{stored.file} of the index is missing in PostgreSQL; run `bidui sync --full`")
    return check_stored(cast("tuple[bytes]", row)[0], stored)


def drop_files(connection: Driver, generation: str) -> None:
    """Forget a whole generation."""
    connection.execute("DELETE FROM index_files WHERE generation = %s", [generation])


def drop_other_files(connection: Driver, generation: str, named: Collection[str]) -> None:
    """Forget what no recent manifest of a generation names."""
    asked = "DELETE FROM index_files WHERE generation = %s AND NOT file = ANY(%s)"
    connection.execute(asked, [generation, sorted(named)])
