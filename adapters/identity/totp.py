"""One-time codes by time: RFC 6238 with SHA-1, six digits, thirty seconds, as every program for them speaks it."""

from __future__ import annotations

from base64 import b32encode
from datetime import datetime

from pyotp import TOTP
from pyotp.utils import strings_equal

STEP_SECONDS, DIGITS = 30, 6
WINDOW = 1
"""Steps before and after the present one whose codes are good, too."""


class TimeCodes:
    """Keeps the promise of `gateway.accounts.ports.Totp`. `issuer` is what the person's program shows."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def uri(self, secret: bytes, account: str) -> str:
        return self._codes(secret).provisioning_uri(name=account, issuer_name=self._issuer)

    def step(self, secret: bytes, code: str, at: datetime) -> int:
        """All steps of the window are compared, each in constant time."""
        codes, present = self._codes(secret), int(at.timestamp()) // STEP_SECONDS
        steps = range(present - WINDOW, present + WINDOW + 1)
        held = [step for step in steps if strings_equal(codes.generate_otp(step), code)]
        return max(held, default=0)

    def _codes(self, secret: bytes) -> TOTP:
        return TOTP(b32encode(secret).decode(), digits=DIGITS, interval=STEP_SECONDS)
