"""The same request again within a day gets the same answer and receipt, at no cost.

An answer lies encrypted under a key that needs the caller's own `Idempotency-Key`; of that only a keyed digest is kept.
So the database alone opens no answer, and neither does this process, until the caller comes back.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.domain.reply import Request
from gateway.ports import Remembered
from gateway.seal import Entropy

KEPT_SECONDS = 24 * 3600


class Slot(NamedTuple):
    """Where a request's answer is kept, and the key only its caller can bring again."""

    name: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"Slot({self.name.hex()}, ***)"


class Idempotency:
    """Names, digests and encrypts answers under one secret of 32 bytes."""

    def __init__(self, secret: bytes, entropy: Entropy) -> None:
        self._secret = secret
        self._entropy = entropy

    def slot(self, request: Request) -> Slot:
        """Bound to the partner's system, so that the keys of two never meet."""
        client = request.caller.client_id.encode()
        digest = hmac.digest(self._secret, b"slot%c%b%b" % (len(client), client, request.key.encode()), "sha512")
        return Slot(digest[:16], digest[32:])

    def remember(self, slot: Slot, request: Request, answer: bytes, at: int) -> Remembered:
        """The answer, ready to be kept for a day."""
        nonce = self._entropy(12)
        sealed = nonce + AESGCM(slot.key).encrypt(nonce, answer, slot.name)
        return Remembered(slot.name, self._body(request), sealed, at + KEPT_SECONDS)

    def is_repeat(self, request: Request, kept: Remembered) -> bool:
        """Whether this is the request that was answered, and not another under the same key."""
        return hmac.compare_digest(self._body(request), kept.body)

    def recall(self, slot: Slot, kept: Remembered) -> bytes:
        """The answer given before."""
        return AESGCM(slot.key).decrypt(kept.answer[:12], kept.answer[12:], slot.name)

    def _body(self, request: Request) -> bytes:
        return hmac.digest(self._secret, b"body" + request.body, "sha256")[:16]
