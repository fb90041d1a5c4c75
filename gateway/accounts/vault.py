"""What must be read again is kept encrypted, what must only be recognised is kept as a keyed digest.

One secret of 32 bytes from outside; a key for each use comes from it by HKDF. So the database alone gives no one-time
code and no address, and no name of a person.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from hmac import compare_digest, new
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.seal import Entropy

CHALLENGE_SECONDS: Final = 600
TOTP_BYTES: Final = 20
_SECRET, _NONCE, _TIME, _MARK = 32, 12, 8, 16


class Vault:
    """Encrypts, names and vouches, each under a key of its own."""

    def __init__(self, secret: bytes, entropy: Entropy) -> None:
        if len(secret) != _SECRET:
            raise ValueError(f"the secret of accounts has {_SECRET} bytes")
        self._cipher = AESGCM(_derive(secret, "seal"))
        self._names, self._challenges, self._totp = (_derive(secret, use) for use in ("name", "challenge", "totp"))
        self._entropy = entropy

    def seal(self, use: str, account: str, plain: bytes) -> bytes:
        """Encrypts; opens again only for the same use of the same account."""
        nonce = self._entropy(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, _joined(use, account))

    def open(self, use: str, account: str, sealed: bytes) -> bytes:
        """What was sealed. Raises `InvalidTag` for anything else."""
        return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _joined(use, account))

    def name(self, *parts: str) -> bytes:
        """A keyed digest of what must not stand in clear, such as an address."""
        return _mac(self._names, _joined(*parts))

    def challenge(self, use: str, account: str, at: datetime) -> bytes:
        """A fresh challenge for one use of one account. Nothing of it is kept: it vouches for itself."""
        drawn = self._entropy(_MARK) + int(at.timestamp() + CHALLENGE_SECONDS).to_bytes(_TIME, "big")
        return drawn + self._mark(use, account, drawn)

    def expiry(self, challenge: bytes) -> int:
        """Until when a challenge is good."""
        return int.from_bytes(challenge[_MARK : _MARK + _TIME], "big")

    def is_challenge(self, challenge: bytes, use: str, account: str, at: datetime) -> bool:
        """Whether we gave this challenge for this use, and it is not too old. Good once: that the caller minds."""
        drawn, mark = challenge[: _MARK + _TIME], challenge[_MARK + _TIME :]
        return compare_digest(mark, self._mark(use, account, drawn)) and at.timestamp() < self.expiry(challenge)

    def totp_secret(self, challenge: bytes) -> bytes:
        """The one-time code secret that is offered together with a challenge. Not kept before it is taken."""
        return _mac(self._totp, challenge)[:TOTP_BYTES]

    def _mark(self, use: str, account: str, drawn: bytes) -> bytes:
        return _mac(self._challenges, _joined(use, account) + drawn)[:_MARK]


def _derive(secret: bytes, use: str) -> bytes:
    return HKDF(SHA256(), _SECRET, salt=None, info=b"bidui-accounts/1\n" + use.encode()).derive(secret)


def _mac(key: bytes, message: bytes) -> bytes:
    return new(key, message, sha256).digest()


def _joined(*parts: str) -> bytes:
    """Length-prefixed, so that no two lists of parts are one text."""
    return b"".join(len(part.encode()).to_bytes(2, "big") + part.encode() for part in parts)
