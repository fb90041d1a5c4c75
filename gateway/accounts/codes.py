"""Codes that people type: activation codes (130 bits) and recovery codes (80 bits). Only digests of them are kept.

They are random and long, so no slow hash is needed to hide them; the digest is keyed so that nobody who writes to the
database can put one there.
"""

from __future__ import annotations

from base64 import b32encode

from gateway.accounts.vault import Vault
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


def code_digest(vault: Vault, account: str, code: str) -> bytes:
    """What is kept of a recovery code; bound to the account, so that equal codes do not look alike."""
    return vault.name("recovery", account, _letters(code))


def activation_digest(vault: Vault, code: str) -> bytes:
    """What is kept of an activation code."""
    return vault.name("invitation", _letters(code))


def _code(entropy: Entropy) -> str:
    text = b32encode(entropy(_RECOVERY_LETTERS * 5 // 8)).decode()
    return "-".join(text[start : start + _GROUP] for start in range(0, _RECOVERY_LETTERS, _GROUP))


def _letters(code: str) -> str:
    return "".join(code.replace("-", " ").split()).upper().translate(_READ_AS)
