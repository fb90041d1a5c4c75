"""Clocks: the machine's own, and one that is read from a file so that a test or a rehearsal can drive it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_ADVICE = "the clock file must hold one instant with its offset, as in 2026-06-30T09:00:00+08:00"


class ClockError(OSError):
    """The clock file cannot be read as an instant; nothing goes on without a time."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class FileClock:
    """The instant that stands in a file (one RFC 3339 line), read at each use; refused in production mode."""

    path: Path

    def now(self) -> datetime:
        try:
            instant = datetime.fromisoformat(self.path.read_text(encoding="ascii").strip())
        except ValueError:
            raise ClockError(_ADVICE) from None
        if instant.tzinfo is None:
            raise ClockError(_ADVICE)
        return instant.astimezone(UTC)
