"""Founding an installation: its three administrators, their activation codes, and what entry 0 says of them.

This is the one act without a second duty. Whoever does it hands each code to its administrator, and keeps none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import new

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.deeds.activation import activation_key, make_code
from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Foundation, Founder, found
from gateway.domain.people import Duty
from gateway.seal import Entropy
from policies.catalogue import InvalidValueError, load_catalogue

NATURAL_HEX = 32


@dataclass(frozen=True, slots=True)
class Administrator:
    """One of the first three, as they are named when an installation is founded."""

    id: str
    name: str = field(repr=False)
    id_number: str = field(repr=False)


Administrators = Mapping[Duty, Administrator]


def make_foundation(log: str, administrators: Administrators, entropy: Entropy) -> tuple[Foundation, dict[str, str]]:
    """The foundation of a log, and the activation code of each administrator by account. Raises `DeedError`."""
    _check_three(administrators)
    codes = {each.id: make_code(entropy) for each in administrators.values()}
    founders = [Founder(each.id, duty, _public(codes[each.id], log)) for duty, each in administrators.items()]
    return found(log, founders), codes


def natural_of(secret: bytes, id_number: str) -> str:
    """The keyed digest by which two accounts of one human being are found out. Raises `InvalidValueError`."""
    number = load_catalogue().identifier("person", id_number)
    return new(secret, b"bidui-natural/1\n" + number.encode(), sha256).hexdigest()[:NATURAL_HEX]


def _check_three(administrators: Administrators) -> None:
    """Before anything is made: afterwards, codes would be lost and the log opened for people who cannot enrol."""
    try:
        numbers = {load_catalogue().identifier("person", each.id_number) for each in administrators.values()}
    except InvalidValueError as error:
        raise DeedError(f"管理员的身份证号有误：{error.hint}") from None
    if len(numbers) < len(administrators):
        raise DeedError("一人只能担任一种职责，三名管理员须为三个人")


def _public(code: str, log: str) -> bytes:
    return activation_key(code, log).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
