"""Cryptographic suites: what hashes entries and the tree, and what encrypts disclosures. Chosen once, by `bidui init`.

* `intl`: SHA-256 and AES-256-GCM; checkpoints are signed with Ed25519 and ML-DSA-44, receipts with Ed25519.
* `gm`: SM3 (GB/T 32905) and SM4-GCM (GB/T 32907, GB/T 36624); checkpoints and receipts are signed with SM2
  (GB/T 32918). The shape of the tree and all formats are the same; the hashes in them are not. Where the law asks for
  certified modules (商用密码), this software is none.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.errors import SuiteError

Digest: TypeAlias = Callable[[bytes], bytes]
"""A hash of 32 bytes."""
Encrypt: TypeAlias = Callable[[bytes, bytes, bytes], bytes]
"""From nonce, content and what is bound to it, to ciphertext and tag; or back, raising `InvalidTag`."""

_TAG = 16
_SM4_BYTES = 16


class Cryptor(NamedTuple):
    """An authenticated cipher under one key."""

    encrypt: Encrypt
    decrypt: Encrypt


class Suite(NamedTuple):
    """A suite; its name stands in every entry."""

    name: str
    digest: Digest
    cipher: Callable[[bytes], Cryptor]
    """From a key of 32 bytes, of which SM4 takes the first half."""
    block: Callable[[bytes], BlockCipherAlgorithm]
    """The bare block cipher, of 16 bytes, from such a key."""


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _sm3(content: bytes) -> bytes:
    return hashlib.new("sm3", content).digest()


def _aes_gcm(key: bytes) -> Cryptor:
    cipher = AESGCM(key)
    return Cryptor(cipher.encrypt, cipher.decrypt)


def _sm4_gcm(key: bytes) -> Cryptor:
    algorithm = _sm4(key)

    def encrypt(nonce: bytes, content: bytes, bound: bytes) -> bytes:
        writer = Cipher(algorithm, modes.GCM(nonce)).encryptor()
        writer.authenticate_additional_data(bound)
        return writer.update(content) + writer.finalize() + writer.tag

    def decrypt(nonce: bytes, content: bytes, bound: bytes) -> bytes:
        if len(content) < _TAG:
            raise InvalidTag
        reader = Cipher(algorithm, modes.GCM(nonce, content[-_TAG:])).decryptor()
        reader.authenticate_additional_data(bound)
        return reader.update(content[:-_TAG]) + reader.finalize()

    return Cryptor(encrypt, decrypt)


def _sm4(key: bytes) -> algorithms.SM4:
    return algorithms.SM4(key[:_SM4_BYTES])


INTL = Suite("intl", _sha256, _aes_gcm, algorithms.AES256)
GM = Suite("gm", _sm3, _sm4_gcm, _sm4)
_SUITES = {suite.name: suite for suite in (INTL, GM)}


def suite_of(name: str) -> Suite:
    """Return the suite of this name. Raise `SuiteError` when there is none, or this machine lacks its hash."""
    suite = _SUITES.get(name)
    if suite is None:
        raise SuiteError(f"there is no suite {name!r}; there are {', '.join(_SUITES)}")
    try:
        suite.digest(b"")
    except ValueError as error:
        raise SuiteError(
            f"this machine's OpenSSL lacks what the suite {name} needs; `bidui doctor` says more"
        ) from error
    return suite
