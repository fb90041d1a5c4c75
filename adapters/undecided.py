"""What people still have to decide about, in a file beside the checkpoints: a restart does not undo it.

It is written when the ledger is found rolled back or altered, and stays when it agrees again: somebody must answer for
going on.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

NAME = "undecided"


class Mark(msgspec.Struct, frozen=True):
    """What was found. `id` is what the deed that ends it names."""

    id: str
    cause: str
    detail: str
    index: int | None
    since: str


class FileMark:
    """Keeps one mark. Raises `OSError` when it cannot."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self) -> Mark | None:
        """The mark; None when nothing is undecided. One that cannot be read is one."""
        try:
            return _decoder.decode((self._directory / NAME).read_bytes())
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            return Mark("unreadable", "mismatch", "", None, "")

    def write(self, mark: Mark) -> None:
        """Durable when it returns."""
        draft = self._directory / f"{NAME}.new"
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(mark))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._directory / NAME)
        self._sync()

    def clear(self) -> None:
        """People have decided."""
        (self._directory / NAME).unlink(missing_ok=True)
        self._sync()

    def _sync(self) -> None:
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


_decoder = msgspec.json.Decoder(Mark)
