"""The promise of a clock, kept alike by the driven one, the machine's and the one in a file."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path

import pytest

from adapters.clock import FileClock, SystemClock
from gateway.ports import Clock
from tests.fakes import DrivenClock
from tests.make import NOW


@pytest.fixture(params=["fake", "system", "file"])
def clock(request: pytest.FixtureRequest, tmp_path: Path) -> Clock:
    (tmp_path / "clock").write_text("2026-06-30T10:00:00+08:00\n")
    clocks: dict[str, Clock] = {
        "fake": DrivenClock(),
        "system": SystemClock(),
        "file": FileClock(tmp_path / "clock"),
    }
    return clocks[request.param]


def test_time_is_aware_and_in_utc(clock: Clock) -> None:
    assert clock.now().tzinfo is UTC
    assert clock.now().utcoffset() == timedelta(0)


def test_a_driven_clock_moves_only_when_told() -> None:
    clock = DrivenClock()
    assert clock.now() == clock.now() == NOW

    clock.pass_by(days=1, seconds=1)

    assert clock.now() - NOW == timedelta(days=1, seconds=1)
