"""What was last in force, in a file beside the checkpoints: apart from the database, and never restored with it.

Whoever writes to the database can take the newest deeds out and hide their entries. Then deeds and entries agree again;
this file does not.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.deeds.reading import Newest
from gateway.domain.errors import DownError

NAME = "rights"


class FileNewest:
    """Keeps the promise of `gateway.deeds.reading.NewestStore`, also between processes. Raises `DownError`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known = self.read()

    def read(self) -> Newest:
        """What was last in force; nothing before anything was."""
        try:
            return _decoder.decode((self._directory / NAME).read_bytes())
        except FileNotFoundError:
            return Newest()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DownError(f"{self._directory / NAME} cannot be read; restore it from its backup") from error

    def raise_to(self, newest: Newest) -> None:
        """Durable when it returns; what is newer than this stays."""
        if newest.entry <= self._known.entry:
            return
        try:
            with self._locked() as directory:
                self._known = self.read()
                if newest.entry > self._known.entry:
                    self._write(newest)
                    os.fsync(directory)
                    self._known = newest
        except OSError as error:
            raise DownError(
                "what is in force cannot be remembered beside the checkpoints; is the disk full?"
            ) from error

    def _write(self, newest: Newest) -> None:
        """A crash leaves the old file or the new one."""
        draft = self._directory / f"{NAME}.new"
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(newest))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._directory / NAME)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield directory
        finally:
            os.close(directory)


_decoder = msgspec.json.Decoder(Newest)
