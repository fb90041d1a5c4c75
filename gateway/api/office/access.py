"""Reports of who compared a subject, for 审计管理员 alone. Whom they are about stands in the body alone.

`POST /v1/office/access-reports` · `GET /v1/office/sealed-entries`
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.access_report import AccessDesk
from gateway.access_text import as_text
from gateway.api.office.bodies import read_body
from gateway.api.office.guard import Guard
from gateway.api.office.trail_bodies import LONGEST_NUMBER
from gateway.domain.errors import InvalidQueryError
from gateway.domain.people import Duty
from gateway.trail.asking import LONGEST_WORD
from policies.catalogue import Catalogue, InvalidValueError

NO_STORE: Final = {"Cache-Control": "no-store"}
DRAWN_BY: Final = Duty.AUDIT_ADMIN


class AccessBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/access-reports`: the subject's number, and the matter for which it is asked."""

    id: str
    matter: str
    kind: str = "person"

    def number(self, catalogue: Catalogue) -> str:
        """The number in its one form. Raises `InvalidQueryError`, which never repeats it."""
        if not self.matter.strip() or len(self.matter) > LONGEST_WORD or not self.matter.isprintable():
            raise InvalidQueryError(f"请写明事由 matter，最多 {LONGEST_WORD} 个可见字符", "matter")
        if self.kind not in catalogue.kinds:
            raise InvalidQueryError(f"kind 须为其中之一：{'、'.join(catalogue.kinds)}", "kind")
        try:
            return catalogue.identifier(self.kind, self.id[:LONGEST_NUMBER])
        except InvalidValueError as error:
            raise InvalidQueryError(error.hint, "id") from None


@dataclass(frozen=True, kw_only=True)
class AccessDoors:
    """What stands behind them."""

    desk: AccessDesk
    guard: Guard
    catalogue: Catalogue

    async def report(self, request: Request) -> Response:
        """`POST /v1/office/access-reports`"""
        who = await self.guard.require(request, DRAWN_BY, fresh=True)
        body = await read_body(request, AccessBody)
        number = body.number(self.catalogue)
        found = await asyncio.to_thread(self.desk.report, who.person, body.kind, number, body.matter)
        return JSONResponse({**msgspec.to_builtins(found), "text": as_text(found)}, headers=NO_STORE)

    async def sealed(self, request: Request) -> Response:
        """`GET /v1/office/sealed-entries`"""
        who = await self.guard.require(request, DRAWN_BY)
        months = await asyncio.to_thread(self.desk.sealed, who.person)
        told = [{"month": month, "entries": entries} for month, entries in months.items()]
        return JSONResponse({"months": told}, headers=NO_STORE)


def access_routes(doors: AccessDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/access-reports", doors.report, methods=["POST"]),
        Route("/v1/office/sealed-entries", doors.sealed, methods=["GET"]),
    ]
