"""Clocks: the machine's own, and one that is read from a file so that a test or a rehearsal can drive it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class FileClock:
    """The instant that stands in a file (one RFC 3339 line), read at each use; refused in production mode."""

    path: Path

    def now(self) -> datetime:
        instant = datetime.fromisoformat(self.path.read_text().strip())
        if instant.tzinfo is None:
            raise ValueError("the clock file must hold an instant with its offset, as in 2026-06-30T09:00:00+08:00")
        return instant.astimezone(UTC)
