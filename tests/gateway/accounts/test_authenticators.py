"""What pages ask of authenticators, and what an authenticator's answer is good for."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from adapters.identity.webauthn import WebAuthn
from gateway.accounts.asking import Asking
from gateway.accounts.errors import UnauthorisedError
from gateway.accounts.values import Assertion, Level, Registration, SignedIn
from gateway.domain.errors import InvalidQueryError
from tests.authenticators import ORIGIN, RP_ID, SoftwareKey
from tests.fakes_accounts import PASSWORD, Accounts, an_invited

PAGES = WebAuthn(RP_ID, "比对", [ORIGIN])


@pytest.fixture
def accounts() -> Accounts:
    made = Accounts(authenticators=PAGES)
    enrol(made)
    return made


def enrol(accounts: Accounts, person: str = "li.ming", number: int = 1, key: SoftwareKey | None = None) -> None:
    """With an authenticator; and signed."""
    code = accounts.enrolment.invite(an_invited(person, number), by="sys.admin", at=accounts.clock.now())
    begun = accounts.enrolment.begin(code, accounts.clock.now())
    accounts.secrets[person] = begun.totp_secret
    assert begun.creation is not None
    enrolled = accounts.enrolment.finish(
        code=code,
        challenge=begun.challenge,
        password=PASSWORD,
        totp=accounts.totp(person),
        proof=Registration(json.dumps((key or SoftwareKey()).create(begun.creation))),
        at=accounts.clock.now(),
    )
    accounts.people.sign(enrolled.person)


def asking(accounts: Accounts, pages: WebAuthn | None = PAGES) -> Asking:
    return Asking(store=accounts.store, people=accounts.people, vault=accounts.vault, authenticators=pages)


def to_sign_in(accounts: Accounts, person: str = "li.ming") -> dict[str, object]:
    return asking(accounts).to_sign_in(person, accounts.clock.now())


def answer(key: SoftwareKey, options: Mapping[str, object]) -> Assertion:
    return Assertion(json.dumps(key.get(options)))


def test_an_assertion_lets_in_once(accounts: Accounts) -> None:
    shown = answer(SoftwareKey(), to_sign_in(accounts))

    assert accounts.attempt(second=shown).signed_in.level is Level.WEBAUTHN
    with pytest.raises(UnauthorisedError):
        accounts.attempt(second=shown)


def test_a_copy_of_an_authenticator_is_found_out(accounts: Accounts) -> None:
    original, copy = SoftwareKey(count=5), SoftwareKey(count=5)
    accounts.attempt(second=answer(original, to_sign_in(accounts)))

    with pytest.raises(UnauthorisedError):
        accounts.attempt(second=answer(copy, to_sign_in(accounts)))


def test_an_assertion_is_by_a_key_that_was_signed(accounts: Accounts) -> None:
    with pytest.raises(UnauthorisedError):
        accounts.attempt(second=answer(SoftwareKey(8), to_sign_in(accounts)))


def test_an_assertion_to_one_account_is_none_to_another(accounts: Accounts) -> None:
    enrol(accounts, "zhao.lei", 2, SoftwareKey(8))

    with pytest.raises(UnauthorisedError):
        accounts.attempt("zhao.lei", second=answer(SoftwareKey(8), to_sign_in(accounts)))
    with pytest.raises(UnauthorisedError):
        accounts.attempt("zhao.lei", second=answer(SoftwareKey(), to_sign_in(accounts, "zhao.lei")))


def test_a_challenge_is_too_old_after_ten_minutes(accounts: Accounts) -> None:
    shown = answer(SoftwareKey(), to_sign_in(accounts))
    accounts.clock.pass_by(minutes=10)

    with pytest.raises(UnauthorisedError):
        accounts.attempt(second=shown)


def test_an_account_that_does_not_exist_is_asked_alike(accounts: Accounts) -> None:
    accounts.enrol("sun.li", 3)  # with a key file
    asked = {person: to_sign_in(accounts, person) for person in ("li.ming", "sun.li", "nobody.here")}

    shapes = [{name: type(value) for name, value in each.items()} for each in asked.values()]
    assert shapes[0] == shapes[1] == shapes[2]
    assert asked["nobody.here"]["allowCredentials"] == to_sign_in(accounts, "nobody.here")["allowCredentials"]
    lengths = {len(json.dumps(each["allowCredentials"])) for each in asked.values()}
    assert len(lengths) == 1


def signed_in(accounts: Accounts) -> SignedIn:
    return accounts.attempt().signed_in


def test_what_is_signed_is_a_digest_and_never_a_challenge_of_ours(accounts: Accounts) -> None:
    who = signed_in(accounts)

    assert asking(accounts).to_sign(who, b"d" * 32)["rpId"] == RP_ID
    for challenge in (b"", b"d" * 31, accounts.vault.challenge("sign-in", "li.ming", accounts.clock.now())):
        with pytest.raises(InvalidQueryError):
            asking(accounts).to_sign(who, challenge)


def test_whoever_has_no_authenticator_is_told_what_else_there_is(accounts: Accounts) -> None:
    accounts.enrol("sun.li", 3)
    who = accounts.attempt("sun.li").signed_in

    with pytest.raises(InvalidQueryError, match="动态口令"):
        asking(accounts).to_step_up(who, accounts.clock.now())


def test_without_pages_there_are_no_authenticators(accounts: Accounts) -> None:
    with pytest.raises(InvalidQueryError):
        asking(accounts, None).to_sign_in("li.ming", accounts.clock.now())

    plain = Accounts()
    code = plain.enrolment.invite(an_invited(), by="sys.admin", at=plain.clock.now())
    begun = plain.enrolment.begin(code, plain.clock.now())
    plain.secrets[begun.id] = begun.totp_secret
    registration = Registration(json.dumps(SoftwareKey().create(PAGES.creation("li.ming", begun.challenge, []))))
    with pytest.raises(InvalidQueryError, match="未能证明"):
        plain.enrolment.finish(
            code=code,
            challenge=begun.challenge,
            password=PASSWORD,
            totp=plain.totp(),
            proof=registration,
            at=plain.clock.now(),
        )


def test_an_authenticator_that_proves_nothing_is_not_enrolled(accounts: Accounts) -> None:
    with pytest.raises(InvalidQueryError, match="未能证明"):
        enrol(accounts, "zhao.lei", 2, SoftwareKey(8, origin="https://evil.example"))
