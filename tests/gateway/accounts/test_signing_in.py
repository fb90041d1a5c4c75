"""Signing in: one answer to all that is wrong, every factor good once, and nobody kept out for long by others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.accounts.errors import ThrottledError, UnauthorisedError
from gateway.accounts.throttle import FORGOTTEN_AFTER, LONGEST_WAIT
from gateway.accounts.values import Assertion, Level, RecoveryCode, TotpCode
from gateway.domain.people import Duty
from tests.fakes_accounts import PASSWORD, Accounts

STRANGER = "203.0.113.9"


@pytest.fixture
def accounts() -> Accounts:
    made = Accounts()
    made.enrol()
    return made


def fail(accounts: Accounts, person: str = "li.ming", address: str = STRANGER, device: str = "") -> None:
    """One attempt that is heard and wrong."""
    with pytest.raises(UnauthorisedError):
        accounts.attempt(person, "wrong password 1", TotpCode("000000"), address, device)


def fail_until_throttled(accounts: Accounts, person: str, address: str = STRANGER, most: int = 100) -> int:
    """How many attempts are heard at once, before the first wait."""
    for heard in range(most):
        try:
            fail(accounts, person, address)
        except ThrottledError:
            return heard
    return most


# ---------------------------------------------------------------------------------------- in


def test_password_and_one_time_code_let_in(accounts: Accounts) -> None:
    opened = accounts.attempt()

    found = accounts.sessions.find(opened.session_id, accounts.clock.now())
    assert found == opened.signed_in
    assert (found.person.id, found.person.duty, found.level) == ("li.ming", Duty.REVIEWER, Level.TOTP)
    assert found.is_fresh(accounts.clock.now())
    assert accounts.events()[-1] == ("account.signed_in", {"account": "li.ming", "level": "totp"})


def test_a_recovery_code_stands_in_for_the_one_time_code_once() -> None:
    accounts = Accounts()
    codes = accounts.enrol().recovery_codes

    assert accounts.attempt(second=RecoveryCode(codes[0].lower())).signed_in.level is Level.RECOVERY
    with pytest.raises(UnauthorisedError):
        accounts.attempt(second=RecoveryCode(codes[0]))
    assert accounts.attempt(second=RecoveryCode(codes[1])).signed_in.level is Level.RECOVERY


WRONG: dict[str, Callable[[Accounts], object]] = {
    "an account that does not exist": lambda a: a.attempt("nobody.here", second=TotpCode("123456")),
    "a wrong password": lambda a: a.attempt(password="wrong password 1"),
    "no password": lambda a: a.attempt(password=""),
    "a wrong code": lambda a: a.attempt(second=TotpCode("000000")),
    "no code": lambda a: a.attempt(second=TotpCode("")),
    "a code that is no digits": lambda a: a.attempt(second=TotpCode("１２３４５６")),
    "a recovery code of nobody": lambda a: a.attempt(second=RecoveryCode("AAAA-BBBB-CCCC-DDDD")),
    "an assertion where there are no pages": lambda a: a.attempt(second=Assertion("{}")),
    "somebody else's code": lambda a: a.attempt(second=a.fresh_totp("zhao.lei")),
    "somebody invited": lambda a: a.attempt("chen.jie", second=TotpCode("123456")),
    "somebody enrolled and not signed": lambda a: a.attempt("sun.li"),
    "somebody no longer in force": lambda a: a.attempt("wu.gang"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_one_answer_to_everything_that_is_wrong(accounts: Accounts, wrong: Callable[[Accounts], object]) -> None:
    accounts.enrol("zhao.lei", 2)
    accounts.enrol("sun.li", 3, signed=False)
    accounts.enrol("wu.gang", 4)
    del accounts.people.signed["wu.gang"]

    with pytest.raises(UnauthorisedError) as refused:
        wrong(accounts)

    assert str(refused.value) == ""
    assert accounts.events()[-1][0] == "account.refused"


def test_a_one_time_code_is_good_once(accounts: Accounts) -> None:
    code = accounts.fresh_totp()
    accounts.attempt(second=code)

    with pytest.raises(UnauthorisedError):
        accounts.attempt(second=code)


def test_a_code_of_an_earlier_step_than_the_last_is_no_good(accounts: Accounts) -> None:
    accounts.fresh_totp()
    earlier = TotpCode(accounts.totp(steps=-1))
    accounts.attempt(second=accounts.fresh_totp())

    with pytest.raises(UnauthorisedError):
        accounts.attempt(second=earlier)


def test_a_wrong_password_does_not_use_up_the_code(accounts: Accounts) -> None:
    code = accounts.fresh_totp()
    with pytest.raises(UnauthorisedError):
        accounts.attempt(password="wrong password 1", second=code)

    assert accounts.attempt(second=code).signed_in.person.id == "li.ming"


def test_the_same_work_is_done_for_an_account_that_does_not_exist(accounts: Accounts) -> None:
    tried: list[str] = []
    passwords = accounts.sign_in.passwords

    class Watched:
        def make(self, password: str) -> str:
            return passwords.make(password)

        def holds(self, password: str, kept: str) -> bool:
            tried.append(kept)
            return passwords.holds(password, kept)

    object.__setattr__(accounts.sign_in, "passwords", Watched())
    fail(accounts, "li.ming")
    fail(accounts, "nobody.here")

    assert len(tried) == 2
    assert tried[1] == ""


# ---------------------------------------------------------------------------------------- slowed down


def test_a_place_hears_five_in_a_row_then_waits_that_grow(accounts: Accounts) -> None:
    waits: list[int] = []
    for _ in range(12):
        try:
            fail(accounts)
        except ThrottledError as throttled:
            waits.append(throttled.seconds)
            accounts.clock.pass_by(seconds=throttled.seconds)
            fail(accounts)

    assert waits == [5, 10, 20, 40, 80, 160]


def test_accounts_that_do_not_exist_are_slowed_down_alike() -> None:
    known, unknown = Accounts(), Accounts()
    known.enrol()

    assert fail_until_throttled(known, "li.ming") == fail_until_throttled(unknown, "nobody.here") == 6


def test_a_good_attempt_forgets_what_failed_before_it_there(accounts: Accounts) -> None:
    for _ in range(5):
        fail(accounts, address="10.0.0.7")
    accounts.attempt()

    assert fail_until_throttled(accounts, "li.ming", "10.0.0.7") == 6


def test_failures_are_forgotten_after_an_hour(accounts: Accounts) -> None:
    fail_until_throttled(accounts, "li.ming")
    accounts.clock.pass_by(seconds=FORGOTTEN_AFTER + LONGEST_WAIT)

    assert fail_until_throttled(accounts, "li.ming") == 6


def a_siege(accounts: Accounts) -> None:
    """Strangers all over fail until nobody unknown is heard any more."""
    for host in range(30):
        try:
            fail(accounts, address=f"203.0.113.{host}")
        except ThrottledError:
            return
    pytest.fail("strangers were never slowed down")


def test_many_strangers_cannot_keep_the_person_out_of_their_own_device_or_address(accounts: Accounts) -> None:
    device = accounts.attempt(address="10.0.0.7").device
    a_siege(accounts)

    with pytest.raises(ThrottledError):
        accounts.attempt(address="198.51.100.1")
    assert accounts.attempt(address="10.0.0.7").signed_in.person.id == "li.ming"
    assert accounts.attempt(address="198.51.100.1", device=device).signed_in.person.id == "li.ming"


def test_a_new_device_waits_a_quarter_of_an_hour_at_most(accounts: Accounts) -> None:
    for _ in range(40):
        try:
            a_siege(accounts)
        except ThrottledError as throttled:
            accounts.clock.pass_by(seconds=throttled.seconds)
    with pytest.raises(ThrottledError) as heard:
        accounts.attempt(address="198.51.100.1")
    assert heard.value.seconds <= LONGEST_WAIT
    accounts.clock.pass_by(seconds=heard.value.seconds)
    accounts.attempt(address="198.51.100.1")


def test_a_device_word_that_we_did_not_give_is_no_device(accounts: Accounts) -> None:
    opened = accounts.attempt(address="10.0.0.8", device="d" * 43)
    a_siege(accounts)

    assert opened.device != "d" * 43
    with pytest.raises(ThrottledError):
        accounts.attempt(address="198.51.100.1", device="d" * 43)


def test_a_device_is_known_for_one_account_alone(accounts: Accounts) -> None:
    device = accounts.attempt().device
    accounts.enrol("zhao.lei", 2)
    for host in range(30):
        try:
            fail(accounts, "zhao.lei", f"203.0.113.{host}")
        except ThrottledError:
            break

    with pytest.raises(ThrottledError):
        accounts.attempt("zhao.lei", address="198.51.100.1", device=device)


def test_whoever_guesses_from_the_persons_address_does_not_stop_their_device(accounts: Accounts) -> None:
    device = accounts.attempt(address="10.0.0.7").device
    for _ in range(10):
        try:
            fail(accounts, address="10.0.0.7")
        except ThrottledError as throttled:
            accounts.clock.pass_by(seconds=throttled.seconds)
            fail(accounts, address="10.0.0.7")

    with pytest.raises(ThrottledError):
        accounts.attempt(address="10.0.0.7")
    assert accounts.attempt(address="10.0.0.7", device=device).signed_in.person.id == "li.ming"


def test_one_address_is_not_heard_on_many_accounts_for_ever(accounts: Accounts) -> None:
    for number in range(61):
        fail(accounts, f"nobody.{number}")

    with pytest.raises(ThrottledError):
        fail(accounts, "nobody.61")


def test_the_ledger_hears_of_locks_and_ever_more_seldom_of_refusals(accounts: Accounts) -> None:
    a_siege(accounts)

    told = [(kind, body) for kind, body in accounts.events() if kind in {"account.refused", "account.locked"}]
    assert [body["failures"] for kind, body in told if kind == "account.refused"] == [1, 2, 4, 8, 16]
    assert [body for kind, body in told if kind == "account.locked"] == [
        {"account": "li.ming", "scope": "strangers", "seconds": 60}
    ]


def test_refusals_of_accounts_that_do_not_exist_name_nothing_and_cannot_flood_the_ledger(accounts: Accounts) -> None:
    for number in range(300):
        fail(accounts, f"nobody.{number}", f"198.51.{number % 100}.{number // 100}")

    told = [body for kind, body in accounts.events() if kind == "account.refused"]
    assert {body["account"] for body in told} == {None}
    assert len(told) == 64 + 2


# ---------------------------------------------------------------------------------------- again


def test_stepping_up_makes_fresh_and_changes_the_id(accounts: Accounts) -> None:
    opened = accounts.attempt()
    accounts.clock.pass_by(minutes=6)
    now = accounts.clock.now()
    before = accounts.sessions.find(opened.session_id, now)
    assert not before.is_fresh(now)

    again = accounts.sign_in.step_up(before, accounts.fresh_totp(), accounts.clock.now())

    assert accounts.sessions.find(again.session_id, accounts.clock.now()).is_fresh(accounts.clock.now())
    with pytest.raises(UnauthorisedError):
        accounts.sessions.find(opened.session_id, accounts.clock.now())
    assert accounts.events()[-1] == ("account.stepped_up", {"account": "li.ming", "level": "totp"})


def test_whoever_took_a_session_cannot_guess_the_second_factor(accounts: Accounts) -> None:
    signed_in = accounts.attempt().signed_in
    for _ in range(6):
        with pytest.raises(UnauthorisedError):
            accounts.sign_in.step_up(signed_in, TotpCode("000000"), accounts.clock.now())

    with pytest.raises(ThrottledError):
        accounts.sign_in.step_up(signed_in, TotpCode(accounts.totp()), accounts.clock.now())


def test_a_sign_in_ends_the_session_it_takes_the_place_of(accounts: Accounts) -> None:
    from gateway.accounts.signing_in import SignInAttempt

    first = accounts.attempt()
    again = SignInAttempt(
        account="li.ming",
        password=PASSWORD,
        second=accounts.fresh_totp(),
        address="10.0.0.7",
        session=first.session_id,
    )

    accounts.sign_in.sign_in(again, accounts.clock.now())

    with pytest.raises(UnauthorisedError):
        accounts.sessions.find(first.session_id, accounts.clock.now())
