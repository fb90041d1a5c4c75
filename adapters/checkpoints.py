"""Checkpoints in a directory of their own: the compare-and-swap store of the signer.

It is never restored together with the database; that is what makes a rolled back database visible. `latest` is the
last checkpoint. Of the earlier ones the last before each 4,096 entries is kept, named by its size, so that a verifier
has a ladder of them and the directory grows by less than a byte an entry.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.checkpoint import peek

KEPT_EVERY = 4096
_LATEST, _NEW = "latest", "new"


class FileCheckpoints:
    """Keeps the promise of `audit.signer.CheckpointStore`, also between processes. Raises `OSError` when it cannot."""

    def __init__(self, directory: Path) -> None:
        """Use this directory, and make it when it is not there."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory

    def latest(self) -> bytes | None:
        """Return the last checkpoint, or None when none was ever signed."""
        try:
            return (self._directory / _LATEST).read_bytes()
        except FileNotFoundError:
            return None

    def swap(self, expected: bytes | None, new: bytes) -> bool:
        """Replace exactly `expected` by `new`; False when another one is there. Durable when it returns."""
        with self._locked() as directory:
            if self.latest() != expected:
                return False
            if expected is not None:
                self._keep(expected, peek(new).size)
            self._write(_LATEST, new)
            os.fsync(directory)
        return True

    def history(self) -> Iterator[bytes]:
        """Yield the checkpoints that were kept, by size, and the last one."""
        for path in sorted(self._directory.glob("[0-9]*")):
            yield path.read_bytes()
        latest = self.latest()
        if latest is not None:
            yield latest

    def _keep(self, old: bytes, new_size: int) -> None:
        size = peek(old).size
        if size // KEPT_EVERY != new_size // KEPT_EVERY:
            self._write(f"{size:016d}", old)

    def _write(self, name: str, content: bytes) -> None:
        """Put a whole file in place. A crash leaves the old one or the new one, never half of one."""
        with (self._directory / _NEW).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._directory / _NEW, self._directory / name)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the directory itself, so that there is no lock file somebody could delete."""
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield directory
        finally:
            os.close(directory)
