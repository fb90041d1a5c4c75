"""What somebody who is signed in changes about their own account: password, recovery codes, key.

A new key signs nothing and lets nobody in before two administrators have signed it; until then the old one does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from audit.account_events import account_changed
from audit.ledger import Ledger
from gateway.accounts.attempts import Attempts
from gateway.accounts.codes import code_digest, recovery_codes
from gateway.accounts.errors import UnauthorisedError
from gateway.accounts.password_rules import check_password
from gateway.accounts.ports import AccountStore, AccountWork, Passwords
from gateway.accounts.proving import Prover
from gateway.accounts.standing import ref, seconds
from gateway.accounts.values import Account, Proof, SignedIn
from gateway.accounts.vault import Vault
from gateway.domain.errors import InvalidQueryError
from gateway.seal import Entropy

PASSWORD, NEW_KEY = "password", "new-key"
MOST_KEYS = 4
"""Keys of one person that a deed has room for."""


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """Changes one's own account. The doors ask for a fresh second factor first."""

    store: AccountStore
    ledger: Ledger
    vault: Vault
    passwords: Passwords
    prover: Prover
    attempts: Attempts
    entropy: Entropy

    def change_password(self, signed_in: SignedIn, old: str, new: str, at: datetime) -> None:
        """Ends all sessions. Raises `UnauthorisedError`, `ThrottledError`, `InvalidQueryError`."""
        check_password(new, signed_in.person.id, signed_in.person.name)
        heard = self.attempts.hear_session(signed_in.person.id, at)
        kept = heard.account.password if heard.account else ""
        holds = self.passwords.holds(old, kept)
        made = self.passwords.make(new)
        with self.store.begin() as work:
            account = work.accounts.book.find(signed_in.person.id)
            if not holds or account is None or account.password != kept:
                self.attempts.failed(work, heard, PASSWORD, at)
                work.commit()
                raise UnauthorisedError
            self.attempts.succeeded(work, heard)
            work.accounts.book.put(replace(account, password=made))
            work.accounts.sessions.end_all(account.id)
            self._record(work, account, "password", None, at)

    def replace_recovery_codes(self, signed_in: SignedIn, at: datetime) -> tuple[str, ...]:
        """New codes; those before are void."""
        codes = recovery_codes(self.entropy)
        with self.store.begin() as work:
            account = _own(work, signed_in)
            work.accounts.recovery.replace(account.id, [code_digest(self.vault, account.id, each) for each in codes])
            self._record(work, account, "recovery", None, at)
        return codes

    def begin_key(self, signed_in: SignedIn, at: datetime) -> tuple[bytes, dict[str, object] | None]:
        """A challenge for a new key, and options for an authenticator."""
        with self.store.begin() as work:
            known = [each.credential for each in work.accounts.keys.of(signed_in.person.id) if each.credential]
        challenge = self.vault.challenge(NEW_KEY, signed_in.person.id, at)
        return challenge, self.prover.creation(signed_in.person.id, challenge, known)

    def add_key(self, signed_in: SignedIn, challenge: bytes, proof: Proof, at: datetime, *, replaces: bool) -> str:
        """Enrols a key beside the others, or in place of all of them. Its id. Raises `InvalidQueryError`."""
        if not self.vault.is_challenge(challenge, NEW_KEY, signed_in.person.id, at):
            raise InvalidQueryError("登记已超时，请重新开始", "challenge")
        key = self.prover.key(proof, signed_in.person.id, challenge, seconds(at))
        with self.store.begin() as work:
            account, keys = _own(work, signed_in), work.accounts.keys
            self.prover.check_new(keys, key)
            current = [each for each in keys.of(account.id) if not (each.retired or each.revoked)]
            for each in current if replaces else []:
                keys.put(replace(each, retired=seconds(at)))
            if not replaces and len(current) >= MOST_KEYS:
                raise InvalidQueryError(f"一人至多登记 {MOST_KEYS} 把签名密钥，请选择替换", "replaces")
            keys.put(key)
            self._record(work, account, "key", key.key.kid, at)
        return key.key.kid

    def _record(self, work: AccountWork, account: Account, what: str, key: str | None, at: datetime) -> None:
        self.ledger.append(work.ledger, [account_changed(ref(account), what=what, key=key)], at)
        work.commit()


def _own(work: AccountWork, signed_in: SignedIn) -> Account:
    account = work.accounts.book.find(signed_in.person.id)
    if account is None:
        raise UnauthorisedError
    return account
