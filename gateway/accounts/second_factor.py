"""The second factor: a one-time code, a recovery code, or an authenticator's assertion. Each is good once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from gateway.accounts.codes import code_digest
from gateway.accounts.ports import AccountBooks, Authenticators, Totp
from gateway.accounts.standing import seconds, usable
from gateway.accounts.values import Account, Assertion, Level, RecoveryCode, Second, TotpCode
from gateway.accounts.vault import TOTP_BYTES, Vault
from gateway.domain.people import Person

_NOBODY = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """An account that may show its second factor, and the person it stands for."""

    account: Account
    person: Person


@dataclass(frozen=True, kw_only=True)
class SecondFactor:
    """Checks what was shown, and uses it up. For nobody at all it does the same work, and says no."""

    vault: Vault
    totp: Totp
    authenticators: Authenticators | None = None

    def use(self, books: AccountBooks, who: Shown | None, second: Second, use: str, at: datetime) -> Level | None:
        """The level that this gives, None when it is not good. `use` is what an assertion's challenge was given for."""
        match second:
            case TotpCode(code):
                return self._totp(books, who, code, at)
            case RecoveryCode(code):
                account = who.account.id if who else _NOBODY
                return Level.RECOVERY if books.recovery.take(account, code_digest(self.vault, account, code)) else None
            case Assertion(credential):
                return self._assertion(books, who, credential, use, at)

    def _totp(self, books: AccountBooks, who: Shown | None, code: str, at: datetime) -> Level | None:
        has = who if who and who.account.totp else None  # an account has none before it is enrolled
        secret = self.vault.open("totp", has.account.id, has.account.totp) if has else b"0" * TOTP_BYTES
        step = self.totp.step(secret, code, at)
        if has is None or step <= has.account.totp_step:
            return None
        books.book.put(replace(has.account, totp_step=step))
        return Level.TOTP

    def _assertion(self, books: AccountBooks, who: Shown | None, answer: str, use: str, at: datetime) -> Level | None:
        if self.authenticators is None or who is None:
            return None
        challenge = self.authenticators.challenge_of(answer)
        if not self.vault.is_challenge(challenge, use, who.account.id, at):
            return None
        for each in usable(books.keys.of(who.account.id), who.person):
            if not each.is_authenticator:
                continue
            count = self.authenticators.count(answer, challenge, each.credential, each.key, each.sign_count)
            if count is not None and books.once.use(sha256(challenge).digest(), self.vault.expiry(challenge)):
                books.once.forget(seconds(at))
                books.keys.put(replace(each, sign_count=count))
                return Level.WEBAUTHN
        return None
