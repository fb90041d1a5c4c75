"""The doors of statements for systems: each is told of its own, pages fit the root, disputes are taken in once."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.testclient import TestClient

from gateway.api.problems import of_error
from gateway.api.statements import StatementDoor, statement_routes
from gateway.domain.caller import Caller
from gateway.domain.errors import GatewayError
from gateway.domain.people import Duty, Person
from gateway.statements.desk import StatementDesk
from tests.audit.make import ORIGIN
from tests.gateway.statements.make import Bench, a_bench

OFFICER = Person(id="zz-an", name="-", duty=Duty.SECURITY_ADMIN, partner=None, natural="0" * 32, keys=(), active=True)


class Doors:
    """The doors over a bench, and whoever knocks."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.caller: Caller | None = a_system("payroll", "payroll-1")
        self.desk = StatementDesk(
            origin=ORIGIN,
            statements=bench.store.statements,
            reader=bench.store.ledger,
            store=bench.store,
            ledger=bench.maker.ledger,
            keys=bench.keys,
            clock=bench.clock,
        )

        async def told(_: object, error: Exception) -> Response:
            assert isinstance(error, GatewayError)
            return of_error(error)

        routes = statement_routes(StatementDoor(identify=lambda _: self.caller, desk=self.desk))
        self.http = TestClient(Starlette(routes=routes, exception_handlers={GatewayError: told}))

    def get(self, path: str) -> Any:
        return self.http.get(f"/v1/statements{path}")

    def dispute(self, **body: object) -> Any:
        return self.http.post("/v1/statements/disputes", content=json.dumps(body).encode())

    def types(self) -> list[str]:
        return [row.type for row in self.bench.store.ledger.rows]


def a_system(partner: str, client: str, body: bytes | None = None) -> Caller:
    return Caller(partner, client, "dept", {}, "10.0.0.1", "gov", body_sha256=body)


@pytest.fixture
def doors() -> Doors:
    bench = a_bench()
    for _ in range(2):
        bench.answer()
        bench.refuse()
        bench.answer("payroll", "payroll-2", "li-02")
    bench.clock.pass_by(days=1)
    bench.maker.run_once()
    return Doors(bench)


def test_a_system_is_shown_its_own_day_with_its_operators(doors: Doors) -> None:
    told = doors.get("?day=2026-03-01").json()

    assert told["statement"]["body"]["system"] == "payroll-1"
    assert [(each["operator"], each["answered"], each["refused"]) for each in told["operators"]["opened"]] == [
        ("wang-01", 2, 2)
    ]


def test_what_was_erased_is_told_to_nobody_and_the_statement_stands(doors: Doors) -> None:
    before = doors.get("?day=2026-03-01").json()
    doors.bench.keys.kept.clear()

    after = doors.get("?day=2026-03-01").json()

    assert after["statement"] == before["statement"]
    assert after["operators"] == {"opened": [], "digests": before["operators"]["digests"]}


def test_nobody_is_told_of_another_system(doors: Doors) -> None:
    doors.caller = a_system("pension", "payroll-1")
    assert doors.get("?day=2026-03-01").status_code == 404
    doors.caller = None
    for path in ("?day=2026-03-01", "/entries?day=2026-03-01"):
        assert doors.get(path).status_code == 401
    assert doors.dispute(day="2026-03-01", unknown=[1]).status_code == 401


def test_entries_come_page_by_page(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.statements.desk.MOST_LINES", 3)
    first = doors.get("/entries?day=2026-03-01").json()["entries"]
    second = doors.get(f"/entries?day=2026-03-01&after={first[-1]['index']}").json()["entries"]

    assert (len(first), len(second)) == (3, 1)
    assert [bool(each["incident"]) for each in first + second] == [False, True, False, True]
    assert len({each["index"] for each in first + second}) == 4


BAD: dict[str, Callable[[Doors], Any]] = {
    "no day": lambda doors: doors.get(""),
    "a day of another spelling": lambda doors: doors.get("?day=20260301"),
    "no day of the calendar": lambda doors: doors.get("?day=2026-02-30"),
    "after nothing": lambda doors: doors.get("/entries?day=2026-03-01&after=-"),
    "after a word": lambda doors: doors.get("/entries?day=2026-03-01&after=x"),
    "a dispute about nothing": lambda doors: doors.dispute(day="2026-03-01"),
    "a dispute about entries of others": lambda doors: doors.dispute(day="2026-03-01", unknown=[999]),
    "entries twice": lambda doors: doors.dispute(day="2026-03-01", missing=[5, 5]),
    "entries before the first": lambda doors: doors.dispute(day="2026-03-01", missing=[-1]),
    "too many": lambda doors: doors.dispute(day="2026-03-01", missing=list(range(301))),
    "another member": lambda doors: doors.dispute(day="2026-03-01", unknown=[1], text="!"),
}


@pytest.mark.parametrize("ask", BAD.values(), ids=BAD)
def test_what_is_wrong_is_said_so(doors: Doors, ask: Callable[[Doors], Any]) -> None:
    entries = len(doors.types())

    assert ask(doors).status_code == 422
    assert len(doors.types()) == entries


def test_what_is_no_json_is_unreadable(doors: Doors) -> None:
    assert doors.http.post("/v1/statements/disputes", content=b"{").status_code == 400
    assert doors.http.post("/v1/statements/disputes", content=b" " * 70_000).status_code == 413


def test_a_dispute_is_recorded_once_and_waits_for_an_officer(doors: Doors) -> None:
    first = doors.dispute(day="2026-03-01", unknown=[1], missing=[77])
    again = doors.dispute(day="2026-03-01", unknown=[1, 2])

    assert first.status_code == 201
    assert again.json() == first.json()
    assert doors.types().count("statement.disputed") == doors.types().count("watch.noticed") == 1
    (dispute,) = doors.desk.open_disputes()
    assert (dispute.system, dispute.unknown, dispute.missing) == ("payroll-1", (1,), (77,))

    doors.desk.settle(OFFICER, dispute.id, "一次答复未送达")
    assert doors.types()[-1] == "statement.settled"
    assert doors.desk.open_disputes() == []
    assert doors.dispute(day="2026-03-01", unknown=[1], missing=[77]).json() == first.json()
    assert doors.desk.open_disputes() == []
    assert doors.dispute(day="2026-03-01", unknown=[2]).json() != first.json()


def test_the_largest_dispute_fits_into_an_entry(doors: Doors) -> None:
    missing = list(range(10**14, 10**14 + 300))

    assert doors.dispute(day="2026-03-01", missing=missing).status_code == 201


def test_a_signed_dispute_is_of_the_body_that_was_signed(doors: Doors) -> None:
    body = json.dumps({"day": "2026-03-01", "unknown": [1]}).encode()
    doors.caller = a_system("payroll", "payroll-1", sha256(body).digest())

    assert doors.http.post("/v1/statements/disputes", content=body + b" ").status_code == 401
    assert doors.http.post("/v1/statements/disputes", content=body).status_code == 201
