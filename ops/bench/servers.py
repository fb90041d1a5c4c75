"""The servers that are measured: started, pinned to their core, awaited, and stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from ops.bench.load import BenchError
from ops.bench.watching import family, pin
from ops.settings import Home

READY_SECONDS = 120.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server: where it listens and which processes it is made of, by what they are for."""

    port: int
    pids: dict[str, list[int]]


@contextmanager
def gateway(home: Home, port: int, core: int, other: int) -> Iterator[Server]:
    """`bidui serve` on one core, and the sealing process it starts on the other."""
    command = ["-m", "ops.cli.main", "serve", "--home", str(home.path)]
    with _running(command, home.path / "serve.log", core) as pid:
        _await(lambda: _answers(f"http://127.0.0.1:{port}/readyz"), pid, home.path / "serve.log")
        sealers = family(pid)[1:]
        for each in sealers:
            pin(each, other)
        yield Server(port=port, pids={"serve": [pid], "seal": sealers})


@contextmanager
def yardstick(port: int, folder: Path, core: int) -> Iterator[Server]:
    """The echo service."""
    with _running(["-m", "ops.bench.echo", str(port)], folder / "echo.log", core) as pid:
        _await(lambda: _answers(f"http://127.0.0.1:{port}/", (404,)), pid, folder / "echo.log")
        yield Server(port=port, pids={"echo": [pid]})


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in listening]
    for each in listening:
        each.close()
    return ports


@contextmanager
def _running(arguments: Sequence[str], log: Path, core: int) -> Iterator[int]:
    environment = {**os.environ, "BIDUI_MODE": "test", "BIDUI_CLOCK": "system"}
    with log.open("wb") as sink:
        process = subprocess.Popen([sys.executable, *arguments], stdout=sink, stderr=sink, env=environment)  # noqa: S603 - our own program
        os.sched_setaffinity(process.pid, {core})
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(is_ready: Callable[[], bool], pid: int, log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while not is_ready():
        if time.monotonic() > end or not Path(f"/proc/{pid}/fd").exists():
            raise BenchError(f"the server did not start; its log is {log}")
        time.sleep(0.1)


def _answers(url: str, good: tuple[int, ...] = (200,)) -> bool:
    try:
        return httpx2.get(url, trust_env=False, timeout=5).status_code in good
    except httpx2.TransportError:
        return False
