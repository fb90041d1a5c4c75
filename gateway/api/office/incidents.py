"""What the watch found, for officers.

`GET /v1/office/incidents` · `GET /v1/office/incidents/{id}`
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.office.guard import Guard
from gateway.api.problems import problem
from gateway.domain.incident import Incident
from gateway.domain.people import Duty
from gateway.watch.notice_words import DETECTORS, RELEASES

OFFICERS: Final = (Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN, Duty.LEADER)
_MOST: Final = 200


class IncidentReader(Protocol):
    """Incidents as officers read them."""

    def incidents(self, *, partner: str | None = None, most: int = 100) -> list[Incident]: ...
    def incident(self, number: str) -> Incident | None: ...


@dataclass(frozen=True, kw_only=True)
class IncidentDoors:
    """What stands behind them."""

    reader: IncidentReader
    guard: Guard

    async def listed(self, request: Request) -> Response:
        """`GET /v1/office/incidents`: the newest first, of one partner if `partner` names it."""
        await self.guard.require(request, *OFFICERS)
        partner = request.query_params.get("partner")
        found = await asyncio.to_thread(self.reader.incidents, partner=partner, most=_MOST)
        return JSONResponse({"incidents": [told(each) for each in found]}, headers={"Cache-Control": "no-store"})

    async def one(self, request: Request) -> Response:
        """`GET /v1/office/incidents/{id}`"""
        await self.guard.require(request, *OFFICERS)
        found = await asyncio.to_thread(self.reader.incident, str(request.path_params["id"]))
        if found is None:
            return problem("not-found", 404, "没有此编号的事件，请核对")
        return JSONResponse(told(found), headers={"Cache-Control": "no-store"})


def incident_routes(doors: IncidentDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/incidents", doors.listed, methods=["GET"]),
        Route("/v1/office/incidents/{id:str}", doors.one, methods=["GET"]),
    ]


def told(incident: Incident) -> dict[str, object]:
    """An incident as officers see it, with what it means in both languages."""
    finding, words = incident.finding, DETECTORS[incident.finding.detector]
    release = RELEASES[finding.action]
    return {
        "incident": incident.number,
        "state": incident.state.value,
        "detector": finding.detector.value,
        "detector_zh": words.zh,
        "detector_en": words.en,
        "response": finding.action.name.lower(),
        "partner": finding.partner,
        "grant": finding.grant,
        "observed": str(finding.observed),
        "expected": str(finding.expected),
        "days": finding.days,
        "opened": _instant(finding.at),
        "last": _instant(incident.last),
        "count": incident.count,
        "samples": list(incident.samples),
        "others": list(incident.others),
        "release_zh": release.zh,
        "release_en": release.en,
    }


def _instant(at: object) -> str:
    return str(msgspec.to_builtins(at))
