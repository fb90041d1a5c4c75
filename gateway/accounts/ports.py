"""What accounts need from outside: their part of a work, passwords, one-time codes and authenticators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from audit.ledger import LedgerStore
from gateway.accounts.values import Account, AccountKey, Session
from gateway.domain.people import PersonKey


class AccountBook(Protocol):
    """The accounts. An id, a natural person and a code each name at most one."""

    def find(self, account: str) -> Account | None:
        """Locked against every other work until this one ends."""
        ...

    def of_natural(self, natural: str) -> Account | None: ...

    def of_code(self, code: bytes) -> Account | None: ...

    def all(self) -> Sequence[Account]:
        """Every one, by id."""
        ...

    def put(self, account: Account) -> None:
        """Adds it, or replaces that of the same id."""
        ...

    def remove(self, account: str) -> None:
        """Removes it with all that is its own but its keys: they stay, so that nobody else takes them."""
        ...


class KeyBook(Protocol):
    """The keys of accounts."""

    def of(self, account: str) -> Sequence[AccountKey]:
        """In the order in which they were added."""
        ...

    def of_public(self, public: bytes) -> AccountKey | None: ...

    def put(self, key: AccountKey) -> None:
        """Adds it, or replaces what is said about the same key."""
        ...


class RecoveryBook(Protocol):
    """Digests of recovery codes."""

    def replace(self, account: str, codes: Sequence[bytes]) -> None: ...

    def take(self, account: str, code: bytes) -> bool:
        """Uses up a code; False when there is none. Called with the account locked."""
        ...

    def left(self, account: str) -> int: ...


class SessionBook(Protocol):
    """Open sessions."""

    def find(self, name: bytes) -> Session | None: ...

    def put(self, session: Session) -> None: ...

    def touch(self, name: bytes, seen: int) -> None:
        """Says when it was last used. Never brings back one that ended meanwhile."""
        ...

    def end(self, name: bytes) -> None: ...

    def end_all(self, account: str) -> None: ...

    def forget(self, seen_before: int, opened_before: int) -> None:
        """Removes those that are too old, whoever's they are."""
        ...


class Counter(NamedTuple):
    """Failed attempts in a row, when the last was, and until when no other is heard."""

    failures: int = 0
    last: int = 0
    until: int = 0


class AttemptBook(Protocol):
    """Counters of attempts, by keyed digest."""

    def lock(self, names: Sequence[bytes]) -> Mapping[bytes, Counter]:
        """All of them, locked until the work ends; one that is new counts nothing."""
        ...

    def put(self, name: bytes, counter: Counter) -> None:
        """Called with the counter locked."""
        ...

    def forget(self, last_before: int) -> None: ...


class PlaceBook(Protocol):
    """Devices and addresses from which an account was signed in to, by keyed digest."""

    def known(self, account: str, names: Sequence[bytes], at: int) -> frozenset[bytes]: ...

    def remember(self, account: str, name: bytes, until: int) -> None: ...

    def forget(self, account: str) -> None: ...

    def expire(self, at: int) -> None:
        """Removes those that are known no more, whoever's they are."""
        ...


class OnceBook(Protocol):
    """What is good once: challenges that were answered, logins that were begun elsewhere."""

    def use(self, name: bytes, until: int) -> bool:
        """Uses it up until then; False when it was used before."""
        ...

    def forget(self, until: int) -> None: ...


class BindingBook(Protocol):
    """Which account is whose at the identity provider, by keyed digest of issuer and subject. One each way."""

    def find(self, name: bytes) -> str | None: ...

    def bind(self, name: bytes, account: str) -> None:
        """Replaces what the account was bound to. The name must be free."""
        ...

    def forget(self, account: str) -> None:
        """Whoever bound the account before comes in by that no more."""
        ...


class AccountBooks(Protocol):
    """All that is kept about accounts, in one transaction."""

    @property
    def book(self) -> AccountBook: ...
    @property
    def keys(self) -> KeyBook: ...
    @property
    def recovery(self) -> RecoveryBook: ...
    @property
    def sessions(self) -> SessionBook: ...
    @property
    def attempts(self) -> AttemptBook: ...
    @property
    def places(self) -> PlaceBook: ...
    @property
    def once(self) -> OnceBook: ...
    @property
    def bindings(self) -> BindingBook: ...


class AccountWork(Protocol):
    """The part of a `gateway.ports.Work` that accounts use. Uniqueness is held by the database too, at the commit."""

    @property
    def accounts(self) -> AccountBooks: ...
    @property
    def ledger(self) -> LedgerStore: ...

    def commit(self) -> None: ...


class AccountStore(Protocol):
    """The control database, as accounts see it."""

    def begin(self) -> AbstractContextManager[AccountWork]:
        """Begins a work, and rolls it back unless it was committed. Raises `UnavailableError`."""
        ...


class Passwords(Protocol):
    """Slow, salted password digests."""

    def make(self, password: str) -> str: ...

    def holds(self, password: str, kept: str) -> bool:
        """Whether it is the one that was kept. For an empty `kept` the same work is done, and the answer is no."""
        ...


class Totp(Protocol):
    """One-time codes (RFC 6238)."""

    def uri(self, secret: bytes, account: str) -> str:
        """The `otpauth:` address that a one-time code program reads."""
        ...

    def step(self, secret: bytes, code: str, at: datetime) -> int:
        """The time step whose code this is, within one of the present; 0 for none. Takes the same time for all."""
        ...


class Registered(NamedTuple):
    """A new authenticator's key. Attestation is not asked for: whose it is, people sign."""

    public: bytes
    credential: bytes
    sign_count: int
    origin: str


class Authenticators(Protocol):
    """WebAuthn, bound to this installation's pages; user verification is always wanted."""

    @property
    def rp_id(self) -> str: ...

    def creation(self, account: str, challenge: bytes, known: Sequence[bytes]) -> dict[str, object]:
        """Options for a page that makes a new credential; authenticators that hold a known one refuse."""
        ...

    def request(self, challenge: bytes, credentials: Sequence[bytes]) -> dict[str, object]:
        """Options for a page that asks for an assertion."""
        ...

    def register(self, answer: str, challenge: bytes) -> Registered | None: ...

    def challenge_of(self, answer: str) -> bytes:
        """The challenge that an assertion says it answers; empty for what is no assertion."""
        ...

    def count(self, answer: str, challenge: bytes, credential: bytes, key: PersonKey, sign_count: int) -> int | None:
        """The new signature counter of a good assertion by this credential, None for any other."""
        ...


class Provider(Protocol):
    """An identity provider (OpenID Connect), by the code flow with PKCE."""

    @property
    def issuer(self) -> str: ...

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser. Raises `UnavailableError`."""
        ...

    def is_from(self, issuer: str | None) -> bool:
        """Whether somebody who came back with this `iss` (RFC 9207) comes from it. Raises `UnavailableError`."""
        ...

    def subject(self, code: str, nonce: str, verifier: str, at: datetime) -> str:
        """Who came back with this code; empty for everything that is wrong. Raises `UnavailableError`."""
        ...
