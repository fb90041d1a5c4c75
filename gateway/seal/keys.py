"""The sealing key and the functions it keys: a hash that makes names, a block cipher that makes digests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.seal.errors import SealingError

Entropy = Callable[[int], bytes]

BLOCK_BYTES = 16
DIGEST_BYTES = 8
MARK_BYTES = 4

_ONE_BY_ONE = modes.ECB()  # noqa: S305 - nothing is encrypted: each block alone is put to a keyed function


@dataclass(frozen=True, slots=True)
class _Suite:
    """What `bidui init` chose: a hash, and a block cipher with the length of its keys."""

    hash: str
    cipher: Callable[[bytes], CipherAlgorithm]
    key_bytes: int


_SUITES = {"intl": _Suite("sha256", algorithms.AES256, 32), "gm": _Suite("sm3", algorithms.SM4, 16)}


class SealingKey:
    """The one secret everything sealed hangs on: 32 bytes, bound to a cryptographic suite."""

    __slots__ = ("_secret", "suite")

    def __init__(self, secret: bytes, suite: str = "intl") -> None:
        if len(secret) != 32 or suite not in _SUITES:
            raise SealingError("the sealing key must be 32 bytes of a known suite; run `bidui init` to make one")
        self._secret = secret
        self.suite = suite

    def prf(self, label: str, context: str = "") -> Prf:
        info = parts(b"bidui-seal/1", self.suite.encode(), label.encode(), context.encode())
        key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(self._secret)
        return Prf(key, _SUITES[self.suite].hash, parts(self.suite.encode()))

    def form(self, *names: bytes) -> Form:
        """How texts of one form, of one field, become blocks."""
        return Form(_SUITES[self.suite].hash, parts(self.suite.encode(), *names))

    def cipher(self) -> SubjectCipher:
        """How blocks become the digests of a subject."""
        return SubjectCipher(self.prf("field"), _SUITES[self.suite])

    def __repr__(self) -> str:
        return f"SealingKey({self.suite}, ***)"


class Prf:
    """HMAC (RFC 2104) with both inner states kept: one digest costs two copies, not two key set-ups."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, algorithm: str, prefix: bytes = b"") -> None:
        padded = key.ljust(64, b"\0")
        self._inner = hashlib.new(algorithm, bytes(octet ^ 0x36 for octet in padded) + prefix)
        self._outer = hashlib.new(algorithm, bytes(octet ^ 0x5C for octet in padded))

    def starting(self, prefix: bytes) -> Prf:
        """The same function, with `prefix` already fed to it."""
        other = object.__new__(Prf)
        other._inner = self._inner.copy()
        other._inner.update(prefix)
        other._outer = self._outer
        return other

    def __call__(self, message: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class Form:
    """Texts of one form as blocks: the first 128 bits of a hash that nothing secret goes into."""

    __slots__ = ("_start",)

    def __init__(self, algorithm: str, prefix: bytes) -> None:
        self._start = hashlib.new(algorithm, prefix)

    def block(self, text: str = "") -> bytes:
        state = self._start.copy()
        state.update(text.encode())
        return state.digest()[:BLOCK_BYTES]


class SubjectCipher:
    """A function of blocks for each subject: a block cipher under a key of the subject's own, which is kept nowhere."""

    __slots__ = ("_cipher", "_key", "_key_bytes")

    def __init__(self, key: Prf, suite: _Suite) -> None:
        self._key = key
        self._key_bytes = suite.key_bytes
        self._cipher = suite.cipher

    def digests(self, subject: bytes, blocks: Iterable[bytes]) -> bytes:
        """The first half of each block's image, in order: one call of the cipher for all of them."""
        return memoryview(self._images(subject, blocks)).cast("q")[:: BLOCK_BYTES // DIGEST_BYTES].tobytes()

    def marks(self, name: bytes, blocks: Iterable[bytes]) -> bytes:
        """The first quarter of each block's image."""
        return memoryview(self._images(name, blocks)).cast("i")[:: BLOCK_BYTES // MARK_BYTES].tobytes()

    def _images(self, name: bytes, blocks: Iterable[bytes]) -> bytes:
        own_key = self._key(name)[: self._key_bytes]
        return Cipher(self._cipher(own_key), _ONE_BY_ONE).encryptor().update(b"".join(blocks))


def parts(*texts: bytes) -> bytes:
    """Texts one after the other, each with its length: no two lists of texts give the same bytes."""
    return b"".join(len(text).to_bytes(2, "big") + text for text in texts)
