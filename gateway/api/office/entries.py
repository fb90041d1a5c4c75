"""Entries of the ledger over HTTP, for 安全管理员 and 审计管理员 alone; each look is an entry of its own first.

`GET /v1/office/entries/{entry}` · `GET /v1/office/entries?first=&last=`
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.office.guard import Guard
from gateway.api.problems import problem
from gateway.domain.errors import InvalidQueryError
from gateway.entries import MOST, READERS, EntryDesk, Look, Shown

_NO_STORE = {"Cache-Control": "no-store"}
_LONGEST = 18
"""Digits of an index."""


@dataclass(frozen=True, kw_only=True)
class EntryDoors:
    """What stands behind them."""

    desk: EntryDesk
    guard: Guard

    async def one(self, request: Request) -> Response:
        """`GET /v1/office/entries/{entry}`"""
        entry = int(request.path_params["entry"])
        return await self._look(request, entry, entry)

    async def several(self, request: Request) -> Response:
        """`GET /v1/office/entries?first=&last=`"""
        first, last = _number(request, "first"), _number(request, "last")
        if not 0 <= last - first < MOST:
            raise InvalidQueryError(f"last 不得小于 first，一次至多 {MOST} 条", "last")
        return await self._look(request, first, last)

    async def _look(self, request: Request, first: int, last: int) -> Response:
        who = await self.guard.require(request, *READERS)
        found = await asyncio.to_thread(self.desk.look, who.person, first, last)
        if found is None:
            return problem("not-found", 404, "存证账没有此序号")
        return JSONResponse(_document(found), headers=_NO_STORE)


def entry_routes(doors: EntryDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/entries/{entry:int}", doors.one, methods=["GET"]),
        Route("/v1/office/entries", doors.several, methods=["GET"]),
    ]


def _document(look: Look) -> dict[str, object]:
    return {"recorded": look.recorded, "entries": [_entry(each) for each in look.shown]}


def _entry(shown: Shown) -> dict[str, object]:
    """The text is the entry's own bytes: its hash is the leaf."""
    text = None if shown.entry is None else shown.entry.decode("utf-8", "replace")
    return {"index": shown.index, "leaf": shown.leaf.hex(), "entry": text, "missing": shown.missing}


def _number(request: Request, name: str) -> int:
    given = request.query_params.get(name, "")
    if not given.isascii() or not given.isdecimal() or len(given) > _LONGEST:
        raise InvalidQueryError(f"{name} 应为非负整数", name)
    return int(given)
