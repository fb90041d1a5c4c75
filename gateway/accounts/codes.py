"""Codes that people type: activation codes (130 bits) and recovery codes (80 bits). Only digests of them are kept.

They are random and long, so a plain hash keeps them as well as a slow one would.
"""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256

from gateway.deeds.activation import CODE_LETTERS
from gateway.seal import Entropy

RECOVERY_CODES = 10
_GROUP = 4
_RECOVERY_LETTERS = 16
_READ_AS = str.maketrans("018", "OIB")
"""Digits that base32 does not have, as the letters that people mistake for them."""


def recovery_codes(entropy: Entropy) -> tuple[str, ...]:
    """Fresh recovery codes, all different."""
    return tuple(_code(entropy) for _ in range(RECOVERY_CODES))


def is_activation_code(code: str) -> bool:
    """Whether a text given from outside has the form of one, so that it cannot be guessed by its shortness."""
    return len(_letters(code)) == CODE_LETTERS


def code_digest(account: str, code: str) -> bytes:
    """What is kept of a recovery code; bound to the account, so that equal codes do not look alike."""
    return sha256(b"bidui-recovery/1\n" + account.encode() + b"\n" + _letters(code).encode()).digest()


def activation_digest(code: str) -> bytes:
    """What is kept of an activation code."""
    return sha256(b"bidui-invitation/1\n" + _letters(code).encode()).digest()


def _code(entropy: Entropy) -> str:
    text = b32encode(entropy(_RECOVERY_LETTERS * 5 // 8)).decode()
    return "-".join(text[start : start + _GROUP] for start in range(0, _RECOVERY_LETTERS, _GROUP))


def _letters(code: str) -> str:
    return "".join(code.replace("-", " ").split()).upper().translate(_READ_AS)
