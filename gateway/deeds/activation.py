"""Activation codes: what lets the three founders in. Entry 0 keeps the public half of the key that each code yields.

A code has 130 bits, so nobody finds it from the public half. It signs one thing once: the founder's first deed.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.deeds.errors import DeedError

CODE_LETTERS = 26
_GROUP = 5
_INFO = b"bidui-activation/1\n"


def make_code(entropy: Callable[[int], bytes]) -> str:
    """A fresh code of 26 letters and digits, in groups so that it can be read out."""
    letters = b32encode(entropy(17)).decode()[:CODE_LETTERS]
    return "-".join(letters[start : start + _GROUP] for start in range(0, CODE_LETTERS, _GROUP))


def activation_key(code: str, log: str) -> Ed25519PrivateKey:
    """The key that a code yields in this installation. Raises `DeedError` for a text that is no code."""
    letters = code.replace("-", "").replace(" ", "").upper()
    if len(letters) != CODE_LETTERS or not letters.isascii() or not letters.isalnum():
        raise DeedError("激活码为 26 位字母和数字，请完整抄录")
    derived = HKDF(SHA256(), 32, salt=None, info=_INFO + log.encode()).derive(letters.encode())
    return Ed25519PrivateKey.from_private_bytes(derived)
