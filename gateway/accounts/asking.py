"""What a page asks an authenticator: to sign in, to step up, or to sign something that the person is shown.

Whoever is not signed in learns nothing: an account that does not exist, or has no authenticator, is asked for one that
nobody holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.accounts.ports import AccountStore, Authenticators
from gateway.accounts.signing_in import SIGN_IN, STEP_UP
from gateway.accounts.standing import person_in_force, usable
from gateway.accounts.values import SignedIn
from gateway.accounts.vault import Vault
from gateway.domain.errors import InvalidQueryError
from gateway.ports import People

SIGNED_BYTES = 32
"""Of a challenge that stands for what is signed: a SHA-256. Ours are longer, so none can be asked for as this."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Makes options for `navigator.credentials.get`."""

    store: AccountStore
    people: People
    vault: Vault
    authenticators: Authenticators | None

    def to_sign_in(self, account_id: str, at: datetime) -> dict[str, object]:
        """Raises `InvalidQueryError` where there are no pages, as all of these do."""
        held = self._held(account_id)
        return self._ask(self.vault.challenge(SIGN_IN, account_id, at), held or [self.vault.name("nobody", account_id)])

    def to_step_up(self, signed_in: SignedIn, at: datetime) -> dict[str, object]:
        """For the person who is signed in."""
        person = signed_in.person.id
        return self._ask(self.vault.challenge(STEP_UP, person, at), self._held(person))

    def to_sign(self, signed_in: SignedIn, challenge: bytes) -> dict[str, object]:
        """For a challenge that is the digest of what the person signs."""
        if len(challenge) != SIGNED_BYTES:
            raise InvalidQueryError("待签名内容应为 SHA-256 摘要", "challenge")
        return self._ask(challenge, self._held(signed_in.person.id))

    def _ask(self, challenge: bytes, credentials: Sequence[bytes]) -> dict[str, object]:
        if self.authenticators is None or not credentials:
            raise InvalidQueryError("没有可用的安全密钥，请使用动态口令或密钥文件", "use")
        return self.authenticators.request(challenge, credentials)

    def _held(self, account_id: str) -> list[bytes]:
        with self.store.begin() as work:
            account, keys = work.accounts.book.find(account_id), work.accounts.keys.of(account_id)
        person = person_in_force(account, keys, self.people) if account else None
        return [each.credential for each in usable(keys, person) if each.is_authenticator] if person else []
