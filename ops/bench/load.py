"""The load: `wrk`, one thread, keep-alive connections, pinned to a core of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ops.bench.figures import BenchError

CONNECTIONS = 32
SCRIPT = Path(__file__).parent / "post.lua"
ROUTE = "/v1/comparisons"


class Shot(msgspec.Struct, frozen=True):
    """What wrk saw. `refused` are answers with an error status, `broken` requests without an answer."""

    requests: int
    seconds: float
    refused: int
    broken: int
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True, kw_only=True)
class Load:
    """A load that can be put on a port again and again."""

    folder: Path
    core: int

    def write(self, bodies: Sequence[bytes]) -> None:
        """The bodies of every run that follows."""
        (self.folder / "bodies.ndjson").write_bytes(b"\n".join(bodies) + b"\n")

    def run(self, port: int, headers: Mapping[str, str], seconds: int, connections: int = CONNECTIONS) -> Shot:
        """One run, every request under a key never used before. Raises `BenchError`."""
        lines = [f"{name}: {value}" for name, value in {"Host": f"127.0.0.1:{port}", **headers}.items()]
        path = self.folder / "headers.txt"
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
        run = os.urandom(6).hex() + "-"
        arguments = [str(self.folder / "bodies.ndjson"), str(path), run]
        command = [find_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT)]
        process = subprocess.Popen(  # noqa: S603 - the load generator
            [*command, f"http://127.0.0.1:{port}{ROUTE}", "--", *arguments], stdout=subprocess.PIPE, text=True
        )
        os.sched_setaffinity(process.pid, {self.core})
        told, _ = process.communicate(timeout=seconds + 60)
        if process.returncode:
            raise BenchError("wrk failed; its message stands above")
        return msgspec.json.decode(told.strip().splitlines()[-1], type=Shot)


def find_wrk() -> str:
    """Where `wrk` is. Raises `BenchError`."""
    found = shutil.which("wrk")
    if found is None:
        raise BenchError("program missing: wrk (Debian: apt-get install wrk)")
    return found
