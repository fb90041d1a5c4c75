"""The servers that are measured: started, pinned to their core, awaited, and stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from ops.bench.figures import BenchError
from ops.bench.watching import family, pin
from ops.demo.postgres import PostgresUnavailableError, throwaway_postgres
from ops.settings import Home, SealSettings, load

READY_SECONDS = 120.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where control data and index lie: files of the home when there is no URL and no process."""

    url: str = ""
    pid: int | None = None

    def pids(self) -> dict[str, list[int]]:
        """Its processes at this moment; connections are processes too and come and go."""
        return {} if self.pid is None else {"postgres": family(self.pid)}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server: where it listens and which processes it is made of, by what they are for."""

    port: int
    pids: Mapping[str, list[int]]


@contextmanager
def database(engine: str, core: int | None) -> Iterator[Database]:
    """A database for one run. PostgreSQL keeps fsync on and everything else as it comes, on that core or on any."""
    if engine == "sqlite":
        yield Database()
        return
    try:
        with throwaway_postgres(durable=True) as server:
            pid = int((server.socket_directory / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])
            if core is not None:
                for each in family(pid):
                    pin(each, core)
            yield Database(url=server.url("bench"), pid=pid)
    except PostgresUnavailableError as error:
        raise BenchError(f"program missing: {error}") from error


@contextmanager
def gateway(home: Home, port: int, core: int, other: int, *, is_patient: bool = False) -> Iterator[Server]:
    """`bidui serve` on one core, and the sealing process it starts on the other. A patient one stops no harvest."""
    usual = ["-m", "ops.cli.main", "serve", "--home", str(home.path)]
    arguments = ["-m", "ops.bench.serving", str(home.path)] if is_patient else usual
    with _running(arguments, home.path / "serve.log", core) as process:
        _await(lambda: _answers(f"http://127.0.0.1:{port}/readyz"), process, home.path / "serve.log")
        sealers = family(process.pid)[1:]
        for each in sealers:
            pin(each, other)
        yield Server(port=port, pids={"serve": [process.pid], "seal": sealers})


@contextmanager
def sealer(home: Home, core: int) -> Iterator[int]:
    """`bidui seal` alone; its process id."""
    path = home.seal_socket(load(home, "seal.toml", SealSettings))
    with _running(["-m", "ops.cli.main", "seal", "--home", str(home.path)], home.path / "seal.log", core) as process:
        _await(lambda: _listens(path), process, home.path / "seal.log")
        yield process.pid


@contextmanager
def yardstick(port: int, folder: Path, core: int) -> Iterator[Server]:
    """The echo service."""
    with _running(["-m", "ops.bench.echo", str(port)], folder / "echo.log", core) as process:
        _await(lambda: _answers(f"http://127.0.0.1:{port}/", (404,)), process, folder / "echo.log")
        yield Server(port=port, pids={"echo": [process.pid]})


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in listening]
    for each in listening:
        each.close()
    return ports


def environment() -> dict[str, str]:
    """What our own programs are started with: test mode, and nothing of a home that is not the bench's."""
    return {**os.environ, "BIDUI_MODE": "test", "BIDUI_CLOCK": "system"}


@contextmanager
def _running(arguments: Sequence[str], log: Path, core: int) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as sink:
        process = subprocess.Popen([sys.executable, *arguments], stdout=sink, stderr=sink, env=environment())  # noqa: S603 - our own program
        os.sched_setaffinity(process.pid, {core})
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while not is_ready():
        if time.monotonic() > end or process.poll() is not None:
            raise BenchError(f"the server did not start; its log is {log}")
        time.sleep(0.1)


def _answers(url: str, good: tuple[int, ...] = (200,)) -> bool:
    try:
        return httpx2.get(url, trust_env=False, timeout=5).status_code in good
    except httpx2.TransportError:
        return False


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        return peer.connect_ex(str(path)) == 0
