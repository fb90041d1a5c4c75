"""The doors of an assembled gateway, asked in this process: every byte of a response is held by the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx2
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from audit import checkpoint
from audit.checkpoint import Checkpoint
from audit.tree import StoredTree
from gateway.api.app import Check, Doors, build_app
from gateway.api.catalogue import CatalogueDoor
from gateway.api.comparisons import Comparisons
from gateway.api.log import Log, log_routes
from gateway.api.openapi import document
from gateway.api.receipts import ReceiptDoor, receipt_routes
from gateway.api.spot_checks import SpotCheckDoor, spot_check_routes
from gateway.domain.budget import Used
from gateway.domain.caller import Caller
from gateway.domain.grant import Grant, local_day
from gateway.domain.reply import Reply, Request
from gateway.sequencer import Sequencer
from gateway.watch.throttle import Throttle
from tests.audit.make import LOG_SIGNERS, a_trust
from tests.fakes import MemoryStore
from tests.fakes_audit import MemoryLedger
from tests.fakes_checks import a_check_desk
from tests.gateways import Assembled
from tests.make import CATALOGUE, NOW, ORIGIN, a_caller

CALLERS = {"hr": a_caller(), "hr-2": a_caller(client="hr-2"), "tax": a_caller("tax", "tax-1")}
"""Who stands behind which `authorization` header here."""


@dataclass
class Entrance:
    """The application of a gateway, and short ways to knock."""

    gateway: Assembled
    checks: dict[str, Check] = field(default_factory=lambda: {"database": lambda: None, "seal": lambda: None})
    submit: Callable[[Request], Awaitable[Reply]] | None = None
    may_write: bool = True
    signed: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        pipeline = self.gateway.pipeline
        self.throttle = Throttle(self.gateway.clock, pipeline.in_force, lambda: None, pipeline.watch.limits)

    def app(self) -> ASGIApp:
        """The application; it belongs to the loop that first asks it something."""
        return build_app(
            Doors(
                comparisons=Comparisons(
                    identify=self.identify,
                    catalogue=CATALOGUE,
                    submit=self.submit or self._turns(),
                    take=self.throttle.take,
                ),
                catalogue=CatalogueDoor(
                    identify=self.identify,
                    catalogue=CATALOGUE,
                    held=self._held,
                    stopped=self.gateway.pipeline.stopped,
                ),
                token_routes=[],
                log_routes=[
                    *log_routes(self._log()),
                    *receipt_routes(ReceiptDoor(identify=self.identify, log=self._log())),
                ],
                statement_routes=self._spot_checks(),
                checks=self.checks,
                document=lambda: document(CATALOGUE),
            )
        )

    def identify(self, scope: Scope) -> Caller | None:
        """Stands for the proof of who is calling, which has tests of its own."""
        given = next((value.decode() for name, value in scope["headers"] if name == b"authorization"), "")
        return CALLERS.get(given)

    def sign(self) -> None:
        """Signs a checkpoint of what is in the log now."""
        store = self._ledger()
        size = store.head().size
        self.signed.append(
            checkpoint.sign(Checkpoint(ORIGIN, size, StoredTree(size, store.hashes).root()), LOG_SIGNERS, NOW)
        )

    def ask(self, *requests: httpx2.Request) -> list[httpx2.Response]:
        """All of them at once, on a loop of their own."""

        async def ask_all() -> list[httpx2.Response]:
            transport = httpx2.ASGITransport(app=self.app(), raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
                return list(await asyncio.gather(*(client.send(each) for each in requests)))

        return asyncio.run(ask_all())

    def compare(
        self,
        body: bytes,
        key: str | None = "key-1",
        caller: str | None = "hr",
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """One comparison; `None` leaves key or caller out."""
        return self.ask(comparison(body, key, caller, headers))[0]

    def post(self, path: str, body: bytes, caller: str | None = "hr") -> httpx2.Response:
        """A change that is no comparison."""
        headers = {"authorization": caller} if caller else {}
        return self.ask(httpx2.Request("POST", f"http://gateway{path}", headers=headers, content=body))[0]

    def get(self, path: str, caller: str | None = None, method: str = "GET") -> httpx2.Response:
        """Anything else."""
        headers = {"authorization": caller} if caller else {}
        return self.ask(httpx2.Request(method, f"http://gateway{path}", headers=headers))[0]

    def _turns(self) -> Callable[[Request], Awaitable[Reply]]:
        made: list[Sequencer] = []

        async def submit(request: Request) -> Reply:
            if not made:
                made.append(Sequencer(self.gateway.pipeline.turn, asyncio.get_running_loop()))
            return await made[0].submit(request)

        return submit

    async def _held(self, caller: Caller) -> Mapping[str, tuple[Grant, Used]]:
        grants = {n: grant for n, grant in self.gateway.rights.grants.items() if grant.partner == caller.partner}
        with self.gateway.store.begin() as work:
            used = work.budgets.lock(sorted(grants), local_day(self.gateway.clock.now()).toordinal())
        return {number: (grant, used[number]) for number, grant in grants.items()}

    def _spot_checks(self) -> list[Route]:
        desk = a_check_desk(self.gateway)
        return spot_check_routes(SpotCheckDoor(identify=self.identify, desk=desk, may_write=lambda: self.may_write))

    def _log(self) -> Log:
        return Log(reader=self._ledger(), latest=self._latest, trust=a_trust().encode)

    def _ledger(self) -> MemoryLedger:
        assert isinstance(self.gateway.store, MemoryStore)
        return self.gateway.store.ledger

    def _latest(self) -> bytes | None:
        return self.signed[-1] if self.signed else None


def comparison(
    body: bytes, key: str | None = "key-1", caller: str | None = "hr", headers: Mapping[str, str] | None = None
) -> httpx2.Request:
    """A comparison on its way."""
    given = {"content-type": "application/json", **(headers or {})}
    if key is not None:
        given["idempotency-key"] = key
    if caller is not None:
        given["authorization"] = caller
    return httpx2.Request("POST", "http://gateway/v1/comparisons", headers=given, content=body)


def problem_of(response: httpx2.Response) -> Mapping[str, object]:
    """The problem document of a response, which must be one."""
    assert response.headers["content-type"] == "application/problem+json"
    opened = json.loads(response.content)
    assert opened["status"] == response.status_code
    assert opened["type"].startswith("urn:bidui:problem:")
    assert opened["title"]
    assert opened["detail"]
    return {str(name): value for name, value in opened.items()}


def shows(response: httpx2.Response, *words: str) -> list[str]:
    """Which of these words stand anywhere in a response, spelled out or escaped."""
    text = response.text + json.dumps(dict(response.headers)) + response.content.decode("unicode_escape", "replace")
    return [word for word in words if word in text]
