"""The doors of tasks and grants over HTTP: what each person is given, and what they are not shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from gateway.accounts.sessions import Sessions
from gateway.accounts.values import Level, SignedIn
from gateway.api.office.deeds import DeedDoors, deed_problem, deed_routes
from gateway.api.office.guard import Guard
from gateway.api.office.tasks import TaskDoors, task_routes
from gateway.api.problems import of_error
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.steps import EMERGENCY
from gateway.domain.errors import GatewayError
from gateway.domain.people import Duty, Person
from gateway.drafting import Proposal
from tests.lives import CLERK, HEAD, LONG, NUMBER, PARTNER, REVIEWER, SYSTEM, Life, content
from tests.people import a_person


@dataclass(frozen=True, kw_only=True)
class NamedGuard(Guard):
    """Lets in whoever a header names; sessions have tests of their own."""

    life: Life

    async def require(self, request: Request, *duties: Duty, fresh: bool = False) -> SignedIn:
        person = self.life.person(request.headers["account"])
        return SignedIn(person, b"", Level.TOTP, self.clock.now(), "")


class Doors:
    """The doors over a story's office."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.waiting: list[Person] = []

    def get(self, account: str, path: str) -> httpx2.Response:
        async def send() -> httpx2.Response:
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self._app())) as client:
                return await client.get(f"https://gateway.example/v1/office{path}", headers={"account": account})

        return asyncio.run(send())

    def told(self, account: str, path: str) -> dict[str, Any]:
        """What a door gives, which must be 200."""
        response = self.get(account, path)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        return cast("dict[str, Any]", json.loads(response.content))

    def _app(self) -> Starlette:
        async def gateway_problem(_: Request, error: Exception) -> Response:
            return of_error(cast("GatewayError", error))

        sessions = cast("Sessions", None)  # the guard above has none
        guard = NamedGuard(sessions=sessions, clock=self.life.clock, origins=frozenset(), life=self.life)
        tasks = TaskDoors(office=self.life.office, waiting=lambda: self.waiting, guard=guard)
        deeds = deed_routes(DeedDoors(office=self.life.office, guard=guard))
        handlers = {DeedError: deed_problem, GatewayError: gateway_problem}
        return Starlette(routes=[*task_routes(tasks), *deeds], exception_handlers=handlers)


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    with closing(Life(tmp_path)) as life:
        yield Doors(life)


def test_tasks_are_told_as_json(doors: Doors) -> None:
    doors.life.apply()

    told = doors.told(HEAD, "/tasks")

    assert told.keys() == {
        "sign",
        "undertaking",
        "agreements",
        "ending",
        "attest",
        "review",
        "credentials",
        "people",
        "acknowledge",
        "disputes",
        "checks",
        "stopped",
    }
    (task,) = told["sign"]
    assert (task["id"], task["due"], task["overdue"]) == (NUMBER, "2026-07-03", False)
    assert doors.told(REVIEWER, "/tasks")["sign"] == []


def test_the_administrator_is_told_who_has_enrolled_with_what_to_draw_up(doors: Doors) -> None:
    doors.waiting = [a_person("cz-new", Duty.CLERK, PARTNER)]

    (task,) = doors.told(SYSTEM, "/tasks")["people"]

    assert (task["kind"], task["id"], task["content"]["duty"]) == ("person", "cz-new", "clerk")
    assert doors.told(HEAD, "/tasks")["people"] == []


def test_deeds_that_wait_say_until_when(doors: Doors) -> None:
    doors.life.apply()
    doors.life.clock.pass_by(days=4)

    (deed,) = doors.told(HEAD, "/deeds")["deeds"]

    assert (deed["due"], deed["overdue"]) == ("2026-07-03", True)
    (version,) = doors.told(HEAD, f"/deeds/grant/{NUMBER}")["versions"]
    assert (version["due"], version["overdue"]) == ("2026-07-03", True)


def test_a_grant_tells_where_each_of_its_versions_stands(doors: Doors) -> None:
    doors.life.grant(told=LONG)
    doors.life.apply(told=LONG | {"hit_rate": 95})

    first, second = doors.told(CLERK, f"/grants/{NUMBER}")["versions"]

    assert (first["state"], first["owners"]) == ("in_force", ["head"])
    assert first["ends"] == {"at": "2027-07-01T02:00:00+00:00", "cause": "no_attestation"}
    assert (second["state"], second["state_zh"], second["owners"], second["ends"]) == (
        "applied",
        "已申请",
        ["head"],
        None,
    )


def test_a_grant_that_was_withdrawn_and_an_emergency_tell_their_ends(doors: Doors) -> None:
    doors.life.grant("E-1", EMERGENCY)
    doors.life.grant()
    doors.life.withdraw()

    states = [(each["state"], each["ends"]) for each in doors.told(CLERK, f"/grants/{NUMBER}")["versions"]]
    (urgent,) = doors.told(REVIEWER, "/grants/E-1")["versions"]

    assert states == [("withdrawn", None), ("withdrawn", None)]
    assert (urgent["state"], urgent["ends"]["cause"]) == ("provisional", "no_review")


def test_a_renewal_can_be_drawn_up_as_it_is(doors: Doors) -> None:
    life = doors.life
    life.grant()
    life.clock.pass_by(days=350)

    told = doors.told(CLERK, f"/grants/{NUMBER}/renewal?until=2028-06-14")
    kept = life.synthetic.draw(CLERK, Proposal(kind=Kind(told["kind"]), id=told["id"], content=told["content"]))

    assert (kept.serial, told["content"]["valid_from"]) == (2, "2027-06-15")


def test_a_clone_can_be_drawn_up_as_it_is(doors: Doors) -> None:
    life = doors.life
    life.grant()

    told = doors.told(CLERK, f"/grants/{NUMBER}/clone?number=2026-014")
    kept = life.synthetic.draw(CLERK, Proposal(kind=Kind(told["kind"]), id=told["id"], content=told["content"]))

    assert (kept.id, kept.serial, told["content"]) == ("2026-014", 1, content())


REFUSED: dict[str, tuple[str, int]] = {
    "a grant that is not there": ("/grants/2026-999", 404),
    "a renewal of nothing": ("/grants/2026-999/renewal?until=2028-06-14", 404),
    "a clone of nothing": ("/grants/2026-999/clone?number=2026-014", 404),
    "a renewal without a day": (f"/grants/{NUMBER}/renewal", 422),
    "a renewal until no day": (f"/grants/{NUMBER}/renewal?until=soon", 422),
    "a renewal that ends earlier": (f"/grants/{NUMBER}/renewal?until=2026-12-31", 422),
    "a clone under a number that is taken": (f"/grants/{NUMBER}/clone?number={NUMBER}", 422),
    "a clone under no number": (f"/grants/{NUMBER}/clone", 422),
    "a clone under a strange number": (f"/grants/{NUMBER}/clone?number=a%20b", 422),
}


@pytest.mark.parametrize(("path", "status"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_given_is_a_problem_document(doors: Doors, path: str, status: int) -> None:
    doors.life.grant()

    response = doors.get(CLERK, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["", "/renewal?until=2028-06-14", "/clone?number=2026-014"])
def test_another_partner_is_not_told_that_a_grant_is_there(doors: Doors, path: str) -> None:
    doors.life.grant()
    doors.life.synthetic.register("hr", {"zh": "人社局", "en": "HR", "department": "renshe"})

    theirs = doors.get("hr-head", f"/grants/{NUMBER}{path}")
    nothing = doors.get("hr-head", f"/grants/2026-999{path}")

    assert theirs.status_code == 404
    assert theirs.content == nothing.content
