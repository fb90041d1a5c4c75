"""Statements for the systems they are about.

`GET /v1/statements?day=` · `GET /v1/statements/entries?day=&after=` · `POST /v1/statements/disputes`
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from hmac import compare_digest
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.body import MAX_BODY_BYTES, TooLargeError, convert, read
from gateway.api.identify import Identify, admit
from gateway.api.problems import problem, too_large
from gateway.domain.caller import Caller
from gateway.domain.errors import InvalidQueryError, UnprovenError
from gateway.statements.desk import MOST_LINES, StatementDesk, as_json
from gateway.statements.keeping import KeptStatement

NO_STORE: Final = {"Cache-Control": "no-store"}
PATH: Final = "/v1/statements"
MOST_INDEX: Final = 10**15
_NOT_YET: Final = "该日的对账单尚未出具，或本系统当日没有对账单；次日零时后不久出具"
Result = TypeVar("Result")


class DisputeBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/statements/disputes`: entries that the system does not know, and receipts that the statement lacks."""

    day: str
    unknown: list[int] = []
    missing: list[int] = []


@dataclass(frozen=True, kw_only=True)
class StatementDoor:
    """The doors. Whoever knocks is told of their own system alone."""

    identify: Identify
    desk: StatementDesk

    async def show(self, request: Request) -> Response:
        """`GET /v1/statements`"""
        caller = await admit(self.identify, request.scope)
        if not isinstance(caller, Caller):
            return caller
        kept = await self._kept(caller, request.query_params.get("day", ""))
        if kept is None:
            return problem("not-found", 404, _NOT_YET)
        operators = await _ask(lambda: self.desk.operators(kept))
        return JSONResponse({"statement": as_json(kept.document), "operators": operators}, headers=NO_STORE)

    async def entries(self, request: Request) -> Response:
        """`GET /v1/statements/entries`"""
        caller = await admit(self.identify, request.scope)
        if not isinstance(caller, Caller):
            return caller
        after = _after(request.query_params.get("after", "-1"))
        kept = await self._kept(caller, request.query_params.get("day", ""))
        if kept is None:
            return problem("not-found", 404, _NOT_YET)
        lines = await _ask(lambda: self.desk.lines(kept, after))
        told = {"entries": msgspec.to_builtins(lines), "more": len(lines) == MOST_LINES}
        return JSONResponse(told, headers=NO_STORE)

    async def dispute(self, request: Request) -> Response:
        """`POST /v1/statements/disputes`"""
        caller = await admit(self.identify, request.scope)
        if not isinstance(caller, Caller):
            return caller
        try:
            content = await read(request.scope, request.receive)
        except TooLargeError:
            return too_large(MAX_BODY_BYTES)
        if caller.body_sha256 is not None and not compare_digest(sha256(content).digest(), caller.body_sha256):
            raise UnprovenError("the body is not the one that was signed")
        body = convert(content, DisputeBody)
        kept = await self._kept(caller, body.day)
        if kept is None:
            return problem("not-found", 404, _NOT_YET)
        raised = await _ask(lambda: self.desk.dispute(kept, body.unknown, body.missing))
        return JSONResponse({"dispute": raised.id, "entry": raised.entry}, 201, headers=NO_STORE)

    async def _kept(self, caller: Caller, day: str) -> KeptStatement | None:
        wanted = day_of(day)
        return await _ask(lambda: self.desk.find(wanted, caller.partner, caller.client_id))


def statement_routes(door: StatementDoor) -> list[Route]:
    """The routes."""
    return [
        Route(PATH, door.show, methods=["GET"]),
        Route(f"{PATH}/entries", door.entries, methods=["GET"]),
        Route(f"{PATH}/disputes", door.dispute, methods=["POST"]),
    ]


def day_of(text: str) -> str:
    """A day as it is kept. Raises `InvalidQueryError`."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise InvalidQueryError("day 应为日期，写作 2026-03-02", "day")


def _after(text: str) -> int:
    number = text[1:] if text.startswith("-") else text
    if not number.isascii() or not number.isdecimal() or not -1 <= int(number[:18]) <= MOST_INDEX:
        raise InvalidQueryError("after 应为条目序号", "after")
    return int(text[:18])


async def _ask(act: Callable[[], Result]) -> Result:
    return await asyncio.to_thread(act)
