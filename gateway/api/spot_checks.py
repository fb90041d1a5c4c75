"""Spot checks (凭证抽查) for the partners whose answers wait for a document.

`GET /v1/spot-checks` · `POST /v1/spot-checks/{number}`

Nobody is told whom a check is about: whoever was refused knows by its number.
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

from gateway.api.body import TooLargeError, convert, read
from gateway.api.identify import Identify, admit
from gateway.api.problems import problem, too_large
from gateway.domain.caller import Caller
from gateway.domain.errors import UnavailableError, UnprovenError
from gateway.domain.spot_check import SpotCheck
from gateway.spot_checks.desk import SpotCheckDesk
from gateway.spot_checks.keeping import Filing

NO_STORE: Final = {"Cache-Control": "no-store"}
PATH: Final = "/v1/spot-checks"
MOST: Final = 500
MAX_BYTES: Final = 4096
"""A name of 100 characters, each spelled as two escapes, and a digest."""
_NONE: Final = "没有此编号的凭证抽查，或它不属于本部门，请核对被阻断查询的 incident"
Result = TypeVar("Result")


class FilingBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/spot-checks/{number}`: the document that gave the right to ask, and who names it."""

    document: str
    operator: str
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class SpotCheckDoor:
    """The doors. Any system of a partner may file what another one asked.

    `may_write` is whether the log takes anything in.
    """

    identify: Identify
    desk: SpotCheckDesk
    may_write: Callable[[], bool] = lambda: True

    async def listed(self, request: Request) -> Response:
        """`GET /v1/spot-checks`: those that are not judged, first those that wait for their document."""
        caller = await admit(self.identify, request.scope)
        if not isinstance(caller, Caller):
            return caller
        found = await _ask(lambda: self.desk.reader.open_of(caller.partner, MOST + 1))
        told = {"spot_checks": [shown(each) for each in found[:MOST]], "more": len(found) > MOST}
        return JSONResponse(told, headers=NO_STORE)

    async def file(self, request: Request) -> Response:
        """`POST /v1/spot-checks/{number}`"""
        caller = await admit(self.identify, request.scope)
        if not isinstance(caller, Caller):
            return caller
        try:
            content = await read(request.scope, request.receive, MAX_BYTES)
        except TooLargeError:
            return too_large(MAX_BYTES)
        if caller.body_sha256 is not None and not compare_digest(sha256(content).digest(), caller.body_sha256):
            raise UnprovenError("the body is not the one that was signed")
        body, number = convert(content, FilingBody), str(request.path_params["number"])
        if not self.may_write():
            raise UnavailableError("the log takes nothing in")
        filing = Filing(document=body.document, sha256=body.sha256, operator=body.operator)
        filed = await _ask(lambda: self.desk.file(caller, number, filing))
        return JSONResponse(shown(filed), headers=NO_STORE) if filed else problem("not-found", 404, _NONE)


def spot_check_routes(door: SpotCheckDoor) -> list[Route]:
    """The routes."""
    return [
        Route(PATH, door.listed, methods=["GET"]),
        Route(f"{PATH}/{{number:str}}", door.file, methods=["POST"]),
    ]


def shown(check: SpotCheck) -> dict[str, object]:
    """A check as its partner sees it: what waits for what, and until when."""
    return {
        "number": check.number,
        "grant": check.grant,
        "opened": iso(check.opened),
        "due": iso(check.due),
        "last": iso(check.late - 1),
        "state": check.state.value,
    }


def iso(day: int) -> str:
    """A day that stands as an ordinal."""
    return date.fromordinal(day).isoformat()


async def _ask(act: Callable[[], Result]) -> Result:
    return await asyncio.to_thread(act)
