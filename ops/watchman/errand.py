"""Something that is done again and again in a thread of its own, and may hang there without holding anybody up."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

import structlog

log = structlog.get_logger()


class Errand:
    """Whoever looks at it never waits. An exception ends a round, never the errand; its name is kept."""

    def __init__(self, name: str, act: Callable[[], None], seconds: float) -> None:
        self._act, self._seconds = act, seconds
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._end = Event()
        self._begun: float | None = None
        self._done = time.monotonic()
        self.error = ""
        """What the last round raised, by name."""

    def start(self) -> None:
        self._done = time.monotonic()
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Ends after this round, unless that hangs: then it is left to itself."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def round(self) -> None:
        """Once, in the thread of whoever calls."""
        self._begun = time.monotonic()
        try:
            self._act()
        except Exception as error:  # noqa: BLE001 - the next round is to be, whatever broke this one
            self._tell(type(error).__name__)
        else:
            self.error, self._done = "", time.monotonic()
        finally:
            self._begun = None

    @property
    def waits(self) -> float:
        """Seconds for which the present round has lasted; 0 between two."""
        begun = self._begun
        return 0.0 if begun is None else time.monotonic() - begun

    @property
    def done_ago(self) -> float:
        """Seconds since a round went well, or since the start."""
        return time.monotonic() - self._done

    def _tell(self, error: str) -> None:
        if error != self.error:
            log.warning("task_failed", error=error, cause=self._thread.name)
        self.error = error

    def _run(self) -> None:
        while not self._end.is_set():
            self.round()
            self._end.wait(self._seconds)
