"""The door for lists: who may knock, what is read of what is sent, and what is said of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from gateway.accounts.errors import AccountError, WrongDutyError
from gateway.accounts.values import SignedIn
from gateway.api.office import cohorts
from gateway.api.office.cohorts import LARGEST, CohortDoors, cohort_routes
from gateway.api.office.deeds import deed_problem
from gateway.api.office.guard import Guard
from gateway.api.office.problems import account_problem
from gateway.api.problems import of_error
from gateway.cohorts import CohortDesk, Filed, Filing
from gateway.deeds.errors import DeedError
from gateway.domain.cohort import leaf_of, root_of
from gateway.domain.errors import GatewayError
from gateway.domain.people import Duty, Person
from tests.gateway.test_filing import SALT, Links
from tests.make import CATALOGUE, a_grant, an_id
from tests.people import a_person

CLOSED = a_grant(**{"class": "closed"})
CSV = {"content-type": "text/csv"}


@dataclass
class Desk:
    """Takes any list of partner hr under G-1, and keeps nothing."""

    filings: list[Filing] = field(default_factory=list)
    kept: int = 0

    def begin(self, by: Person, number: str) -> Filing:
        if number != "G-1" or by.partner != "hr":
            raise DeedError("本部门没有此编号的生效签批单，或其 class 不是 closed，请核对编号")
        self.filings.append(Filing(grant=CLOSED, catalogue=CATALOGUE, enlisting=Links()))
        return self.filings[-1]

    def keep(self, by: Person, filing: Filing) -> Filed:
        filing.finish()
        self.kept += 1
        root = root_of(filing.leaves.values())
        return Filed(grant="G-1", rows=len(filing.leaves), malformed=filing.malformed, root=root, deeds={})


@dataclass
class Keeper:
    """Stands for the guard, which has tests of its own: whoever knocks is this person."""

    person: Person

    async def require(self, request: Request, *duties: Duty, fresh: bool = False) -> SignedIn:
        if self.person.duty not in duties:
            raise WrongDutyError
        return _Who(self.person)  # type: ignore[return-value]  # the door asks for nothing but the person


@dataclass
class _Who:
    person: Person


class Door:
    """The door, and what came of knocking."""

    def __init__(self, duty: Duty = Duty.CLERK, partner: str | None = "hr") -> None:
        self.desk = Desk()
        guard: Guard = Keeper(a_person("somebody", duty, partner))  # type: ignore[assignment]  # as above
        desk: CohortDesk = self.desk  # type: ignore[assignment]  # what the door asks of it
        self.app = Starlette(
            routes=cohort_routes(CohortDoors(desk=desk, guard=guard)),
            exception_handlers={
                AccountError: account_problem,
                DeedError: deed_problem,
                GatewayError: _gateway_problem,
            },
        )

    def file(self, content: object, headers: dict[str, str] | None = None, number: str = "G-1") -> httpx2.Response:
        """One list."""
        return asyncio.run(self._send([(content, headers or CSV, number)]))[0]

    def file_at_once(self, *contents: object) -> list[httpx2.Response]:
        """Several lists, on one loop."""
        return asyncio.run(self._send([(each, CSV, "G-1") for each in contents]))

    async def _send(self, sendings: Sequence[tuple[object, dict[str, str], str]]) -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            posts = [
                client.post(f"/v1/office/cohorts/{number}", content=content, headers=headers)  # type: ignore[arg-type]  # bytes or pieces
                for content, headers, number in sendings
            ]
            return list(await asyncio.gather(*posts))


async def _gateway_problem(_: Request, error: Exception) -> Response:
    return of_error(error)  # type: ignore[arg-type]  # it is one of ours


def a_line(number: int) -> str:
    return f"person,{an_id(number)},{SALT.hex()}\n"


def a_list(*numbers: int) -> bytes:
    return ("kind,id,salt\n" + "".join(a_line(each) for each in numbers)).encode()


def test_a_list_is_told_by_its_numbers_and_its_root_alone() -> None:
    response = Door().file(a_list(1, 2, 2) + b"person,1,2\n")

    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "grant": "G-1",
        "rows": 2,
        "malformed": 2,
        "root": root_of(leaf_of(SALT, an_id(number)) for number in (1, 2)),
        "deeds": {},
    }


def test_json_lines_are_read_too() -> None:
    lines = [json.dumps({"kind": "person", "id": an_id(n), "salt": SALT.hex()}) for n in (1, 2)]

    response = Door().file("\n".join(lines).encode(), {"content-type": "application/jsonl; charset=utf-8"})

    assert response.json()["rows"] == 2


DUTIES: dict[str, tuple[Duty, str | None, int]] = {
    "a clerk": (Duty.CLERK, "hr", 201),
    "a head": (Duty.HEAD, "hr", 201),
    "a head of another department": (Duty.HEAD, "tax", 422),
    "a reviewer": (Duty.REVIEWER, None, 403),
    "an administrator": (Duty.SYSTEM_ADMIN, None, 403),
}


@pytest.mark.parametrize(("duty", "partner", "status"), DUTIES.values(), ids=DUTIES)
def test_lists_are_filed_by_people_of_the_department_alone(duty: Duty, partner: str | None, status: int) -> None:
    assert Door(duty, partner).file(a_list(1)).status_code == status


HOSTILE: dict[str, tuple[bytes, dict[str, str], int]] = {
    "nothing": (b"", CSV, 422),
    "no row that is right": (b"kind,id,salt\n1,2,3\n", CSV, 422),
    "no media type": (a_list(1), {"content-type": ""}, 400),
    "another media type": (a_list(1), {"content-type": "application/json"}, 400),
    "a spreadsheet": (b"PK\x03\x04" + bytes(1000), CSV, 422),
    "another head": (a_line(1).encode() * 2, CSV, 422),
    "more than it may hold, as it says": (a_list(1), CSV | {"content-length": str(LARGEST + 1)}, 413),
    "a length that is none": (a_list(1), CSV | {"content-length": "-1"}, 413),
    "200,001 rows": (b"kind,id,salt\n" + b"x\n" * 200_001, CSV, 422),
}


@pytest.mark.parametrize(("content", "headers", "status"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_list_is_refused_without_a_word_of_it(content: bytes, headers: dict[str, str], status: int) -> None:
    door = Door()

    response = door.file(content, headers)

    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert an_id(1)[:10] not in response.text
    assert door.desk.kept == 0


def test_a_file_of_200_megabytes_is_not_read_to_its_end() -> None:
    door, sent = Door(), [0]

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            sent[0] += 1
            yield b"x" * (1 << 20)

    response = door.file(endless())

    assert response.status_code == 413
    assert sent[0] <= LARGEST // (1 << 20) + 2
    assert door.desk.filings[0].leaves == {}


def test_a_department_files_one_list_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door()

    statuses = sorted(each.status_code for each in door.file_at_once(a_list(1), a_list(2)))

    assert statuses == [201, 409]
    assert door.file(a_list(3)).status_code == 201
    monkeypatch.setattr(cohorts, "AT_ONCE", 0)
    assert door.file(a_list(3)).status_code == 503


def test_after_a_list_that_broke_off_the_next_may_come() -> None:
    door = Door()

    async def broken() -> AsyncIterator[bytes]:
        yield a_list(1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        door.file(broken())
    assert door.desk.kept == 0
    assert door.file(a_list(1)).status_code == 201


def test_a_grant_that_is_not_there_is_told_as_another_departments() -> None:
    assert Door().file(a_list(1), number="G-9").text == Door(partner="tax").file(a_list(1)).text
