"""Authenticators: what is believed of one, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from adapters.identity.webauthn import LONGEST_ANSWER, WebAuthn
from gateway.accounts.ports import Registered
from gateway.domain.people import KeyForm, PersonKey
from tests.authenticators import ORIGIN, PRESENT, RP_ID, VERIFIED, SoftwareKey

CHALLENGE = bytes(range(40))
PAGES = WebAuthn(RP_ID, "比对", [ORIGIN, "https://other.example"])


def registered(key: SoftwareKey | None = None) -> Registered:
    made = PAGES.register(json.dumps((key or SoftwareKey()).create(options())), CHALLENGE)
    assert made is not None
    return made


def options(challenge: bytes = CHALLENGE) -> Mapping[str, object]:
    return PAGES.creation("li.ming", challenge, [])


def count(key: SoftwareKey, answer: object, before: int = 0, challenge: bytes = CHALLENGE) -> int | None:
    made = registered(SoftwareKey(key.seed))
    person_key = PersonKey("k", KeyForm.WEBAUTHN, made.public, RP_ID, ORIGIN)
    return PAGES.count(json.dumps(answer), challenge, made.credential, person_key, before)


def test_a_page_is_asked_for_es256_with_the_user_verified_and_no_attestation() -> None:
    asked = PAGES.creation("li.ming", CHALLENGE, [b"known"])

    assert asked["pubKeyCredParams"] == [{"type": "public-key", "alg": -7}]
    assert asked["authenticatorSelection"]["userVerification"] == "required"  # type: ignore[index]  # JSON
    assert asked["attestation"] == "none"
    assert len(asked["excludeCredentials"]) == 1  # type: ignore[arg-type]  # JSON
    assert "李明" not in json.dumps(asked, ensure_ascii=False)
    assert PAGES.request(CHALLENGE, [b"known"])["userVerification"] == "required"


def test_a_new_authenticator_gives_its_key_as_a_point() -> None:
    made = registered()

    numbers = SoftwareKey().key.public_key().public_numbers()
    assert made.public == b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    assert (made.credential, made.origin) == (SoftwareKey().credential, ORIGIN)


def test_a_good_assertion_gives_its_counter() -> None:
    key = SoftwareKey(count=4)

    assert count(key, key.get(PAGES.request(CHALLENGE, [key.credential])), before=4) == 5


REGISTRATIONS: dict[str, Callable[[], object]] = {
    "another challenge": lambda: SoftwareKey().create(options(b"c" * 40)),
    "another origin": lambda: SoftwareKey(origin="https://evil.example").create(options()),
    "the origin with a port": lambda: SoftwareKey(origin=f"{ORIGIN}:444").create(options()),
    "another relying party": lambda: SoftwareKey(rp_id="evil.example").create(options()),
    "the user not verified": lambda: SoftwareKey(flags=PRESENT).create(options()),
    "the user not present": lambda: SoftwareKey(flags=VERIFIED).create(options()),
    "a page within another site's": lambda: SoftwareKey(cross_origin=True).create(options()),
    "another algorithm": lambda: SoftwareKey().create(options(), algorithm=-257),
    "an assertion": lambda: SoftwareKey().get(options()),
    "no credential": dict,
    "a list": list,
    "a number": lambda: 7,
    "far too much": lambda: SoftwareKey().create(options()) | {"more": "x" * LONGEST_ANSWER},
}


@pytest.mark.parametrize("answer", REGISTRATIONS.values(), ids=REGISTRATIONS)
def test_which_new_authenticators_are_not_believed(answer: Callable[[], object]) -> None:
    assert PAGES.register(json.dumps(answer()), CHALLENGE) is None


ASSERTIONS: dict[str, tuple[Callable[[], SoftwareKey], bytes]] = {
    "another challenge": (SoftwareKey, b"c" * 40),
    "another origin": (lambda: SoftwareKey(origin="https://evil.example"), CHALLENGE),
    "another relying party": (lambda: SoftwareKey(rp_id="evil.example"), CHALLENGE),
    "the user not verified": (lambda: SoftwareKey(flags=PRESENT), CHALLENGE),
    "the user not present": (lambda: SoftwareKey(flags=VERIFIED), CHALLENGE),
    "a page within another site's": (lambda: SoftwareKey(count=9, cross_origin=True), CHALLENGE),
    "a counter that stands still": (lambda: SoftwareKey(count=8), CHALLENGE),
    "a counter that goes back": (lambda: SoftwareKey(count=3), CHALLENGE),
}


@pytest.mark.parametrize(("made", "challenge"), ASSERTIONS.values(), ids=ASSERTIONS)
def test_which_assertions_are_not_believed(made: Callable[[], SoftwareKey], challenge: bytes) -> None:
    key = made()

    assert count(key, key.get(PAGES.request(challenge, [])), before=9) is None


def test_an_assertion_is_by_the_key_it_names() -> None:
    mine, other = SoftwareKey(7), SoftwareKey(8)
    forged = other.get(PAGES.request(CHALLENGE, [])) | {
        "id": mine.get(PAGES.request(CHALLENGE, []))["id"],
        "rawId": mine.get(PAGES.request(CHALLENGE, []))["rawId"],
    }

    assert count(mine, other.get(PAGES.request(CHALLENGE, []))) is None
    assert count(mine, forged) is None


@pytest.mark.parametrize("answer", [{}, [], 7, None, {"id": "x"}, {"response": {"clientDataJSON": "!"}}])
def test_what_is_no_assertion_is_refused_and_breaks_nothing(answer: object) -> None:
    assert PAGES.challenge_of(json.dumps(answer)) == b""
    assert count(SoftwareKey(), answer) is None


def test_the_challenge_of_an_assertion_is_read_from_it() -> None:
    assert PAGES.challenge_of(json.dumps(SoftwareKey().get(PAGES.request(CHALLENGE, [])))) == CHALLENGE
    assert PAGES.challenge_of("x" * (LONGEST_ANSWER + 1)) == b""
