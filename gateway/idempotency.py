"""The same request again within a day gets the same answer and receipt, at no cost.

An answer lies encrypted under a key that needs the caller's own `Idempotency-Key`; of that only a keyed digest is kept.
So the database alone opens no answer, and neither does this process, until the caller comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.domain.reply import Request
from gateway.ports import Remembered
from gateway.seal import Entropy

KEPT_SECONDS = 24 * 3600
_NONCE = 12


class Slot(NamedTuple):
    """Where a request's answer is kept, and the key only its caller can bring again."""

    name: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"Slot({self.name.hex()}, ***)"


class Idempotency:
    """Names, digests and encrypts answers under one secret of 32 bytes. Keyed BLAKE2b (RFC 7693) names them."""

    def __init__(self, secret: bytes, entropy: Entropy) -> None:
        self._secret = secret
        self._entropy = entropy

    def slot(self, request: Request) -> Slot:
        """Bound to the partner's system, so that the keys of two never meet."""
        client = request.caller.client_id.encode()
        asked = b"%c%b%b" % (len(client), client, request.key.encode())
        digest = blake2b(asked, key=self._secret, digest_size=48, person=b"bidui-slot").digest()
        return Slot(digest[:16], digest[16:])

    def remember(self, answered: Sequence[tuple[Slot, Request, bytes]], at: int) -> list[Remembered]:
        """The answers, ready to be kept for a day."""
        nonces = self._entropy(_NONCE * len(answered))
        return [
            self._sealed(nonces[_NONCE * place : _NONCE * (place + 1)], each, at + KEPT_SECONDS)
            for place, each in enumerate(answered)
        ]

    def is_repeat(self, slot: Slot, request: Request, kept: Remembered) -> bool:
        """Whether this is the request that was answered, and not another under the same key."""
        return compare_digest(_body(slot, request), kept.body)

    def recall(self, slot: Slot, kept: Remembered) -> bytes:
        """The answer given before."""
        return AESGCM(slot.key).decrypt(kept.answer[:_NONCE], kept.answer[_NONCE:], slot.name)

    def _sealed(self, nonce: bytes, answered: tuple[Slot, Request, bytes], expires: int) -> Remembered:
        slot, request, answer = answered
        sealed = nonce + AESGCM(slot.key).encrypt(nonce, answer, slot.name)
        return Remembered(slot.name, _body(slot, request), sealed, expires)


def _body(slot: Slot, request: Request) -> bytes:
    """A digest under the slot's own key: without that key nobody can try bodies against it."""
    return blake2b(request.body, key=slot.key, digest_size=16, person=b"bidui-body").digest()
