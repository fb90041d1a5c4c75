"""What the watch found, for officers.

`GET /v1/office/incidents` · `GET /v1/office/incidents/{id}` · `GET /v1/office/stops`
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.office.guard import Guard
from gateway.api.problems import problem
from gateway.deeds.lapse import parameters_in
from gateway.deeds.standing import Standing
from gateway.domain.exemption import Exemption
from gateway.domain.incident import Incident
from gateway.domain.people import Duty
from gateway.tasks import shown_to
from gateway.watch.board import Board, exemption_of
from gateway.watch.notice_words import BUDGETS, DETECTORS, STATES_TOLD, Said, release_of
from gateway.watch.seen_words import seen_of

OFFICERS: Final = (Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN, Duty.LEADER)
_MOST: Final = 200


class IncidentReader(Protocol):
    """Incidents as officers read them."""

    def incidents(self, *, partner: str | None = None, most: int = 100) -> list[Incident]: ...
    def incident(self, number: str) -> Incident | None: ...


@dataclass(frozen=True, kw_only=True)
class IncidentDoors:
    """What stands behind them. They read a database, so everything is asked in threads."""

    reader: IncidentReader
    board: Board
    standing: Callable[[], Standing]
    guard: Guard

    async def listed(self, request: Request) -> Response:
        """`GET /v1/office/incidents`: the newest first, of one partner if `partner` names it."""
        await self.guard.require(request, *OFFICERS)
        partner = request.query_params.get("partner")
        return await self._tell(lambda: {"incidents": self._told(self.reader.incidents(partner=partner, most=_MOST))})

    async def one(self, request: Request) -> Response:
        """`GET /v1/office/incidents/{id}`"""
        await self.guard.require(request, *OFFICERS)
        found = await asyncio.to_thread(self.reader.incident, str(request.path_params["id"]))
        if found is None:
            return problem("not-found", 404, "没有此编号的事件，请核对")
        return await self._tell(lambda: self._told([found])[0])

    async def stops(self, request: Request) -> Response:
        """`GET /v1/office/stops`: what the watch holds or froze now; people of a partner see their own."""
        who = await self.guard.require(request)

        def now() -> dict[str, object]:
            found = self.board.stopped(parameters_in(self.standing()))
            return {"stops": msgspec.to_builtins(shown_to(who.person, found))}

        return await self._tell(now)

    def _told(self, incidents: Sequence[Incident]) -> list[dict[str, object]]:
        """As they stand now, each with the exception that its release gave."""
        stand, releases = self.board.stand(incidents, self.guard.clock.now()), self.board.releases()
        return [told(each, exemption_of(each, releases)) for each in stand]

    async def _tell(self, tell: Callable[[], Mapping[str, object]]) -> Response:
        return JSONResponse(await asyncio.to_thread(tell), headers={"Cache-Control": "no-store"})


def incident_routes(doors: IncidentDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/incidents", doors.listed, methods=["GET"]),
        Route("/v1/office/incidents/{id:str}", doors.one, methods=["GET"]),
        Route("/v1/office/stops", doors.stops, methods=["GET"]),
    ]


def told(incident: Incident, exemption: Exemption | None) -> dict[str, object]:
    """An incident as officers see it, with what it means in both languages."""
    finding, words = incident.finding, DETECTORS[incident.finding.detector]
    release, state, seen = release_of(finding), STATES_TOLD[incident.state], seen_of(incident)
    return {
        "incident": incident.number,
        "state": incident.state.value,
        "state_zh": state.zh,
        "state_en": state.en,
        "detector": finding.detector.value,
        "detector_zh": words.zh,
        "detector_en": words.en,
        "response": finding.action.name.lower(),
        "partner": finding.partner,
        "grant": finding.grant,
        "observed": str(finding.observed),
        "expected": str(finding.expected),
        "client": incident.client,
        "network": incident.network,
        "seen_zh": seen.zh,
        "seen_en": seen.en,
        "days": finding.days,
        "opened": _instant(finding.at),
        "last": _instant(incident.last),
        "count": incident.count,
        "samples": list(incident.samples),
        "others": list(incident.others),
        "left": dict(incident.left),
        "left_zh": {name: BUDGETS.get(name, Said(name, name)).zh for name in incident.left},
        "exception": _exception(exemption),
        "release_zh": release.zh,
        "release_en": release.en,
    }


def _exception(exemption: Exemption | None) -> dict[str, object] | None:
    if exemption is None:
        return None
    return {"detector": exemption.detector.value, "until": exemption.until.isoformat(), "most": exemption.most}


def _instant(at: object) -> str:
    return str(msgspec.to_builtins(at))
