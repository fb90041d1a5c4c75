"""Our own programs as processes: started as an operator starts them, and stopped as a power cut stops them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adapters.clock import FileClock
from ops.settings import Home, SealSettings, load

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60.0
STOP_SECONDS = 10.0


class ProofError(Exception):
    """Something that was promised did not hold; the message says what."""


@dataclass(kw_only=True)
class Program:
    """A running program and the file its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that takes too long. May be called again."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def look(self) -> None:
        """Raises `ProofError` with the end of its log when it has ended by itself."""
        if self.process.poll() is not None:
            raise ProofError(f"a program ended by itself: {self.log.read_text(errors='replace')[-2000:]}")


def start(name: str, home: Home) -> Program:
    """`bidui NAME` in this home."""
    log = home.path / f"{name}.log"
    command = [sys.executable, "-m", "ops.cli.main", name, "--home", str(home.path)]
    with log.open("ab") as sink:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(home), stdout=sink, stderr=sink)  # noqa: S603 - our own program
    return Program(process=process, log=log)


def start_seal(home: Home) -> Program:
    """The sealing process, once it can be spoken to."""
    program, path = start("seal", home), home.seal_socket(load(home, "seal.toml", SealSettings))
    until(lambda: can_connect(path), program)
    return program


def can_connect(path: Path) -> bool:
    """Whether somebody listens on this unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        return peer.connect_ex(str(path)) == 0


def end(pid: int) -> None:
    """SIGKILL to a process that one of ours left behind, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def until(holds: Callable[[], bool], *programs: Program, seconds: float = READY_SECONDS) -> float:
    """Waits until it holds; the seconds it took. Raises `ProofError` after a minute, or when a program ended."""
    started = time.monotonic()
    while not holds():
        for program in programs:
            program.look()
        if time.monotonic() - started > seconds:
            raise ProofError(f"waited for more than {seconds:.0f} seconds")
        time.sleep(0.02)
    return time.monotonic() - started


def environment(home: Home) -> dict[str, str]:
    """What our programs are started with in this home."""
    clock = f"file:{home.clock.path}" if isinstance(home.clock, FileClock) else "system"
    path = os.pathsep.join([str(ROOT), str(ROOT / "adapters" / "client")])
    return {**os.environ, "BIDUI_MODE": home.mode, "BIDUI_CLOCK": clock, "PYTHONPATH": path}
