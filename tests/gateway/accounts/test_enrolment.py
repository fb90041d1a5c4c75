"""Enrolment: one natural person, one account, one duty, keys of nobody else; and nothing counts before it is signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.accounts.enrolment import INVITED_SECONDS, Begun, Invited
from gateway.accounts.errors import UnauthorisedError
from gateway.accounts.keys import fingerprint
from gateway.accounts.vault import CHALLENGE_SECONDS
from gateway.domain.errors import InvalidQueryError
from gateway.domain.people import THREE, Duty
from tests.fakes_accounts import PASSWORD, Accounts, an_invited, key_of, proof_by

ADMIN = "sys.admin"


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


def invite(accounts: Accounts, invited: Invited | None = None, by: str = ADMIN) -> str:
    return accounts.enrolment.invite(invited or an_invited(), by=by, at=accounts.clock.now())


def begin(accounts: Accounts, code: str) -> Begun:
    begun = accounts.enrolment.begin(code, accounts.clock.now())
    accounts.secrets[begun.id] = begun.totp_secret
    return begun


def finish(accounts: Accounts, code: str, begun: Begun, **changes: object) -> object:
    usual: dict[str, object] = {
        "password": PASSWORD,
        "challenge": begun.challenge,
        "totp": accounts.totp(begun.id),
        "proof": proof_by(key_of(begun.id), begun.id, begun.challenge),
    }
    return accounts.enrolment.finish(code=code, at=accounts.clock.now(), **(usual | changes))  # type: ignore[arg-type]  # a table of cases


# ---------------------------------------------------------------------------------------- the whole way


def test_a_person_enrols_waits_and_is_signed(accounts: Accounts) -> None:
    enrolled = accounts.enrol(signed=False)

    person = enrolled.person
    (key,) = person.keys
    assert (person.id, person.name, person.duty, person.partner) == ("li.ming", "李明", Duty.REVIEWER, None)
    assert key.public == key_of("li.ming").public_key().public_bytes_raw()
    assert key.kid == enrolled.fingerprint == fingerprint(key.public)
    assert len(set(enrolled.recovery_codes)) == 10
    assert accounts.enrolment.waiting() == [person]

    accounts.people.sign(person)

    assert accounts.enrolment.waiting() == []


def test_every_step_is_in_the_ledger_without_code_or_name(accounts: Accounts) -> None:
    enrolled = accounts.enrol()

    assert accounts.events() == [
        ("account.invited", {"account": "li.ming", "by": ADMIN, "duty": "reviewer"}),
        ("account.enrolled", {"account": "li.ming", "form": "ed25519", "key": enrolled.fingerprint}),
    ]


def test_the_invited_see_who_they_are_invited_as(accounts: Accounts) -> None:
    begun = begin(accounts, invite(accounts, an_invited("wang.fang", 2, Duty.CLERK)))

    assert (begun.id, begun.name, begun.duty, begun.partner) == ("wang.fang", "李明", Duty.CLERK, "renshe")
    assert begun.totp_uri.startswith("otpauth://totp/")
    assert begun.totp_secret in begun.totp_uri
    assert begun.creation is None


def test_a_code_given_from_outside_enrols_too(accounts: Accounts) -> None:
    code = "ABCDE-FGHIJ-KLMNO-PQRST-UVWXY-Z"
    accounts.enrolment.invite_with_code(an_invited(), code, by="init", at=accounts.clock.now())

    assert accounts.take(code.lower().replace("-", " ")).person.id == "li.ming"


# ---------------------------------------------------------------------------------------- codes


def test_a_code_is_good_once(accounts: Accounts) -> None:
    code = invite(accounts)
    accounts.take(code)

    with pytest.raises(UnauthorisedError):
        begin(accounts, code)


def test_a_code_is_good_for_seven_days(accounts: Accounts) -> None:
    code = invite(accounts)
    accounts.clock.pass_by(seconds=INVITED_SECONDS - 1)
    begun = begin(accounts, code)
    accounts.clock.pass_by(seconds=1)

    with pytest.raises(UnauthorisedError):
        begin(accounts, code)
    with pytest.raises(UnauthorisedError):
        finish(accounts, code, begun)


def test_another_invitation_makes_the_first_code_void(accounts: Accounts) -> None:
    first = invite(accounts)
    second = invite(accounts, replace(an_invited(), duty=Duty.LEADER))

    with pytest.raises(UnauthorisedError):
        begin(accounts, first)
    assert begin(accounts, second).duty is Duty.LEADER


@pytest.mark.parametrize("code", ["", "ABCDE", "ABCDE-FGHIJ-KLMNO-PQRST-UVWXY-A", "码" * 26])
def test_what_is_no_code_of_ours_opens_nothing(accounts: Accounts, code: str) -> None:
    invite(accounts)
    accounts.enrol("zhao.lei", 9)

    with pytest.raises(UnauthorisedError):
        begin(accounts, code)


# ---------------------------------------------------------------------------------------- who may be invited

REFUSED: dict[str, Callable[[], Invited]] = {
    "the same human being under another id": lambda: an_invited("li.ming2", 1, Duty.SECURITY_ADMIN),
    "an enrolled person for another duty": lambda: an_invited("li.ming", 1, Duty.SECURITY_ADMIN),
    "an enrolled person's id for another human being": lambda: an_invited("li.ming", 2),
    "an id that is none": lambda: an_invited("Li Ming", 3),
    "no digest of a number": lambda: replace(an_invited("x.y", 3), natural="152921195001011234"),
    "a clerk without a partner": lambda: replace(an_invited("x.y", 3, Duty.CLERK), partner=None),
    "a leader of a partner": lambda: replace(an_invited("x.y", 3, Duty.LEADER), partner="renshe"),
    "no name": lambda: replace(an_invited("x.y", 3), name=" "),
    "oneself": lambda: an_invited(ADMIN, 3),
}


@pytest.mark.parametrize("invited", REFUSED.values(), ids=REFUSED)
def test_who_is_not_invited(accounts: Accounts, invited: Callable[[], Invited]) -> None:
    accounts.enrol()
    before = accounts.events()

    with pytest.raises(InvalidQueryError):
        invite(accounts, invited())

    assert accounts.events() == before


def test_one_code_is_never_for_two(accounts: Accounts) -> None:
    code = "ABCDE-FGHIJ-KLMNO-PQRST-UVWXY-Z"
    accounts.enrolment.invite_with_code(an_invited(), code, by="init", at=accounts.clock.now())

    with pytest.raises(InvalidQueryError):
        accounts.enrolment.invite_with_code(an_invited("b.c", 2), code, by="init", at=accounts.clock.now())


def test_a_short_code_from_outside_is_refused(accounts: Accounts) -> None:
    with pytest.raises(InvalidQueryError):
        accounts.enrolment.invite_with_code(an_invited(), "ABCD", by="init", at=accounts.clock.now())


# ---------------------------------------------------------------------------------------- what is enrolled

BAD: dict[str, Callable[[Accounts, Begun], dict[str, object]]] = {
    "a short password": lambda _, __: {"password": "short"},
    "a wrong one-time code": lambda _, __: {"totp": "000000"},
    "no one-time code": lambda _, __: {"totp": ""},
    "somebody else's proof": lambda _, begun: {"proof": proof_by(key_of("x"), "x", begun.challenge)},
    "a proof over another challenge": lambda _, begun: {"proof": proof_by(key_of("x"), begun.id, b"c" * 40)},
    "a challenge that was made up": lambda _, __: {"challenge": b"c" * 40},
    "no challenge": lambda _, __: {"challenge": b""},
    "a challenge for something else": lambda accounts, begun: {
        "challenge": accounts.vault.challenge("sign-in", begun.id, accounts.clock.now())
    },
    "a key that is no key": lambda _, begun: {
        "proof": replace(proof_by(key_of("x"), begun.id, begun.challenge), public=b"k" * 31)
    },
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_nothing_is_enrolled_by_halves(
    accounts: Accounts, change: Callable[[Accounts, Begun], dict[str, object]]
) -> None:
    code = invite(accounts)
    begun = begin(accounts, code)

    with pytest.raises(InvalidQueryError):
        finish(accounts, code, begun, **change(accounts, begun))

    assert accounts.enrolment.waiting() == []
    assert [kind for kind, _ in accounts.events()] == ["account.invited"]
    finish(accounts, code, begun)


def test_of_two_who_use_a_code_at_once_one_gets_the_account(accounts: Accounts) -> None:
    code = invite(accounts)
    begun = begin(accounts, code)
    passwords = accounts.enrolment.passwords

    class Slow:
        """While one digest is made, somebody else is quicker."""

        def make(self, password: str) -> str:
            object.__setattr__(accounts.enrolment, "passwords", passwords)
            accounts.take(code, key="the quicker one's")
            return passwords.make(password)

        def holds(self, password: str, kept: str) -> bool:
            return passwords.holds(password, kept)

    object.__setattr__(accounts.enrolment, "passwords", Slow())
    with pytest.raises(UnauthorisedError):
        finish(accounts, code, begun)

    (key,) = accounts.people.signed["li.ming"].keys
    assert key.public == key_of("the quicker one's").public_key().public_bytes_raw()


def test_a_begun_enrolment_is_too_old_after_ten_minutes(accounts: Accounts) -> None:
    code = invite(accounts)
    begun = begin(accounts, code)
    accounts.clock.pass_by(seconds=CHALLENGE_SECONDS)

    with pytest.raises(InvalidQueryError, match="超时"):
        finish(accounts, code, begun)


def test_a_key_is_never_that_of_two_people(accounts: Accounts) -> None:
    accounts.enrol()

    with pytest.raises(InvalidQueryError, match="已登记"):
        accounts.enrol("zhao.lei", 2, key="li.ming")


# ---------------------------------------------------------------------------------------- again, and never again


def test_whoever_lost_everything_is_ended_and_enrols_again_and_waits_again(accounts: Accounts) -> None:
    accounts.enrol()
    session = accounts.attempt().session_id
    accounts.people.end("li.ming")

    again = accounts.take(invite(accounts), key="li.ming's second key", signed=False)

    assert accounts.enrolment.waiting() == [again.person]
    with pytest.raises(UnauthorisedError):
        accounts.sessions.find(session, accounts.clock.now())
    with pytest.raises(UnauthorisedError):
        accounts.attempt()
    accounts.people.sign(again.person)
    assert accounts.attempt().signed_in.person == again.person


def test_what_was_bound_before_lets_nobody_in_afterwards(accounts: Accounts) -> None:
    accounts.enrol()
    with accounts.store.begin() as work:
        work.accounts.bindings.bind(b"n" * 32, "li.ming")
        work.commit()
    accounts.people.end("li.ming")

    accounts.take(invite(accounts), key="li.ming's second key")

    with accounts.store.begin() as work:
        assert work.accounts.bindings.find(b"n" * 32) is None


@pytest.mark.parametrize("duty", sorted(THREE))
def test_no_administrator_locks_out_who_is_in_force(accounts: Accounts, duty: Duty) -> None:
    accounts.enrol("first", 1, duty)
    session = accounts.attempt("first").session_id
    with pytest.raises(InvalidQueryError, match="停用"):
        invite(accounts, an_invited("first", 1, duty))

    assert accounts.sessions.find(session, accounts.clock.now()).person.duty is duty


def test_a_code_is_of_no_use_for_who_is_in_force_again(accounts: Accounts) -> None:
    person, session = accounts.enrol().person, accounts.attempt().session_id
    accounts.people.end("li.ming")
    code = invite(accounts)
    accounts.people.sign(person)

    with pytest.raises(InvalidQueryError, match="停用"):
        accounts.take(code, key="another", signed=False)

    assert accounts.sessions.find(session, accounts.clock.now()).person == person


def test_a_code_alone_changes_nothing_for_who_is_enrolled(accounts: Accounts) -> None:
    enrolled = accounts.enrol()
    accounts.people.end("li.ming")
    begin(Accounts(accounts.store), invite(accounts))
    accounts.people.sign(enrolled.person)

    assert accounts.attempt().signed_in.person.id == "li.ming"


def test_an_account_is_closed_only_after_its_person(accounts: Accounts) -> None:
    enrolled = accounts.enrol()
    with pytest.raises(InvalidQueryError):
        accounts.enrolment.close("li.ming", by=ADMIN, at=accounts.clock.now())

    del accounts.people.signed["li.ming"]
    accounts.enrolment.close("li.ming", by=ADMIN, at=accounts.clock.now())

    assert accounts.enrol("li.ming2", 1, Duty.LEADER, key="another").person.natural == enrolled.person.natural
    with pytest.raises(InvalidQueryError, match="已登记"):
        accounts.enrol("zhao.lei", 2, key="li.ming")
