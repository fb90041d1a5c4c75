"""Visitors of the demonstration sign in as its made-up people, by the ways that everybody signs in."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path

import pytest

from gateway.accounts.signing_in import SignInAttempt
from gateway.accounts.values import TotpCode
from gateway.domain.people import Duty
from ops.accounts import open_accounts
from ops.demo.accounts import give_accounts, present_code
from ops.demo.office import IDS, SyntheticOffice
from ops.settings import Home
from tests.fakes import DrivenClock
from tests.homes import a_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    clock = DrivenClock()
    made = a_home(tmp_path / "home", clock=clock)
    give_accounts(made)
    clock.pass_by(seconds=60)  # a code that was used at enrolment is not good again
    return made


def password(home: Home, account: str) -> Path:
    return home.keys / "people" / f"{account}.password"


@pytest.mark.parametrize("duty", IDS)
def test_everybody_signs_in_by_password_and_present_code(home: Home, duty: Duty) -> None:
    account = IDS[duty]
    with closing(SyntheticOffice(home)) as office:
        roll = office.office.standing().roll
    attempt = SignInAttempt(
        account=account,
        password=password(home, account).read_text(),
        second=TotpCode(present_code(home, account)),
        address="127.0.0.1",
    )

    desk = open_accounts(home, roll, None)
    opened = desk.sign_in().sign_in(attempt, home.clock.now())
    desk.store.close()

    assert opened.signed_in.person.duty is duty


def test_who_has_an_account_keeps_it(home: Home) -> None:
    before = password(home, IDS[Duty.LEADER]).read_text()

    give_accounts(home)

    assert password(home, IDS[Duty.LEADER]).read_text() == before


def test_only_the_owner_reads_passwords(home: Home) -> None:
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (home.keys / "people").iterdir()}

    assert modes == {0o600}
