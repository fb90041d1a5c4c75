"""The most memory a program and everything it starts hold together, looked at four times a second."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.bench.watching import family

INTERVAL_SECONDS = 0.25
_PAGE_FIELDS = ("Rss", "Pss")


class MemoryWatch:
    """Watches while the context is open. `rss` counts shared pages once a process, `pss` each page once."""

    def __init__(self, pid: int) -> None:
        self.rss = 0
        self.pss = 0
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            held = [_rollup(pid) for pid in family(self._pid)]
            self.rss = max(self.rss, sum(each["Rss"] for each in held))
            self.pss = max(self.pss, sum(each["Pss"] for each in held))


def _rollup(pid: int) -> dict[str, int]:
    """Bytes a process holds; nothing for one that is gone."""
    held = dict.fromkeys(_PAGE_FIELDS, 0)
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return held
    for line in lines:
        name, _, rest = line.partition(":")
        if name in held:
            held[name] = int(rest.split()[0]) * 1024
    return held
