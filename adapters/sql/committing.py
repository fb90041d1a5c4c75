"""A commit on its way in a thread of its own, so that a disk or a database that hangs stops nobody but this work."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Lock, Thread

from gateway.domain.errors import DownError

COMMIT_SECONDS = 5.0
"""How long a commit is waited for. What takes longer may be durable, or not: nobody is told anything."""


class Committer:
    """A thread that commits, one work after the other; it is started with the first."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Committing | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._read = self._write = -1

    def start(self, commit: Callable[[], None], left: Callable[[], None]) -> Committing:
        """Begins to commit. `left` is called, in that thread, when it ends after nobody waits any more."""
        if self._thread is None:
            self._read, self._write = os.pipe()
            os.set_blocking(self._read, False)
            self._thread = Thread(target=self._run, name="committer", daemon=True)
            self._thread.start()
        with suppress(BlockingIOError):
            os.read(self._read, 64)
        made = Committing(commit, left, self._read, self._write)
        self._jobs.put(made)
        return made

    def close(self) -> None:
        """Ends the thread after what it was given, unless that hangs."""
        thread, self._thread = self._thread, None
        if thread:
            self._jobs.put(None)
            thread.join(COMMIT_SECONDS)
            if not thread.is_alive():
                os.close(self._read)
                os.close(self._write)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()


class Committing:
    """Keeps the promise of `gateway.ports.Committing`."""

    def __init__(self, commit: Callable[[], None], left: Callable[[], None], read: int, write: int) -> None:
        self._commit, self._left = commit, left
        self._read, self._write = read, write
        self._over, self._meeting = Event(), Lock()
        self._until = time.monotonic() + COMMIT_SECONDS
        self._error: BaseException | None = None
        self.is_left = False

    def fileno(self) -> int:
        """Can be read once it is over."""
        return self._read

    def finish(self) -> None:
        """Waits for the end, for as long as is waited for a commit. Raises what the commit raised, or `DownError`."""
        self._over.wait(max(0.0, self._until - time.monotonic()))
        with self._meeting:
            self.is_left = not self._over.is_set()
        if self.is_left:
            raise DownError("the control database takes too long to commit; nothing was told")
        if self._error:
            raise self._error

    def run(self) -> None:
        """Commits, in the thread."""
        try:
            self._commit()
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self._error = error
        with self._meeting:
            self._over.set()
        if self.is_left:
            self._left()
        else:
            os.write(self._write, b".")
