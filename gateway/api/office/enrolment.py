"""Enrolment over HTTP: the invited person's two doors. The code stands for a session; there is none yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.accounts.enrolment import Begun, Enrolment
from gateway.api.office.bodies import BeginBody, FinishBody, from_text, read_body, to_text
from gateway.api.office.guard import Guard
from gateway.api.office.workers import Workers
from gateway.domain.people import Person

NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, kw_only=True)
class EnrolmentDoors:
    """What stands behind them."""

    enrolment: Enrolment
    guard: Guard
    workers: Workers

    async def begin(self, request: Request) -> Response:
        """`POST /v1/office/enrolment/begin`"""
        self.guard.check_site(request)
        body = await read_body(request, BeginBody)
        begun = await asyncio.to_thread(self.enrolment.begin, body.code, self.guard.clock.now())
        return JSONResponse(_begun(begun), headers=NO_STORE)

    async def finish(self, request: Request) -> Response:
        """`POST /v1/office/enrolment/finish`"""
        self.guard.check_site(request)
        body = await read_body(request, FinishBody)
        challenge, proof = from_text(body.challenge, "challenge"), body.key.parse()
        enrolled = await self.workers.run(
            lambda: self.enrolment.finish(
                code=body.code,
                challenge=challenge,
                password=body.password,
                totp=body.totp,
                proof=proof,
                at=self.guard.clock.now(),
            )
        )
        document = {
            "person": person_document(enrolled.person),
            "recovery_codes": enrolled.recovery_codes,
            "fingerprint": enrolled.fingerprint,
        }
        return JSONResponse(document, 201, NO_STORE)


def enrolment_routes(*, enrolment: Enrolment, guard: Guard, workers: Workers) -> list[Route]:
    """The routes."""
    doors = EnrolmentDoors(enrolment=enrolment, guard=guard, workers=workers)
    return [
        Route("/v1/office/enrolment/begin", doors.begin, methods=["POST"]),
        Route("/v1/office/enrolment/finish", doors.finish, methods=["POST"]),
    ]


def person_document(person: Person) -> dict[str, object]:
    """A person as the office shows them to themselves and to those who sign them."""
    return {"id": person.id, "name": person.name, "duty": person.duty.value, "partner": person.partner}


def _begun(begun: Begun) -> dict[str, object]:
    return {
        "person": {"id": begun.id, "name": begun.name, "duty": begun.duty.value, "partner": begun.partner},
        "challenge": to_text(begun.challenge),
        "totp": {"secret": begun.totp_secret, "uri": begun.totp_uri},
        "creation": begun.creation,
    }
