"""Signing in through the office's identity provider: bound by oneself, for one browser, once, and never fresh."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import httpx2
import pytest

from adapters.identity.oidc import OidcProvider, OidcSettings
from tests.adapters.make_oidc import CALLBACK, CLIENT, CLIENT_SECRET, LoopbackProvider, back_to, loopback_provider
from tests.offices import OfficeInTests, Visitor, kind_of

BROWSER = "__Host-bidui-oidc"


@pytest.fixture
def there() -> Iterator[LoopbackProvider]:
    with loopback_provider() as provider:
        yield provider


@pytest.fixture
def office(engine_url: str, there: LoopbackProvider) -> Iterator[OfficeInTests]:
    yield from an_office(engine_url, there)


@pytest.fixture
def quick(sqlite_url: str, there: LoopbackProvider) -> Iterator[OfficeInTests]:
    yield from an_office(sqlite_url, there)


def an_office(url: str, there: LoopbackProvider) -> Iterator[OfficeInTests]:
    settings = OidcSettings(issuer=there.issuer, client_id=CLIENT, client_secret=CLIENT_SECRET, redirect_uri=CALLBACK)
    made = OfficeInTests(url, OidcProvider(settings))
    yield made
    made.store.close()


def bind(office: OfficeInTests, there: LoopbackProvider, visitor: Visitor) -> httpx2.Response:
    address = visitor.post("/v1/office/oidc/bind").json()["address"]
    there.now = office.accounts.clock.now()
    return visitor.get(back_to(there.authorize(address)))


def leave(office: OfficeInTests, there: LoopbackProvider, visitor: Visitor) -> dict[str, str]:
    """Away to the provider; what the browser then brings back."""
    response = visitor.get("/v1/office/oidc/login")
    assert response.status_code == 303
    there.now = office.accounts.clock.now()
    return there.authorize(response.headers["location"])


def a_bound_person(office: OfficeInTests, there: LoopbackProvider) -> Visitor:
    visitor = office.enrol()
    visitor.sign_in()
    assert bind(office, there, visitor).status_code == 200
    return visitor


def test_a_person_binds_their_account_and_signs_in_from_then_on(office: OfficeInTests, there: LoopbackProvider) -> None:
    a_bound_person(office, there)
    visitor = Visitor(office)

    arrived = visitor.get(back_to(leave(office, there, visitor)))

    assert arrived.status_code == 200
    assert 'http-equiv="refresh"' in arrived.text
    assert BROWSER not in visitor.cookies
    told = visitor.get("/v1/office/session").json()
    assert (told["person"]["id"], told["level"]) == ("li.ming", "oidc")
    assert kind_of(visitor.post("/v1/office/approve")) == (403, "step-up-required")
    code = office.accounts.fresh_totp().code
    assert visitor.post("/v1/office/step-up", {"second": {"totp": code}}).status_code == 200
    assert visitor.post("/v1/office/approve").json() == {"by": "li.ming"}


def test_only_the_word_of_the_browser_survives_the_way_back(quick: OfficeInTests) -> None:
    (given,) = Visitor(quick).get("/v1/office/oidc/login").headers.get_list("set-cookie")

    attributes = {part.strip().lower() for part in given.split(";")[1:]}
    assert given.startswith(f"{BROWSER}=")
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= attributes


def test_whoever_is_bound_to_nobody_is_nobody(quick: OfficeInTests, there: LoopbackProvider) -> None:
    a_bound_person(quick, there)
    there.subject = "somebody else"
    visitor = Visitor(quick)

    assert kind_of(visitor.get(back_to(leave(quick, there, visitor)))) == (401, "unauthorised")
    assert "__Host-bidui" not in visitor.cookies


def test_a_person_no_longer_in_force_is_nobody(quick: OfficeInTests, there: LoopbackProvider) -> None:
    a_bound_person(quick, there)
    del quick.accounts.people.signed["li.ming"]
    visitor = Visitor(quick)

    assert kind_of(visitor.get(back_to(leave(quick, there, visitor)))) == (401, "unauthorised")


SPOILED: dict[str, Callable[[Visitor, dict[str, str]], dict[str, str]]] = {
    "another state": lambda _, brought: brought | {"state": "s" * 54},
    "a state that is no base64": lambda _, brought: brought | {"state": "a"},
    "no state": lambda _, brought: brought | {"state": ""},
    "a state that was to bind": lambda _, brought: brought | {"state": f"{brought['state']}.li.ming"},
    "another code": lambda _, brought: brought | {"code": "code-x"},
    "no code": lambda _, brought: brought | {"code": ""},
    "an error": lambda _, brought: brought | {"error": "access_denied"},
    "another issuer": lambda _, brought: brought | {"iss": "https://evil.example"},
    "no issuer": lambda _, brought: {name: value for name, value in brought.items() if name != "iss"},
    "no browser": lambda visitor, brought: brought if visitor.cookies.pop(BROWSER) else {},
    "another browser": lambda visitor, brought: brought if visitor.cookies.update({BROWSER: "b" * 43}) is None else {},
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_what_is_not_as_it_was_sent_away_is_refused(
    quick: OfficeInTests, there: LoopbackProvider, spoil: Callable[[Visitor, dict[str, str]], dict[str, str]]
) -> None:
    a_bound_person(quick, there)
    visitor = Visitor(quick)
    brought = leave(quick, there, visitor)

    assert kind_of(visitor.get(back_to(spoil(visitor, brought)))) == (401, "unauthorised")
    assert "__Host-bidui" not in visitor.cookies


def test_a_way_back_is_good_once_and_for_ten_minutes(quick: OfficeInTests, there: LoopbackProvider) -> None:
    a_bound_person(quick, there)
    visitor = Visitor(quick)
    brought = leave(quick, there, visitor)
    browser = visitor.cookies[BROWSER]
    assert visitor.get(back_to(brought)).status_code == 200
    visitor.cookies[BROWSER] = browser
    assert kind_of(visitor.get(back_to(brought))) == (401, "unauthorised")

    late = leave(quick, there, visitor)
    quick.accounts.clock.pass_by(minutes=10)
    assert kind_of(visitor.get(back_to(late))) == (401, "unauthorised")


def test_a_doubled_member_is_refused(quick: OfficeInTests, there: LoopbackProvider) -> None:
    a_bound_person(quick, there)
    visitor = Visitor(quick)
    brought = leave(quick, there, visitor)

    doubled = visitor.get(f"{back_to(brought)}&{urlencode({'code': brought['code']})}")

    assert kind_of(doubled) == (401, "unauthorised")


def test_binding_needs_somebody_who_came_back(quick: OfficeInTests, there: LoopbackProvider) -> None:
    visitor = quick.enrol()
    visitor.sign_in()
    address = visitor.post("/v1/office/oidc/bind").json()["address"]
    there.now = quick.accounts.clock.now()

    back = visitor.get(back_to(there.authorize(address) | {"code": "made up"}))

    assert kind_of(back) == (401, "unauthorised")


def test_binding_wants_a_fresh_second_factor(quick: OfficeInTests) -> None:
    visitor = quick.enrol()
    assert kind_of(visitor.post("/v1/office/oidc/bind")) == (401, "unauthorised")
    visitor.sign_in()
    quick.accounts.clock.pass_by(minutes=6)

    assert kind_of(visitor.post("/v1/office/oidc/bind")) == (403, "step-up-required")


def test_whoever_ended_their_binding_comes_in_by_it_no_more(quick: OfficeInTests, there: LoopbackProvider) -> None:
    person = a_bound_person(quick, there)

    assert person.delete("/v1/office/oidc/bind").status_code == 204
    visitor = Visitor(quick)
    assert kind_of(visitor.get(back_to(leave(quick, there, visitor)))) == (401, "unauthorised")


def test_one_subject_is_never_bound_to_two(quick: OfficeInTests, there: LoopbackProvider) -> None:
    a_bound_person(quick, there)
    other = quick.enrol("zhao.lei", 2)
    other.sign_in("zhao.lei")

    assert kind_of(bind(quick, there, other)) == (422, "invalid")


def test_a_binding_that_another_browser_brings_back_binds_nothing(
    quick: OfficeInTests, there: LoopbackProvider
) -> None:
    visitor, attacker = quick.enrol(), Visitor(quick)
    visitor.sign_in()
    address = visitor.post("/v1/office/oidc/bind").json()["address"]
    there.subject = "the attacker's own subject"

    assert kind_of(attacker.get(back_to(there.authorize(address)))) == (401, "unauthorised")
    assert kind_of(attacker.get(back_to(leave(quick, there, attacker)))) == (401, "unauthorised")


def test_a_provider_out_of_order_is_told_as_such(quick: OfficeInTests, there: LoopbackProvider) -> None:
    there.status = 500

    assert kind_of(Visitor(quick).get("/v1/office/oidc/login")) == (503, "unavailable")
