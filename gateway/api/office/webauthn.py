"""What pages ask authenticators, over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.accounts.asking import Asking
from gateway.accounts.signing_in import SIGN_IN, STEP_UP
from gateway.api.office.bodies import OptionsBody, from_text, read_body
from gateway.api.office.enrolment import NO_STORE
from gateway.api.office.guard import Guard
from gateway.domain.errors import InvalidQueryError

SIGN = "sign"


@dataclass(frozen=True, kw_only=True)
class WebAuthnDoors:
    """What stands behind them."""

    asking: Asking
    guard: Guard

    async def options(self, request: Request) -> Response:
        """`POST /v1/office/webauthn/options`"""
        self.guard.check_site(request)
        body = await read_body(request, OptionsBody)
        options = await self._options(request, body)
        return JSONResponse({"options": options}, headers=NO_STORE)

    async def _options(self, request: Request, body: OptionsBody) -> dict[str, object]:
        now = self.guard.clock.now()
        if body.use == SIGN_IN:
            return await asyncio.to_thread(self.asking.to_sign_in, body.account, now)
        signed_in = await self.guard.require(request)
        if body.use == STEP_UP:
            return await asyncio.to_thread(self.asking.to_step_up, signed_in, now)
        if body.use == SIGN:
            return await asyncio.to_thread(self.asking.to_sign, signed_in, from_text(body.challenge, "challenge"))
        raise InvalidQueryError(f"use 应为 {SIGN_IN}、{STEP_UP} 或 {SIGN}", "use")


def webauthn_routes(*, asking: Asking, guard: Guard) -> list[Route]:
    """The route."""
    doors = WebAuthnDoors(asking=asking, guard=guard)
    return [Route("/v1/office/webauthn/options", doors.options, methods=["POST"])]
