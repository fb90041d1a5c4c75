"""Lists of closed grants over HTTP. The body is read as it comes and is nowhere whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.office.cohort_rows import FORMS, Rows
from gateway.api.office.guard import Guard
from gateway.api.problems import problem
from gateway.cohorts import CohortDesk, Filing
from gateway.domain.errors import ConflictError, OverloadedError, UnreadableError
from gateway.domain.people import Duty, Person

LARGEST = 32 * 1024 * 1024
"""Room for 200,000 rows, and for little else."""
AT_ONCE = 2
"""Lists that come in at the same time, over all departments."""
_PIECE = 64 * 1024
_LONGEST_LENGTH = 18


class _TooLargeError(Exception):
    """More than any list has."""


@dataclass(frozen=True, kw_only=True)
class CohortDoors:
    """What stands behind them. Work is done in threads, a piece of the body at a time."""

    desk: CohortDesk
    guard: Guard
    _filing: set[str] = field(default_factory=set[str])

    async def file(self, request: Request) -> Response:
        """`POST /v1/office/cohorts/{grant}`: by a clerk or the head of the grant's own department."""
        who = await self.guard.require(request, Duty.CLERK, Duty.HEAD)
        rows = _rows_of(request)
        partner = self._enter(who.person)
        try:
            return await self._take(request, who.person, rows)
        except _TooLargeError:
            return problem("too-large", 413, f"名册不得超过 {LARGEST // 1024 // 1024} MiB，至多 20 万行")
        except ClientDisconnect:
            raise UnreadableError("请求中断") from None
        finally:
            self._filing.discard(partner)

    async def _take(self, request: Request, by: Person, rows: Rows) -> Response:
        if _is_declared_too_large(request):
            raise _TooLargeError
        filing = await asyncio.to_thread(self.desk.begin, by, request.path_params["grant"])
        try:
            size = 0
            async for piece in request.stream():
                size += len(piece)
                if size > LARGEST:
                    raise _TooLargeError
                for start in range(0, len(piece), _PIECE):
                    await asyncio.to_thread(_feed, filing, rows, piece[start : start + _PIECE])
            filed = await asyncio.to_thread(self._keep, by, filing, rows)
        finally:
            filing.close()
        return Response(msgspec.json.encode(filed), 201, {"Cache-Control": "no-store"}, "application/json")

    def _keep(self, by: Person, filing: Filing, rows: Rows) -> object:
        filing.take(rows.end())
        return self.desk.keep(by, filing)

    def _enter(self, by: Person) -> str:
        """One list of a department at a time, and few of all."""
        partner = by.partner or ""
        if partner in self._filing:
            raise ConflictError("本部门正在报送另一份名册，请稍后重试")
        if len(self._filing) >= AT_ONCE:
            raise OverloadedError("报送名册的部门过多，请稍后重试")
        self._filing.add(partner)
        return partner


def cohort_routes(doors: CohortDoors) -> list[Route]:
    """The routes."""
    return [Route("/v1/office/cohorts/{grant:str}", doors.file, methods=["POST"])]


def _feed(filing: Filing, rows: Rows, piece: bytes) -> None:
    filing.take(rows.feed(piece))


def _rows_of(request: Request) -> Rows:
    form = FORMS.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    if form is None:
        raise UnreadableError("请以 text/csv 或 application/jsonl 报送名册")
    return form()


def _is_declared_too_large(request: Request) -> bool:
    """Whether nothing of the body needs to be read to know."""
    declared = request.headers.get("content-length", "0")
    return not declared.isdigit() or len(declared) > _LONGEST_LENGTH or int(declared) > LARGEST
