"""Signing in through the office's own identity provider (OpenID Connect), for people who bound their account to it.

Nothing is kept while somebody is away: the state vouches for itself, for ten minutes, once, and for the one browser
that was sent (by a cookie); nonce and verifier follow from it under our secret, and the verifier never leaves us but to
the provider. What comes back gives a session, but no fresh second factor: whoever approves something shows one of ours.

A person binds their account themselves, signed in and fresh: an administrator could bind it to somebody else.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from audit.account_events import account_bound, account_signed_in, account_unbound
from audit.ledger import Ledger
from gateway.accounts.attempts import Attempts, Heard
from gateway.accounts.errors import UnauthorisedError
from gateway.accounts.ports import AccountStore, AccountWork, Provider
from gateway.accounts.second_factor import Shown
from gateway.accounts.sessions import Sessions
from gateway.accounts.standing import person_in_force, ref, seconds
from gateway.accounts.values import Level, Opened, SignedIn
from gateway.accounts.vault import Vault
from gateway.domain.errors import InvalidQueryError
from gateway.ports import People
from gateway.seal import Entropy

DOOR = "oidc"
_SIGN_IN, _BIND = "oidc-sign-in", "oidc-bind"
_BROWSER_BYTES = 32
_LONGEST_CODE = 2048


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send a browser, and the word by which it is known when it comes back."""

    address: str = field(repr=False)
    browser: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What a browser came back with."""

    state: str = field(repr=False)
    code: str = field(repr=False)
    issuer: str | None
    browser: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Federation:
    """Sends people away and takes them back."""

    store: AccountStore
    ledger: Ledger
    people: People
    vault: Vault
    sessions: Sessions
    attempts: Attempts
    provider: Provider
    entropy: Entropy

    def depart(self, at: datetime, binds: SignedIn | None = None) -> Departure:
        """To sign in, or to bind the account of whoever is signed in."""
        browser = _write(self.entropy(_BROWSER_BYTES))
        account = binds.person.id if binds else ""
        challenge = self.vault.challenge(_BIND if binds else _SIGN_IN, _marked(account, browser), at)
        state = ".".join([_write(challenge), account]) if account else _write(challenge)
        return Departure(self.provider.address(state, *self._secrets(challenge)), browser)

    def arrive(self, arrival: Arrival, at: datetime) -> Opened | None:
        """The session, or None when it was to bind. Raises `UnauthorisedError`, `UnavailableError`."""
        text, _, account = arrival.state.partition(".")
        challenge = _read(text)
        use = _BIND if account else _SIGN_IN
        if not self.vault.is_challenge(challenge, use, _marked(account, arrival.browser), at):
            raise UnauthorisedError
        self._use_up(challenge, at)
        if not self.provider.is_from(arrival.issuer) or not 0 < len(arrival.code) <= _LONGEST_CODE:
            raise UnauthorisedError
        subject = self.provider.subject(arrival.code, *self._secrets(challenge), at)
        if account:
            self._bind(subject, account, at)
            return None
        return self._open(self._name(subject) if subject else b"", at)

    def unbind(self, signed_in: SignedIn, at: datetime) -> None:
        """Ends what somebody bound; whoever has bound nothing has nothing to end."""
        with self.store.begin() as work:
            account = work.accounts.book.find(signed_in.person.id)
            if account is None:
                raise UnauthorisedError
            work.accounts.bindings.forget(account.id)
            self.ledger.append(work.ledger, [account_unbound(ref(account))], at)
            work.commit()

    def _use_up(self, challenge: bytes, at: datetime) -> None:
        with self.store.begin() as work:
            work.accounts.once.forget(seconds(at))
            if not work.accounts.once.use(sha256(challenge).digest(), self.vault.expiry(challenge)):
                raise UnauthorisedError
            work.commit()

    def _open(self, name: bytes, at: datetime) -> Opened:
        with self.store.begin() as work:
            who = self._bound(work, name)
            if who is None:
                self.attempts.failed(work, Heard((), 1, None), DOOR, at)
                work.commit()
                raise UnauthorisedError
            opened = self.sessions.open(work, who.person, Level.OIDC, at, fresh=False)
            self.ledger.append(work.ledger, [account_signed_in(ref(who.account), level=Level.OIDC)], at)
            work.commit()
        return opened

    def _bound(self, work: AccountWork, name: bytes) -> Shown | None:
        books = work.accounts
        bound = books.bindings.find(name) if name else None
        account = books.book.find(bound) if bound else None
        person = person_in_force(account, books.keys.of(account.id), self.people) if account else None
        return Shown(account, person) if account and person else None

    def _bind(self, subject: str | None, account_id: str, at: datetime) -> None:
        with self.store.begin() as work:
            account = work.accounts.book.find(account_id)
            if not subject or account is None:
                raise UnauthorisedError
            name, told = self._name(subject), sha256(f"{self.provider.issuer}\n{subject}".encode()).hexdigest()
            if work.accounts.bindings.find(name) not in {None, account_id}:
                raise InvalidQueryError("该统一身份已绑定其他账号", "subject")
            work.accounts.bindings.bind(name, account_id)
            self.ledger.append(work.ledger, [account_bound(ref(account), subject_sha256=told)], at)
            work.commit()

    def _name(self, subject: str) -> bytes:
        """Keyed, so that nobody who writes to the database binds an account to themselves."""
        return self.vault.name("oidc-subject", self.provider.issuer, subject)

    def _secrets(self, challenge: bytes) -> tuple[str, str]:
        """Nonce and PKCE verifier: 43 characters each."""
        text = _write(challenge)
        return _write(self.vault.name("oidc-nonce", text)), _write(self.vault.name("oidc-verifier", text))


def _marked(account: str, browser: str) -> str:
    """The browser as a state knows it; its own word stays in its cookie."""
    return f"{account}\n{sha256(browser.encode()).hexdigest()}"


def _write(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
