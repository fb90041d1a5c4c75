"""Statements for people: a head sees those of their department, people of the 编办 all of them.

`GET /v1/office/statements?month=` · `GET /v1/office/statements/{day}/{partner}/{system}` ·
`GET /v1/office/disputes` · `POST /v1/office/disputes/{id}/settle`
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from audit.statement import body_of
from gateway.accounts.values import SignedIn
from gateway.api.office.bodies import read_body
from gateway.api.office.guard import Guard
from gateway.api.problems import problem
from gateway.api.statements import NO_STORE, day_of
from gateway.deeds.document import Kind
from gateway.deeds.standing import Standing
from gateway.domain.errors import InvalidQueryError
from gateway.domain.grant import SHANGHAI, local_day
from gateway.domain.people import Duty, Person
from gateway.statements.acknowledging import Month, Waiting, days_of, deed_id, month_of, waiting
from gateway.statements.desk import StatementDesk, as_json
from gateway.statements.keeping import Dispute, KeptStatement

SHOWN_TO: Final = (Duty.HEAD, Duty.REVIEWER, Duty.LEADER, Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN)
SETTLED_BY: Final = Duty.SECURITY_ADMIN
Result = TypeVar("Result")


class SettleBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/disputes/{id}/settle`"""

    finding: str


@dataclass(frozen=True, kw_only=True)
class StatementDoors:
    """What stands behind them."""

    desk: StatementDesk
    standing: Callable[[], Standing]
    guard: Guard

    async def listed(self, request: Request) -> Response:
        """`GET /v1/office/statements`: a month, by partner, with what acknowledges it."""
        who = await self.guard.require(request, *SHOWN_TO)
        month = request.query_params.get("month", "") or local_day(self.guard.clock.now()).isoformat()[:7]
        try:
            days_of(month)
        except ValueError:
            raise InvalidQueryError("month 应为月份，写作 2026-03", "month") from None
        partner = who.person.partner or request.query_params.get("partner") or None
        return JSONResponse(await _ask(lambda: self._month(month, partner)), headers=NO_STORE)

    async def show(self, request: Request) -> Response:
        """`GET /v1/office/statements/{day}/{partner}/{system}`: with the operators, to the partner's own head."""
        who = await self.guard.require(request, *SHOWN_TO)
        day, partner, system = (request.path_params[name] for name in ("day", "partner", "system"))
        is_own = who.person.duty is Duty.HEAD and who.person.partner == partner
        wanted = day_of(day)
        kept = await _ask(lambda: self.desk.find(wanted, partner, system))
        if kept is None or (who.person.duty is Duty.HEAD and not is_own):
            return problem("not-found", 404, "没有此对账单，或它不属于本部门")
        operators = await _ask(lambda: self.desk.operators(kept) if is_own else self.desk.digests(kept))
        return JSONResponse({"statement": as_json(kept.document), "operators": operators}, headers=NO_STORE)

    async def disputes(self, request: Request) -> Response:
        """`GET /v1/office/disputes`: those that are open."""
        who = await self.guard.require(request, *SHOWN_TO)
        found = await _ask(self.desk.open_disputes)
        told = [as_told(each) for each in found if _sees(who, each)]
        return JSONResponse({"disputes": told}, headers=NO_STORE)

    async def settle(self, request: Request) -> Response:
        """`POST /v1/office/disputes/{id}/settle`"""
        who = await self.guard.require(request, SETTLED_BY, fresh=True)
        body, named = await read_body(request, SettleBody), request.path_params["id"]
        found = await _ask(lambda: self.desk.settle(who.person, named, body.finding))
        if found is None:
            return problem("not-found", 404, "没有此编号的对账异议")
        return JSONResponse(as_told(found), headers=NO_STORE)

    def _month(self, month: str, partner: str | None) -> dict[str, object]:
        standing, reader = self.standing(), self.desk.statements
        first, last = days_of(month)
        last_made = reader.last_day()
        kept = reader.listed(first.isoformat(), last.isoformat(), partner)
        owed = {(each.partner, each.month): each for each in waiting(standing, reader.months(), last_made)}
        now = self.guard.clock.now()
        found = [
            _partner(month_of(own, name, month, last_made), own, standing, owed.get((name, month)), now)
            for name, own in _by_partner(kept)
        ]
        return {"month": month, "made_until": last_made, "partners": found}


def statement_routes(doors: StatementDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/statements", doors.listed, methods=["GET"]),
        Route("/v1/office/statements/{day:str}/{partner:str}/{system:str}", doors.show, methods=["GET"]),
        Route("/v1/office/disputes", doors.disputes, methods=["GET"]),
        Route("/v1/office/disputes/{id:str}/settle", doors.settle, methods=["POST"]),
    ]


def as_told(dispute: Dispute) -> dict[str, object]:
    """A dispute for JSON. `settled` is null while it is open."""
    return {
        "id": dispute.id,
        "partner": dispute.partner,
        "system": dispute.system or None,
        "period": dispute.period,
        "by": dispute.by,
        "unknown": list(dispute.unknown),
        "missing": list(dispute.missing),
        "text": dispute.text,
        "raised": _instant(dispute.raised),
        "entry": dispute.entry,
        "settled": _instant(dispute.settled) if dispute.settled else None,
        "settled_by": dispute.settled_by,
        "finding": dispute.finding,
    }


def _partner(
    month: Month, kept: list[KeptStatement], standing: Standing, owed: Waiting | None, now: datetime
) -> Mapping[str, object]:
    said = standing.content(Kind.ACKNOWLEDGEMENT, deed_id(month.partner, month.month))
    agrees = said["agrees"] is True if said and said["statements"] == month.root else None
    return {
        "partner": month.partner,
        "days": month.days,
        "answered": month.answered,
        "refused": month.refused,
        "root": month.root,
        "whole": month.is_whole,
        "agrees": agrees,
        "due": owed.due.isoformat() if owed else None,
        "stepped_up": owed is not None and owed.steps_up <= now,
        "draw": {"kind": Kind.ACKNOWLEDGEMENT, "id": deed_id(month.partner, month.month), "content": month.content()},
        "statements": [_statement(each) for each in kept],
    }


def _statement(kept: KeptStatement) -> Mapping[str, object]:
    return {
        "day": kept.day,
        "system": kept.system,
        "answered": kept.answered,
        "refused": kept.refused,
        "sha256": sha256(body_of(kept.document)).hexdigest(),
        "entry": kept.entry,
    }


def _by_partner(kept: Sequence[KeptStatement]) -> Iterator[tuple[str, list[KeptStatement]]]:
    for partner in sorted({each.partner for each in kept}):
        yield partner, [each for each in kept if each.partner == partner]


def _sees(who: SignedIn, dispute: Dispute) -> bool:
    person: Person = who.person
    return person.partner in {None, dispute.partner}


def _instant(unix: int) -> str:
    return datetime.fromtimestamp(unix, SHANGHAI).isoformat(timespec="seconds")


async def _ask(act: Callable[[], Result]) -> Result:
    return await asyncio.to_thread(act)
