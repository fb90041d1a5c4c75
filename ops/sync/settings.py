"""`sync.toml`: which sources are read by which mapping, and where the sealed index goes."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ops.settings import SuiteName


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source: a database by its SQLAlchemy URL, or a file. Relative paths begin in the home."""

    mapping: str
    """Name of a file in `mappings/`."""
    url: str = ""
    password_file: str = ""
    """A private file whose first line is the password of the URL's account."""
    file: str = ""
    """CSV, XLSX, XLS, ODS or Parquet, told by its ending."""
    data_time: datetime | None = None
    """When a file's content was true, if not when it was last changed."""


class SyncSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that sync is told. The gateway's settings have no word for a source."""

    sources: tuple[SourceSettings, ...]
    index_database: str = ""
    """SQLAlchemy URL of a PostgreSQL point store, kept beside the files; empty: files alone."""
    suite: SuiteName = "intl"
    """The cryptographic suite of the installation; must be that of the sealing process and the gateway."""
    workers: int = 2
    """Processes that seal during a full sync."""
    listen_port: int = 8430
    """Where `bidui sync --listen` takes pushed changes, on this machine alone."""
    decoy_share: float = 0.005
    """How many decoys a full sync seals, as a share of the persons; 0: none. Needs two custodians."""
    decoy_days: int = 365
    """A full sync draws others when the set is that old."""
    push_secret_file: str = ""
    """A private file whose first line is the secret that pushes must come with."""
