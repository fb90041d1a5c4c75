"""Encryption to people: a box that one holder of an X25519 key opens, and one that needs the keys of two together.

A box is an ephemeral public key and the content under AES-256-GCM; the key comes by HKDF from what the two sides share
and is bound to the purpose and to both public keys (as in RFC 9180, in its plainest form). For two people the content
lies under a key made of two halves, each in a box of its own: who has one half knows nothing of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import permutations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Entropy = Callable[[int], bytes]
PUBLIC_BYTES, TAG_BYTES, HALF_BYTES = 32, 16, 32
_HALF_BOX = PUBLIC_BYTES + HALF_BYTES + TAG_BYTES
# Every key below encrypts one content, once.
_NONCE = bytes(12)


class BoxError(Exception):
    """A box cannot be opened with these keys, or was altered. Says nothing of its content."""


def fingerprint(key: X25519PublicKey) -> str:
    """A short name of a public key, for people to compare."""
    return sha256(key.public_bytes_raw()).hexdigest()[:16]


def close_box(content: bytes, to: X25519PublicKey, purpose: bytes, entropy: Entropy) -> bytes:
    """A box that the holder of the key opens."""
    own = X25519PrivateKey.from_private_bytes(entropy(32))
    ours = own.public_key().public_bytes_raw()
    key = _derive(own.exchange(to), purpose + ours + to.public_bytes_raw())
    return ours + AESGCM(key).encrypt(_NONCE, content, purpose)


def open_box(box: bytes, key: X25519PrivateKey, purpose: bytes) -> bytes:
    """The content. Raises `BoxError`."""
    theirs = box[:PUBLIC_BYTES]
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(theirs))
        derived = _derive(shared, purpose + theirs + key.public_key().public_bytes_raw())
        return AESGCM(derived).decrypt(_NONCE, box[PUBLIC_BYTES:], purpose)
    except (ValueError, InvalidTag):
        raise BoxError("this key does not open it, or it was altered") from None


def close_for_two(
    content: bytes, to: tuple[X25519PublicKey, X25519PublicKey], purpose: bytes, entropy: Entropy
) -> bytes:
    """A box that the holders of both keys open together, and neither alone."""
    halves = [entropy(HALF_BYTES) for _ in to]
    boxes = [close_box(half, each, purpose, entropy) for half, each in zip(halves, to, strict=True)]
    return b"".join(boxes) + AESGCM(_joined(halves, purpose)).encrypt(_NONCE, content, purpose)


def open_by_two(box: bytes, keys: tuple[X25519PrivateKey, X25519PrivateKey], purpose: bytes) -> bytes:
    """The content; the order of the keys does not matter. Raises `BoxError`."""
    for order in permutations(keys):
        try:
            halves = [open_box(box[place * _HALF_BOX :][:_HALF_BOX], key, purpose) for place, key in enumerate(order)]
            return AESGCM(_joined(halves, purpose)).decrypt(_NONCE, box[2 * _HALF_BOX :], purpose)
        except (BoxError, InvalidTag, ValueError):
            continue
    raise BoxError("these two keys do not open it together, or it was altered")


def _joined(halves: Sequence[bytes], purpose: bytes) -> bytes:
    return _derive(b"".join(halves), purpose + b"/both")


def _derive(secret: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"bidui-box/1\n" + info).derive(secret)
