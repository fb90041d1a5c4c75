"""Passwords: argon2id (RFC 9106), slow and wide in memory on purpose.

Whoever calls this bounds how many run at once: each takes 64 MiB.
"""

from __future__ import annotations

from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.seal import Entropy

_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Cost:
    """What one digest costs."""

    memory_kibibytes: int = 64 * 1024
    passes: int = 3
    lanes: int = 4


class Argon2Passwords:
    """Keeps the promise of `gateway.accounts.ports.Passwords`."""

    def __init__(self, entropy: Entropy, cost: Cost | None = None) -> None:
        cost = cost or Cost()
        self._entropy = entropy
        self._hasher = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kibibytes, parallelism=cost.lanes, salt_len=_SALT_BYTES
        )
        self._nobody = self.make(entropy(_SALT_BYTES).hex())

    def make(self, password: str) -> str:
        return self._hasher.hash(password, salt=self._entropy(_SALT_BYTES))

    def holds(self, password: str, kept: str) -> bool:
        """For nobody the digest of a password that nobody knows is tried, which takes as long."""
        try:
            self._hasher.verify(kept or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return bool(kept)
