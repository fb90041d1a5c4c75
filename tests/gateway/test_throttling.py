"""The throttle at the door: 429 with the seconds to wait, before any turn, for whatever a known caller sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from bidui_client import Claim, Client, Subject
from gateway.domain.grant import Grant
from gateway.domain.reply import Answered, Reply, Request
from tests.adapters.test_client import an_account
from tests.doors import Entrance, comparison, problem_of, shows
from tests.gateways import LENIENT, a_gateway, some_facts
from tests.make import NAME, a_body, a_grant, an_id, limits

PACED = replace(LENIENT, pace_burst=5, pace_seconds=600)
SLOW = a_grant(limits=limits(comparisons=60))
"""One in ten seconds; so five at once."""
MALFORMED = a_body(subject={"kind": "person", "id": "11010519491231002X"[:17] + "0", "name": NAME})


@contextmanager
def opened(
    folder: Path, *more: Grant, submit: Callable[[Request], Awaitable[Reply]] | None = None
) -> Iterator[Entrance]:
    """A door that knows its rights, as one does half a second after its start."""
    with closing(a_gateway(folder, SLOW, *more, limits=PACED)) as gateway:
        gateway.register.put(an_id(1), some_facts())
        gateway.pipeline.follow(gateway.rights.load().epoch)
        yield Entrance(gateway, submit=submit)


@pytest.fixture
def entrance(tmp_path: Path) -> Iterator[Entrance]:
    with opened(tmp_path, a_grant(number="G-2")) as made:
        yield made


def statuses(entrance: Entrance, count: int, body: bytes | None = None, caller: str = "hr") -> list[int]:
    sent = [comparison(body or a_body(), f"key-{caller}-{place}", caller) for place in range(count)]
    return [each.status_code for each in entrance.ask(*sent)]


def test_who_is_too_fast_is_told_when_to_come_back(entrance: Entrance) -> None:
    assert statuses(entrance, 5) == [200] * 5

    response = entrance.compare(a_body(), "key-6")

    assert response.status_code == 429
    assert response.headers["retry-after"].isdigit()
    told = problem_of(response)
    assert told["type"] == "urn:bidui:problem:throttled"
    assert "reason" not in told
    assert shows(response, "60", "600", "G-1") == []
    entrance.gateway.clock.at += timedelta(seconds=int(response.headers["retry-after"]))
    assert entrance.compare(a_body(), "key-6").status_code == 200


def test_it_waits_for_no_turn(tmp_path: Path) -> None:
    submitted = list[Request]()

    async def submit(request: Request) -> Reply:
        submitted.append(request)
        return Answered(b"{}")

    with opened(tmp_path, submit=submit) as entrance:
        statuses(entrance, 50)

    assert len(submitted) == 5


def test_a_flood_of_malformed_numbers_is_throttled_and_hurts_nobody_else(entrance: Entrance) -> None:
    burst = max(each.limits.comparisons_per_day for each in entrance.gateway.rights.grants.values()) // 60
    flood = statuses(entrance, burst + 50, MALFORMED)

    assert flood == [422] * burst + [429] * 50
    assert entrance.compare(a_body(), "mine").status_code == 200
    assert entrance.compare(a_body(), "theirs", "hr-2").status_code == 200


FLOODS: dict[str, httpx2.Request] = {
    "no JSON": comparison(b"{", "k"),
    "no key": comparison(a_body(), None),
    "too large": comparison(b" " * 100_000, "k"),
    "a grant that is nobody's": comparison(a_body(grant="G-404"), "k"),
}


@pytest.mark.parametrize("sent", FLOODS.values(), ids=FLOODS)
def test_whatever_a_known_caller_sends_is_counted(tmp_path: Path, sent: httpx2.Request) -> None:
    with opened(tmp_path) as entrance:
        heard = [entrance.ask(sent)[0].status_code for _ in range(7)]

    assert 429 not in heard[:5]
    assert heard[5:] == [429, 429]


def test_who_is_not_known_is_not_counted(entrance: Entrance) -> None:
    assert {entrance.compare(a_body(), f"k-{place}", None).status_code for place in range(20)} == {401}
    assert entrance.throttle.late() == {}


def test_a_repeat_may_be_throttled_and_is_the_same_answer_afterwards(entrance: Entrance) -> None:
    first = entrance.compare(a_body(), "one")
    statuses(entrance, 4)
    assert entrance.compare(a_body(), "one").status_code == 429

    entrance.gateway.clock.at += timedelta(seconds=10)

    assert entrance.compare(a_body(), "one").content == first.content


def test_the_client_waits_and_asks_again(entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, waited = entrance.gateway.clock, list[float]()

    def rest(seconds: float) -> None:
        waited.append(seconds)
        clock.at += timedelta(seconds=seconds)

    monkeypatch.setattr("bidui_client.client.time.sleep", rest)
    subject, claims = Subject("person", an_id(1), NAME), [Claim("unit", "盟教育局")]
    with Client(an_account(), transport=httpx2.MockTransport(_line(entrance))) as client:
        told = [
            client.compare(grant="G-1", purpose="payroll-check", operator="wang-01", subject=subject, claims=claims)
            for _ in range(8)
        ]

    assert {each.subject for each in told} == {"confirmed"}
    assert len(waited) == 3


def _line(entrance: Entrance) -> Callable[[httpx2.Request], httpx2.Response]:
    def ask(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/oauth/token":
            return httpx2.Response(200, json={"access_token": "hr", "token_type": "Bearer", "expires_in": 300})
        headers = {**request.headers, "authorization": "hr"}
        sent = httpx2.Request("POST", "http://gateway/v1/comparisons", headers=headers, content=request.content)
        with ThreadPoolExecutor(1) as pool:
            (heard,) = pool.submit(entrance.ask, sent).result()
        return httpx2.Response(heard.status_code, headers=dict(heard.headers), content=heard.content)

    return ask
