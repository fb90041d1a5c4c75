"""The gateway in this process, a turn at a time: through the door and the pipeline, every stage timed on its own.

The stages are methods of the wired parts, wrapped from outside, so what is measured is the product and no copy of it.
Not in it is what stands before the door: the HTTP server, the event loop and the metrics. The sealing process is a
real one.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.types import Message, Scope

from gateway.api.comparisons import PATH, Comparisons
from gateway.domain.reply import Answered, Reply, Request
from ops.bench.figures import BenchError
from ops.bench.servers import database, free_ports, sealer
from ops.bench.serving import patient
from ops.bench.stage import headers, renew
from ops.bench.stopwatch import Spent, Stopwatch
from ops.bench.watching import cores, pinned
from ops.settings import Home
from ops.wiring import Gateway, wire


@contextmanager
def turns_of(home: Home, engine: str) -> Iterator[tuple[Turns, int]]:
    """A gateway ready to take turns, alone on its core, and the sealing process's id."""
    core, other = cores()
    with database(engine, other) as where:
        port, metrics_port = free_ports(2)
        renew(home, port, metrics_port, where.url)
        with sealer(home, other) as sealing, pinned(core):
            gateway = patient(wire(home))
            gc.collect()
            gc.freeze()
            try:
                yield Turns(gateway, headers(home)), sealing
            finally:
                gc.unfreeze()
                gateway.close()


class Turns:
    """Takes turns through the door and the pipeline of a gateway, as the sequencer would, without a loop."""

    def __init__(self, gateway: Gateway, headers: Mapping[str, str]) -> None:
        self.gateway = gateway
        self._watch = Stopwatch()
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        identify = self._watch.timed("identify", gateway.identity.identify)
        self._door = Comparisons(
            identify=identify, catalogue=gateway.catalogue, submit=_submit, take=gateway.throttle.take
        )
        self._watch_parts()

    def take(self, bodies: Sequence[bytes]) -> dict[str, Spent]:
        """What one turn of these requests spent on each stage. Raises `BenchError` when one was not answered."""
        visits = [_Visit(body, self._headers) for body in bodies]
        with self._watch.stage("parse"):
            requests = [visit.enter(self._door) for visit in visits]
        with self._watch.stage("the rest of the turn"):
            replies = self._drive(requests)
        with self._watch.stage("render"):
            for visit, reply in zip(visits, replies, strict=True):
                visit.leave(reply)
        if not all(isinstance(reply, Answered) for reply in replies):
            raise BenchError("a question of the bench was not answered; delete the work folder and try again")
        return self._watch.take()

    def _drive(self, requests: Sequence[Request]) -> list[Reply]:
        turn = self.gateway.pipeline.turn(requests)
        while True:
            try:
                waits = next(turn)
            except StopIteration as end:
                replies: list[Reply] = end.value
                return replies
            if hasattr(waits, "questions"):
                self._watch.wrap(waits, "questions", "seal: wait and read")
            else:
                self._watch.wrap(waits, "finish", "commit")

    def _watch_parts(self) -> None:
        pipeline, watch = self.gateway.pipeline, self._watch
        for method in ("judge", "recall", "reserve", "settle", "compare", "disclose", "record"):
            watch.wrap(pipeline, f"_{method}", method)
        watch.wrap(pipeline.seal, "ask", "seal: ask")
        watch.wrap(pipeline.index, "find", "find")
        watch.wrap(pipeline.recorder.ledger, "append", "record: entries and tree")
        watch.wrap(pipeline.recorder, "_reply", "record: receipts")
        watch.wrap(pipeline.idempotency, "remember", "record: encrypt for repeats")
        # The store holds one work and begins it again for every turn.
        with pipeline.store.begin() as work:
            watch.wrap(work.ledger, "append", "store: ledger rows")
            watch.wrap(work.answers, "remember", "store: repeats")
            watch.wrap(work, "committing", "commit")


class _Visit:
    """One request at the door: goes in until it waits for its turn, and out with the reply."""

    def __init__(self, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        key = (b"idempotency-key", os.urandom(12).hex().encode())
        length = (b"content-length", str(len(body)).encode())
        self._scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": PATH,
            "headers": [*headers, key, length],
            "client": ("127.0.0.1", 1),
        }
        self._body = body
        self._coroutine: Coroutine[_Pause, Reply | None, None] | None = None

    def enter(self, door: Comparisons) -> Request:
        self._coroutine = door(self._scope, self._receive, _send)
        return self._coroutine.send(None).request

    def leave(self, reply: Reply) -> None:
        assert self._coroutine is not None
        try:
            self._coroutine.send(reply)
        except StopIteration:
            return
        raise BenchError("the door waits for more than a reply; change ops/bench/stages.py")

    async def _receive(self) -> Message:
        return {"type": "http.request", "body": self._body, "more_body": False}


@dataclass(frozen=True)
class _Pause:
    """Stands where a request waits for its turn; whoever drives the coroutine brings the reply."""

    request: Request

    def __await__(self) -> Generator[_Pause, Reply, Reply]:
        return (yield self)


async def _submit(request: Request) -> Reply:
    return await _Pause(request)


async def _send(_: Message) -> None:
    return
