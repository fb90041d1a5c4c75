"""Breaks one system call of a running process: with `strace`, which must be installed and allowed to attach."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.prove.programs import ProofError

FILES = "openat,pwrite64,write,fsync,fdatasync,ftruncate,?rename,?renameat,?renameat2,?unlink,?unlinkat,flock"
"""What a ledger on files is written with."""
SAYING, HEARING = "sendto", "recvfrom"
"""What a client says to a server, and hears of it."""
SERVER = "openat,pwrite64,?pwritev,fdatasync,sendto,recvfrom"
"""What a PostgreSQL backend writes its log and its answers with."""

_LINE = re.compile(r"^(?:\d+\s+)?(\w+)\(", re.MULTILINE)
_FIRED = re.compile(r"\(INJECTED\)|killed by SIGKILL")


@dataclass(frozen=True, slots=True)
class Fault:
    """The nth call of this name fails in this way; with `lasts`, so does every later one."""

    call: str
    nth: int
    how: str
    lasts: bool = False

    @property
    def name(self) -> str:
        """For a table."""
        return f"{self.how} from then on" if self.lasts else self.how

    def __str__(self) -> str:
        return f"{self.call} number {self.nth}: {self.name}"

    @property
    def _expression(self) -> str:
        what = "signal=KILL" if self.how == "KILL" else f"error={self.how}"
        return f"inject={self.call}:{what}:when={self.nth}{'+' if self.lasts else ''}"

    def options(self) -> tuple[str, ...]:
        return ("-e", f"trace={self.call}", "-e", self._expression)


@dataclass(kw_only=True)
class Tracer:
    """A strace on some processes, for calls on some paths or on all."""

    options: Sequence[str]
    output: Path
    paths: Sequence[Path] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def attach(self, *pids: int) -> None:
        """Returns when it has a hold of all of them. Raises `ProofError` when it may not."""
        only = [part for path in self.paths for part in ("-P", str(path))]
        held = [part for pid in pids for part in ("-p", str(pid))]
        command = [program(), "-f", "-o", str(self.output), *self.options, *only, *held]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE)  # noqa: S603 - found on the PATH
        assert self._process.stderr
        missing = len(pids)
        while missing:
            line = self._process.stderr.readline()
            if not line:
                raise ProofError("strace may not attach to a process here")
            missing -= b" attached" in line

    def end(self) -> str:
        """Lets go; what it wrote."""
        if self._process:
            self._process.terminate()
            self._process.communicate()
        return self.output.read_text(errors="replace") if self.output.exists() else ""


def program() -> str:
    """The strace of this machine. Raises `ProofError`."""
    found = shutil.which("strace")
    if found is None:
        raise ProofError("program missing: strace")
    return found


def count(trace: str) -> Counter[str]:
    """How often each call was made."""
    return Counter(_LINE.findall(trace))


def has_fired(trace: str) -> bool:
    """Whether anything was broken: the call may never have come."""
    return bool(_FIRED.search(trace))


def spread(calls: Counter[str], ways: Sequence[tuple[str, bool]], most: int) -> Iterator[Fault]:
    """Faults of every call in every way: at each occurrence, or at so many of them (two at least), evenly."""
    for call, times in sorted(calls.items()):
        chosen = (
            range(1, times + 1) if times <= most else sorted({1 + n * (times - 1) // (most - 1) for n in range(most)})
        )
        for how, lasts in ways:
            yield from (Fault(call, nth, how, lasts) for nth in chosen)
