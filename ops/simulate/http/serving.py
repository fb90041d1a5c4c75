"""`bidui serve` of a home as a process, and the sealing process that it starts: awaited, and ended with the block."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from adapters.clock import FileClock
from ops.settings import Home, ServeSettings, load
from ops.simulate.running import SimulationError

LOCAL = "127.0.0.1"
ROOT = Path(__file__).parents[3]
READY_SECONDS = 120.0
STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.05


@contextmanager
def serving(home: Home) -> Iterator[None]:
    """Ready to answer. Raises `SimulationError` with the end of its log when it does not come up."""
    log, command = home.path / "serve.log", [sys.executable, "-m", "ops.cli.main", "serve", "--home", str(home.path)]
    with log.open("ab") as sink:
        process = subprocess.Popen(command, cwd=ROOT, env=_environment(home), stdout=sink, stderr=sink)  # noqa: S603 - our own program
    try:
        _await_ready(home, process, log)
        yield
    finally:
        _end(process)


def free_ports() -> tuple[int, int]:
    """Two ports that nobody listens on at this moment."""
    with socket.create_server((LOCAL, 0)) as one, socket.create_server((LOCAL, 0)) as other:
        return int(one.getsockname()[1]), int(other.getsockname()[1])


def _await_ready(home: Home, process: subprocess.Popen[bytes], log: Path) -> None:
    url = f"http://{LOCAL}:{load(home, 'serve.toml', ServeSettings).port}/readyz"
    end = time.monotonic() + READY_SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > end:
            told = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise SimulationError(f"the gateway did not come up: {told}")
        time.sleep(_LOOK_SECONDS)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False, timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL when that takes too long; its sealing process ends with it."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment(home: Home) -> dict[str, str]:
    """Nothing of a home that is not this one."""
    assert isinstance(home.clock, FileClock)
    path = os.pathsep.join([str(ROOT), str(ROOT / "adapters" / "client")])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BIDUI_")}
    return {**kept, "BIDUI_MODE": home.mode, "BIDUI_CLOCK": f"file:{home.clock.path}", "PYTHONPATH": path}
