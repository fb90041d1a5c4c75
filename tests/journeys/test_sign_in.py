"""People over HTTP: enrolment, sign-in, step-up and sign-out, by key file and by authenticator, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from threading import Event
from typing import TypeVar, cast

import httpx2
import pytest

from gateway.api.office.workers import Workers
from gateway.domain.errors import OverloadedError
from gateway.domain.people import Duty, KeyForm
from tests.authenticators import ORIGIN, RP_ID, SoftwareKey
from tests.fakes_accounts import PASSWORD, an_invited, key_of, proof_by
from tests.offices import OfficeInTests, Visitor, from_text, kind_of, to_text

Result = TypeVar("Result")


@pytest.fixture
def office(engine_url: str) -> Iterator[OfficeInTests]:
    made = OfficeInTests(engine_url)
    yield made
    made.store.close()


@pytest.fixture
def quick(sqlite_url: str) -> Iterator[OfficeInTests]:
    """The same on the engine that starts at once, where the engine does not matter."""
    made = OfficeInTests(sqlite_url)
    yield made
    made.store.close()


# ---------------------------------------------------------------------------------------- the whole way


def test_a_person_enrols_signs_in_approves_and_signs_out(office: OfficeInTests) -> None:
    visitor = office.enrol()
    assert kind_of(visitor.get("/v1/office/session")) == (401, "unauthorised")

    assert visitor.sign_in().status_code == 200
    told = visitor.get("/v1/office/session").json()
    assert told["person"] == {"id": "li.ming", "name": "李明", "duty": "system_admin", "partner": None}
    assert told["level"] == "totp"
    assert visitor.post("/v1/office/approve").json() == {"by": "li.ming"}

    office.accounts.clock.pass_by(minutes=6)
    assert kind_of(visitor.post("/v1/office/approve")) == (403, "step-up-required")
    before = visitor.cookies["__Host-bidui"]
    code = office.accounts.fresh_totp().code
    assert visitor.post("/v1/office/step-up", {"second": {"totp": code}}).status_code == 200
    assert visitor.cookies["__Host-bidui"] != before
    assert visitor.post("/v1/office/approve").json() == {"by": "li.ming"}

    assert visitor.post("/v1/office/sign-out").status_code == 204
    assert "__Host-bidui" not in visitor.cookies
    assert kind_of(visitor.get("/v1/office/session")) == (401, "unauthorised")


def test_an_authenticator_enrols_signs_in_and_steps_up(office: OfficeInTests) -> None:
    visitor, key = Visitor(office), SoftwareKey()
    invited = an_invited(duty=Duty.SECURITY_ADMIN)
    code = office.accounts.enrolment.invite(invited, by="init", at=office.accounts.clock.now())
    begun = office.begin(visitor, code)
    registration = key.create(cast("Mapping[str, object]", begun["creation"]))
    enrolled = office.finish(visitor, code, begun, {"registration": registration})
    assert enrolled.status_code == 201
    (person,) = office.accounts.enrolment.waiting()
    assert [(each.form, each.rp_id, each.origin) for each in person.keys] == [(KeyForm.WEBAUTHN, RP_ID, ORIGIN)]
    assert person.keys[0].kid == enrolled.json()["fingerprint"]
    office.accounts.people.sign(person)

    def asked(**body: str) -> Mapping[str, object]:
        options: Mapping[str, object] = visitor.post("/v1/office/webauthn/options", body).json()["options"]
        return options

    answer = key.get(asked(use="sign-in", account="li.ming"))
    assert visitor.sign_in(second={"assertion": answer}).json()["level"] == "webauthn"
    assert kind_of(visitor.sign_in(second={"assertion": answer})) == (401, "unauthorised")

    office.accounts.clock.pass_by(minutes=6)
    assert kind_of(visitor.post("/v1/office/approve")) == (403, "step-up-required")
    wrong = key.get(asked(use="sign-in", account="li.ming"))
    assert kind_of(visitor.post("/v1/office/step-up", {"second": {"assertion": wrong}})) == (401, "unauthorised")
    right = key.get(asked(use="step-up"))
    assert visitor.post("/v1/office/step-up", {"second": {"assertion": right}}).status_code == 200
    assert visitor.post("/v1/office/approve").json() == {"by": "li.ming"}
    to_sign = asked(use="sign", challenge=to_text(b"d" * 32))
    assert from_text(to_sign["challenge"]) == b"d" * 32
    assert from_text(cast("list[Mapping[str, object]]", to_sign["allowCredentials"])[0]["id"]) == key.credential


# ---------------------------------------------------------------------------------------- cookies


def test_cookies_are_for_this_host_over_tls_and_out_of_reach_of_scripts(quick: OfficeInTests) -> None:
    response = quick.enrol().sign_in()

    session, device = (each.lower() for each in sorted(response.headers.get_list("set-cookie"), key=len))
    for each in (session, device):
        attributes = {part.strip() for part in each.split(";")[1:]}
        assert {"secure", "httponly", "path=/", "samesite=strict"} <= attributes
        assert not any(part.startswith("domain") for part in attributes)
    assert session.startswith("__host-bidui=")
    assert device.startswith("__host-bidui-device=")
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "spoil", [lambda v: f"x{v}", lambda v: f"{v};__Host-bidui={v}", lambda _: "", lambda v: v[:-1]]
)
def test_a_spoiled_or_doubled_cookie_is_nobodys(quick: OfficeInTests, spoil: Callable[[str], str]) -> None:
    visitor = quick.enrol()
    visitor.sign_in()
    visitor.cookies["__Host-bidui"] = spoil(visitor.cookies["__Host-bidui"])

    assert kind_of(visitor.get("/v1/office/session")) == (401, "unauthorised")


# ---------------------------------------------------------------------------------------- from elsewhere

ELSEWHERE: dict[str, dict[str, str]] = {
    "another origin": {"origin": "https://evil.example"},
    "an origin in other letters": {"origin": ORIGIN.upper()},
    "no origin": {"origin": ""},
    "a null origin": {"origin": "null"},
    "another site": {"sec_fetch_site": "cross-site"},
    "a sister site": {"sec_fetch_site": "same-site"},
    "no token": {"x_bidui_token": ""},
    "another session's token": {"x_bidui_token": "a" * 43},
}


@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_change_that_comes_from_elsewhere_is_refused(quick: OfficeInTests, headers: dict[str, str]) -> None:
    visitor = quick.enrol()
    visitor.sign_in()

    assert kind_of(visitor.post("/v1/office/approve", **headers)) == (403, "forbidden")
    assert kind_of(visitor.post("/v1/office/sign-out", **headers)) == (403, "forbidden")
    assert visitor.post("/v1/office/approve", sec_fetch_site="same-origin").status_code == 200


@pytest.mark.parametrize("path", ["sign-in", "enrolment/begin", "enrolment/finish", "webauthn/options"])
def test_doors_before_a_session_are_not_for_other_sites_either(quick: OfficeInTests, path: str) -> None:
    assert kind_of(Visitor(quick).post(f"/v1/office/{path}", origin="https://evil.example")) == (403, "forbidden")


# ---------------------------------------------------------------------------------------- who may


def test_a_door_is_for_its_duties_alone(quick: OfficeInTests) -> None:
    visitor = quick.enrol("wang.fang", 2, Duty.AUDIT_ADMIN)
    visitor.sign_in("wang.fang")

    assert kind_of(visitor.post("/v1/office/approve")) == (403, "forbidden")


def test_whoever_is_signed_as_no_longer_in_force_is_out_at_once(quick: OfficeInTests) -> None:
    visitor = quick.enrol()
    visitor.sign_in()
    del quick.accounts.people.signed["li.ming"]

    assert kind_of(visitor.get("/v1/office/session")) == (401, "unauthorised")


# ---------------------------------------------------------------------------------------- wrong


def test_every_wrong_sign_in_gets_the_same_answer_to_the_byte(quick: OfficeInTests) -> None:
    visitor = quick.enrol()
    quick.accounts.enrol("sun.li", 3, signed=False)
    right = {"totp": quick.accounts.fresh_totp().code}
    tries = [
        {"account": "nobody.here", "password": PASSWORD, "second": right},
        {"account": "li.ming", "password": "wrong password 1", "second": right},
        {"account": "li.ming", "password": PASSWORD, "second": {"totp": "000000"}},
        {"account": "li.ming", "password": PASSWORD, "second": {"recovery_code": "AAAA-BBBB"}},
        {"account": "li.ming", "password": PASSWORD, "second": {"assertion": {"id": "x"}}},
        {"account": "sun.li", "password": PASSWORD, "second": {"totp": quick.accounts.totp("sun.li")}},
    ]

    answers = [visitor.post("/v1/office/sign-in", each) for each in tries]

    assert {(each.status_code, each.content) for each in answers} == {(401, answers[0].content)}
    assert kind_of(answers[0]) == (401, "unauthorised")
    assert not any(each.headers.get_list("set-cookie") for each in answers)


def test_too_many_attempts_are_told_when_to_come_back(quick: OfficeInTests) -> None:
    visitor = quick.enrol()
    for _ in range(6):
        visitor.post("/v1/office/sign-in", {"account": "li.ming", "password": "x", "second": {"totp": "000000"}})

    throttled = visitor.post(
        "/v1/office/sign-in", {"account": "li.ming", "password": PASSWORD, "second": {"totp": "000000"}}
    )

    assert kind_of(throttled) == (429, "throttled")
    assert throttled.headers["retry-after"] == "5"
    quick.accounts.clock.pass_by(seconds=5)
    assert visitor.sign_in().status_code == 200


BAD_BODIES: dict[str, tuple[str, bytes, int]] = {
    "no JSON": ("sign-in", b"{", 400),
    "a member twice": ("sign-in", b'{"account":"a","account":"b","password":"p","second":{"totp":"123456"}}', 400),
    "a member that is unknown": ("sign-in", b'{"account":"a","password":"p","second":{"totp":"123456"},"x":1}', 422),
    "a member missing": ("sign-in", b'{"account":"a"}', 422),
    "no second factor": ("sign-in", b'{"account":"a","password":"p","second":{}}', 422),
    "two second factors": ("sign-in", b'{"account":"a","password":"p","second":{"totp":"1","recovery_code":"2"}}', 422),
    "a long password": ("sign-in", b'{"account":"a","password":"%b","second":{"totp":"123456"}}' % (b"p" * 300), 422),
    "far too much": ("sign-in", b'{"account":"%b"}' % (b"a" * 70_000), 400),
    "a code of no length": ("enrolment/begin", b'{"code":""}', 422),
    "an account that is too long": ("webauthn/options", b'{"use":"sign-in","account":"%b"}' % (b"a" * 100), 422),
    "a code that is no code": ("sign-in", b'{"account":"a","password":"p","second":{"totp":"12345"}}', 422),
    "no key": (
        "enrolment/finish",
        b'{"code":"a","challenge":"AAAA","password":"p","totp":"1","key":{}}',
        422,
    ),
    "a key of another length": (
        "enrolment/finish",
        b'{"code":"a","challenge":"AAAA","password":"p","totp":"1","key":{"public":"AAAA","signature":"AAAA"}}',
        422,
    ),
    "bytes that are no base64url": (
        "enrolment/finish",
        b'{"code":"a","challenge":"A+/=","password":"p","totp":"1","key":{}}',
        422,
    ),
    "bytes that are cut off": (
        "enrolment/finish",
        b'{"code":"a","challenge":"AAAAA","password":"p","totp":"1","key":{}}',
        422,
    ),
    "an unknown code": ("enrolment/begin", b'{"code":"AAAAA"}', 401),
}


@pytest.mark.parametrize(("path", "body", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_wrong_is_refused(quick: OfficeInTests, path: str, body: bytes, status: int) -> None:
    request = httpx2.Request("POST", f"{ORIGIN}/v1/office/{path}", headers={"origin": ORIGIN}, content=body)

    assert kind_of(quick.send(request, Visitor(quick)))[0] == status


def test_whatever_an_authenticator_is_not_asked_for_is_refused(quick: OfficeInTests) -> None:
    visitor = quick.enrol()
    visitor.sign_in()

    assert kind_of(visitor.post("/v1/office/webauthn/options", {"use": "dance"})) == (422, "invalid")


# ---------------------------------------------------------------------------------------- one's own account


def test_a_password_is_changed_and_all_sessions_end(quick: OfficeInTests) -> None:
    visitor, other = quick.enrol(), Visitor(quick)
    visitor.sign_in()
    other.sign_in()
    new = "another 长的 password"

    assert kind_of(visitor.post("/v1/office/password", {"old": "wrong", "new": new})) == (401, "unauthorised")
    assert kind_of(visitor.post("/v1/office/password", {"old": PASSWORD, "new": "short"})) == (422, "invalid")
    assert visitor.post("/v1/office/password", {"old": PASSWORD, "new": new}).status_code == 204

    assert kind_of(other.get("/v1/office/session")) == (401, "unauthorised")
    assert kind_of(visitor.sign_in()) == (401, "unauthorised")
    body = {"account": "li.ming", "password": new, "second": {"totp": quick.accounts.fresh_totp().code}}
    assert visitor.post("/v1/office/sign-in", body).status_code == 200


def test_new_recovery_codes_make_the_old_ones_void(quick: OfficeInTests) -> None:
    visitor = quick.enrol()
    visitor.sign_in()
    first = visitor.post("/v1/office/recovery-codes").json()["recovery_codes"]
    second = visitor.post("/v1/office/recovery-codes").json()["recovery_codes"]

    assert kind_of(visitor.sign_in(second={"recovery_code": first[0]})) == (401, "unauthorised")
    assert visitor.sign_in(second={"recovery_code": second[0]}).json()["level"] == "recovery"


def test_a_new_key_waits_for_two_administrators_while_the_old_one_lets_in(quick: OfficeInTests) -> None:
    visitor = quick.enrol()
    visitor.sign_in()
    begun = visitor.post("/v1/office/keys/begin").json()
    proof = proof_by(key_of("second key"), "li.ming", from_text(begun["challenge"]))
    key = {"public": to_text(proof.public), "signature": to_text(proof.signature)}
    added = visitor.post("/v1/office/keys/finish", {"challenge": begun["challenge"], "key": key, "replaces": True})

    assert added.status_code == 201
    (person,) = quick.accounts.enrolment.waiting()
    assert [each.kid for each in person.keys] == [added.json()["fingerprint"]]
    assert visitor.sign_in().status_code == 200
    quick.accounts.people.sign(person)
    assert visitor.sign_in().status_code == 200
    assert quick.accounts.enrolment.waiting() == []


# ---------------------------------------------------------------------------------------- floods


def run(story: Callable[[Workers], Coroutine[object, object, Result]], threads: int, waiting: int) -> Result:
    async def tell() -> Result:
        workers = Workers(threads, waiting)
        try:
            return await story(workers)
        finally:
            workers.close()

    return asyncio.run(tell())


def test_a_flood_of_passwords_is_told_to_come_back() -> None:
    gate = Event()

    async def flood(workers: Workers) -> list[object]:
        waiting = [asyncio.ensure_future(workers.run(gate.wait)) for _ in range(10)]
        await asyncio.sleep(0.05)
        gate.set()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    outcomes = run(flood, 1, 3)

    assert [type(each) for each in outcomes].count(OverloadedError) == 6
    assert outcomes.count(True) == 4


def test_whoever_hangs_up_gives_no_room_back_before_the_work_is_done() -> None:
    gate = Event()

    async def hang_up(workers: Workers) -> str:
        first = asyncio.ensure_future(workers.run(gate.wait))
        await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.sleep(0.02)
        try:
            await workers.run(lambda: None)
        except OverloadedError:
            outcome = "refused"
        else:
            outcome = "heard"
        gate.set()
        return outcome

    assert run(hang_up, 1, 0) == "refused"
