"""The machine's clock, and the one in a file that a test or a rehearsal drives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.clock import ClockError, FileClock, SystemClock
from tests.make import NOW


def test_the_systems_clock_goes() -> None:
    assert abs(SystemClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


INSTANTS = {
    "of Shanghai": "2026-06-30T10:00:00+08:00",
    "in UTC": "2026-06-30T02:00:00Z",
    "with blanks and a line break": "  2026-06-30T02:00:00+00:00 \n",
}


@pytest.mark.parametrize("text", INSTANTS.values(), ids=INSTANTS)
def test_a_file_holds_an_instant_of_any_offset(tmp_path: Path, text: str) -> None:
    (tmp_path / "clock").write_text(text)

    assert FileClock(tmp_path / "clock").now() == NOW


def test_a_file_is_read_at_each_use(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    clock = FileClock(path)
    for text, day in (("2026-06-30T02:00:00Z", 30), ("2026-06-29T02:00:00Z", 29), ("2026-07-01T02:00:00Z", 1)):
        path.write_text(text)
        assert clock.now().day == day


NO_INSTANTS = {
    "no offset": "2026-06-30T10:00:00",
    "a date": "2026-06-30",
    "words": "tomorrow",
    "Chinese": "明天",
    "nothing": "",
}


@pytest.mark.parametrize("text", NO_INSTANTS.values(), ids=NO_INSTANTS)
def test_what_is_no_instant_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "clock").write_text(text)

    with pytest.raises(ClockError, match=r"2026-06-30T09:00:00\+08:00"):
        FileClock(tmp_path / "clock").now()


def test_a_file_that_is_gone_is_an_error_and_never_another_time(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="clock"):
        FileClock(tmp_path / "clock").now()
