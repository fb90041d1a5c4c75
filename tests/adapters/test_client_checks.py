"""The client names documents: against the real doors over a gateway in memory, and against answers that are wrong."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bidui_client import (
    AsyncClient,
    Claim,
    Client,
    InvalidError,
    ProtocolError,
    RefusedError,
    SpotCheck,
    Subject,
    UnauthorisedError,
)
from bidui_client.errors import from_problem
from gateway.checking import SpotChecks
from gateway.watch.thresholds import Thresholds
from tests.adapters.test_client import an_account
from tests.doors import Entrance
from tests.fakes_gateway import FakeGateway, a_problem
from tests.gateways import WATCH_KEY, a_gateway, some_facts
from tests.make import NAME, a_grant, an_id

FORM = "调档函 2026-117 号"
OPEN = a_grant(**{"class": "open", "hit_rate": 99, "max_data_age_days": 99})
TOKEN = {"access_token": "hr", "token_type": "Bearer", "expires_in": 300}


class Door:
    """The doors of a gateway in memory as a transport; tokens are given to whoever asks."""

    def __init__(self, folder: Path) -> None:
        self.gateway = a_gateway(folder, OPEN, limits=Thresholds(check_share=1.0))
        for number in (1, 2):
            self.gateway.register.put(an_id(number), some_facts())
        self.entrance = Entrance(self.gateway)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/oauth/token":
            return httpx2.Response(200, json=TOKEN)
        headers = {**request.headers, "authorization": request.headers["Authorization"].removeprefix("Bearer ")}
        url = f"http://gateway{request.url.raw_path.decode()}"
        sent = httpx2.Request(request.method, url, headers=headers, content=request.content)
        with ThreadPoolExecutor(1) as pool:  # a client that does not wait has a loop of its own here
            (heard,) = pool.submit(self.entrance.ask, sent).result()
        return httpx2.Response(heard.status_code, headers=dict(heard.headers), content=heard.content)

    def client(self) -> Client:
        return Client(an_account(), transport=httpx2.MockTransport(self))


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def ask(client: Client, number: int = 1) -> str:
    subject, claims = Subject("person", an_id(number), NAME), [Claim("unit", "盟教育局")]
    return client.compare(
        grant="G-1", purpose="payroll-check", operator="wang-01", subject=subject, claims=claims
    ).subject


def refused(client: Client, number: int = 1) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        ask(client, number)
    return caught.value


def test_from_the_refusal_to_the_answer(door: Door) -> None:
    client = door.client()
    no = refused(client)
    assert (no.reason, no.document) == ("held", "own")
    assert no.incident in str(no)
    waits = SpotCheck(
        number=no.incident, grant="G-1", opened="2026-06-30", due="2026-07-01", last="2026-07-06", state="due"
    )
    assert client.spot_checks() == [waits]

    filed = client.file_document(no.incident, FORM, operator="wang-01", scan=b"%PDF")

    assert filed == replace(waits, state="filed")
    assert ask(client) == "confirmed"


def test_an_overdue_document_of_another_question_is_told_apart(door: Door) -> None:
    client = door.client()
    number = refused(client).incident
    door.gateway.clock.pass_by(days=2)
    door.gateway.pipeline.spot_checks = SpotChecks(WATCH_KEY, Thresholds(check_share=1e-9))

    no = refused(client, 2)

    assert (no.document, no.incident) == ("other", number)
    assert "overdue" in str(no)


def test_without_waiting_for_it_the_same(door: Door) -> None:
    number = refused(door.client()).incident

    async def file() -> tuple[SpotCheck, list[SpotCheck]]:
        async with AsyncClient(an_account(), transport=httpx2.MockTransport(door)) as client:
            filed = await client.file_document(number, FORM, operator="wang-01")
            return filed, await client.spot_checks()

    filed, listed = asyncio.run(file())
    assert [filed] == listed


def test_what_the_gateway_does_not_take_is_said_without_what_was_sent(door: Door) -> None:
    client = door.client()
    number = refused(client).incident
    for document, operator in ((f"函 {an_id(1)}", "wang-01"), ("函", "wang-01"), (FORM, "mallory"), ("\ud800", "x")):
        with pytest.raises(InvalidError) as caught:
            client.file_document(number, document, operator=operator)
        assert an_id(1) not in str(caught.value)
    for unknown in ("0" * 16, "../../v1/catalogue", ""):
        with pytest.raises(InvalidError) as caught:
            client.file_document(unknown, FORM, operator="wang-01")
        assert caught.value.place == "number"


STRANGE: dict[str, Any] = {
    "no list": {"spot_checks": {}},
    "nothing": {},
    "rows that are none": {"spot_checks": ["x"]},
    "rows of another form": {"spot_checks": [{"number": "0" * 16}]},
}


@pytest.mark.parametrize("told", STRANGE.values(), ids=STRANGE)
def test_what_is_no_list_of_checks_is_no_gateway(told: Any) -> None:
    gateway = FakeGateway([httpx2.Response(200, json=told)])
    client = Client(an_account(), transport=httpx2.MockTransport(gateway))

    with pytest.raises(ProtocolError):
        client.spot_checks()


def test_other_errors_stay_what_they_are() -> None:
    for problem, kind in ((a_problem(401), UnauthorisedError), (a_problem(418), ProtocolError)):
        client = Client(an_account(), transport=httpx2.MockTransport(FakeGateway([problem, problem])))
        with pytest.raises(kind):
            client.file_document("0" * 16, FORM, operator="wang-01")


def test_what_has_to_be_signed_is_told_apart() -> None:
    told = {"type": "urn:bidui:problem:signature-required", "reason": "held", "incident": "0123456789abcdef"}

    error = from_problem(403, told, None, ())

    assert isinstance(error, RefusedError)
    assert (error.reason, error.document, error.wants_signature) == ("held", "", True)
    assert "request_key" in str(error)
    assert not RefusedError("held", "").wants_signature
