"""The officers' search over HTTP, for 安全管理员 and 审计管理员 alone. Whom they search for stands in the body alone.

`POST /v1/office/trail/search` · `GET /v1/office/trail/hours` · `GET`, `POST /v1/office/trail/views`,
`DELETE /v1/office/trail/views/{id}`
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from audit.kinds import KINDS
from audit.tallies import hour_text
from gateway.api.office.bodies import read_body
from gateway.api.office.guard import Guard
from gateway.api.office.trail_bodies import SearchBody, ViewBody, instant
from gateway.api.problems import problem
from gateway.domain.errors import InvalidQueryError
from gateway.trail.asking import Filter
from gateway.trail.desk import OFFICERS, Answer, TrailDesk
from gateway.trail.searching import Hit
from gateway.trail.words import MEMBERS, Entry, accounts_of, body_of
from policies.catalogue import Catalogue

NO_STORE: Final = {"Cache-Control": "no-store"}
MAX_DAYS: Final = 92
_ZH: Final = {kind.type: kind.zh for kind in KINDS}
_MEMBERS: Final = ("client", "grant", "purpose", "network")


@dataclass(frozen=True, kw_only=True)
class TrailDoors:
    """What stands behind them."""

    desk: TrailDesk
    guard: Guard
    catalogue: Catalogue

    async def search(self, request: Request) -> Response:
        """`POST /v1/office/trail/search`"""
        who = await self.guard.require(request, *OFFICERS)
        ask = (await read_body(request, SearchBody)).ask(self.catalogue)
        answer = await asyncio.to_thread(self.desk.search, who.person, ask)
        return JSONResponse(answer_document(answer), headers=NO_STORE)

    async def hours(self, request: Request) -> Response:
        """`GET /v1/office/trail/hours?from=&to=`"""
        who = await self.guard.require(request, *OFFICERS)
        first, end = (instant(request.query_params.get(name, ""), name) for name in ("from", "to"))
        if first is None or end is None or not 0 < (end - first).total_seconds() <= MAX_DAYS * 86_400:
            raise InvalidQueryError(f"from 应早于 to，相距至多 {MAX_DAYS} 天", "to")
        counts = await asyncio.to_thread(self.desk.hours, who.person, first, end)
        rows = [
            {"hour": hour_text(each.hour), "partner": each.partner, "told": each.told, **count._asdict()}
            for each, count in sorted(counts.items())
        ]
        return JSONResponse({"hours": rows}, headers=NO_STORE)

    async def views(self, request: Request) -> Response:
        """`GET /v1/office/trail/views`"""
        who = await self.guard.require(request, *OFFICERS)
        views = await asyncio.to_thread(self.desk.views, who.person)
        return JSONResponse({"views": [view_document(name, kept) for name, kept in views.items()]}, headers=NO_STORE)

    async def save_view(self, request: Request) -> Response:
        """`POST /v1/office/trail/views`"""
        who = await self.guard.require(request, *OFFICERS)
        body = await read_body(request, ViewBody)
        kept = body.filter.parse()
        await asyncio.to_thread(self.desk.save_view, who.person, body.name, kept)
        return JSONResponse(view_document(body.name, kept), 201, headers=NO_STORE)

    async def drop_view(self, request: Request) -> Response:
        """`DELETE /v1/office/trail/views/{id}`"""
        who = await self.guard.require(request, *OFFICERS)
        if not await asyncio.to_thread(self.desk.drop_view, who.person, str(request.path_params["id"])):
            return problem("not-found", 404, "没有此名称的视图")
        return Response(status_code=204)


def trail_routes(doors: TrailDoors) -> list[Route]:
    """The routes."""
    views = "/v1/office/trail/views"
    return [
        Route("/v1/office/trail/search", doors.search, methods=["POST"]),
        Route("/v1/office/trail/hours", doors.hours, methods=["GET"]),
        Route(views, doors.views, methods=["GET"]),
        Route(views, doors.save_view, methods=["POST"]),
        Route(f"{views}/{{id:str}}", doors.drop_view, methods=["DELETE"]),
    ]


def answer_document(answer: Answer) -> dict[str, object]:
    """For JSON. `entry` is the search's own entry: everything before it was looked through."""
    page = answer.page
    return {
        "entry": answer.entry,
        "hits": [hit_document(each) for each in page.hits],
        "differs": list(page.differs),
        "archived": list(page.archived),
        "next": page.next,
        "is_cut": page.is_cut,
        "left": answer.left,
        "withholds_secret": answer.withholds_secret,
        "zh": _told(answer),
    }


def hit_document(hit: Hit) -> dict[str, object]:
    """What an entry says in clear, as far as all kinds have it; the entry itself is had by its index."""
    entry, body = hit.entry, body_of(hit.entry)
    outcome = body.get("outcome")
    told: Entry = cast("Entry", outcome) if isinstance(outcome, dict) else {}
    kind = str(entry.get("type"))
    return {
        "entry": hit.index,
        "leaf": hit.leaf.hex(),
        "type": kind,
        "zh": _ZH.get(kind, kind),
        "time": entry.get("time"),
        "log_time": entry.get("log_time"),
        "partner": entry.get("partner"),
        **{name: _text(body, name) for name in _MEMBERS},
        "subject": _text(told, "subject"),
        "fields": told.get("fields") or {},
        "refused": _text(told, "refused"),
        "incident": _text(told, "incident"),
        "accounts": sorted(accounts_of(entry)),
    }


def view_document(name: str, kept: Filter) -> dict[str, object]:
    """For JSON."""
    words = {f"{member}s": list(kept.words.get(member, ())) for member in MEMBERS}
    return {"name": name, "filter": {**words, "since": _iso(kept.since), "until": _iso(kept.until)}}


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _text(members: Entry, name: str) -> str | None:
    found = members.get(name)
    return found if isinstance(found, str) else None


def _told(answer: Answer) -> str:
    page = answer.page
    texts = [f"第 {answer.entry} 条之前的全部条目均已检索" if not page.is_cut else "检索已到时限，请自 next 处继续"]
    texts += [f"{len(page.differs)} 条与存证账或索引不符，请立即运行 bidui audit verify"] if page.differs else []
    texts += [f"{len(page.archived)} 条已归档"] if page.archived else []
    texts += ["涉密用途的条目不在其中"] if answer.withholds_secret else []
    texts += [f"今日还可按 {answer.left} 人检索"] if answer.left is not None else []
    return "；".join(texts)
