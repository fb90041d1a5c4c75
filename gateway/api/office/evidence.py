"""Evidence bundles over HTTP, for 审计管理员, as a deed signed by them and a leader allows.

`POST /v1/office/evidence/{id}`, where the id is that of a deed of the kind export
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.office.guard import Guard
from gateway.domain.people import Duty
from gateway.exporting import ExportDesk

ENTRY_HEADER = "X-Bidui-Entry"
"""Which entry says that the bundle was taken out."""


@dataclass(frozen=True, kw_only=True)
class EvidenceDoors:
    """What stands behind them."""

    desk: ExportDesk
    guard: Guard

    async def take(self, request: Request) -> Response:
        """`POST /v1/office/evidence/{id}`: needs a second factor shown lately."""
        who = await self.guard.require(request, Duty.AUDIT_ADMIN, fresh=True)
        named = request.path_params["id"]
        taken = await asyncio.to_thread(self.desk.take, who.person, named)
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f"attachment; filename*=UTF-8''evidence-{quote(named, safe='')}.zip",
            ENTRY_HEADER: str(taken.recorded),
        }
        return Response(taken.content, media_type="application/zip", headers=headers)


def evidence_routes(doors: EvidenceDoors) -> list[Route]:
    """The routes."""
    return [Route("/v1/office/evidence/{id:str}", doors.take, methods=["POST"])]
