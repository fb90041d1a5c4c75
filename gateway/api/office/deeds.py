"""Deeds over HTTP: draw up, read, narrow, refuse, sign. Who may do what follows from the deed, not from the door.

People of a partner see the deeds of their partner alone; people of the 编办 see all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.accounts.values import SignedIn
from gateway.api.office.bodies import read_body
from gateway.api.office.deed_bodies import (
    LARGE,
    LARGEST,
    DrawBody,
    NarrowBody,
    RefusalBody,
    SignatureBody,
    StatementBody,
    exported,
    statement_document,
    summary,
    whole,
)
from gateway.api.office.guard import OF_THE_OFFICE, Guard
from gateway.api.problems import problem
from gateway.deeds.checking import next_step
from gateway.deeds.deadlines import Times
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import Kept
from gateway.deeds.lapse import parameters_in
from gateway.deeds.signature import Statement, write_time
from gateway.deeds.steps import USUAL, path_of
from gateway.domain.people import PARTNER_DUTIES, Person
from gateway.drafting import ForbiddenError
from gateway.office import Office

NO_STORE = {"Cache-Control": "no-store"}
DRAW_RULEBOOKS = path_of(Kind.RULEBOOKS, USUAL)[0].duties
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class DeedDoors:
    """What stands behind them. The office is asked in threads: it waits for the database."""

    office: Office
    guard: Guard

    async def draw(self, request: Request) -> Response:
        """`POST /v1/office/deeds`"""
        who = await self.guard.require(request)
        body = await read_body(request, DrawBody, LARGEST if who.person.duty in DRAW_RULEBOOKS else LARGE)
        kept = await self._ask(lambda: self.office.draw(who.person, body.parse()))
        return JSONResponse(summary(kept, who.person, await self._times()), 201, NO_STORE)

    async def pending(self, request: Request) -> Response:
        """`GET /v1/office/deeds`: what waits for a signature, `?mine=true` for mine."""
        who = await self.guard.require(request)
        kept = [each for each in await self._ask(self.office.pending) if _sees(who.person, each)]
        times = await self._times()
        told = [summary(each, who.person, times) for each in kept]
        if request.query_params.get("mine") == "true":
            told = [each for each in told if each["waits_for_me"]]
        return JSONResponse({"deeds": told}, headers=NO_STORE)

    async def history(self, request: Request) -> Response:
        """`GET /v1/office/deeds/{kind}/{id}`: every version that ever was of one thing."""
        who = await self.guard.require(request)
        kind, deed_id = request.path_params["kind"], request.path_params["id"]
        kept = [each for each in await self._ask(lambda: self.office.history(kind, deed_id)) if _sees(who.person, each)]
        if not kept:
            return _not_found()
        standing, now = await self._ask(self.office.standing), self.guard.clock.now()
        return JSONResponse({"versions": [whole(each, who.person, standing, now) for each in kept]}, headers=NO_STORE)

    async def export(self, request: Request) -> Response:
        """`GET /v1/office/deeds/{kind}/{id}/export`: a deed in force (`?serial=2` for that one), to be checked offline.

        The people's deeds that it needs hold names, so partners' people are not given it.
        """
        await self.guard.require(request, *OF_THE_OFFICE)
        kind, serial = request.path_params["kind"], request.query_params.get("serial", "0")
        if kind not in list(Kind) or not serial.isdecimal() or len(serial) > 7:
            return _not_found()
        found = await self._ask(lambda: self.office.exported(Kind(kind), request.path_params["id"], int(serial)))
        if found is None:
            return _not_found()
        return JSONResponse(exported(self.office.reader.foundation, *found), headers=NO_STORE)

    async def read(self, request: Request) -> Response:
        """`GET /v1/office/deeds/{digest}`: one deed that waits for a signature."""
        who = await self.guard.require(request)
        kept = await self._pending(who, request.path_params["digest"])
        if kept is None:
            return _not_found()
        standing, now = await self._ask(self.office.standing), self.guard.clock.now()
        return JSONResponse(whole(kept, who.person, standing, now), headers=NO_STORE)

    async def narrow(self, request: Request) -> Response:
        """`POST /v1/office/deeds/{digest}/narrowing`"""
        who = await self.guard.require(request)
        body, named = await read_body(request, NarrowBody, LARGE), request.path_params["digest"]
        kept = await self._ask(lambda: self.office.narrow(who.person, named, body.parse(), body.reason))
        return JSONResponse(summary(kept, who.person, await self._times()), 201, NO_STORE)

    async def refuse(self, request: Request) -> Response:
        """`POST /v1/office/deeds/{digest}/refusal`"""
        who = await self.guard.require(request)
        body, named = await read_body(request, RefusalBody), request.path_params["digest"]
        kept = await self._ask(lambda: self.office.refuse(who.person, named, body.reason))
        return JSONResponse(summary(kept, who.person, await self._times()), headers=NO_STORE)

    async def statement(self, request: Request) -> Response:
        """`POST /v1/office/statements`: the bytes to sign for the next step of these deeds, with our time in them."""
        who = await self.guard.require(request)
        body = await read_body(request, StatementBody)
        deeds = body.named()
        steps = [await self._next_step(who, named) for named in deeds]
        if len(set(steps)) != 1:
            raise DeedError("一并签署的文书须等待同一环节，请分开签署")
        at = write_time(self.guard.clock.now())
        stated = Statement(self.office.log, steps[0], who.person.id, body.kid, at, deeds)
        return JSONResponse(statement_document(stated), headers=NO_STORE)

    async def sign(self, request: Request) -> Response:
        """`POST /v1/office/signatures`: needs a second factor shown lately."""
        who = await self.guard.require(request, fresh=True)
        body = await read_body(request, SignatureBody)
        done = await self._ask(lambda: self.office.sign(who.person, body.parse(who.person.id)))
        times = await self._times()
        return JSONResponse({"deeds": [summary(each, who.person, times) for each in done]}, 201, NO_STORE)

    async def _times(self) -> Times:
        standing = await self._ask(self.office.standing)
        return Times(parameters_in(standing), self.guard.clock.now())

    async def _next_step(self, who: SignedIn, named: str) -> str:
        kept = await self._pending(who, named)
        step = next_step(kept.opened()) if kept else None
        if step is None:
            raise DeedError("待签文书中没有这一稿，请重新查看")
        return step.name

    async def _pending(self, who: SignedIn, named: str) -> Kept | None:
        for kept in await self._ask(self.office.pending):
            if kept.opened().digest == named and _sees(who.person, kept):
                return kept
        return None

    async def _ask(self, act: Callable[[], Result]) -> Result:
        return await asyncio.to_thread(act)


def deed_routes(doors: DeedDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/deeds", doors.draw, methods=["POST"]),
        Route("/v1/office/deeds", doors.pending, methods=["GET"]),
        Route("/v1/office/deeds/{digest:str}", doors.read, methods=["GET"]),
        Route("/v1/office/deeds/{digest:str}/narrowing", doors.narrow, methods=["POST"]),
        Route("/v1/office/deeds/{digest:str}/refusal", doors.refuse, methods=["POST"]),
        Route("/v1/office/deeds/{kind:str}/{id:str}", doors.history, methods=["GET"]),
        Route("/v1/office/deeds/{kind:str}/{id:str}/export", doors.export, methods=["GET"]),
        Route("/v1/office/statements", doors.statement, methods=["POST"]),
        Route("/v1/office/signatures", doors.sign, methods=["POST"]),
    ]


async def deed_problem(_: Request, error: Exception) -> Response:
    """What is wrong with a deed, said to somebody who is signed in."""
    if isinstance(error, ForbiddenError):
        return problem("forbidden", 403, str(error))
    return problem("invalid", 422, str(error))


def _sees(person: Person, kept: Kept) -> bool:
    return person.duty not in PARTNER_DUTIES or kept.partner == person.partner


def _not_found() -> Response:
    return problem("not-found", 404, "没有此文书，或它不属于本部门")
