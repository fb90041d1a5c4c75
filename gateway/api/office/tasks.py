"""What waits for whoever is signed in, and grants as they stand: states, renewal, clone. Nothing is changed here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from audit.entry import JsonValue
from gateway.accounts.values import SignedIn
from gateway.api.office.guard import Guard
from gateway.api.problems import problem
from gateway.deeds.document import Kind
from gateway.deeds.granting import read_grant
from gateway.deeds.keeping import Kept
from gateway.deeds.lapse import end_of_grant, followed_in, parameters_in
from gateway.deeds.parameters import Parameters
from gateway.deeds.persons import person_content
from gateway.deeds.standing import Standing
from gateway.deeds.states import OWNERS, STATE_ZH, GrantState, state_of
from gateway.deeds.steps import WITHDRAWAL
from gateway.deeds.versions import cloned, renewed
from gateway.domain.errors import InvalidQueryError
from gateway.domain.grant import local_day
from gateway.domain.people import PARTNER_DUTIES, Duty, Person
from gateway.domain.spot_check import SpotCheck
from gateway.office import Office
from gateway.statements.acknowledging import Overview
from gateway.tasks import shown_to, tasks_of
from gateway.waiting import Proposable
from gateway.watch.stopped import Stopped

NO_STORE = {"Cache-Control": "no-store"}
_GIVING = frozenset({GrantState.IN_FORCE, GrantState.PROVISIONAL})
Result = TypeVar("Result")


def _nothing(_: Parameters) -> Sequence[Stopped]:
    return ()


@dataclass(frozen=True, kw_only=True)
class TaskDoors:
    """What stands behind them. `waiting` gives who has enrolled and has no deed yet."""

    office: Office
    waiting: Callable[[], Sequence[Person]]
    guard: Guard
    statements: Callable[[], Overview] = Overview
    stopped: Callable[[Parameters], Sequence[Stopped]] = _nothing
    """What the watch holds or froze now, as officers see it."""
    checks: Callable[[Person], Sequence[SpotCheck]] = lambda _: ()
    """Spot checks that wait for somebody."""

    async def tasks(self, request: Request) -> Response:
        """`GET /v1/office/tasks`"""
        who = await self.guard.require(request)
        standing, pending = await self._ask(self.office.standing), await self._ask(self.office.pending)
        waiting = await self._waiting(who.person)
        statements, stopped = await self._ask(self.statements), await self._stopped(standing)
        now, checks = self.guard.clock.now(), await self._ask(lambda: self.checks(who.person))
        tasks = tasks_of(
            who.person, standing, pending, waiting, now, statements=statements, stopped=stopped, checks=checks
        )
        return JSONResponse(msgspec.to_builtins(tasks), headers=NO_STORE)

    async def grant(self, request: Request) -> Response:
        """`GET /v1/office/grants/{number}`: where each version of a grant stands, and who has to act."""
        who, number = await self.guard.require(request), request.path_params["number"]
        kept = [each for each in await self._ask(lambda: self.office.history(Kind.GRANT, number)) if _sees(who, each)]
        if not kept:
            return _not_found()
        standing = await self._ask(self.office.standing)
        lies = on_grant(number, kept[-1].partner, await self._stopped(standing))
        versions = [self._version(each, standing, is_stopped=bool(lies)) for each in kept]
        told = {"number": number, "versions": versions, "stopped": msgspec.to_builtins(shown_to(who.person, lies))}
        return JSONResponse(told, headers=NO_STORE)

    async def renewal(self, request: Request) -> Response:
        """`GET /v1/office/grants/{number}/renewal?until=2028-06-30`: what to draw up to go on until then."""
        who, number = await self.guard.require(request), request.path_params["number"]
        until, today = _day(request.query_params.get("until", "")), local_day(self.guard.clock.now())
        content = await self._content(who, number)
        return _not_found() if content is None else _to_draw(number, renewed(number, content, until, today))

    async def clone(self, request: Request) -> Response:
        """`GET /v1/office/grants/{number}/clone?number=2027-014`: what to draw up for the same under that number."""
        who, number = await self.guard.require(request), request.path_params["number"]
        other, today = request.query_params.get("number", ""), local_day(self.guard.clock.now())
        content = await self._content(who, number)
        if content is None:
            return _not_found()
        if (await self._ask(self.office.standing)).get(Kind.GRANT, other) is not None:
            raise InvalidQueryError("此编号的签批单已存在，请换一个编号", "number")
        return _to_draw(other, cloned(other, content, today))

    async def _content(self, who: SignedIn, number: str) -> Mapping[str, JsonValue] | None:
        standing = await self._ask(self.office.standing)
        content = standing.content(Kind.GRANT, number)
        is_hidden = who.person.duty in PARTNER_DUTIES and content and content.get("partner") != who.person.partner
        return None if is_hidden else content

    async def _waiting(self, person: Person) -> list[Proposable]:
        if person.duty is not Duty.SYSTEM_ADMIN:
            return []
        people = await self._ask(self.waiting)
        return [Proposable(kind=Kind.PERSON, id=each.id, content=person_content(each)) for each in people]

    async def _ask(self, act: Callable[[], Result]) -> Result:
        return await asyncio.to_thread(act)

    async def _stopped(self, standing: Standing) -> Sequence[Stopped]:
        return await self._ask(lambda: self.stopped(parameters_in(standing)))

    def _version(self, kept: Kept, standing: Standing, *, is_stopped: bool) -> dict[str, object]:
        state = state_of(kept, standing, self.guard.clock.now())
        if is_stopped and state in _GIVING:
            state = GrantState.FROZEN
        return {
            "serial": kept.serial,
            "attempt": kept.attempt,
            "digest": kept.opened().digest,
            "state": state,
            "state_zh": STATE_ZH[state],
            "owners": sorted(OWNERS[state]),
            "ends": _ends(kept, standing),
        }


def task_routes(doors: TaskDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/tasks", doors.tasks, methods=["GET"]),
        Route("/v1/office/grants/{number:str}", doors.grant, methods=["GET"]),
        Route("/v1/office/grants/{number:str}/renewal", doors.renewal, methods=["GET"]),
        Route("/v1/office/grants/{number:str}/clone", doors.clone, methods=["GET"]),
    ]


def on_grant(number: str, partner: str, stopped: Sequence[Stopped]) -> list[Stopped]:
    """Of what is stopped, what stops this grant: itself, or its partner."""
    return [each for each in stopped if each.target in {f"grant.{number}", f"partner.{partner}"}]


def _ends(kept: Kept, standing: Standing) -> dict[str, str] | None:
    """When a signed version lapses by itself, and why; None if its last day alone ends it."""
    deed = kept.opened()
    if not kept.entry or deed.document.path == WITHDRAWAL:
        return None
    grant = read_grant(deed.document)
    end = end_of_grant(deed, grant, followed_in(standing, kept.id), parameters_in(standing))
    return {"at": end.at.isoformat(), "cause": end.cause} if end else None


def _to_draw(number: str, content: Mapping[str, JsonValue]) -> Response:
    return JSONResponse({"kind": Kind.GRANT, "id": number, "content": content}, headers=NO_STORE)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidQueryError("日期应写作 2028-06-30", "until") from None


def _sees(who: SignedIn, kept: Kept) -> bool:
    return who.person.duty not in PARTNER_DUTIES or kept.partner == who.person.partner


def _not_found() -> Response:
    return problem("not-found", 404, "没有此签批单，或它不属于本部门")
