"""The same request again within a day gets the same answer and receipt, at no cost.

An answer lies encrypted under a key that needs the caller's own `Idempotency-Key`; of that only a keyed digest is kept.
So the database alone opens no answer, and neither does this process, until the caller comes back.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.domain.reply import Request
from gateway.ports import Remembered
from gateway.seal import Entropy

KEPT_SECONDS = 24 * 3600


class Idempotency:
    """Names, digests and encrypts answers under one secret of 32 bytes."""

    def __init__(self, secret: bytes, entropy: Entropy) -> None:
        self._secret = secret
        self._entropy = entropy

    def name(self, request: Request) -> bytes:
        """Under which the answer is kept: bound to the partner's system, so that keys of two never meet."""
        return self._digest(b"name", request.caller.client_id, request.key)[:16]

    def remember(self, name: bytes, request: Request, answer: bytes, at: int) -> Remembered:
        """The answer, ready to be kept for a day."""
        nonce = self._entropy(12)
        sealed = nonce + AESGCM(self._key(request)).encrypt(nonce, answer, name)
        return Remembered(name, self._body(request), sealed, at + KEPT_SECONDS)

    def is_repeat(self, request: Request, kept: Remembered) -> bool:
        """Whether this is the request that was answered, and not another under the same key."""
        return hmac.compare_digest(self._body(request), kept.body)

    def recall(self, request: Request, kept: Remembered) -> bytes:
        """The answer given before."""
        return AESGCM(self._key(request)).decrypt(kept.answer[:12], kept.answer[12:], kept.key)

    def _body(self, request: Request) -> bytes:
        return hmac.digest(self._secret, b"body" + request.body, "sha256")[:16]

    def _key(self, request: Request) -> bytes:
        return self._digest(b"answer", request.caller.client_id, request.key)

    def _digest(self, label: bytes, client: str, key: str) -> bytes:
        message = label + sha256(client.encode()).digest() + key.encode()
        return hmac.digest(self._secret, message, "sha256")
