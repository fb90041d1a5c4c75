"""Where the time of one turn goes: the gateway in this process, stage by stage, the sealing process a real one.

The stages are methods of the wired parts, wrapped from outside, so what is measured is the product and no copy of it.
Not in it is what stands before the door: the HTTP server, the event loop and the metrics.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Message, Scope

from gateway.api.comparisons import PATH, Comparisons
from gateway.domain.reply import Answered, Reply, Request
from ops.bench.figures import BenchError, Figure, Report
from ops.bench.persons import Persons
from ops.bench.questions import bodies
from ops.bench.servers import database, free_ports, sealer
from ops.bench.stage import headers, prepare, renew
from ops.bench.stopwatch import Spent, Stopwatch
from ops.bench.watching import cores, cpu_seconds, pinned
from ops.wiring import Gateway, wire
from policies.catalogue import load_catalogue

TURN = 32
WARM_TURNS = 10


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large, how many turns, and where control data and index lie."""

    persons: int
    rules: int
    turns: int
    engine: str = "sqlite"


def measure(work: Path, sizes: Sizes) -> Report:
    """Runs turns of 32 requests and says what each stage took of them. Raises `BenchError`."""
    home = prepare(work, sizes.persons, sizes.rules)
    core, other = cores()
    with database(sizes.engine, other) as where:
        port, metrics_port = free_ports(2)
        renew(home, port, metrics_port, where.url)
        with sealer(home, other) as sealing, pinned(core):
            turns = _Turns(wire(home), headers(home))
            turns.run(bodies(Persons(load_catalogue()), sizes.persons, WARM_TURNS * TURN))
            before = cpu_seconds([sealing])
            spent = turns.run(bodies(Persons(load_catalogue()), sizes.persons, sizes.turns * TURN, seed=2))
            sealed = (cpu_seconds([sealing]) - before) / (sizes.turns * TURN) * 1e6
            turns.gateway.close()
    return _report(sizes, spent, sealed)


def _report(sizes: Sizes, spent: Sequence[Mapping[str, Spent]], sealed: float) -> Report:
    return Report(
        part="stages",
        sizes={name: getattr(sizes, name) for name in ("engine", "persons", "rules", "turns")} | {"turn": TURN},
        tables={
            "CPU us a request": _figures([{stage: each.cpu for stage, each in turn.items()} for turn in spent]),
            "wall us a request": _figures([{stage: each.wall for stage, each in turn.items()} for turn in spent]),
            "CPU us a request, sealing process": {"all of it": Figure.once(sealed)},
        },
        checks=[],
    )


def _figures(turns: Sequence[Mapping[str, int]]) -> dict[str, Figure]:
    """Each stage, and all of them together, per request."""
    stages = {stage: [turn.get(stage, 0) for turn in turns] for stage in turns[0]}
    stages["all of them"] = [sum(turn.values()) for turn in turns]
    return {stage: Figure.of([nanoseconds / TURN / 1000 for nanoseconds in each]) for stage, each in stages.items()}


class _Turns:
    """Takes turns through the door and the pipeline of a gateway, as the sequencer would, without a loop."""

    def __init__(self, gateway: Gateway, headers: Mapping[str, str]) -> None:
        self.gateway = gateway
        self._watch = Stopwatch()
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        identify = self._watch.timed("identify", gateway.identity.identify)
        self._door = Comparisons(identify=identify, catalogue=gateway.catalogue, submit=_submit)
        self._watch_parts()

    def run(self, bodies: Sequence[bytes]) -> list[dict[str, Spent]]:
        """What each turn spent on each stage."""
        gc.collect()
        gc.freeze()
        try:
            return [self._turn(bodies[start : start + TURN]) for start in range(0, len(bodies), TURN)]
        finally:
            gc.unfreeze()

    def _turn(self, bodies: Sequence[bytes]) -> dict[str, Spent]:
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
                sealing = next(turn)
            except StopIteration as end:
                replies: list[Reply] = end.value
                return replies
            self._watch.wrap(sealing, "questions", "seal: wait and read")

    def _watch_parts(self) -> None:
        pipeline, watch = self.gateway.pipeline, self._watch
        for method in ("judge", "recall", "reserve", "settle", "compare", "disclose", "record"):
            watch.wrap(pipeline, f"_{method}", method)
        watch.wrap(self.gateway.pipeline.seal, "ask", "seal: ask")
        watch.wrap(pipeline.index, "find", "find")
        watch.wrap(pipeline.recorder.ledger, "append", "record: entries and tree")
        watch.wrap(pipeline.recorder, "_reply", "record: receipts")
        watch.wrap(pipeline.idempotency, "remember", "record: encrypt for repeats")
        # The store holds one work and begins it again for every turn.
        with pipeline.store.begin() as work:
            watch.wrap(work.ledger, "append", "store: ledger rows")
            watch.wrap(work.answers, "remember", "store: repeats")
            watch.wrap(work, "commit", "commit")


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
