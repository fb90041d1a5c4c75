"""All doors of the gateway as one ASGI application. Wiring hands in what each door needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.accounts.errors import AccountError
from gateway.api.catalogue import CatalogueDoor
from gateway.api.comparisons import PATH, Comparisons
from gateway.api.office.deeds import deed_problem
from gateway.api.office.problems import account_problem
from gateway.api.problems import of_error, problem, unavailable
from gateway.api.witness import ADD as WITNESS
from gateway.deeds.errors import DeedError
from gateway.domain.errors import GatewayError

READY_SECONDS = 1.0
Check = Callable[[], str | None]
"""Looks at one thing the gateway needs; None when it is well, else what is wrong, for operators."""
Handler = Callable[[HttpRequest], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What stands behind the routes."""

    comparisons: Comparisons
    catalogue: CatalogueDoor
    token_routes: Sequence[Route]
    log_routes: Sequence[Route]
    office_routes: Sequence[Route] = ()
    statement_routes: Sequence[Route] = ()
    checks: Mapping[str, Check]
    document: Callable[[], dict[str, object]]
    broke: Callable[[int, str], None] = lambda _, __: None
    """Told how many requests broke, and the name of what was raised."""


def build_app(doors: Doors) -> ASGIApp:
    """The application. Its description at `/openapi.json` is ours, word for word."""
    return _Front(doors.comparisons, _framework(doors), doors.broke)


class _Front:
    """Leads comparisons straight to their door, and everything else through the framework."""

    def __init__(self, comparisons: ASGIApp, others: ASGIApp, broke: Callable[[int, str], None]) -> None:
        self._comparisons = comparisons
        self._others = others
        self._broke = broke

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._others(scope, receive, send)
            return
        try:
            await self._comparisons(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - whatever broke, the caller gets a problem and not a word of it
            self._broke(1, type(error).__name__)
            await unavailable()(scope, receive, send)


def _framework(doors: Doors) -> FastAPI:
    app = FastAPI(title="Bidui 比对", docs_url=None, redoc_url=None, openapi_url=None)
    app.router.redirect_slashes = False
    app.router.routes += [
        Route(PATH, doors.comparisons, methods=["POST"]),
        Route("/v1/catalogue", _endpoint(doors.catalogue), methods=["GET"]),
        Route("/openapi.json", _endpoint(_Document(doors.document)), methods=["GET"]),
        Route("/healthz", _endpoint(_alive), methods=["GET"]),
        Route("/readyz", _endpoint(_Ready(doors.checks)), methods=["GET"]),
        *doors.token_routes,
        *doors.log_routes,
        *doors.office_routes,
        *doors.statement_routes,
    ]
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(AccountError, account_problem)
    app.add_exception_handler(DeedError, deed_problem)
    app.add_exception_handler(GatewayError, _gateway_problem)
    app.add_exception_handler(Exception, _broken)
    return app


def _endpoint(handler: Handler) -> Handler:
    """Starlette takes a coroutine function for an endpoint, and an object for an application of its own."""

    async def endpoint(request: HttpRequest) -> Response:
        return await handler(request)

    return endpoint


async def _alive(_: HttpRequest) -> Response:
    return JSONResponse({"status": "ok"})


class _Ready:
    """Looks at everything, off the loop and at most once a second, however often it is asked."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._states: dict[str, bool] = {}
        self._until = 0.0
        self._one = asyncio.Lock()

    async def __call__(self, _: HttpRequest) -> Response:
        async with self._one:
            if time.monotonic() >= self._until:
                self._states = await asyncio.to_thread(self._look)
                self._until = time.monotonic() + READY_SECONDS
        ready = bool(self._states) and all(self._states.values())
        return JSONResponse({"ready": ready, "checks": self._states}, 200 if ready else 503)

    def _look(self) -> dict[str, bool]:
        return {name: check() is None for name, check in self._checks.items()}


@dataclass(frozen=True)
class _Document:
    document: Callable[[], dict[str, object]]

    async def __call__(self, _: HttpRequest) -> Response:
        return JSONResponse(self.document())


ROUTES = frozenset(
    {PATH, "/v1/catalogue", "/openapi.json", "/healthz", "/readyz", "/oauth/token", "/v1/log/checkpoint", WITNESS}
)
"""Paths that metrics tell apart; every other is one."""


async def _http_problem(_: HttpRequest, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        return problem("method-not-allowed", 405, "请改用接口说明中的请求方法，见 /openapi.json", headers=headers)
    return problem("not-found", 404, "请核对路径，见 /openapi.json")


async def _gateway_problem(_: HttpRequest, error: Exception) -> Response:
    return of_error(error if isinstance(error, GatewayError) else GatewayError())


async def _broken(_: HttpRequest, __: Exception) -> Response:
    return unavailable()
