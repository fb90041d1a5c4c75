"""`POST /v1/comparisons` by its statuses: every wrong request has its own, and no response repeats what was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from gateway.api.body import MAX_BODY_BYTES
from gateway.domain.caller import Caller
from gateway.domain.errors import (
    ConflictError,
    DownError,
    GatewayError,
    InvalidQueryError,
    MismatchedKeyError,
    OverloadedError,
    UnavailableError,
    UnreadableError,
)
from gateway.domain.reply import Failed, Refused, Reply, Request
from policies.decision import Reason
from tests.doors import Entrance, comparison, problem_of, shows
from tests.gateways import Assembled, a_gateway, some_facts
from tests.make import NAME, a_body, a_claim, a_grant, an_id, limits

NUMBER, PERSON, VALUE = an_id(77), "额尔敦巴雅尔", "盟水利局灌区管理中心"
SECRETS = (NUMBER, NUMBER[:14], PERSON, VALUE)


@pytest.fixture
def entrance(tmp_path: Path) -> Iterator[Entrance]:
    with closing(a_gateway(tmp_path)) as gateway:
        gateway.register.put(NUMBER, some_facts({"name": PERSON, "unit": VALUE}))
        yield Entrance(gateway)


def person(**changes: object) -> dict[str, object]:
    subject = {"kind": "person", "id": NUMBER, "name": PERSON} | changes
    return {key: value for key, value in subject.items() if value is not None}


def body(**changes: object) -> bytes:
    """A right comparison of the secret person, but for what the test changes."""
    given_claims = changes.pop("claims", [a_claim("unit", VALUE)])
    members = json.loads(a_body()) | {"subject": person(), "claims": given_claims} | changes
    return json.dumps({key: value for key, value in members.items() if value is not None}, ensure_ascii=False).encode()


def test_a_right_comparison_is_answered_and_echoes_nothing(entrance: Entrance) -> None:
    response = entrance.compare(body())

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert int(response.headers["content-length"]) == len(response.content)
    assert response.json().keys() == {"as_of", "data", "fields", "subject", "receipt"}
    assert response.json()["fields"] == {"name": "match", "unit": "match"}
    assert shows(response, *SECRETS) == []


# ---------------------------------------------------------------------------------------- wrong requests, one by one

RIGHT = body()
WRONG: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "malformed JSON": (RIGHT[:-1], 400),
    "a text that is no JSON": (PERSON.encode(), 400),
    "NaN": (RIGHT.replace(f'"{VALUE}"'.encode(), b"NaN"), 400),
    "Infinity": (RIGHT.replace(f'"{VALUE}"'.encode(), b"-Infinity"), 400),
    "duplicate members": (RIGHT[:-1] + b', "grant": "G-1"}', 400),
    "duplicate members of the subject": (RIGHT.replace(b'"kind"', b'"kind": "person", "kind"'), 400),
    "another encoding": (RIGHT.decode().encode("gb18030"), 400),
    "half a surrogate": (RIGHT.replace(b'"G-1"', b'"\\ud83d"'), 400),
    "as deep as it gets": (b'{"claims":' + b"[" * 30_000, 400),
    "a number of 10,000 digits": (RIGHT.replace(f'"{VALUE}"'.encode(), b"1" * 10_000), 400),
    "a body of 5 MB": (b" " * 5_000_000, 413),
    "a body of 5 MB that is right": (body(matter="办" * 2_500_000), 413),
    "a byte more than may be": (RIGHT + b" " * (MAX_BODY_BYTES + 1 - len(RIGHT)), 413),
    "a list": (b"[]", 422),
    "null": (b"null", 422),
    "no subject": (body(subject=None), 422),
    "an unknown member": (body(note=VALUE), 422),
    "a member's name that is a number": (body(**{f" - at `$.{NUMBER}": 1}), 422),
    "a grant that is no text": (body(grant=7), 422),
    "a grant of 65 characters": (body(grant=(PERSON * 11)[:65]), 422),
    "a purpose with a line break": (body(purpose=f"{PERSON}\n"), 422),
    "an unknown kind": (body(subject=person(kind=PERSON)), 422),
    "a wrong check digit": (body(subject=person(id=NUMBER[:17] + ("0" if NUMBER[17] != "0" else "1"))), 422),
    "an id that is a number": (body(subject=person(id=int(NUMBER[:17]))), 422),
    "an id of 10,000 characters": (body(subject=person(id=NUMBER * 600)), 422),
    "no name": (body(subject=person(name=None)), 422),
    "a name that is a number": (body(subject=person(name=NUMBER)), 422),
    "empty claims": (body(claims=[]), 422),
    "500 claims": (body(claims=[a_claim("unit", VALUE)] * 500), 422),
    "an unknown field": (body(claims=[a_claim(VALUE, VALUE)]), 422),
    "a field twice": (body(claims=[a_claim("unit", VALUE), a_claim("unit", PERSON)]), 422),
    "the name as a claim": (body(claims=[a_claim("name", PERSON)]), 422),
    "an unknown comparator": (body(claims=[a_claim("unit", VALUE, VALUE)]), 422),
    "a claim of 10,000 characters": (body(claims=[a_claim("unit", (VALUE * 1_000)[:10_000])]), 422),
    "a value that is nothing": (body(claims=[a_claim("unit", None)]), 422),
    "a value that is a list": (body(claims=[a_claim("unit", [VALUE])]), 422),
    "a value beyond all numbers": (RIGHT.replace(f'"{VALUE}"'.encode(), b"1e400"), 422),
    "a code that is none": (body(claims=[a_claim("sex", VALUE)]), 422),
    "a date that is none": (body(as_of="2026-02-30"), 422),
    "a date with a name": (body(as_of=PERSON), 422),
    "a grant nobody has": (body(grant="G-404"), 403),
    "a person's number for a grant": (body(grant=NUMBER), 403),
    "a person's name for an operator": (body(operator=PERSON), 403),
    "a grant of another partner": (body(grant="T-1"), 403),
    "a purpose nobody has": (body(purpose="curiosity"), 403),
    "an operator nobody enrolled": (body(operator="li-02"), 403),
    "a date that is not granted": (body(as_of="2020-01-01"), 403),
}
RIGHT_THOUGH_ODD: dict[str, bytes] = {
    "lower-case x": body(subject=person(id="11010519491231002x")),
    "full-width digits": body(subject=person(id="１１０１０５１９４９１２３１００２Ｘ")),
    "fifteen digits": body(subject=person(id="110105491231002")),
    "a person's number in a matter": body(matter=f"办件 {NUMBER}"),
    "a field without right": body(claims=[a_claim("title", "正高级")]),
    "as large as may be": RIGHT + b" " * (MAX_BODY_BYTES - len(RIGHT)),
    "another order of members": json.dumps(dict(reversed(json.loads(RIGHT).items()))).encode(),
}


@pytest.mark.parametrize(("sent", "status"), WRONG.values(), ids=WRONG)
def test_a_wrong_request_has_its_status_and_no_echo(entrance: Entrance, sent: bytes, status: int) -> None:
    entrance.gateway.grant(a_grant(number="T-1", partner="tax"))

    response = entrance.compare(sent)

    assert response.status_code == status
    problem = problem_of(response)
    assert shows(response, *SECRETS) == []
    assert ("reason" in problem) == ("incident" in problem) == (status == 403)
    assert entrance.gateway.register.found == 0


@pytest.mark.parametrize("sent", RIGHT_THOUGH_ODD.values(), ids=RIGHT_THOUGH_ODD)
def test_a_request_that_only_looks_odd_is_answered(entrance: Entrance, sent: bytes) -> None:
    response = entrance.compare(sent)

    assert response.status_code == 200
    assert shows(response, *SECRETS) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.integers(0, len(RIGHT) - 1).map(lambda at: RIGHT[:at] + b"\x00" + RIGHT[at + 1 :]))
def test_any_body_is_answered_without_an_echo(entrance: Entrance, sent: bytes) -> None:
    response = entrance.compare(sent, key=str(abs(hash(sent))))

    assert response.status_code in {200, 400, 403, 422}
    assert shows(response, *SECRETS) == []


# ---------------------------------------------------------------------------------------- keys and callers

KEYS: dict[str, tuple[str | None, int]] = {
    "none": (None, 400),
    "an empty one": ("", 400),
    "as long as may be": ("k" * 128, 200),
    "one longer": ("k" * 129, 400),
    "with a blank": ("a key", 400),
    "a UUID": ("0190d6a2-7b1c-7c3e-9d2f-1a2b3c4d5e6f", 200),
    "a number of a person": (an_id(1), 200),
}


@pytest.mark.parametrize(("key", "status"), KEYS.values(), ids=KEYS)
def test_a_key_is_required_and_short(entrance: Entrance, key: str | None, status: int) -> None:
    response = entrance.compare(body(), key=key)

    assert response.status_code == status
    assert shows(response, *SECRETS, an_id(1)) == []


def test_two_keys_are_no_key(entrance: Entrance) -> None:
    request = comparison(body(), key=None)
    headers = [*request.headers.raw, (b"idempotency-key", b"one"), (b"idempotency-key", b"two")]
    (response,) = entrance.ask(httpx2.Request("POST", request.url, headers=headers, content=body()))

    assert response.status_code == 400


@pytest.mark.parametrize("caller", [None, "", "nobody", NUMBER])
def test_whoever_is_not_known_gets_one_answer_before_anything_is_read(entrance: Entrance, caller: str | None) -> None:
    uniform = entrance.compare(body(), caller="somebody")

    for sent in (body(), b"", b"{", b" " * 5_000_000):
        response = entrance.compare(sent, caller=caller, key=None)
        assert response.status_code == 401
        assert response.content == uniform.content
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert dict(response.headers) == dict(uniform.headers)


METHODS = {"GET": 405, "PUT": 405, "DELETE": 405, "PATCH": 405, "HEAD": 405}


@pytest.mark.parametrize(("method", "status"), METHODS.items())
def test_only_post_compares(entrance: Entrance, method: str, status: int) -> None:
    response = entrance.get(f"/v1/comparisons?id={NUMBER}", caller="hr", method=method)

    assert response.status_code == status
    assert "POST" in response.headers["allow"]
    assert shows(response, *SECRETS) == []


# ---------------------------------------------------------------------------------------- the same key again


def test_a_repeat_is_answered_byte_by_byte_alike(entrance: Entrance) -> None:
    first, again, other = entrance.compare(body()), entrance.compare(body()), entrance.compare(body(), key="key-2")

    assert first.content == again.content
    assert first.status_code == again.status_code == other.status_code == 200
    assert other.content != first.content


def test_a_key_with_another_body_is_told_so(entrance: Entrance) -> None:
    entrance.compare(body())

    for sent in (body() + b" ", body(claims=[a_claim("unit", PERSON)])):
        response = entrance.compare(sent)
        assert response.status_code == 422
        assert problem_of(response)["type"] == "urn:bidui:problem:mismatched-key"
        assert shows(response, *SECRETS, "key-1") == []


def test_keys_of_two_systems_never_meet(entrance: Entrance) -> None:
    ours, theirs = (entrance.compare(body(), caller=caller) for caller in ("hr", "hr-2"))

    assert ours.status_code == theirs.status_code == 200
    assert ours.content != theirs.content


def test_the_same_key_at_the_same_moment_is_a_conflict(entrance: Entrance) -> None:
    responses = entrance.ask(*(comparison(body()) for _ in range(3)))

    assert sorted(each.status_code for each in responses) == [200, 409, 409]
    conflict = next(each for each in responses if each.status_code == 409)
    assert conflict.headers["retry-after"]
    assert shows(conflict, *SECRETS, "key-1") == []
    assert entrance.compare(body()).status_code == 200


# ---------------------------------------------------------------------------------------- refusals and breakdowns

REPLIES: dict[str, tuple[Reply, int, str]] = {
    "not permitted": (Refused(Reason.NOT_PERMITTED, "00ff"), 403, "refused"),
    "quota": (Refused(Reason.QUOTA, "00ff"), 403, "refused"),
    "held": (Refused(Reason.HELD, "00ff"), 403, "refused"),
    "frozen": (Refused(Reason.FROZEN, "00ff"), 403, "refused"),
    "stale data": (Refused(Reason.STALE_DATA, "00ff"), 403, "refused"),
    "unreadable": (Failed(UnreadableError("x")), 400, "unreadable"),
    "invalid": (Failed(InvalidQueryError("x", "claims")), 422, "invalid"),
    "another body": (Failed(MismatchedKeyError("x")), 422, "mismatched-key"),
    "still running": (Failed(ConflictError("x")), 409, "conflict"),
    "too many": (Failed(OverloadedError("x")), 503, "unavailable"),
    "unavailable": (Failed(UnavailableError(VALUE)), 503, "unavailable"),
    "down": (Failed(DownError(VALUE)), 503, "unavailable"),
    "any error of ours": (Failed(GatewayError(VALUE)), 503, "unavailable"),
}


@pytest.mark.parametrize(("reply", "status", "kind"), REPLIES.values(), ids=REPLIES)
def test_every_reply_has_its_status(entrance: Entrance, reply: Reply, status: int, kind: str) -> None:
    response = knocked(entrance, lambda _: answer(reply))

    problem = problem_of(response)
    assert (response.status_code, problem["type"]) == (status, f"urn:bidui:problem:{kind}")
    assert ("retry-after" in response.headers) == (status in {409, 503})
    assert shows(response, *SECRETS) == []
    if isinstance(reply, Refused):
        assert (problem["reason"], problem["incident"]) == (reply.reason.value, "00ff")


async def answer(reply: Reply) -> Reply:
    return reply


def knocked(entrance: Entrance, submit: Callable[[Request], Awaitable[Reply]]) -> httpx2.Response:
    return replace(entrance, submit=submit).compare(body())


def test_refusals_tell_no_threshold_and_no_rule(entrance: Entrance) -> None:
    entrance.gateway.grant(a_grant(limits=limits(day=1)))
    entrance.compare(body())

    response = entrance.compare(body(subject={"kind": "person", "id": an_id(1), "name": NAME}), key="key-2")

    assert response.status_code == 403
    assert problem_of(response)["reason"] == "quota"
    assert shows(response, "R-1", "budget", "limit", "10000") == []


async def _raise(_: object) -> Reply:
    raise RuntimeError(NUMBER)


def test_whatever_breaks_behind_the_door_is_a_problem_without_an_echo(entrance: Entrance) -> None:
    response = knocked(entrance, _raise)

    assert response.status_code == 503
    assert problem_of(response)["type"] == "urn:bidui:problem:unavailable"
    assert shows(response, *SECRETS) == []


@pytest.mark.parametrize("path", ["/v1/comparisons", "/v1/catalogue"])
def test_a_proof_that_cannot_be_checked_is_a_problem_and_nobody(entrance: Entrance, path: str) -> None:
    class Broken(Entrance):
        def identify(self, scope: Scope) -> Caller | None:
            raise OSError(NUMBER)

    broken = Broken(entrance.gateway)
    response = broken.compare(body()) if path == "/v1/comparisons" else broken.get(path, caller="hr")

    assert response.status_code == 503
    assert shows(response, *SECRETS) == []


BREAKDOWNS: Mapping[str, Callable[[Assembled], None]] = {
    "the database": lambda gateway: setattr(gateway.store, "broken", True),
    "the disk": lambda gateway: setattr(gateway.store, "full", True),
    "the sealing process": lambda gateway: setattr(gateway.seal, "broken", True),
    "the index": lambda gateway: setattr(gateway.register, "broken", True),
    "one request": lambda gateway: gateway.register.spoil(NUMBER),
    "the log": lambda gateway: gateway.pipeline.seal_log(),
}


@pytest.mark.parametrize("break_it", BREAKDOWNS.values(), ids=BREAKDOWNS)
def test_what_is_out_of_order_is_503_without_an_echo(entrance: Entrance, break_it: Callable[[Assembled], None]) -> None:
    break_it(entrance.gateway)

    response = entrance.compare(body())

    assert response.status_code == 503
    assert response.headers["retry-after"]
    problem_of(response)
    assert shows(response, *SECRETS) == []


# ---------------------------------------------------------------------------------------- the wire itself


def raw(entrance: Entrance, headers: list[tuple[bytes, bytes]], messages: list[Message]) -> list[Message]:
    """One request as ASGI messages, for what no client library would send."""
    sent: list[Message] = []
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/comparisons",
        "query_string": b"",
        "headers": headers,
    }

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    app: Callable[[Scope, Receive, Send], Awaitable[None]] = entrance.app()
    asyncio.run(_call(app, scope, receive, send))
    return sent


async def _call(
    app: Callable[[Scope, Receive, Send], Awaitable[None]], scope: Scope, receive: Receive, send: Send
) -> None:
    await app(scope, receive, send)


PROVEN = [(b"authorization", b"hr"), (b"idempotency-key", b"k")]
LENGTHS: dict[str, tuple[list[tuple[bytes, bytes]], int]] = {
    "none": ([], 200),
    "a right one": ([(b"content-length", str(len(RIGHT)).encode())], 200),
    "one that promises too much": ([(b"content-length", b"5000000")], 413),
    "one of 10,000 digits": ([(b"content-length", b"9" * 10_000)], 413),
    "a negative one": ([(b"content-length", b"-1")], 413),
    "one that is none": ([(b"content-length", b"many")], 413),
}


@pytest.mark.parametrize(("headers", "status"), LENGTHS.values(), ids=LENGTHS)
def test_a_declared_length_is_read_with_care(
    entrance: Entrance, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    sent = raw(entrance, [*PROVEN, *headers], [{"type": "http.request", "body": RIGHT, "more_body": False}])

    assert sent[0]["status"] == status


def test_a_body_in_many_pieces_is_one_body(entrance: Entrance) -> None:
    pieces: list[Message] = [
        {"type": "http.request", "body": RIGHT[at : at + 7], "more_body": True} for at in range(0, len(RIGHT), 7)
    ]

    sent = raw(entrance, PROVEN, [*pieces, {"type": "http.request"}])

    assert sent[0]["status"] == 200


def test_a_body_that_never_ends_is_stopped(entrance: Entrance) -> None:
    endless: list[Message] = [{"type": "http.request", "body": b" " * 1_000, "more_body": True} for _ in range(1_000)]

    sent = raw(entrance, PROVEN, endless)

    assert sent[0]["status"] == 413
    assert len(endless) > 900, "it was not read to its end"


def test_a_caller_who_hangs_up_in_the_middle_leaves_nothing(entrance: Entrance) -> None:
    raw(entrance, PROVEN, [{"type": "http.request", "body": RIGHT[:20], "more_body": True}])

    assert entrance.gateway.register.found == 0
