"""A new key, from the proof that somebody holds it; and that it was never anybody's before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.accounts.keys import fingerprint, is_possession
from gateway.accounts.ports import Authenticators, KeyBook
from gateway.accounts.values import AccountKey, Ed25519Proof, Proof, Registration
from gateway.domain.errors import InvalidQueryError
from gateway.domain.people import KeyForm, PersonKey


@dataclass(frozen=True, kw_only=True)
class Prover:
    """Reads proofs. Without pages there are no authenticators."""

    authenticators: Authenticators | None = None

    def creation(self, account: str, challenge: bytes, known: Sequence[bytes]) -> dict[str, object] | None:
        """Options for a page that registers an authenticator."""
        return self.authenticators.creation(account, challenge, known) if self.authenticators else None

    def key(self, proof: Proof, account: str, challenge: bytes, at: int) -> AccountKey:
        """The key that the proof shows. Raises `InvalidQueryError`."""
        match proof:
            case Ed25519Proof():
                made = _key_file(proof, account, challenge, at)
            case Registration():
                made = self._authenticator(proof, account, challenge, at)
        if made is None:
            raise InvalidQueryError("未能证明持有该签名密钥，请重新开始", "key")
        return made

    def check_new(self, keys: KeyBook, key: AccountKey) -> None:
        """Raises `InvalidQueryError` for a key that is, or was, enrolled by anybody."""
        if keys.of_public(key.key.public) is not None:
            raise InvalidQueryError("该签名密钥已登记过，请使用新的密钥", "key")

    def _authenticator(self, proof: Registration, account: str, challenge: bytes, at: int) -> AccountKey | None:
        if self.authenticators is None:
            return None
        made = self.authenticators.register(proof.credential, challenge)
        if made is None:
            return None
        kid = fingerprint(made.public)
        key = PersonKey(kid, KeyForm.WEBAUTHN, made.public, self.authenticators.rp_id, made.origin)
        return AccountKey(account=account, key=key, credential=made.credential, sign_count=made.sign_count, added=at)


def _key_file(proof: Ed25519Proof, account: str, challenge: bytes, at: int) -> AccountKey | None:
    if not is_possession(proof, account, challenge):
        return None
    key = PersonKey(fingerprint(proof.public), KeyForm.ED25519, proof.public)
    return AccountKey(account=account, key=key, added=at)
