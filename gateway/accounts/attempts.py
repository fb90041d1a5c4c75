"""Attempts: counted before they are heard, given back when they were good, told to the ledger when they were not."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from audit.account_events import account_locked, account_refused
from audit.events import Draft
from audit.ledger import Ledger
from gateway.accounts.errors import ThrottledError
from gateway.accounts.ports import AccountStore, AccountWork, Counter
from gateway.accounts.standing import ref, seconds
from gateway.accounts.throttle import (
    ADDRESS,
    FORGOTTEN_AFTER,
    PLACE,
    STRANGERS,
    Pace,
    charged,
    given_back,
    is_told,
)
from gateway.accounts.values import Account
from gateway.accounts.vault import Vault
from gateway.seal import Entropy

PLACE_SECONDS = 30 * 24 * 3600
"""How long a device or an address is known after somebody signed in from there."""
MOST_TOLD_UNKNOWN = 64
"""Refusals for accounts that do not exist are told one by one up to here within an hour, then ever more seldom."""
_DEVICE_BYTES = 32


class Charge(NamedTuple):
    """One counter that an attempt counts in."""

    scope: str
    name: bytes
    pace: Pace


@dataclass(frozen=True, slots=True)
class Heard:
    """An attempt that was counted and is now heard. `failures` are those in a row, this one among them."""

    charges: tuple[Charge, ...]
    failures: int
    account: Account | None


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """Counts attempts in SQL, so that all nodes count together."""

    store: AccountStore
    ledger: Ledger
    vault: Vault
    entropy: Entropy

    def hear(self, account_id: str, address: str, device: str, at: datetime) -> Heard:
        """An attempt to sign in. Raises `ThrottledError`, alike for accounts that do not exist."""
        with self.store.begin() as work:
            account = work.accounts.book.find(account_id)
            return self._hear(work, self._charges(work, account_id, address, device, at), account, at)

    def hear_session(self, account_id: str, at: datetime) -> Heard:
        """An attempt of somebody who is signed in to show a password or second factor again."""
        with self.store.begin() as work:
            charge = Charge("session", self.vault.name("session", account_id), PLACE)
            return self._hear(work, (charge,), work.accounts.book.find(account_id), at)

    def succeeded(self, work: AccountWork, heard: Heard) -> None:
        """It was good: gives it back, in the caller's work. What was counted in its own place is forgotten."""
        counters = work.accounts.attempts.lock(_names(heard.charges))
        for each in heard.charges:
            is_own = each.scope not in ("strangers", "address")
            work.accounts.attempts.put(each.name, Counter() if is_own else given_back(each.pace, counters[each.name]))

    def failed(self, work: AccountWork, heard: Heard, door: str, at: datetime) -> None:
        """It was not: tells the ledger, seldom. In the caller's work; somebody else commits."""
        account = heard.account
        is_due = is_told(heard.failures)
        if account is None:
            is_due = is_due and self._is_seldom(work, at)
        if is_due:
            draft = account_refused(ref(account) if account else None, door=door, failures=heard.failures)
            self.ledger.append(work.ledger, [draft], at)

    def remember(self, work: AccountWork, account_id: str, address: str, device: str, at: datetime) -> str:
        """The person signed in from there: attackers elsewhere cannot slow them down there. The device's word.

        A word that we did not give is no device of ours.
        """
        name = self.vault.name("device", account_id, device)
        if not device or not work.accounts.places.known(account_id, [name], seconds(at)):
            device = urlsafe_b64encode(self.entropy(_DEVICE_BYTES)).rstrip(b"=").decode()
        work.accounts.places.expire(seconds(at))
        for each in self._places(account_id, address, device):
            work.accounts.places.remember(account_id, each, seconds(at) + PLACE_SECONDS)
        return device

    def _hear(self, work: AccountWork, charges: tuple[Charge, ...], account: Account | None, at: datetime) -> Heard:
        now, counters = seconds(at), work.accounts.attempts.lock(_names(charges))
        waits = max(counter.until for counter in counters.values()) - now
        if waits > 0:
            raise ThrottledError(waits)
        after = {each.name: charged(each.pace, counters[each.name], now) for each in charges}
        for name, counter in after.items():
            work.accounts.attempts.put(name, counter)
        work.accounts.attempts.forget(now - FORGOTTEN_AFTER)
        locks = _locks(account, charges, after, now)
        if locks:
            self.ledger.append(work.ledger, locks, at)
        work.commit()
        return Heard(charges, max(after[each.name].failures for each in charges[:2]), account)

    def _charges(
        self, work: AccountWork, account_id: str, address: str, device: str, at: datetime
    ) -> tuple[Charge, ...]:
        names = self._places(account_id, address, device)
        known = work.accounts.places.known(account_id, names, seconds(at))
        for name in names:
            if name in known:
                return (Charge("place", name, PLACE),)
        return (
            Charge("place", self.vault.name("address", account_id, address), PLACE),
            Charge("strangers", self.vault.name("strangers", account_id), STRANGERS),
            Charge("address", self.vault.name("any", address), ADDRESS),
        )

    def _places(self, account_id: str, address: str, device: str) -> list[bytes]:
        places = [("device", device), ("address", address)]
        return [self.vault.name(kind, account_id, value) for kind, value in places if value]

    def _is_seldom(self, work: AccountWork, at: datetime) -> bool:
        name = self.vault.name("unknown")
        counter = charged(STRANGERS, work.accounts.attempts.lock([name])[name], seconds(at))
        work.accounts.attempts.put(name, counter)
        return counter.failures <= MOST_TOLD_UNKNOWN or is_told(counter.failures)


def _names(charges: Sequence[Charge]) -> list[bytes]:
    return sorted({each.name for each in charges})


def _locks(account: Account | None, charges: Sequence[Charge], after: Mapping[bytes, Counter], now: int) -> list[Draft]:
    """What the ledger is told of accounts that exist: each wait of all strangers, the first of a single place."""
    if account is None:
        return []
    waits = [(each, after[each.name]) for each in charges if each.scope != "address" and after[each.name].until > now]
    return [
        account_locked(ref(account), scope=each.scope, seconds=counter.until - now)
        for each, counter in waits
        if each.scope == "strangers" or is_told(counter.failures - each.pace.free)
    ]
