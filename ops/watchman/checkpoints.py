"""The checkpoint store as this process has last seen it, so that taking it away while we run hides nothing."""

from __future__ import annotations

from pathlib import Path

import structlog

from adapters.checkpoints import FileCheckpoints
from adapters.newest_rights import NAME as RIGHTS
from audit.checkpoint import peek

log = structlog.get_logger()


class KnownCheckpoints:
    """Remembers the newest checkpoint, and what was last in force; puts both back when they are gone or older."""

    def __init__(self, directory: Path, store: FileCheckpoints) -> None:
        self._directory, self._store = directory, store
        self._known: bytes | None = None
        self._rights: bytes | None = None

    def look(self, entries: int) -> bool:
        """Whether the store is as it should be, of a log with so many entries; raises `OSError` when it cannot be read.

        Only a log that was just opened has no checkpoint. What this process knows is put back at once, so that the next
        look finds it; what it does not know, people must bring from where it is kept.
        """
        latest = self._store.latest()
        if latest is None and self._known is None:
            return entries <= 1
        if self._known is not None and (latest is None or peek(latest).size < peek(self._known).size):
            self._put_back(latest)
            return False
        self.know()
        return True

    def know(self) -> None:
        """Remembers what is there now: it was just looked at, or just signed."""
        self._known, self._rights = self._store.latest() or self._known, self._read_rights() or self._rights

    def _put_back(self, latest: bytes | None) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._known and self._store.swap(latest, self._known):
            log.warning("checkpoints_put_back", size=peek(self._known).size)
        if self._rights and self._read_rights() is None:
            (self._directory / RIGHTS).write_bytes(self._rights)

    def _read_rights(self) -> bytes | None:
        try:
            return (self._directory / RIGHTS).read_bytes()
        except FileNotFoundError:
            return None
