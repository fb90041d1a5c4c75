"""The client SDK against a gateway in memory: keys kept over retries, tokens, errors that repeat nothing, receipts."""

from __future__ import annotations

import ast
import asyncio
import json
import stat
import sys
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import example, given
from hypothesis import strategies as st

import bidui_client
from adapters.identity.assertion import check_assertion, read_assertion
from adapters.identity.replay import MemoryReplayStore
from audit import receipt as ours
from audit.note import Ed25519Verifier, parse_vkey
from bidui_client import (
    Account,
    Answer,
    AsyncClient,
    BiduiError,
    Claim,
    Client,
    InvalidError,
    NotKeptError,
    ProtocolError,
    Question,
    ReceiptError,
    RefusedError,
    Subject,
    UnauthorisedError,
    UnavailableError,
    check_receipt,
    load_key,
)
from bidui_client.core import Core, Heard
from bidui_client.errors import from_problem
from tests.adapters.make_identity import StandingClock, a_registry, ec_key
from tests.audit.make import an_ed25519_signer
from tests.fakes_gateway import AT, ISSUER, VKEY, FakeGateway, Move, a_problem, an_answer

NUMBER, NAME, VALUE = "11010519491231002X", "额尔敦巴雅尔", "盟水利局灌区管理中心"
SECRETS = (NUMBER, NAME, VALUE)
INCIDENT = "0f3a9c17e2b84d56"


def an_account(**changes: Any) -> Account:
    """An account of the partner that `make_identity` enrols."""
    clock = AT.timestamp()
    settings: dict[str, Any] = {"url": f"{ISSUER}/", "client_id": "hr-payroll", "key": ec_key("client")}
    return Account(**(settings | {"clock": lambda: clock} | changes))


def a_question(**changes: Any) -> Question:
    base: dict[str, Any] = {"grant": "G-1", "purpose": "benefit-check", "operator": "wang-01"}
    base |= {"subject": Subject("person", NUMBER, NAME), "claims": [Claim("unit", VALUE), Claim("rank", 3, "at_least")]}
    question: Question = base | changes  # type: ignore[assignment]  # a test may ask wrongly
    return question


def ask(gateway: FakeGateway, account: Account | None = None, **changes: Any) -> Answer:
    with Client(account or an_account(), transport=httpx2.MockTransport(gateway)) as client:
        return client.compare(**a_question(**changes))


async def ask_async(gateway: FakeGateway, account: Account | None = None, **changes: Any) -> Answer:
    async with AsyncClient(account or an_account(), transport=httpx2.MockTransport(gateway)) as client:
        return await client.compare(**a_question(**changes))


def ask_both(gateway: FakeGateway, account: Account | None = None) -> Answer:
    return asyncio.run(ask_async(gateway, account))


WAYS: dict[str, Callable[..., Answer]] = {"sync": ask, "async": ask_both}


def paced(core: Core, gateway: FakeGateway) -> tuple[Answer, list[float]]:
    """Carry out a question without waiting, and note the waits that it wanted."""
    steps, waits = core.compare(a_question()), list[float]()
    heard: Heard = None
    try:
        while True:
            step = steps.send(heard)
            heard = None
            if isinstance(step, httpx2.Request):
                heard = _heard(gateway, step)
            else:
                waits.append(step)
    except StopIteration as end:
        return end.value, waits


def _heard(gateway: FakeGateway, request: httpx2.Request) -> Heard:
    try:
        return gateway(request)
    except httpx2.RequestError as error:
        return error


# ------------------------------------------------------------------------------------------------ asking


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_has_codes_data_and_receipt(way: str) -> None:
    gateway = FakeGateway()

    answer = WAYS[way](gateway, an_account(receipt_key=VKEY))

    assert (answer.subject, answer.fields) == ("confirmed", {"name": "match", "unit": "match", "rank": "mismatch"})
    assert answer.as_of == "2026-06-30"
    assert answer.data == {"version": "cd" * 32, "time": "2026-06-29T16:00:00Z"}
    assert answer.receipt["body"]["index"] == 1234
    assert answer.sent == gateway.asked[0].content


def test_the_request_is_as_the_door_wants_it() -> None:
    gateway = FakeGateway()

    ask(gateway, an_account(headers={"X-Demo": "1"}), matter="M-7", as_of="2026-06-30")

    request = gateway.asked[0]
    assert (request.method, str(request.url)) == ("POST", f"{ISSUER}/v1/comparisons")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Demo"] == "1"
    assert json.loads(request.content) == {
        "grant": "G-1",
        "purpose": "benefit-check",
        "operator": "wang-01",
        "matter": "M-7",
        "as_of": "2026-06-30",
        "subject": {"kind": "person", "id": NUMBER, "name": NAME},
        "claims": [
            {"field": "unit", "value": VALUE, "comparator": "equals"},
            {"field": "rank", "value": 3, "comparator": "at_least"},
        ],
    }


def test_what_is_not_given_is_left_out() -> None:
    gateway = FakeGateway()

    ask(gateway, subject=Subject("organisation", "12150000MB0123456A"), matter=None)

    assert "name" not in json.loads(gateway.asked[0].content)["subject"]
    assert not {"matter", "as_of", "key"} & json.loads(gateway.asked[0].content).keys()


def test_two_questions_have_two_keys_and_a_given_key_is_used() -> None:
    gateway = FakeGateway()

    ask(gateway)
    ask(gateway)
    ask(gateway, key="asked-before-the-crash")

    assert len(gateway.keys) == 3
    assert "asked-before-the-crash" in gateway.keys


@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_catalogue_can_be_read(way: str) -> None:
    gateway = FakeGateway()

    async def read() -> Mapping[str, object]:
        async with AsyncClient(an_account(), transport=httpx2.MockTransport(gateway)) as client:
            return await client.catalogue()

    if way == "async":
        told = asyncio.run(read())
    else:
        with Client(an_account(), transport=httpx2.MockTransport(gateway)) as client:
            told = client.catalogue()

    assert told == {"version": "1", "grants": [], "fields": []}
    assert gateway.asked[0].method == "GET"


UNUSABLE: dict[str, dict[str, Any]] = {
    "no claims": {"claims": []},
    "not a number": {"claims": [Claim("unit", float("nan"))]},
    "half a character": {"subject": Subject("person", NUMBER, f"{NAME}\ud800")},
    "no JSON value": {"claims": [Claim("unit", AT)]},  # type: ignore[arg-type]  # that is the case
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_an_unusable_question_is_not_sent(case: str) -> None:
    gateway = FakeGateway()

    with pytest.raises(InvalidError) as raised:
        ask(gateway, **UNUSABLE[case])

    assert not gateway.asked
    assert_silent(raised.value)


# ------------------------------------------------------------------------------------------------ tokens


def test_an_assertion_convinces_the_gateway_once() -> None:
    gateway, clock = FakeGateway(life=0), StandingClock(AT)
    replays = MemoryReplayStore(clock=clock)
    with Client(an_account(), transport=httpx2.MockTransport(gateway)) as client:
        client.compare(**a_question())
        client.compare(**a_question())

    sender = a_registry().client("hr-payroll")
    assert sender is not None
    for assertion in gateway.assertions:
        check_assertion(read_assertion(assertion), sender, ISSUER, clock.now(), replays)
    assert len(set(gateway.assertions)) == 2


def test_a_key_and_a_gateway_may_have_names_of_their_own() -> None:
    gateway = FakeGateway()

    ask(gateway, an_account(kid="2026-a", audience="https://issuer.example"))

    header, claims = (json.loads(urlsafe_b64decode(part + "==")) for part in gateway.assertions[0].split(".")[:2])
    assert header == {"alg": "ES256", "kid": "2026-a", "typ": "client-authentication+jwt"}
    assert claims["aud"] == "https://issuer.example"


def test_a_token_is_kept_until_a_tenth_of_its_life_is_left() -> None:
    gateway, times = FakeGateway(), iter([0.0] * 3 + [269.0] * 2 + [270.0] * 3)
    account = an_account(clock=lambda: next(times))
    with Client(account, transport=httpx2.MockTransport(gateway)) as client:
        for _ in range(3):
            client.compare(**a_question())

    assert gateway.tokens == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_a_kept_token_that_fails_is_replaced_once() -> None:
    gateway = FakeGateway()
    with Client(an_account(), transport=httpx2.MockTransport(gateway)) as client:
        client.compare(**a_question())
        gateway.moves = [a_problem(401)]
        client.compare(**a_question(key="same"))
        gateway.moves = [a_problem(401), a_problem(401)]
        with pytest.raises(UnauthorisedError):
            client.compare(**a_question())

    assert gateway.tokens == [f"Bearer token-{number}" for number in (1, 1, 2, 2, 3)]
    assert gateway.asked[1].content == gateway.asked[2].content
    assert gateway.asked[1].headers["Idempotency-Key"] == gateway.asked[2].headers["Idempotency-Key"] == "same"


def test_a_fresh_token_that_fails_is_not_tried_again() -> None:
    gateway = FakeGateway([a_problem(401)])

    with pytest.raises(UnauthorisedError):
        ask(gateway)

    assert len(gateway.asked) == 1


def test_every_attempt_at_a_token_has_its_own_assertion() -> None:
    gateway = FakeGateway(token_moves=[httpx2.ReadTimeout("lost"), a_problem(503)])

    answer, waits = paced(Core(an_account()), gateway)

    assert answer.subject == "confirmed"
    assert (len(set(gateway.assertions)), len(waits)) == (3, 2)


NO_TOKENS: dict[str, tuple[httpx2.Response, type[BiduiError]]] = {
    "unknown client": (httpx2.Response(401, json={"error": "invalid_client"}), UnauthorisedError),
    "a page": (httpx2.Response(200, text="<html>"), ProtocolError),
    "no life": (httpx2.Response(200, json={"access_token": "t"}), ProtocolError),
    "two lines": (httpx2.Response(200, json={"access_token": "t\r\nX: y", "expires_in": 300}), ProtocolError),
    "moved": (httpx2.Response(308, headers={"Location": "https://elsewhere.example/"}), ProtocolError),
}


@pytest.mark.parametrize("case", NO_TOKENS)
def test_without_a_token_nothing_is_asked(case: str) -> None:
    response, error = NO_TOKENS[case]
    gateway = FakeGateway(token_moves=[response])

    with pytest.raises(error):
        ask(gateway)

    assert not gateway.asked


# ------------------------------------------------------------------------------------------------ retries

BUSY: dict[str, tuple[list[Move], list[float]]] = {
    "busy once": ([a_problem(503)], [0.5]),
    "as long as it says": ([a_problem(429, {"Retry-After": "7"})], [7.0]),
    "longer each time": ([a_problem(502), a_problem(503), a_problem(504)], [0.5, 1.0, 2.0]),
    "still at it": ([a_problem(409, {"Retry-After": "1"})], [1.0]),
    "the answer was lost": ([httpx2.ReadTimeout("lost")], [0.5]),
    "not reached": ([httpx2.ConnectError("refused")], [0.5]),
    "a date": ([a_problem(503, {"Retry-After": "Fri, 03 Jul 2026 01:00:00 GMT"})], [0.5]),
}


@pytest.mark.parametrize("case", BUSY)
def test_a_retry_keeps_key_and_body_and_waits(case: str) -> None:
    moves, expected = BUSY[case]
    gateway = FakeGateway(list(moves))

    answer, waits = paced(Core(an_account()), gateway)

    assert answer.subject == "confirmed"
    assert len(gateway.asked) == len(moves) + 1
    assert len(gateway.keys) == len(gateway.bodies) == 1
    assert all(least <= wait < least + 0.25 for wait, least in zip(waits, expected, strict=True))


@pytest.mark.parametrize("way", WAYS)
def test_both_ways_really_wait_and_try_again(way: str) -> None:
    gateway = FakeGateway([httpx2.ReadError("reset")])

    answer = WAYS[way](gateway, an_account(entropy=bytes))

    assert answer.subject == "confirmed"
    assert len(gateway.keys) == 1


ENDLESS: dict[str, tuple[Callable[[], Move], int, float | None]] = {
    "busy": (lambda: a_problem(503), 4, None),
    "throttled": (lambda: a_problem(429, {"Retry-After": "2"}), 4, 2.0),
    "throttled for long": (lambda: a_problem(429, {"Retry-After": "3600"}), 1, 3600.0),
    "silent": (lambda: httpx2.ReadTimeout(f"while sending {NUMBER}"), 4, None),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_retries_end(case: str) -> None:
    move, attempts, wait = ENDLESS[case]
    gateway = FakeGateway([move() for _ in range(9)])

    with pytest.raises(UnavailableError) as raised:
        paced(Core(an_account()), gateway)

    assert len(gateway.asked) == attempts
    assert raised.value.retry_after == wait
    assert_silent(raised.value)


# ------------------------------------------------------------------------------------------------ errors

PROBLEMS: dict[str, tuple[Callable[[], httpx2.Response], type[BiduiError]]] = {
    "unreadable": (lambda: a_problem(400), InvalidError),
    "unauthorised": (lambda: a_problem(401), UnauthorisedError),
    "refused": (lambda: a_problem(403, reason="not_permitted", incident=INCIDENT), RefusedError),
    "too large": (lambda: a_problem(413), InvalidError),
    "a head too long": (lambda: a_problem(431), InvalidError),
    "invalid": (lambda: a_problem(422, pointer="subject.id", detail="校验位不符"), InvalidError),
    "broken": (lambda: a_problem(500), UnavailableError),
    "no such door": (lambda: a_problem(404), ProtocolError),
    "moved": (lambda: httpx2.Response(307, headers={"Location": "https://elsewhere.example/"}), ProtocolError),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", PROBLEMS)
def test_each_problem_is_its_error_and_is_not_asked_twice(case: str, way: str) -> None:
    response, error = PROBLEMS[case]
    gateway = FakeGateway([response()])

    with pytest.raises(error) as raised:
        WAYS[way](gateway)

    assert type(raised.value) is error
    assert len(gateway.asked) == 1


def test_a_refusal_has_reason_and_incident() -> None:
    with pytest.raises(RefusedError) as raised:
        ask(FakeGateway([a_problem(403, reason="not_permitted", incident=INCIDENT)]))

    assert (raised.value.reason, raised.value.incident) == ("not_permitted", INCIDENT)
    assert INCIDENT in str(raised.value)


def test_a_wrong_question_is_told_where_and_what_to_do() -> None:
    with pytest.raises(InvalidError) as raised:
        ask(FakeGateway([a_problem(422, pointer="claims[1].value", detail="请填写职级代码")]))

    assert (raised.value.place, raised.value.hint) == ("claims[1].value", "请填写职级代码")


def _echo(status: int) -> Callable[[httpx2.Request], httpx2.Response]:
    """A gateway, or something in between, that repeats the whole request in every member."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        echo = request.content.decode()
        members = dict.fromkeys(("title", "detail", "pointer", "reason", "incident", "type", echo), echo)
        return httpx2.Response(status, json=members | {"instance": request.headers["Authorization"]})

    return answer


@pytest.mark.parametrize("status", [200, 307, 400, 401, 403, 404, 413, 418, 422, 500])
def test_no_error_repeats_what_was_sent(status: int) -> None:
    with pytest.raises(BiduiError) as raised:
        ask(FakeGateway([_echo(status)]))

    assert_silent(raised.value)


SPELLINGS = [*SECRETS, NUMBER[:17] + "x", "１１０１０５１９４９１２３１００２Ｘ", " ".join(NAME)]
MEMBERS = ["title", "detail", "pointer", "reason", "incident", "type"]
STATUSES = [400, 401, 403, 404, 409, 413, 422, 429, 503]


@given(before=st.text(max_size=5), after=st.text(max_size=5))
@example(before="", after="")
def test_no_problem_carries_a_value_further(before: str, after: str) -> None:
    for secret, member, status in product(SPELLINGS, MEMBERS, STATUSES):
        error = from_problem(status, {member: before + secret + after}, None, SECRETS)

        assert secret not in f"{error} {error!r} {vars(error)}"


def test_values_hide_in_repr() -> None:
    question, answer = a_question(), ask(FakeGateway())

    assert_silent_text(f"{question} {answer}")
    assert "PrivateKey" not in repr(an_account())


def assert_silent(error: BaseException | None) -> None:
    """Neither the error nor what it was raised from says a value."""
    while error is not None:
        assert_silent_text(f"{error} {error!r} {error.args} {vars(error)}")
        error = error.__cause__ or error.__context__


def assert_silent_text(text: str) -> None:
    for secret in SECRETS:
        assert secret not in text
        assert ascii(secret) not in text


# ------------------------------------------------------------------------------------------------ answers

FOREIGN: dict[str, Callable[[dict[str, Any]], object]] = {
    "another subject code": lambda told: told | {"subject": "found"},
    "another field code": lambda told: told | {"fields": told["fields"] | {"unit": "盟水利局"}},
    "a field unanswered": lambda told: told | {"fields": {"name": "match", "unit": "match"}},
    "no fields": lambda told: told | {"fields": []},
    "a list of codes": lambda told: told | {"fields": {"unit": ["match"], "rank": ["match"]}},
    "no receipt": lambda told: {name: told[name] for name in told if name != "receipt"},
    "an empty receipt": lambda told: told | {"receipt": {}},
    "a text for a receipt": lambda told: told | {"receipt": "yes"},
    "no data": lambda told: told | {"data": None},
    "a list": lambda told: [told],
    "nothing": lambda _: {},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_an_answer_of_another_form_is_none(case: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=FOREIGN[case](an_answer(request.content)))

    with pytest.raises(ProtocolError):
        ask(FakeGateway([answer]))


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff", b"[" * 100_000, b'"confirmed"'])
def test_an_answer_that_is_no_json_object_is_none(content: bytes) -> None:
    with pytest.raises(ProtocolError):
        ask(FakeGateway([httpx2.Response(200, content=content)]))


# ------------------------------------------------------------------------------------------------ receipts


@given(size=st.integers(1, 40), data=st.data())
def test_a_receipt_of_any_turn_holds_for_us_and_for_the_audit_room(size: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, size - 1))
    told = an_answer(b"{}", size=size, at=at)

    check_receipt(VKEY, request=b"{}", answer=told)

    held = ours.verify(ours.read(json.dumps(told["receipt"]).encode()), Ed25519Verifier(parse_vkey(VKEY)))
    assert held.body.index == 1234 + at


TAMPERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "a code": lambda told: told["fields"].update(unit="mismatch"),
    "the data version": lambda told: told["data"].update(version="00"),
    "the index": lambda told: told["receipt"]["body"].update(index=9999),
    "the leaf": lambda told: told["receipt"]["body"].update(leaf="00" * 32),
    "another member": lambda told: told["receipt"]["body"].update(more=1),
    "the place": lambda told: told["receipt"]["path"].update(at=0),
    "no place": lambda told: told["receipt"]["path"].update(at=5),
    "the first": lambda told: told["receipt"]["path"].update(first=1),
    "a first after it": lambda told: told["receipt"]["path"].update(first=1300),
    "the size": lambda told: told["receipt"]["path"].update(size=6),
    "a shorter path": lambda told: told["receipt"]["path"]["hashes"].pop(),
    "a longer path": lambda told: told["receipt"]["path"]["hashes"].append("AAAA"),
    "no path": lambda told: told["receipt"].pop("path"),
    "the salt": lambda told: told["receipt"].update(salt="AAAAAAAAAAAAAAAAAAAAAA"),
    "the signature": lambda told: told["receipt"].update(signature=told["receipt"]["signature"][:-4] + "AAA="),
    "no signature": lambda told: told["receipt"].update(signature=""),
    "a number for a signature": lambda told: told["receipt"].update(signature=7),
    "the type": lambda told: told["receipt"].update(type="bidui-receipt/2"),
    "everything": lambda told: told.clear(),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_a_receipt_with_a_change_proves_nothing(case: str) -> None:
    told = json.loads(json.dumps(an_answer(b"{}", size=5, at=2)))
    check_receipt(VKEY, request=b"{}", answer=told)

    TAMPERED[case](told)

    with pytest.raises(ReceiptError):
        check_receipt(VKEY, request=b"{}", answer=told)


def test_a_receipt_proves_one_request_under_one_key() -> None:
    told = an_answer(b"{}")
    name, _, key = VKEY.split("+", 2)
    other = an_ed25519_signer(seed="another").vkey

    for vkey, request in [
        (VKEY, b"{} "),
        (other, b"{}"),
        (f"{name}+00000000+{key}", b"{}"),
        (f"{name}.+{VKEY.split('+', 2)[1]}+{key}", b"{}"),
        ("", b"{}"),
    ]:
        with pytest.raises(ReceiptError):
            check_receipt(vkey, request=request, answer=told)


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_without_a_good_receipt_is_an_error_that_holds_it(way: str, tmp_path: Path) -> None:
    account = an_account(receipt_key=an_ed25519_signer(seed="another").vkey, receipts=tmp_path)

    with pytest.raises(ReceiptError) as raised:
        WAYS[way](FakeGateway(), account)

    assert isinstance(raised.value.answer, Answer)
    assert len(list(tmp_path.iterdir())) == 1  # evidence is kept before it is judged
    assert_silent(raised.value)


@pytest.mark.parametrize("way", WAYS)
def test_receipts_are_kept_for_their_owner_alone_with_what_opens_them(way: str, tmp_path: Path) -> None:
    folder = tmp_path / "receipts"

    answer = WAYS[way](FakeGateway(), an_account(receipts=folder))

    [file] = folder.iterdir()
    kept = json.loads(file.read_text())
    assert file.name.startswith("000000001234-")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert kept["request"].encode() == answer.sent
    check_receipt(VKEY, request=kept["request"].encode(), answer=kept["answer"])


def test_the_same_answer_again_is_the_same_file(tmp_path: Path) -> None:
    for key in ("one", "one"):
        ask(FakeGateway(), an_account(receipts=tmp_path), key=key)

    assert len(list(tmp_path.iterdir())) == 1


def _no_index(request: httpx2.Request) -> httpx2.Response:
    told = an_answer(request.content)
    return httpx2.Response(200, json=told | {"receipt": {"body": {}}})


def test_an_answer_is_not_lost_when_its_receipt_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for gateway, folder in [(FakeGateway(), tmp_path / "file"), (FakeGateway([_no_index]), tmp_path / "folder")]:
        with pytest.raises(NotKeptError) as raised:
            ask(gateway, an_account(receipts=folder))

        assert isinstance(raised.value.answer, Answer)
        assert_silent(raised.value)
    assert not (tmp_path / "folder").exists() or not list((tmp_path / "folder").iterdir())


def test_a_receipt_that_could_not_be_kept_leaves_no_draft(tmp_path: Path) -> None:
    ask(FakeGateway(), an_account(receipts=tmp_path))
    [file] = tmp_path.iterdir()
    file.unlink()
    (file / "in the way").mkdir(parents=True)

    with pytest.raises(NotKeptError):
        ask(FakeGateway(), an_account(receipts=tmp_path))

    assert list(tmp_path.iterdir()) == [file]


# ------------------------------------------------------------------------------------------------ accounts and keys

ADDRESSES = {
    "https://bidui.example": True,
    "https://127.0.0.1:8443": True,
    "http://127.0.0.1:8080": True,
    "http://localhost:8080/": True,
    "http://[::1]:8080": True,
    "http://bidui.example": False,
    "http://127.0.0.1.example": False,
    "ftp://127.0.0.1": False,
    "bidui.example": False,
    "https://": False,
    "https://a\x00b": False,
    "": False,
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_plain_http_is_for_this_machine_alone(url: str) -> None:
    if ADDRESSES[url]:
        assert an_account(url=url).url == url
        return
    with pytest.raises(InvalidError):
        an_account(url=url)


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: bytes | None = None) -> bytes:
    lock: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


KEYS: dict[str, Callable[[], bytes]] = {
    "another curve": lambda: _pem(ec.generate_private_key(ec.SECP384R1())),
    "another kind": lambda: _pem(ed25519.Ed25519PrivateKey.generate()),
    "locked": lambda: _pem(ec_key("client"), b"secret"),
    "no key": lambda: b"hello",
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_for_anything_but_es256_is_refused(case: str, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(KEYS[case]())

    with pytest.raises(InvalidError):
        load_key(tmp_path / "key.pem")


def test_a_key_is_read_with_its_password(tmp_path: Path) -> None:
    for password in (None, b"secret"):
        (tmp_path / "key.pem").write_bytes(_pem(ec_key("client"), password))

        assert load_key(tmp_path / "key.pem", password).private_numbers() == ec_key("client").private_numbers()


# ------------------------------------------------------------------------------------------------ the distribution

ROOT = Path(bidui_client.__file__).parent


def test_the_client_ships_alone() -> None:
    allowed = sys.stdlib_module_names | {"httpx2", "cryptography", "bidui_client"}
    imported = {name.split(".")[0] for file in ROOT.glob("*.py") for name in _imports(ast.parse(file.read_text()))}

    assert imported <= allowed
    assert imported & {"httpx2", "cryptography"}


def _imports(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return names


def test_the_public_names_are_all_there() -> None:
    assert sorted(bidui_client.__all__) == list(bidui_client.__all__)
    assert all(hasattr(bidui_client, name) for name in bidui_client.__all__)
