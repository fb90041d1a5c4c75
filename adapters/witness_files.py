"""Files of witnessing, under `checkpoints/`, which is never restored together with anything else.

    checkpoints/cosigned/<sha256 of origin>       as a witness: the last checkpoint cosigned for each log
    checkpoints/witnessed/latest, <size>          as a log: the last one with a quorum, and a ladder of earlier ones
    checkpoints/witnessed/by/<sha256 of key>      the last checkpoint that each witness cosigned
    checkpoints/witnessed/marks/<name>            what else must outlast a restart: evidence, the first attempt

A folder is locked while one of its files is looked at and replaced, also between processes.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from adapters.checkpoints import FileCheckpoints

_NEW = ".new"


class Slots:
    """Small files by name, each replaced as a whole, durably. Raises `OSError` when it cannot."""

    def __init__(self, folder: Path) -> None:
        """Uses this folder, and makes it with the first file."""
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """The content; None when there is none."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def replace(self, name: str, decide: Callable[[bytes | None], bytes | None]) -> bool:
        """Puts in place what `decide` makes of what is there; nothing, and False, when it makes None.

        Nobody else replaces anything meanwhile. A crash leaves the old content or the new one.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked() as folder:
            new = decide(self.read(name))
            if new is None:
                return False
            with (self._folder / _NEW).open("wb") as file:
                file.write(new)
                file.flush()
                os.fsync(file.fileno())
            os.replace(self._folder / _NEW, self._folder / name)
            os.fsync(folder)
        return True

    def remove(self, name: str) -> None:
        """Takes it away, if it is there."""
        (self._folder / name).unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(folder)


class CosignedFiles:
    """Keeps the promise of `audit.witness.WitnessStore`."""

    def __init__(self, checkpoints: Path) -> None:
        self._slots = Slots(checkpoints / "cosigned")

    def latest(self, origin: str) -> bytes | None:
        return self._slots.read(_hashed(origin))

    def swap(self, origin: str, expected: bytes | None, new: bytes) -> bool:
        return self._slots.replace(_hashed(origin), lambda kept: new if kept == expected else None)


class WitnessedFiles:
    """What witnesses said of our own log."""

    def __init__(self, checkpoints: Path) -> None:
        folder = checkpoints / "witnessed"
        self._folder = folder
        self.quorum = FileCheckpoints(folder)
        """Checkpoints with a quorum: the last one and a ladder."""
        self._by = Slots(folder / "by")
        self.marks = Slots(folder / "marks")
        self.stamps = Slots(folder / "stamps")

    def swap(self, expected: bytes | None, new: bytes, *, is_readable: bool) -> bool:
        """Replaces the last one with a quorum; False when another one than `expected` is there.

        One that is of another log, or cannot be read, is moved aside first.
        """
        if expected is not None and not is_readable and self.quorum.latest() == expected:
            os.replace(self._folder / "latest", self._folder / f"aside-{sha256(expected).hexdigest()[:16]}")
            expected = None
        return self.quorum.swap(expected, new)

    def by(self, vkey: str) -> bytes | None:
        """The last checkpoint that this witness cosigned."""
        return self._by.read(_hashed(vkey))

    def keep(self, vkey: str, decide: Callable[[bytes | None], bytes | None]) -> bool:
        """Replaces it, as `Slots.replace` does."""
        return self._by.replace(_hashed(vkey), decide)

    def forget(self, vkey: str) -> None:
        """Forgets what this witness cosigned: a person decided to trust it anew."""
        self._by.remove(_hashed(vkey))


def _hashed(name: str) -> str:
    return sha256(name.encode()).hexdigest()
