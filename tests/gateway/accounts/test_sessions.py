"""Sessions: how long they last, and what ends them."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from gateway.accounts.errors import UnauthorisedError
from gateway.accounts.sessions import is_csrf
from gateway.accounts.values import Level, Session
from tests.fakes_accounts import Accounts


@pytest.fixture
def accounts() -> Accounts:
    made = Accounts()
    made.enrol()
    return made


def is_open(accounts: Accounts, session_id: str) -> bool:
    try:
        accounts.sessions.find(session_id, accounts.clock.now())
    except UnauthorisedError:
        return False
    return True


def test_a_session_id_has_256_bits_and_only_its_digest_is_kept(accounts: Accounts) -> None:
    opened = accounts.attempt()

    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", opened.session_id)
    kept = repr(accounts.look(lambda books: [(each.name.hex(), each) for each in books.sessions.kept.values()]))
    assert opened.session_id not in kept
    assert opened.session_id not in repr(opened)


def test_a_session_ends_when_nobody_used_it_for_a_quarter_of_an_hour(accounts: Accounts) -> None:
    session = accounts.attempt().session_id
    for _ in range(3):
        accounts.clock.pass_by(minutes=14)
        assert is_open(accounts, session)

    accounts.clock.pass_by(minutes=15)

    assert not is_open(accounts, session)


def test_a_session_ends_after_eight_hours_however_busy(accounts: Accounts) -> None:
    session = accounts.attempt().session_id
    for _ in range(8 * 6 - 1):
        accounts.clock.pass_by(minutes=10)
        assert is_open(accounts, session)

    accounts.clock.pass_by(minutes=10)

    assert not is_open(accounts, session)


def test_stepping_up_makes_no_session_last_longer(accounts: Accounts) -> None:
    opened = accounts.attempt()
    for _ in range(8 * 6 - 1):
        accounts.clock.pass_by(minutes=9, seconds=30)
        opened = accounts.sign_in.step_up(opened.signed_in, accounts.fresh_totp(), accounts.clock.now())

    accounts.clock.pass_by(minutes=10)

    assert not is_open(accounts, opened.session_id)


@pytest.mark.parametrize("session_id", ["", "a", "a" * 43, "码" * 43, "=" * 43, "a" * 5000])
def test_what_is_no_session_id_opens_nothing(accounts: Accounts, session_id: str) -> None:
    accounts.attempt()

    assert not is_open(accounts, session_id)


def test_signing_out_ends_this_session_alone(accounts: Accounts) -> None:
    here, there = accounts.attempt(), accounts.attempt()

    accounts.sessions.end(here.signed_in, accounts.clock.now())

    assert not is_open(accounts, here.session_id)
    assert is_open(accounts, there.session_id)
    assert accounts.events()[-1] == ("account.signed_out", {"account": "li.ming", "cause": "asked"})


def test_signing_out_everywhere_ends_all_of_one_person(accounts: Accounts) -> None:
    accounts.enrol("zhao.lei", 2)
    mine, other = [accounts.attempt(), accounts.attempt()], accounts.attempt("zhao.lei")

    accounts.sessions.end_all(mine[0].signed_in, accounts.clock.now())

    assert [is_open(accounts, each.session_id) for each in (*mine, other)] == [False, False, True]
    assert accounts.events()[-1] == ("account.signed_out", {"account": "li.ming", "cause": "asked_all"})


def test_sessions_end_as_soon_as_the_person_is_not_in_force(accounts: Accounts) -> None:
    opened = accounts.attempt()
    person = accounts.people.signed.pop("li.ming")

    assert not is_open(accounts, opened.session_id)
    assert accounts.events()[-1] == ("account.signed_out", {"account": "li.ming", "cause": "not_in_force"})

    accounts.people.sign(person)

    assert not is_open(accounts, opened.session_id)


def test_an_inactive_person_has_no_session(accounts: Accounts) -> None:
    opened = accounts.attempt()
    accounts.people.sign(replace(opened.signed_in.person, active=False))

    assert not is_open(accounts, opened.session_id)


def test_a_session_ends_when_its_key_is_signed_no_more(accounts: Accounts) -> None:
    opened = accounts.attempt()
    key = replace(opened.signed_in.person.keys[0], kid="other")
    accounts.people.sign(replace(opened.signed_in.person, keys=(key,)))

    assert not is_open(accounts, opened.session_id)


def test_each_session_has_a_token_of_its_own(accounts: Accounts) -> None:
    one, other = accounts.attempt().signed_in, accounts.attempt().signed_in

    assert is_csrf(one, one.csrf)
    assert not is_csrf(one, other.csrf)
    assert not is_csrf(one, "")
    assert not is_csrf(one, "码")


def test_old_rows_do_not_pile_up(accounts: Accounts) -> None:
    for _ in range(5):
        accounts.attempt()
        accounts.clock.pass_by(hours=1)
    accounts.attempt()

    assert accounts.look(lambda books: len(books.sessions.kept)) == 1


# ---------------------------------------------------------------------------------------- who writes to the database


def written(accounts: Accounts, own: bytes) -> str:
    """A row under an id that they drew themselves."""
    name, at = sha256(b"bidui-session/1\n" + own).digest(), int(accounts.clock.now().timestamp())
    put(accounts, Session(name=name, account="li.ming", level=Level.TOTP, opened=at, seen=at, fresh_until=at + 300))
    return urlsafe_b64encode(own).rstrip(b"=").decode()


def moved(accounts: Accounts) -> str:
    """Their own session, given the account of somebody else."""
    accounts.enrol("zhao.lei", 2)
    opened = accounts.attempt("zhao.lei")
    put(accounts, replace(kept(accounts, opened.signed_in.session), account="li.ming"))
    return opened.session_id


def put(accounts: Accounts, session: Session) -> None:
    with accounts.store.begin() as work:
        work.accounts.sessions.put(session)
        work.commit()


def kept(accounts: Accounts, name: bytes) -> Session:
    with accounts.store.begin() as work:
        session = work.accounts.sessions.find(name)
    assert session is not None
    return session


FORGED: dict[str, Callable[[Accounts], str]] = {
    "a row of their own": lambda accounts: written(accounts, b"x" * 32),
    "their session moved to another account": moved,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_row_makes_nobody_somebody_else(accounts: Accounts, forge: Callable[[Accounts], str]) -> None:
    assert not is_open(accounts, forge(accounts))


def test_whoever_is_frozen_is_signed_in_nowhere(accounts: Accounts) -> None:
    session = accounts.attempt().session_id
    accounts.frozen.add("li.ming")

    assert not is_open(accounts, session)
    with pytest.raises(UnauthorisedError):
        accounts.attempt()
    accounts.frozen.clear()
    assert not is_open(accounts, session)
    assert is_open(accounts, accounts.attempt().session_id)
