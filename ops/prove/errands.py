"""Sends clerks (`ops.prove.clerk`) on errands and reads what their callers heard."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from select import select

import msgspec

from ops.prove.clerk import FINAL, Errand, Told
from ops.prove.load import Heard
from ops.prove.programs import ROOT, ProofError, end, environment
from ops.settings import Home

GATE_SECONDS = 30.0
LONGEST_SECONDS = 90.0
"""How long an errand may take; a clerk that is not back by then hangs, and is killed."""
Meanwhile = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What came of an errand: how the clerk ended (0, or what the system says of it), and its journal."""

    status: int
    hung: bool
    told: tuple[Told, ...]
    requests: dict[str, bytes]

    @property
    def was_killed(self) -> bool:
        return os.WIFSIGNALED(self.status)

    @property
    def heard(self) -> list[Heard]:
        """Answers and refusals."""
        final = [each for each in self.told if each.kind == "heard" and each.status in FINAL]
        return [Heard(each.key, self.requests[each.key], each.status, each.text.encode()) for each in final]

    @property
    def broken(self) -> int:
        """Requests that were told to come back, at least once."""
        return len({each.key for each in self.told if each.kind == "heard" and each.status not in FINAL})

    @property
    def unexpected(self) -> list[int]:
        """Statuses that nobody should get because something broke."""
        return [each.status for each in self.told if each.kind == "heard" and each.status not in FINAL | {409, 503}]

    @property
    def checkpoints(self) -> list[bytes]:
        return [each.text.encode() for each in self.told if each.kind == "checkpoint"]

    @property
    def sealed(self) -> list[str]:
        """Why the log was sealed, as often as it was."""
        return [each.text for each in self.told if each.kind == "sealed"]


class Clerks:
    """The process that clerks are forked from, for one home. One errand at a time."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process, self._folder, self._number = process, folder, 0

    def send(self, errand: Errand, *meanwhile: Meanwhile) -> Ended:
        """One errand to its end. While the clerk waits at its gates, each `meanwhile` is called with its process id."""
        self._number += 1
        gates = [str(self._folder / f"gate-{self._number}-{each}") for each in range(len(meanwhile))]
        journal = self._folder / f"journal-{self._number}"
        for each in gates:
            os.mkfifo(each)
        pid = self._start(msgspec.structs.replace(errand, journal=str(journal), gates=gates))
        for gate, act in zip(gates, meanwhile, strict=True):
            _open_gate(gate, pid, act)
        hung = not self._is_back()
        if hung:
            end(pid)
        return Ended(status=int(self._line()), hung=hung, told=_read(journal), requests=_requests(errand))

    def _is_back(self) -> bool:
        assert self._process.stdout
        return bool(select([self._process.stdout], [], [], LONGEST_SECONDS)[0])

    def _start(self, errand: Errand) -> int:
        assert self._process.stdin
        self._process.stdin.write(msgspec.json.encode(errand) + b"\n")
        self._process.stdin.flush()
        return int(self._line())

    def _line(self) -> bytes:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise ProofError("the process that clerks are forked from has ended; its log is beside the journals")
        return line


@contextmanager
def clerks(home: Home, folder: Path) -> Iterator[Clerks]:
    """Clerks for this home; journals and a log lie in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ops.prove.clerk", str(home.path)]
    with (folder / "clerks.log").open("ab") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=ROOT, env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink
        )
    try:
        yield Clerks(process, folder)
    finally:
        process.kill()
        process.communicate()


def _open_gate(gate: str, pid: int, act: Meanwhile) -> None:
    """Waits until the clerk stands before it, acts, and lets it through; not at all when the clerk is gone."""
    last = time.monotonic() + GATE_SECONDS
    while time.monotonic() < last:
        try:
            opened = os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            if not _lives(pid):
                return
            time.sleep(0.005)
            continue
        act(pid)
        os.write(opened, b"go")
        os.close(opened)
        return
    raise ProofError("a clerk does not come to its gate")


def _lives(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False


def _requests(errand: Errand) -> dict[str, bytes]:
    return {each.key: each.body.encode() for turn in errand.turns for each in turn}


def _read(journal: Path) -> tuple[Told, ...]:
    """Whole lines alone: what a clerk died over was not heard."""
    if not journal.exists():
        return ()
    lines = journal.read_bytes().split(b"\n")[:-1]
    return tuple(msgspec.json.decode(line, type=Told) for line in lines)
