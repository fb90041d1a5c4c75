"""A gateway in a process that may die at any system call: what its callers hear goes into a journal, byte for byte.

A clerk is forked from a process that has imported everything, wires a gateway from the home as `bidui serve` does,
takes its turns through the real doors, signs after each, and ends. Whoever sent it may hold it up at the start, to put
a debugger on it that breaks one system call.

python -m ops.prove.clerk HOME     reads errands on stdin, one a line; answers with the process id, then how it ended
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

import msgspec
from starlette.types import ASGIApp, Message, Scope

from adapters.checkpoints import FileCheckpoints
from adapters.sql.store import SqlWork
from audit.signer import State
from gateway.domain.errors import GatewayError
from gateway.sequencer import Sequencer
from ops.doors import build
from ops.settings import open_home
from ops.wiring import Gateway, wire

PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 0.05
FINAL = frozenset({200, 403})


class Asking(msgspec.Struct, frozen=True):
    """One request: its idempotency key and its body."""

    key: str
    body: str


class Told(msgspec.Struct, frozen=True):
    """One line of a journal: an answer that left, a checkpoint that was published, or why the log was sealed."""

    kind: str
    text: str
    key: str = ""
    status: int = 0


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What a clerk is sent to do. `insists`: it asks again until everything has been answered."""

    journal: str
    headers: Mapping[str, str]
    turns: Sequence[Sequence[Asking]]
    insists: bool = False
    gates: Sequence[str] = ()
    """FIFOs: it waits for somebody to write to the first before anything, to the second after its first turn."""
    dies: str = ""
    """The station it kills itself at, in its second turn."""


STATIONS: dict[str, tuple[object, str, bool]] = {
    "between COMMIT and release": (SqlWork, "commit", True),
    "before COMMIT": (SqlWork, "commit", False),
    "before the answers leave": (Sequencer, "_release", False),
    "between signing and swapping": (FileCheckpoints, "swap", False),
    "between the new file and its name": (os, "replace", False),
    "between the name and the folder": (os, "replace", True),
    "between swapping and publishing": (FileCheckpoints, "swap", True),
}
"""Where a clerk can kill itself: before a call, or after it."""


def serve_errands() -> None:
    """Forks a clerk for each line, one after the other."""
    decode = msgspec.json.Decoder(Errand).decode
    for line in sys.stdin.buffer:
        errand = decode(line)
        pid = os.fork()
        if pid == 0:
            _run(errand)
        print(pid, flush=True)  # noqa: T201 - spoken to whoever sent the errand
        _, status = os.waitpid(pid, 0)
        print(status, flush=True)  # noqa: T201


def _run(errand: Errand) -> NoReturn:
    code = 1
    try:
        # stdin and stdout are the line to whoever sends errands.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        _Clerk(errand).work()
        code = 0
    except BaseException:  # noqa: BLE001 - the process ends here, and its log says why
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


class _Clerk:
    """One run of a gateway."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._gates = list(errand.gates)
        self._journal = os.open(errand.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def work(self) -> None:
        self._pass_gate()
        gateway = wire(open_home(Path(os.environ["BIDUI_HOME"])))
        app = build(gateway)
        for number, turn in enumerate(self._errand.turns):
            if number == 1:
                self._pass_gate()
                if self._errand.dies:
                    _die_at(*STATIONS[self._errand.dies])
            self._take(app, turn)
            self._sign(gateway)
        self._insist(lambda: self._sign(gateway))
        gateway.close()

    def _pass_gate(self) -> None:
        if self._gates:
            Path(self._gates.pop(0)).read_bytes()

    def _take(self, app: ASGIApp, turn: Sequence[Asking]) -> None:
        """Asks all of a turn at once; with insistence, again what was not answered."""
        left = list(turn)

        def ask() -> bool:
            statuses = self._loop.run_until_complete(self._ask(app, left))
            left[:] = [each for each, status in zip(left, statuses, strict=True) if status not in FINAL]
            return not left

        self._insist(ask)

    def _insist(self, act: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not act() and self._errand.insists and time.monotonic() < end:
            time.sleep(PAUSE_SECONDS)

    async def _ask(self, app: ASGIApp, turn: Sequence[Asking]) -> list[int]:
        return list(await asyncio.gather(*(self._call(app, each) for each in turn)))

    async def _call(self, app: ASGIApp, asking: Asking) -> int:
        """Hands a request to the doors; what comes back is heard as soon as its last byte is there."""
        said: list[Message] = []

        async def send(message: Message) -> None:
            said.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": asking.body.encode(), "more_body": False}

        await app(_scope({**self._errand.headers, "idempotency-key": asking.key}), receive, send)
        body = b"".join(message.get("body", b"") for message in said[1:])
        status = cast("int", said[0]["status"])
        self._note(Told(kind="heard", text=body.decode(), key=asking.key, status=status))
        return status

    def _sign(self, gateway: Gateway) -> bool:
        """Signs as the task of serve does, which goes on after an error. Whether the log is signed now."""
        try:
            outcome = gateway.signer.run_once()
            latest = gateway.checkpoints.latest()
        except (GatewayError, OSError):
            return False
        if outcome.state is State.SEALED:
            gateway.pipeline.seal_log()
            self._note(Told(kind="sealed", text=outcome.cause))
        if latest:
            self._note(Told(kind="checkpoint", text=latest.decode()))
        return outcome.state in {State.SIGNED, State.UNCHANGED}

    def _note(self, told: Told) -> None:
        os.write(self._journal, msgspec.json.encode(told) + b"\n")


def _scope(headers: Mapping[str, str]) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/comparisons",
        "raw_path": b"/v1/comparisons",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8420),
        "state": {},
        "extensions": {},
    }


def _die_at(place: Any, name: str, is_after: bool) -> None:  # noqa: FBT001 - a row of the table above
    """From now on the first call there is this process's last."""
    inner = getattr(place, name)

    def last(*arguments: Any, **named: Any) -> Any:
        if is_after:
            inner(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, last)


if __name__ == "__main__":
    os.environ["BIDUI_HOME"] = sys.argv[1]
    serve_errands()
