"""Signing in and out over HTTP, stepping up, and one's own account. Browsers and commands use the same doors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.accounts.renewal import Renewal
from gateway.accounts.signing_in import SignIn, SignInAttempt
from gateway.accounts.values import Opened, SignedIn
from gateway.api.office.bodies import (
    NewKeyBody,
    PasswordBody,
    SignInBody,
    SignOutBody,
    StepUpBody,
    from_text,
    read_body,
    to_text,
)
from gateway.api.office.enrolment import NO_STORE, person_document
from gateway.api.office.guard import DEVICE_COOKIE, SESSION_COOKIE, Guard, cookie, end_cookie, set_cookies
from gateway.api.office.workers import Workers


class KnowsAddresses(Protocol):
    """Reads from an ASGI scope where the connection comes from."""

    def address(self, scope: Mapping[str, object]) -> str:
        """The client's address, empty when it is not known."""
        ...


@dataclass(frozen=True, kw_only=True)
class SignInDoors:
    """What stands behind them."""

    sign_in: SignIn
    renewal: Renewal
    guard: Guard
    edge: KnowsAddresses
    workers: Workers

    async def open(self, request: Request) -> Response:
        """`POST /v1/office/sign-in`"""
        self.guard.check_site(request)
        body = await read_body(request, SignInBody)
        attempt = SignInAttempt(
            account=body.account,
            password=body.password,
            second=body.second.parse(),
            address=self.edge.address(request.scope),
            device=cookie(request, DEVICE_COOKIE),
            session=cookie(request, SESSION_COOKIE),
        )
        return _opened(await self.workers.run(lambda: self.sign_in.sign_in(attempt, self.guard.clock.now())))

    async def step_up(self, request: Request) -> Response:
        """`POST /v1/office/step-up`"""
        signed_in = await self.guard.require(request)
        second = (await read_body(request, StepUpBody)).second.parse()
        return _opened(await self.workers.run(lambda: self.sign_in.step_up(signed_in, second, self.guard.clock.now())))

    async def sign_out(self, request: Request) -> Response:
        """`POST /v1/office/sign-out`"""
        signed_in = await self.guard.require(request)
        body = await read_body(request, SignOutBody)
        sessions = self.sign_in.sessions
        end = sessions.end_all if body.everywhere else sessions.end
        await asyncio.to_thread(end, signed_in, self.guard.clock.now())
        return end_cookie(Response(status_code=204, headers=NO_STORE))

    async def session(self, request: Request) -> Response:
        """`GET /v1/office/session`"""
        return JSONResponse(session_document(await self.guard.require(request)), headers=NO_STORE)

    async def password(self, request: Request) -> Response:
        """`POST /v1/office/password`"""
        signed_in = await self.guard.require(request, fresh=True)
        body = await read_body(request, PasswordBody)
        await self.workers.run(
            lambda: self.renewal.change_password(signed_in, body.old, body.new, self.guard.clock.now())
        )
        return end_cookie(Response(status_code=204, headers=NO_STORE))

    async def recovery_codes(self, request: Request) -> Response:
        """`POST /v1/office/recovery-codes`"""
        signed_in = await self.guard.require(request, fresh=True)
        codes = await asyncio.to_thread(self.renewal.replace_recovery_codes, signed_in, self.guard.clock.now())
        return JSONResponse({"recovery_codes": codes}, 201, NO_STORE)

    async def begin_key(self, request: Request) -> Response:
        """`POST /v1/office/keys/begin`"""
        signed_in = await self.guard.require(request, fresh=True)
        challenge, creation = await asyncio.to_thread(self.renewal.begin_key, signed_in, self.guard.clock.now())
        return JSONResponse({"challenge": to_text(challenge), "creation": creation}, headers=NO_STORE)

    async def finish_key(self, request: Request) -> Response:
        """`POST /v1/office/keys/finish`"""
        signed_in = await self.guard.require(request, fresh=True)
        body = await read_body(request, NewKeyBody)
        challenge, proof, now = from_text(body.challenge, "challenge"), body.key.parse(), self.guard.clock.now()
        kid = await asyncio.to_thread(
            lambda: self.renewal.add_key(signed_in, challenge, proof, now, replaces=body.replaces)
        )
        return JSONResponse({"fingerprint": kid}, 201, NO_STORE)


def sign_in_routes(
    *, sign_in: SignIn, renewal: Renewal, guard: Guard, edge: KnowsAddresses, workers: Workers
) -> list[Route]:
    """The routes."""
    doors = SignInDoors(sign_in=sign_in, renewal=renewal, guard=guard, edge=edge, workers=workers)
    posts = {
        "sign-in": doors.open,
        "step-up": doors.step_up,
        "sign-out": doors.sign_out,
        "password": doors.password,
        "recovery-codes": doors.recovery_codes,
        "keys/begin": doors.begin_key,
        "keys/finish": doors.finish_key,
    }
    routes = [Route(f"/v1/office/{path}", door, methods=["POST"]) for path, door in posts.items()]
    return [*routes, Route("/v1/office/session", doors.session, methods=["GET"])]


def session_document(signed_in: SignedIn) -> dict[str, object]:
    """What a page or program knows about its own session. `token` goes into `X-Bidui-Token` with every change."""
    return {
        "person": person_document(signed_in.person),
        "level": signed_in.level.value,
        "fresh_until": signed_in.fresh_until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "token": signed_in.csrf,
    }


def _opened(opened: Opened) -> Response:
    return set_cookies(JSONResponse(session_document(opened.signed_in), headers=NO_STORE), opened)
