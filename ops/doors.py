"""The doors of a gateway as they are served: what stands behind each, the queue before the turns, what is measured."""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.identity.metadata import key_set, server_metadata
from adapters.index.absent import AbsentIndex
from adapters.lane import Lane
from adapters.metrics import Metrics
from gateway.api.app import Check, Doors, build_app
from gateway.api.catalogue import CatalogueDoor
from gateway.api.comparisons import PATH, Comparisons
from gateway.api.log import Log, log_routes
from gateway.api.office.state import Shut
from gateway.api.openapi import document
from gateway.api.receipts import ReceiptDoor, receipt_routes
from gateway.api.spot_checks import SpotCheckDoor, spot_check_routes
from gateway.api.statements import StatementDoor, statement_routes
from gateway.api.token import token_routes
from gateway.api.witness import witness_routes
from gateway.domain.errors import GatewayError
from gateway.domain.reply import Reply, Request
from gateway.sequencer import Sequencer, Tell
from ops.wiring import Gateway


class Queue:
    """The sequencer of a gateway, and the one door for comparisons before it, which both ways in lead to.

    The sequencer belongs to the loop that first asks it something.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._made: Sequencer | None = None
        self.door = Comparisons(
            identify=gateway.identity.identify,
            catalogue=gateway.catalogue,
            submit=self.submit,
            take=gateway.throttle.take,
        )

    def put(self, request: Request, tell: Tell) -> None:
        self._sequencer().put(request, tell)

    async def submit(self, request: Request) -> Reply:
        return await self._sequencer().submit(request)

    def _sequencer(self) -> Sequencer:
        if self._made is None:
            grid = self._gateway.settings.grid_milliseconds / 1000
            self._made = Sequencer(self._gateway.pipeline.turn, asyncio.get_running_loop(), grid)
        return self._made


def build(gateway: Gateway, queue: Queue | None = None) -> ASGIApp:
    """The application of a gateway."""
    log = Log(
        reader=gateway.reader,
        latest=gateway.checkpoints.latest,
        witnessed=gateway.witness.witnessed,
        trust=gateway.log_keys.trust,
    )
    doors = Doors(
        comparisons=(queue or Queue(gateway)).door,
        catalogue=CatalogueDoor(
            identify=gateway.identity.identify,
            catalogue=gateway.catalogue,
            held=gateway.held,
            stopped=gateway.pipeline.stopped,
        ),
        token_routes=token_routes(
            issuer=gateway.identity.endpoint,
            keeper=gateway.identity.keeper,
            edge=gateway.identity.edge,
            metadata=server_metadata(gateway.settings.issuer),
            keys=key_set([gateway.identity.jwk]),
        ),
        log_routes=[
            *witness_routes(gateway.witness.door),
            *log_routes(log),
            *receipt_routes(ReceiptDoor(identify=gateway.identity.identify, log=log)),
        ],
        office_routes=gateway.people.routes(gateway.identity.edge),
        statement_routes=[
            *statement_routes(StatementDoor(identify=gateway.identity.identify, desk=gateway.people.statements)),
            *spot_check_routes(
                SpotCheckDoor(
                    identify=gateway.identity.identify,
                    desk=gateway.people.checks,
                    may_write=lambda: gateway.people.log_state.standing.may_write,
                )
            ),
        ],
        checks=_checks(gateway),
        document=lambda: document(gateway.catalogue),
        broke=gateway.pipeline.broke,
    )
    return Shut(build_app(doors), lambda: gateway.people.log_state.standing.may_write)


def lane(gateway: Gateway, queue: Queue) -> Lane:
    """The short way to the door for comparisons."""
    return Lane(
        door=queue.door,
        put=queue.put,
        measured=lambda status, seconds: gateway.metrics.request(PATH, status, seconds),
        broke=gateway.pipeline.broke,
    )


class Measured:
    """Counts and times what goes through; the outermost layer, so that it sees what the caller sees."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route = scope["path"] if scope["path"] in self._routes else "other"
            self._metrics.request(route, status, time.perf_counter() - started)


def _checks(gateway: Gateway) -> dict[str, Check]:
    def database() -> str | None:
        return None if gateway.reader.head().size else "the log is not opened; run `bidui init`"

    def index() -> str | None:
        # What is published is answered from only once it is adopted.
        is_adopted = not isinstance(gateway.pipeline.index, AbsentIndex)
        return None if is_adopted and gateway.generations.newest() else "there is no index; run `bidui sync`"

    def seal() -> str | None:
        return None if gateway.probe.is_alive() else "the sealing process does not answer"

    def ledger() -> str | None:
        return "the log is sealed" if gateway.pipeline.is_sealed else None

    return {"database": _guarded(database), "index": _guarded(index), "seal": _guarded(seal), "log": _guarded(ledger)}


def _guarded(check: Check) -> Check:
    def look() -> str | None:
        try:
            return check()
        except (GatewayError, OSError) as error:
            return type(error).__name__

    return look
