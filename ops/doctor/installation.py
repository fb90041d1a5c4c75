"""What is examined: one home, with as much of its settings as can be read. Looking changes nothing in it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from adapters.index.directory import check_file, pointer, read_current, read_stored
from adapters.index.postgres import PostgresIndex
from adapters.keys.files import read_ed25519_public
from gateway.generation import CONTENT, Manifest
from gateway.ports import DataVersion
from ops.settings import Home, Mode, SealSettings, ServeSettings, SettingsError, load

CONNECT_SECONDS = 3


class Current(NamedTuple):
    """The manifest that speaks for what answers, and its version."""

    manifest: Manifest
    version: DataVersion


@dataclass(frozen=True)
class Installation:
    """A home at one instant. What cannot be read is None here, and a finding where it is examined."""

    home: Home
    at: datetime

    @property
    def is_production(self) -> bool:
        """Whether nothing may be taken lightly."""
        return self.home.mode is Mode.PRODUCTION

    @cached_property
    def serve(self) -> ServeSettings | None:
        """The gateway's settings."""
        with suppress(SettingsError, OSError):
            return load(self.home, "serve.toml", ServeSettings)
        return None

    @cached_property
    def socket(self) -> Path | None:
        """Where the sealing process listens."""
        with suppress(SettingsError, OSError):
            return self.home.seal_socket(load(self.home, "seal.toml", SealSettings))
        return None

    @cached_property
    def database(self) -> URL | None:
        """The address of the control database; None without settings, or when it is no address."""
        with suppress(ArgumentError):
            return make_url(self.home.database_url(self.serve)) if self.serve else None
        return None

    @property
    def is_hidden(self) -> bool:
        """Whether the control database is a file that this user may not read."""
        if self.database is None or self.database.get_backend_name() != "sqlite":
            return False
        path = Path(self.database.database or "")
        return path.is_file() and not os.access(path, os.R_OK)

    @cached_property
    def engine(self) -> Engine | None:
        """An engine that can only read; None when there is nothing yet to read from."""
        if self.database is None:
            return None
        if self.database.get_backend_name() != "sqlite":
            options = "-c default_transaction_read_only=on"
            return create_engine(self.database, connect_args={"connect_timeout": CONNECT_SECONDS, "options": options})
        path = Path(self.database.database or "")
        if not path.is_file() or self.is_hidden:
            return None
        return create_engine("sqlite://", creator=lambda: sqlite3.connect(_address(path), uri=True))

    @cached_property
    def current(self) -> Current:
        """The current generation, every stored form held to what sync signed.

        Raises `GenerationError`, `KeyFileError`, `OSError`.
        """
        key = read_ed25519_public(self.home.keys / "sync.pub")
        if self._tables:
            with closing(PostgresIndex.open(self._tables, key)) as tables:
                return Current(tables.manifest, tables.version)
        published = read_current(self.home.index, key)
        for part in published.manifest.parts:
            if not part.file.endswith(CONTENT):
                check_file(published.directory, part)
        for stored in published.manifest.beside:
            read_stored(published.directory, stored)
        return Current(published.manifest, published.version)

    @property
    def is_unpublished(self) -> bool:
        """Whether sync has never published here. Raises `GenerationError` for a pointer that is damaged."""
        return not self._tables and pointer(self.home.index) is None

    @property
    def _tables(self) -> str:
        return self.serve.index_database if self.serve else ""

    def close(self) -> None:
        """Gives back the engine, if one was opened."""
        if self.__dict__.get("engine") is not None and self.engine is not None:
            self.engine.dispose()


def place_of(url: URL) -> str:
    """A database by kind, host and name alone: what else an address holds may be a secret."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite {url.database}"
    return f"{url.get_backend_name()} {url.host or url.query.get('host') or '本机'}/{url.database or ''}"


def _address(path: Path) -> str:
    """Without a log file beside it nobody has it open, and even SQLite's own shared memory need not be made."""
    is_open = path.with_name(f"{path.name}-wal").exists()
    return f"file:{quote(str(path.absolute()))}?mode=ro{'' if is_open else '&immutable=1'}"
