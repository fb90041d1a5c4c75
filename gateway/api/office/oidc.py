"""Signing in through the office's identity provider, over HTTP.

A browser comes back from another site, so it brings no cookie that is `SameSite=Strict`; only the word it was sent away
with is `Lax`. It is given a page that goes on by itself, not a redirect, which would leave the new session behind.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.accounts.errors import UnauthorisedError
from gateway.accounts.federation import Arrival, Departure, Federation
from gateway.accounts.vault import CHALLENGE_SECONDS
from gateway.api.office.enrolment import NO_STORE
from gateway.api.office.guard import Guard, cookie, set_cookies
from gateway.api.office.workers import Workers

BROWSER_COOKIE = "__Host-bidui-oidc"
_LONGEST = 4096
_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>比对</title>\
<meta http-equiv="refresh" content="0;url=/"><p><a href="/">继续</a></p></html>"""
_PAGE_HEADERS = NO_STORE | {"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "no-referrer"}


@dataclass(frozen=True, kw_only=True)
class OidcDoors:
    """What stands behind them."""

    federation: Federation
    guard: Guard
    workers: Workers

    async def login(self, _: Request) -> Response:
        """`GET /v1/office/oidc/login`: away to the provider."""
        departure = await self.workers.run(lambda: self.federation.depart(self.guard.clock.now()))
        return _sent(RedirectResponse(departure.address, 303, NO_STORE), departure)

    async def bind(self, request: Request) -> Response:
        """`POST /v1/office/oidc/bind`: the address to go to, to bind one's own account."""
        signed_in = await self.guard.require(request, fresh=True)
        departure = await self.workers.run(lambda: self.federation.depart(self.guard.clock.now(), signed_in))
        return _sent(JSONResponse({"address": departure.address}, headers=NO_STORE), departure)

    async def unbind(self, request: Request) -> Response:
        """`DELETE /v1/office/oidc/bind`: nobody comes in to one's own account through the provider any more."""
        signed_in = await self.guard.require(request, fresh=True)
        await self.workers.run(lambda: self.federation.unbind(signed_in, self.guard.clock.now()))
        return Response(status_code=204, headers=NO_STORE)

    async def callback(self, request: Request) -> Response:
        """`GET /v1/office/oidc/callback`: back from the provider."""
        arrival = _arrival(request)
        opened = await self.workers.run(lambda: self.federation.arrive(arrival, self.guard.clock.now()))
        response = HTMLResponse(_PAGE, headers=_PAGE_HEADERS)
        _set_browser(response, "", 0)
        return set_cookies(response, opened) if opened else response


def oidc_routes(*, federation: Federation, guard: Guard, workers: Workers) -> list[Route]:
    """The routes."""
    doors = OidcDoors(federation=federation, guard=guard, workers=workers)
    return [
        Route("/v1/office/oidc/login", doors.login, methods=["GET"]),
        Route("/v1/office/oidc/bind", doors.bind, methods=["POST"]),
        Route("/v1/office/oidc/bind", doors.unbind, methods=["DELETE"]),
        Route("/v1/office/oidc/callback", doors.callback, methods=["GET"]),
    ]


def _arrival(request: Request) -> Arrival:
    """Raises `UnauthorisedError` for a query with a member twice, or one that is far too long."""
    query = request.query_params
    members = dict(query.multi_items())
    if len(members) != len(query.multi_items()) or len(str(query)) > _LONGEST:
        raise UnauthorisedError
    return Arrival(
        state=members.get("state", ""),
        code="" if "error" in members else members.get("code", ""),
        issuer=members.get("iss"),
        browser=cookie(request, BROWSER_COOKIE),
    )


def _sent(response: Response, departure: Departure) -> Response:
    _set_browser(response, departure.browser, CHALLENGE_SECONDS)
    return response


def _set_browser(response: Response, value: str, max_age: int) -> None:
    response.set_cookie(BROWSER_COOKIE, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="lax")
