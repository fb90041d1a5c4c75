"""Clocks: the machine's own, and one that is read from a file so that a test or a rehearsal can drive it."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

_UNSYNCHRONISED = 5
"""TIME_ERROR of ntp_gettime(3)."""
_ADVICE = "the clock file must hold one instant with its offset, as in 2026-06-30T09:00:00+08:00"


class ClockError(OSError):
    """The clock file cannot be read as an instant; nothing goes on without a time."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def steady_seconds() -> float:
    """Seconds by a clock that nobody can set, and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SteadyClock:
    """Follows the machine's clock in small steps; where that leaps further, it goes on by the steady one.

    So nothing is ever recorded under a time from a leap, and when the machine's clock comes back nothing has happened.
    Whoever watches looks at `drift`, and may `accept` a leap that turns out to be right.
    """

    def __init__(
        self,
        tolerated: timedelta,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        self._tolerated, self._wall, self._steady = tolerated, wall, steady
        self._lock = Lock()
        self.accept()

    def now(self) -> datetime:
        with self._lock:
            wall, steady, expected = self._read()
            if abs(wall - expected) > self._tolerated:
                return expected
            self._last = wall, steady
            return wall

    def machine(self) -> datetime:
        """What the machine's clock says, leap or not."""
        return self._wall()

    def drift(self) -> timedelta:
        """By how much the machine's clock has leapt, forward or (below 0) back; small steps are none."""
        with self._lock:
            wall, _, expected = self._read()
        return wall - expected if abs(wall - expected) > self._tolerated else timedelta()

    def accept(self) -> None:
        """Goes by the machine's clock from now on."""
        with self._lock:
            self._last = self._wall(), self._steady()

    def _read(self) -> tuple[datetime, float, datetime]:
        """The machine's time, the steady one, and what the first should be."""
        wall, steady = self._wall(), self._steady()
        last_wall, last_steady = self._last
        return wall, steady, last_wall + timedelta(seconds=steady - last_steady)


def is_synchronised() -> bool | None:
    """Whether the kernel says that its clock is kept by a time service; None where it cannot be asked."""
    try:
        return int(ctypes.CDLL(None).ntp_gettime(ctypes.create_string_buffer(256))) != _UNSYNCHRONISED
    except (OSError, AttributeError):
        return None


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
