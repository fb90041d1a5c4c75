"""People over HTTP: who is enrolled, who is invited, and whose deed waits to be drawn up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.accounts.enrolment import Enrolment, Invited
from gateway.accounts.errors import WrongDutyError
from gateway.api.office.bodies import read_body
from gateway.api.office.enrolment import NO_STORE, person_document
from gateway.api.office.guard import OF_THE_OFFICE, Guard
from gateway.deeds.persons import person_content
from gateway.domain.errors import InvalidQueryError
from gateway.domain.people import THREE, Duty, Person
from gateway.drafting import check_founded
from gateway.office import Office
from policies.invalid import InvalidValueError


class InvitationBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/invitations`. Of the id number a keyed digest is kept, and nothing else."""

    id: str
    name: str
    duty: str
    id_number: str
    partner: str | None = None

    def duty_named(self) -> Duty:
        """Raises `InvalidQueryError`."""
        if self.duty not in list(Duty):
            raise InvalidQueryError(f"duty 应为 {'、'.join(Duty)} 之一", "duty")
        return Duty(self.duty)


@dataclass(frozen=True, kw_only=True)
class PeopleDoors:
    """What stands behind them. `natural` makes the keyed digest of an id number."""

    office: Office
    enrolment: Enrolment
    guard: Guard
    natural: Callable[[str], str]

    async def roll(self, request: Request) -> Response:
        """`GET /v1/office/people`: everybody in force."""
        await self.guard.require(request, *OF_THE_OFFICE)
        standing = await asyncio.to_thread(self.office.standing)
        return JSONResponse({"people": _told(standing.roll.people())}, headers=NO_STORE)

    async def waiting(self, request: Request) -> Response:
        """`GET /v1/office/people/waiting`: enrolled people, each with what their deed would say."""
        await self.guard.require(request, *THREE)
        people = await asyncio.to_thread(self.enrolment.waiting)
        return JSONResponse({"people": _told(people)}, headers=NO_STORE)

    async def invite(self, request: Request) -> Response:
        """`POST /v1/office/invitations`: the code, shown once. 系统管理员 invites anybody; the two other administrators
        invite administrators, or nobody could follow the last 系统管理员, who was lost or cannot be trusted.
        """
        who = await self.guard.require(request, *THREE, fresh=True)
        body = await read_body(request, InvitationBody)
        if who.person.duty is not Duty.SYSTEM_ADMIN and body.duty_named() not in THREE:
            raise WrongDutyError
        check_founded(await asyncio.to_thread(self.office.standing))
        invited = Invited(
            id=body.id,
            name=body.name,
            duty=body.duty_named(),
            partner=body.partner,
            natural=self._natural(body.id_number),
        )
        at = self.guard.clock.now()
        code = await asyncio.to_thread(lambda: self.enrolment.invite(invited, by=who.person.id, at=at))
        return JSONResponse({"id": body.id, "code": code}, 201, NO_STORE)

    async def close(self, request: Request) -> Response:
        """`DELETE /v1/office/invitations/{id}`: an invitation, or an account whose person is not in force."""
        who = await self.guard.require(request, Duty.SYSTEM_ADMIN, fresh=True)
        account, at = request.path_params["id"], self.guard.clock.now()
        await asyncio.to_thread(lambda: self.enrolment.close(account, by=who.person.id, at=at))
        return Response(status_code=204, headers=NO_STORE)

    def _natural(self, id_number: str) -> str:
        try:
            return self.natural(id_number)
        except InvalidValueError:
            raise InvalidQueryError("身份证号应为 18 位，且校验位正确", "id_number") from None


def people_routes(doors: PeopleDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/people", doors.roll, methods=["GET"]),
        Route("/v1/office/people/waiting", doors.waiting, methods=["GET"]),
        Route("/v1/office/invitations", doors.invite, methods=["POST"]),
        Route("/v1/office/invitations/{id:str}", doors.close, methods=["DELETE"]),
    ]


def _told(people: Iterable[Person]) -> list[dict[str, object]]:
    """The content of a person's deed stands beside who they are, so that whoever draws it up need not write it."""
    return [
        {**person_document(person), "fingerprints": [key.kid for key in person.keys], "content": person_content(person)}
        for person in people
    ]
