"""Opens the source that a setting names."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from adapters.keys.files import read_passphrase
from adapters.sources.files import open_file
from adapters.sources.mapping import SourceMapping
from adapters.sources.source import Source
from adapters.sources.sql import open_sql
from ops.sync.errors import SyncError
from ops.sync.settings import SourceSettings


def open_source(settings: SourceSettings, mapping: SourceMapping, home: Path) -> AbstractContextManager[Source]:
    """A database by its URL, or a file by its ending. Raises `SyncError` for a setting that names neither or both."""
    if bool(settings.url) == bool(settings.file):
        raise SyncError(f"sync.toml: the source of {settings.mapping} needs either url or file")
    if settings.file:
        return open_file(home / settings.file, mapping, settings.data_time)
    return open_sql(_url(settings, home), mapping)


def _url(settings: SourceSettings, home: Path) -> str:
    try:
        url = make_url(settings.url)
    except ArgumentError:
        raise SyncError(f"sync.toml: the url of {settings.mapping} is no SQLAlchemy URL") from None
    if settings.password_file:
        url = url.set(password=read_passphrase(home / settings.password_file).reveal().decode())
    if url.get_backend_name() == "sqlite" and url.database:
        url = url.set(database=str(home / url.database))
    return url.render_as_string(hide_password=False)
