"""What surrounds a gateway breaks: an error that names the cause, no answer, nothing lost, and it mends itself."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.clock import SteadyClock
from adapters.sql import committing
from adapters.sql.store import SqlStore
from audit.causes import Cause, State
from gateway.domain.errors import DownError
from ops.prove.homes import Stage
from ops.watchman.disk import RESERVE, Disk
from ops.watchman.errand import Errand
from tests.audit.make import an_answer
from tests.gateways import a_ledger, open_store
from tests.homes import until
from tests.ops.test_serve import Wired, a_wired


@pytest.fixture
def wired(staged: Stage, tmp_path: Path) -> Iterator[Wired]:
    with a_wired(staged, tmp_path) as made:
        yield made


def causes(wired: Wired) -> set[Cause]:
    """Why it is not OK, now."""
    return {why.cause for why in wired.gateway.watchman.look().whys}


def status(wired: Wired) -> int:
    (response,) = wired.ask(wired.comparison())
    return response.status_code


def is_fine(wired: Wired) -> bool:
    """It answers, everything it ever recorded is there, and it says that it is well."""
    found, told = causes(wired), status(wired)
    return (found, told) == (set(), 200)


@contextmanager
def broken(wired: Wired, cause: Cause) -> Iterator[None]:
    """In the block it answers nothing and says why; behind it, it is well again, and nothing recorded was lost."""
    assert is_fine(wired)
    before = wired.gateway.reader.head().size
    yield
    assert is_fine(wired), cause
    assert wired.gateway.reader.head().size > before


def refuses(wired: Wired, cause: Cause) -> None:
    assert cause in causes(wired)
    assert status(wired) == 503
    assert wired.metric("bidui_log_cause", cause=cause.value) == 1
    assert wired.metric("bidui_log_sealed") == 1


def database(wired: Wired) -> Path:
    return wired.home.path / "data" / "control.sqlite"


# ---------------------------------------------------------------------------------------- files


def test_a_database_file_that_is_moved_away_and_back(wired: Wired) -> None:
    with broken(wired, Cause.LOST):
        path = database(wired)
        path.rename(path.with_suffix(".away"))
        assert status(wired) == 503, "at once, before anybody looked"
        refuses(wired, Cause.LOST)
        assert not path.exists(), "nobody makes a new one"
        path.with_suffix(".away").rename(path)


def test_a_database_file_that_is_replaced_by_its_copy(wired: Wired) -> None:
    with broken(wired, Cause.REPLACED):
        path = database(wired)
        copy = path.with_suffix(".copy")
        with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new)
        for each in path.parent.glob("control.sqlite-*"):
            each.unlink()
        copy.replace(path)
        assert status(wired) == 503, "at once, before anybody looked"
        # What stands in the other file was held against the checkpoints, and is what was signed.


def test_a_write_ahead_log_that_is_deleted_while_open_tells_nobody_anything(wired: Wired) -> None:
    assert is_fine(wired)

    database(wired).with_name("control.sqlite-wal").unlink()

    assert status(wired) == 503


def test_an_old_copy_in_place_of_the_database_is_found_out(wired: Wired) -> None:
    path, old = database(wired), database(wired).with_suffix(".old")
    assert is_fine(wired)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(old)) as target:
        source.backup(target)
    size = wired.gateway.reader.head().size
    assert status(wired) == 200
    causes(wired)

    for each in path.parent.glob("control.sqlite-*"):
        each.unlink()
    old.replace(path)

    refuses(wired, Cause.ROLLED_BACK)
    (why,) = [each for each in wired.gateway.watchman.standing.whys if each.cause is Cause.ROLLED_BACK]
    assert why.index == size


def test_checkpoints_that_are_deleted_are_put_back(wired: Wired) -> None:
    with broken(wired, Cause.CHECKPOINTS):
        rights = (wired.home.checkpoints / "rights").read_bytes()
        latest = wired.gateway.checkpoints.latest()
        shutil.rmtree(wired.home.checkpoints)
        refuses(wired, Cause.CHECKPOINTS)
        assert (wired.home.checkpoints / "rights").read_bytes() == rights
        assert wired.gateway.checkpoints.latest() == latest


# ---------------------------------------------------------------------------------------- disk


@contextmanager
def small_disk(path: Path, megabytes: int = 8) -> Iterator[None]:
    """A file system of its own."""
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path], check=False).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def mount_anew(path: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", path], check=True)


def fill(path: Path) -> None:
    """Until nothing more goes in."""
    with path.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)) == 1 << 16:
            pass
        file.write(bytes(1 << 16))


def a_disk(data: Path, **changes: int) -> Disk:
    checkpoints = data / "checkpoints"
    checkpoints.mkdir(exist_ok=True)
    return Disk(data, checkpoints, **{"reserve": 1 << 20, "least_free": 1 << 20, **changes})


def test_a_reserve_is_held_and_let_go_when_room_runs_out(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small"):
        disk = a_disk(tmp_path / "small")
        disk.look()
        held = disk.held
        filler = tmp_path / "small" / "filler"
        with pytest.raises(OSError, match="No space"):
            fill(filler)
        disk.look()
        assert (held, disk.held, disk.trial) == (1 << 20, 0, errno.ENOSPC)
        disk.look()
        assert disk.trial == 0, "the reserve made room for the last entries"
        filler.unlink()
        disk.look()
        disk.look()
        assert disk.held == 1 << 20


def test_a_read_only_file_system_is_told(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small"):
        disk = a_disk(tmp_path / "small")
        mount_anew(disk.data, "ro")
        disk.look()
        assert disk.trial == errno.EROFS
        mount_anew(disk.data, "rw")
        disk.look()
        assert disk.trial == 0


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    disk = a_disk(tmp_path)
    (tmp_path / "checkpoints").rmdir()

    disk.look()

    assert disk.trial == errno.ENOENT


def test_less_room_than_the_limit_lets_the_reserve_go_and_answers_nothing(wired: Wired) -> None:
    disk, kept = wired.gateway.watchman.disk, wired.gateway.watchman.disk.least_free
    with broken(wired, Cause.DISK_FULL):
        disk.least_free = 1 << 60
        wired.gateway.watchman.look()
        assert not (wired.home.path / "data" / RESERVE).exists()
        disk.least_free = kept


def test_a_disk_that_is_full_answers_nothing_and_loses_nothing(staged: Stage, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 96), a_wired(staged, tmp_path / "small", reserve=2, least_free=1) as wired:
        assert is_fine(wired)
        before = wired.gateway.reader.head().size
        with pytest.raises(OSError, match="No space"):
            fill(tmp_path / "small" / "filler")

        told = [status(wired) for _ in range(3)]
        found = causes(wired)

        assert set(told) == {503}
        assert Cause.DISK_FULL in found
        assert wired.gateway.reader.head().size == before
        (tmp_path / "small" / "filler").unlink()
        assert is_fine(wired)
        assert wired.gateway.reader.head().size == before + 1


# ---------------------------------------------------------------------------------------- what hangs


HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(lock: Path) -> Iterator[None]:
    """Another process that holds the store's lock, and is stopped with it."""
    command = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.communicate()


def test_a_lock_that_nobody_gives_back_hangs_no_request(wired: Wired) -> None:
    watchman = wired.gateway.watchman
    assert is_fine(wired)
    before = wired.gateway.reader.head().size
    watchman.start()
    with holding(database(wired).with_name("control.sqlite.lock")):
        started = time.monotonic()
        assert status(wired) == 503
        first = time.monotonic() - started
        assert status(wired) == 503
        until(lambda: Cause.STALLED in {why.cause for why in watchman.standing.whys})
        started = time.monotonic()
        assert status(wired) == 503
        assert first < 5
        assert time.monotonic() - started < 0.5
    until(lambda: watchman.standing.state is State.OK)
    watchman.stop()
    assert is_fine(wired)
    assert wired.gateway.reader.head().size == before + 1


def hang(store: SqlStore, gate: threading.Event) -> None:
    """A work whose commit waits until the gate opens."""
    with store.begin() as work:
        commit = work.commit

        def commit_when_told() -> None:
            gate.wait(10)
            commit()

        work.commit = commit_when_told  # type: ignore[method-assign]  # the same, later
        work.touch()
        work.committing().finish()


def test_a_commit_that_hangs_holds_up_its_own_turn_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "COMMIT_SECONDS", 0.1)
    gate, store = threading.Event(), open_store(f"sqlite:///{tmp_path}/d.sqlite")
    with closing(store):
        with pytest.raises(DownError, match="too long"):
            hang(store, gate)
        assert store.trouble
        gate.set()
        with store.begin() as work:
            work.touch()
            work.commit()
        assert not store.trouble


def test_an_errand_that_hangs_is_seen_to() -> None:
    gate = threading.Event()

    def hangs() -> None:
        gate.wait(10)

    errand = Errand("hangs", hangs, 0.01)
    errand.start()
    until(lambda: errand.waits > 0.05)
    gate.set()
    until(lambda: errand.waits == 0.0 or errand.waits < 0.05)
    errand.stop()


# ---------------------------------------------------------------------------------------- clock


class Machine:
    """A machine whose wall clock can be set, and whose steady one cannot."""

    def __init__(self) -> None:
        self.wall, self.steady = datetime(2026, 12, 1, tzinfo=UTC), 0.0

    def pass_(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.steady += seconds

    def clock(self) -> SteadyClock:
        return SteadyClock(timedelta(seconds=10), lambda: self.wall, lambda: self.steady)


STEPS = {"a day on": timedelta(days=1), "a day back": timedelta(days=-1), "beyond 2038": timedelta(days=365 * 14)}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_clock_that_leaps_is_not_followed_until_it_is_back(step: timedelta) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.pass_(60)
    before = clock.now()

    machine.wall += step
    machine.pass_(5)
    assert clock.now() == before + timedelta(seconds=5)
    assert clock.drift() == step

    machine.wall -= step
    machine.pass_(5)
    assert clock.now() == machine.wall
    assert not clock.drift()


def test_small_steps_are_followed_however_many() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(100):
        machine.pass_(60)
        machine.wall += timedelta(seconds=5)
        assert clock.now() == machine.wall


def test_a_leap_that_is_right_can_be_accepted() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += timedelta(hours=1)
    clock.accept()

    assert clock.now() == machine.wall
    assert not clock.drift()


@pytest.mark.parametrize("days", [1, 365 * 14])
def test_a_clock_that_was_ahead_and_is_set_back_stops_answers_until_it_caught_up(wired: Wired, days: int) -> None:
    path = wired.home.path.with_name("home.clock")
    right = path.read_text()
    path.write_text((datetime.fromisoformat(right) + timedelta(hours=1)).isoformat())
    assert status(wired) in {200, 401}
    wired.gateway.watchman.look()
    entries = wired.gateway.reader.head()

    path.write_text((datetime.fromisoformat(right) - timedelta(days=days)).isoformat())

    assert Cause.CLOCK_BACK in causes(wired)
    assert wired.gateway.pipeline.is_sealed
    path.write_text((datetime.fromisoformat(right) + timedelta(hours=1)).isoformat())
    assert causes(wired) == set()
    assert wired.gateway.reader.head() == entries


def test_a_log_beyond_2038_is_a_log(tmp_path: Path) -> None:
    later = datetime(2107, 1, 1, tzinfo=UTC)
    with closing(open_store(f"sqlite:///{tmp_path}/d.sqlite")) as store, store.begin() as work:
        (row,) = a_ledger(seed="later").append(work.ledger, [an_answer()], later)
        work.commit()

    assert row.time == "2107-01-01T00:00:00.000000Z"
