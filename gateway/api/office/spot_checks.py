"""Spot checks (凭证抽查) for the office: what was named is looked at, and judged by one person.

That is a reviewer, or a leader where the purpose is secret.

`GET /v1/office/spot-checks?state=` · `GET /v1/office/spot-checks/{number}` ·
`POST /v1/office/spot-checks/{number}/judge`
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.office.bodies import read_body
from gateway.api.office.guard import Guard
from gateway.api.problems import problem
from gateway.api.spot_checks import NO_STORE, iso, shown
from gateway.domain.errors import InvalidQueryError
from gateway.domain.people import Duty
from gateway.domain.spot_check import UNTOLD, CheckState, SpotCheck
from gateway.spot_checks.desk import SHOWN_TO, SpotCheckDesk, is_overdue
from gateway.spot_checks.filing import filing_sha256
from gateway.spot_checks.keeping import Ruling

JUDGED_BY: Final = (Duty.REVIEWER, Duty.LEADER)
"""Each theirs: the desk knows which purposes are secret."""
VERDICTS: Final = (CheckState.ACCEPTED.value, CheckState.FAILED.value)
MOST: Final = 500
_NONE: Final = "没有此编号的凭证抽查，请核对"
Result = TypeVar("Result")


class JudgeBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/spot-checks/{number}/judge`. `filing_sha256` is what was looked at, as the door showed it."""

    verdict: str
    reason: str
    filing_sha256: str


@dataclass(frozen=True, kw_only=True)
class SpotCheckDoors:
    """What stands behind them."""

    desk: SpotCheckDesk
    guard: Guard

    async def listed(self, request: Request) -> Response:
        """`GET /v1/office/spot-checks`: the newest first; `state` names one state."""
        who = await self.guard.require(request, *SHOWN_TO)
        state = _state(request.query_params.get("state", ""))
        found = await _ask(lambda: self.desk.listed(who.person, state, MOST + 1))
        told = [self._told(each) for each in found[:MOST]]
        return JSONResponse({"spot_checks": told, "more": len(found) > MOST}, headers=NO_STORE)

    async def one(self, request: Request) -> Response:
        """`GET /v1/office/spot-checks/{number}`"""
        who, number = await self.guard.require(request, *SHOWN_TO), str(request.path_params["number"])
        return self._answer(await _ask(lambda: self.desk.find(who.person, number)))

    async def judge(self, request: Request) -> Response:
        """`POST /v1/office/spot-checks/{number}/judge`"""
        who = await self.guard.require(request, *JUDGED_BY, fresh=True)
        body, number = await read_body(request, JudgeBody), str(request.path_params["number"])
        if body.verdict not in VERDICTS:
            raise InvalidQueryError("verdict 应为 accepted（通过）或 failed（不合格）", "verdict")
        is_accepted = body.verdict == CheckState.ACCEPTED
        ruling = Ruling(is_accepted=is_accepted, reason=body.reason, filing=body.filing_sha256)
        return self._answer(await _ask(lambda: self.desk.judge(who.person, number, ruling)))

    def _answer(self, check: SpotCheck | None) -> Response:
        if check is None:
            return problem("not-found", 404, _NONE)
        return JSONResponse(self._told(check), headers=NO_STORE)

    def _told(self, check: SpotCheck) -> dict[str, object]:
        return told(check, is_overdue=is_overdue(check, self.desk.clock.now()))


def spot_check_routes(doors: SpotCheckDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/spot-checks", doors.listed, methods=["GET"]),
        Route("/v1/office/spot-checks/{number:str}", doors.one, methods=["GET"]),
        Route("/v1/office/spot-checks/{number:str}/judge", doors.judge, methods=["POST"]),
    ]


def told(check: SpotCheck, *, is_overdue: bool) -> dict[str, object]:
    """A check as the office sees it.

    `entry` is the comparison that was refused first: whom it is about, two people may have shown (开示).
    """
    was_filed, was_judged = check.filings > 0, check.judged > 0
    return {
        **shown(check),
        "partner": check.partner,
        "purpose": check.purpose,
        "overdue": is_overdue,
        "document": check.document,
        "sha256": check.digest,
        "operator": check.operator,
        "filed": iso(check.filed) if was_filed else None,
        "filings": check.filings,
        "filing_sha256": filing_sha256(check) if was_filed else None,
        "judged": iso(check.judged) if was_judged else None,
        "judge": check.judge,
        "reason": check.reason,
        "needs_acceptance": check.needs_acceptance,
        "entry": None if check.entry == UNTOLD else check.entry,
    }


def _state(text: str) -> CheckState | None:
    try:
        return CheckState(text) if text else None
    except ValueError:
        raise InvalidQueryError(f"state 应为其中之一：{'、'.join(CheckState)}", "state") from None


async def _ask(act: Callable[[], Result]) -> Result:
    return await asyncio.to_thread(act)
