"""Signing in: an account's id, its password and a second factor. One answer to everything that is wrong.

1. count the attempt, or refuse to hear it (`attempts`);
2. check the password, slowly, outside any transaction;
3. in one transaction: the second factor used up, the session opened, the entry written.

For an account that does not exist, or whose person is not in force, all three are done alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from audit.account_events import account_signed_in, account_stepped_up
from audit.ledger import Ledger
from gateway.accounts.attempts import Attempts
from gateway.accounts.errors import UnauthorisedError
from gateway.accounts.ports import AccountBooks, AccountStore, Passwords
from gateway.accounts.second_factor import SecondFactor, Shown
from gateway.accounts.sessions import Sessions
from gateway.accounts.standing import person_in_force, ref
from gateway.accounts.values import Account, Opened, Second, SignedIn
from gateway.ports import People

SIGN_IN, STEP_UP = "sign-in", "step-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAttempt:
    """What somebody shows to sign in. `device` is what they were given at an earlier one, if any."""

    account: str
    password: str = field(repr=False)
    second: Second
    address: str = field(repr=False)
    device: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    """The id of a session that ends when this one is opened."""


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """Opens sessions, and makes them fresh again."""

    store: AccountStore
    ledger: Ledger
    people: People
    passwords: Passwords
    second: SecondFactor
    sessions: Sessions
    attempts: Attempts

    def sign_in(self, attempt: SignInAttempt, at: datetime) -> Opened:
        """Raises `UnauthorisedError`, `ThrottledError`, `OverloadedError`."""
        heard = self.attempts.hear(attempt.account, attempt.address, attempt.device, at)
        kept = heard.account.password if heard.account else ""
        holds = self.passwords.holds(attempt.password, kept)
        with self.store.begin() as work:
            who = self._who(work.accounts, attempt.account, kept if holds else None)
            level = self.second.use(work.accounts, who, attempt.second, SIGN_IN, at)
            if who is None or level is None:
                self.attempts.failed(work, heard, SIGN_IN, at)
                work.commit()
                raise UnauthorisedError
            opened = self.sessions.open(work, who.person, level, at, fresh=True)
            self.sessions.end_named(work, attempt.session)
            self.attempts.succeeded(work, heard)
            device = self.attempts.remember(work, attempt.account, attempt.address, attempt.device, at)
            self.ledger.append(work.ledger, [account_signed_in(ref(who.account), level=level)], at)
            work.commit()
        return replace(opened, device=device)

    def step_up(self, signed_in: SignedIn, second: Second, at: datetime) -> Opened:
        """The same session under a new id, its second factor fresh. Raises as `sign_in` does."""
        heard = self.attempts.hear_session(signed_in.person.id, at)
        with self.store.begin() as work:
            account = heard.account and work.accounts.book.find(heard.account.id)
            who = self._standing(work.accounts, account)
            level = self.second.use(work.accounts, who, second, STEP_UP, at)
            if who is None or level is None:
                self.attempts.failed(work, heard, STEP_UP, at)
                work.commit()
                raise UnauthorisedError
            opened = self.sessions.renew(work, signed_in, level, at)
            self.attempts.succeeded(work, heard)
            self.ledger.append(work.ledger, [account_stepped_up(ref(who.account), level=level)], at)
            work.commit()
        return opened

    def _who(self, books: AccountBooks, account_id: str, kept: str | None) -> Shown | None:
        """Whoever may go on to the second factor: the password held, it is still theirs, and they are in force."""
        account = books.book.find(account_id)
        is_theirs = bool(kept) and account is not None and account.password == kept
        return self._standing(books, account if is_theirs else None)

    def _standing(self, books: AccountBooks, account: Account | None) -> Shown | None:
        keys = books.keys.of(account.id if account else "")
        person = account and person_in_force(account, keys, self.people)
        return Shown(account, person) if account and person else None
