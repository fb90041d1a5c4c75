"""Installations for tests: made once by the product's own commands, then copied for each test that wants one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.clock import FileClock
from ops.demo.office import found_home, rehearse
from ops.settings import Home, Mode
from tests.fakes import DrivenClock
from tests.make import NOW, ORIGIN

ISSUER = "https://gateway.example"
LEAGUE_NOW = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
START_SECONDS = 30.0
ROOT = Path(__file__).parent.parent


@cache
def _pattern() -> TemporaryDirectory[str]:
    """A fresh installation, kept for as long as the run takes."""
    kept = TemporaryDirectory(prefix="bidui-home-")
    home = Home(path=Path(kept.name) / "home", mode=Mode.TEST, clock=DrivenClock())
    found_home(home, origin=ORIGIN, issuer=ISSUER, port=0, metrics_port=0)
    rehearse(home)
    return kept


def a_home(path: Path, mode: Mode = Mode.TEST, clock: DrivenClock | None = None) -> Home:
    """A fresh installation in a folder that is not there yet."""
    shutil.copytree(Path(_pattern().name) / "home", path)
    return Home(path=path, mode=mode, clock=clock or DrivenClock())


def move_database(home: Home, url: str) -> None:
    """Begins a fresh installation anew, its control database on another engine."""
    settings = home.path / "serve.toml"
    lines = [each for each in settings.read_text(encoding="utf-8").splitlines() if not each.startswith("database =")]
    settings.write_text("\n".join([f'database = "{url}"', *lines, ""]), encoding="utf-8")
    for left in (home.path / "data").glob("control.sqlite*"):
        left.unlink()
    shutil.rmtree(home.checkpoints, ignore_errors=True)
    rehearse(home)


def home_at(path: Path, mode: Mode = Mode.TEST) -> Home:
    """A home that is not made yet, with the clock of a file beside it; a month after the league was described."""
    clock = path.with_name(f"{path.name}.clock")
    clock.write_text(LEAGUE_NOW.isoformat())
    return Home(path=path, mode=mode, clock=FileClock(clock))


def edit(path: Path, old: str, new: str) -> None:
    """Replaces a part of a settings file, which must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def environment(clock: Path | None = None, **changes: str) -> dict[str, str]:
    """What our programs are started with: test mode, and the clock of a file."""
    if clock is not None:
        clock.write_text(NOW.isoformat())
        changes["BIDUI_CLOCK"] = f"file:{clock}"
    return os.environ | {"BIDUI_MODE": "test", "PYTHONUTF8": "1"} | changes


def bidui(*arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs one of our commands to its end."""
    command = [sys.executable, "-m", "ops.cli.main", *map(str, arguments)]
    done = env or environment()
    return subprocess.run(command, check=False, capture_output=True, text=True, env=done, cwd=ROOT, timeout=120)


@contextmanager
def started(
    *arguments: str | Path, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """One of our programs, running while the block does; what it writes goes to a file."""
    command = [sys.executable, "-m", "ops.cli.main", *map(str, arguments)]
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=env or environment(), cwd=ROOT
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(holds: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Waits until it holds, or fails."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def listens(path: Path) -> bool:
    """Whether somebody listens on a unix socket."""
    with socket.socket(socket.AF_UNIX) as peer:
        try:
            peer.connect(str(path))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on just now."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
