"""What people change about their own accounts."""

from __future__ import annotations

import pytest

from gateway.accounts.errors import ThrottledError, UnauthorisedError
from gateway.accounts.renewal import MOST_KEYS
from gateway.accounts.values import SignedIn
from gateway.domain.errors import InvalidQueryError
from tests.fakes_accounts import PASSWORD, Accounts, key_of, proof_by

NEW = "another 长的 password"


@pytest.fixture
def accounts() -> Accounts:
    made = Accounts()
    made.enrol()
    return made


def add_key(accounts: Accounts, who: SignedIn, name: str, *, replaces: bool = False) -> str:
    challenge, creation = accounts.renewal.begin_key(who, accounts.clock.now())
    assert creation is None
    proof = proof_by(key_of(name), who.person.id, challenge)
    return accounts.renewal.add_key(who, challenge, proof, accounts.clock.now(), replaces=replaces)


def test_a_password_is_changed_by_whoever_knows_the_old_one(accounts: Accounts) -> None:
    opened = accounts.attempt()

    accounts.renewal.change_password(opened.signed_in, PASSWORD, NEW, accounts.clock.now())

    with pytest.raises(UnauthorisedError):
        accounts.sessions.find(opened.session_id, accounts.clock.now())
    with pytest.raises(UnauthorisedError):
        accounts.attempt()
    assert accounts.attempt(password=NEW).signed_in.person.id == "li.ming"
    assert ("account.changed", {"account": "li.ming", "what": "password", "key": None}) in accounts.events()


def test_whoever_took_a_session_cannot_guess_the_password(accounts: Accounts) -> None:
    who = accounts.attempt().signed_in
    for _ in range(6):
        with pytest.raises(UnauthorisedError):
            accounts.renewal.change_password(who, "a guess of mine", NEW, accounts.clock.now())

    with pytest.raises(ThrottledError):
        accounts.renewal.change_password(who, PASSWORD, NEW, accounts.clock.now())


def test_a_new_password_keeps_the_rules(accounts: Accounts) -> None:
    with pytest.raises(InvalidQueryError):
        accounts.renewal.change_password(accounts.attempt().signed_in, PASSWORD, "short", accounts.clock.now())


def test_a_key_is_added_beside_the_others_or_in_their_place(accounts: Accounts) -> None:
    who = accounts.attempt().signed_in
    first = who.person.keys[0].kid

    second = add_key(accounts, who, "second")
    (person,) = accounts.enrolment.waiting()
    assert {key.kid for key in person.keys} == {first, second}

    third = add_key(accounts, who, "third", replaces=True)
    (person,) = accounts.enrolment.waiting()
    assert [key.kid for key in person.keys] == [third]
    assert accounts.events()[-1] == ("account.changed", {"account": "li.ming", "what": "key", "key": third})
    assert accounts.attempt().signed_in.person.keys[0].kid == first


def test_nobody_has_more_keys_than_a_deed_has_room_for(accounts: Accounts) -> None:
    who = accounts.attempt().signed_in
    for number in range(1, MOST_KEYS):
        add_key(accounts, who, f"key {number}")

    with pytest.raises(InvalidQueryError):
        add_key(accounts, who, "one too many")
    add_key(accounts, who, "instead", replaces=True)


def test_a_key_that_was_ever_enrolled_is_not_enrolled_again(accounts: Accounts) -> None:
    who = accounts.attempt().signed_in
    add_key(accounts, who, "second", replaces=True)

    for name in ("li.ming", "second"):
        with pytest.raises(InvalidQueryError, match="已登记"):
            add_key(accounts, who, name)


def test_a_challenge_for_a_key_is_too_old_after_ten_minutes(accounts: Accounts) -> None:
    who = accounts.attempt().signed_in
    challenge, _ = accounts.renewal.begin_key(who, accounts.clock.now())
    accounts.clock.pass_by(minutes=10)

    with pytest.raises(InvalidQueryError, match="超时"):
        accounts.renewal.add_key(
            who, challenge, proof_by(key_of("x"), "li.ming", challenge), accounts.clock.now(), replaces=False
        )


def test_an_account_that_is_gone_changes_nothing(accounts: Accounts) -> None:
    who = accounts.attempt().signed_in
    del accounts.people.signed["li.ming"]
    accounts.enrolment.close("li.ming", by="sys.admin", at=accounts.clock.now())

    with pytest.raises(UnauthorisedError):
        accounts.renewal.replace_recovery_codes(who, accounts.clock.now())
    with pytest.raises(UnauthorisedError):
        accounts.renewal.change_password(who, PASSWORD, NEW, accounts.clock.now())
    with pytest.raises(UnauthorisedError):
        accounts.sign_in.step_up(who, accounts.fresh_totp(), accounts.clock.now())
