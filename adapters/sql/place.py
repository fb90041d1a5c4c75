"""The file of a SQLite database: that it is there, and still the one that was opened.

Whoever holds a deleted file open goes on writing into it, and nobody would ever read that again; so it is looked at
before each work and after each commit, which costs some microseconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from gateway.domain.errors import DownError


class Inode(NamedTuple):
    """What a name leads to."""

    device: int
    number: int


class DatabaseFile:
    """The file of one database and its write-ahead log, as first met; PostgreSQL has none and is always there."""

    def __init__(self, engine: Engine) -> None:
        name = engine.url.database if engine.dialect.name == "sqlite" else None
        self._path = Path(name) if name else None
        self._log = self._path.with_name(f"{self._path.name}-wal") if self._path else None
        self.forget()

    def forget(self) -> None:
        """Takes whatever is there next for the right one."""
        self._met: Inode | None = None
        self._met_log: Inode | None = None

    def check(self) -> None:
        """Raises `DownError` when the file is not there, or is another one than was met first."""
        if self._path is None:
            return
        found = inode(self._path)
        if found is None:
            raise DownError("the file of the control database is gone; put it back, see docs/operations.md")
        self._met = self._met or found
        if found != self._met:
            raise DownError("the file of the control database was replaced; nothing is written before it is examined")

    def leave(self) -> None:
        """To be called before a connection is closed: the last one takes the log with it, and the next makes another.

        A log that was taken away before stays missed.
        """
        if self._log is not None and inode(self._log) == self._met_log:
            self._met_log = None

    def check_written(self) -> None:
        """The same once something was written, and for the log beside it, which is there as long as somebody writes."""
        self.check()
        if self._log is None:
            return
        found = inode(self._log)
        self._met_log = self._met_log or found
        if found is None or found != self._met_log:
            raise DownError("the write-ahead log of the control database was taken away; what was written may be lost")


def inode(path: Path) -> Inode | None:
    """What the name leads to now; None when there is nothing, or nobody may look."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Inode(found.st_dev, found.st_ino)
