"""Sessions: who is signed in, for how long, and how fresh their second factor is.

A session's id is 128 random bits and a keyed digest that binds them to the account; only the person's browser or
program holds it, we keep its digest. So a row that somebody else wrote, or moved to another account, is nobody's
session. It ends when nobody used it for a quarter of an hour, after eight hours, or as soon as the person is no longer
in force, or is frozen.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest, digest

from audit.account_events import account_signed_out
from audit.ledger import Ledger
from gateway.accounts.errors import UnauthorisedError
from gateway.accounts.ports import AccountStore, AccountWork
from gateway.accounts.standing import person_in_force, ref, seconds
from gateway.accounts.values import Level, Opened, Session, SignedIn
from gateway.accounts.vault import Vault
from gateway.domain.people import Person
from gateway.ports import People
from gateway.seal import Entropy

ID_BYTES, _RANDOM_BYTES = 32, 16
TOUCH_SECONDS = 30
"""How exactly the last use is kept: not every request writes."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts, in seconds."""

    idle: int = 15 * 60
    absolute: int = 8 * 3600
    fresh: int = 5 * 60


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Opens, finds and ends sessions."""

    store: AccountStore
    ledger: Ledger
    people: People
    vault: Vault
    entropy: Entropy
    limits: SessionLimits = SessionLimits()
    is_frozen: Callable[[str], bool] = lambda _: False
    """Whether this account is stopped although its person is in force."""

    def find(self, session_id: str, at: datetime) -> SignedIn:
        """Whose session this is. Raises `UnauthorisedError`, alike for all that ended and all that never were."""
        raw = _read(session_id)
        with self.store.begin() as work:
            session = work.accounts.sessions.find(_name(raw))
            if session is None or not self._is_ours(session, raw) or not self._lasts(session, seconds(at)):
                raise UnauthorisedError
            person = self._person(work, session)
            if person is None:
                self._end_all(work, session.account, "not_in_force", at)
                work.commit()
                raise UnauthorisedError
            if seconds(at) - session.seen >= TOUCH_SECONDS:
                work.accounts.sessions.touch(session.name, seconds(at))
                work.commit()
        return _signed_in(session, person, raw)

    def open(self, work: AccountWork, person: Person, level: Level, at: datetime, *, fresh: bool) -> Opened:
        """A new session, in the caller's work."""
        if self.is_frozen(person.id):
            raise UnauthorisedError
        now, raw = seconds(at), self._drawn(person.id)
        session = Session(
            name=_name(raw),
            account=person.id,
            level=level,
            opened=now,
            seen=now,
            fresh_until=now + self.limits.fresh if fresh else 0,
        )
        work.accounts.sessions.put(session)
        work.accounts.sessions.forget(now - self.limits.idle, now - self.limits.absolute)
        return Opened(_signed_in(session, person, raw), _write(raw))

    def renew(self, work: AccountWork, signed_in: SignedIn, level: Level, at: datetime) -> Opened:
        """The same session under a new id, fresh: the old id is void. It lasts no longer than it would have."""
        before = work.accounts.sessions.find(signed_in.session)
        if before is None:
            raise UnauthorisedError
        raw, now = self._drawn(before.account), seconds(at)
        after = replace(before, name=_name(raw), level=level, seen=now, fresh_until=now + self.limits.fresh)
        work.accounts.sessions.end(before.name)
        work.accounts.sessions.put(after)
        return Opened(_signed_in(after, signed_in.person, raw), _write(raw))

    def end(self, signed_in: SignedIn, at: datetime) -> None:
        """Signs out of one session."""
        with self.store.begin() as work:
            account = work.accounts.book.find(signed_in.person.id)
            if account and work.accounts.sessions.find(signed_in.session):
                work.accounts.sessions.end(signed_in.session)
                self.ledger.append(work.ledger, [account_signed_out(ref(account), cause="asked")], at)
                work.commit()

    def end_all(self, signed_in: SignedIn, at: datetime) -> None:
        """Signs out everywhere, and forgets the devices."""
        with self.store.begin() as work:
            work.accounts.places.forget(signed_in.person.id)
            self._end_all(work, signed_in.person.id, "asked_all", at)
            work.commit()

    def end_named(self, work: AccountWork, session_id: str) -> None:
        """Ends a session that another takes the place of, in the caller's work."""
        try:
            work.accounts.sessions.end(_name(_read(session_id)))
        except UnauthorisedError:
            return

    def _end_all(self, work: AccountWork, account_id: str, cause: str, at: datetime) -> None:
        work.accounts.sessions.end_all(account_id)
        account = work.accounts.book.find(account_id)
        if account:
            self.ledger.append(work.ledger, [account_signed_out(ref(account), cause=cause)], at)

    def _drawn(self, account: str) -> bytes:
        """A fresh id."""
        drawn = self.entropy(_RANDOM_BYTES)
        return drawn + self._binding(account, drawn)

    def _is_ours(self, session: Session, raw: bytes) -> bool:
        return compare_digest(raw[_RANDOM_BYTES:], self._binding(session.account, raw[:_RANDOM_BYTES]))

    def _binding(self, account: str, drawn: bytes) -> bytes:
        return self.vault.name("session-id", account, drawn.hex())[: ID_BYTES - _RANDOM_BYTES]

    def _lasts(self, session: Session, at: int) -> bool:
        return at < session.seen + self.limits.idle and at < session.opened + self.limits.absolute

    def _person(self, work: AccountWork, session: Session) -> Person | None:
        account = work.accounts.book.find(session.account)
        keys = work.accounts.keys.of(session.account)
        person = person_in_force(account, keys, self.people) if account else None
        return None if person is None or self.is_frozen(person.id) else person


def is_csrf(signed_in: SignedIn, shown: str) -> bool:
    """Whether a page of this very session sends the request."""
    return compare_digest(signed_in.csrf.encode(), shown.encode())


def _signed_in(session: Session, person: Person, raw: bytes) -> SignedIn:
    csrf = _write(digest(raw, b"bidui-csrf/1", "sha256"))
    fresh_until = datetime.fromtimestamp(session.fresh_until, UTC)
    return SignedIn(person, session.name, session.level, fresh_until, csrf)


def _name(raw: bytes) -> bytes:
    return sha256(b"bidui-session/1\n" + raw).digest()


def _write(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(text: str) -> bytes:
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        raise UnauthorisedError from None
    if len(raw) != ID_BYTES:
        raise UnauthorisedError
    return raw
