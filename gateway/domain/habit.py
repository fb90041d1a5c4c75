"""Habits (使用习惯): from which networks and at which hours a system uses a grant."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import msgspec

STEP_UP: Final = "watch:step_up"
"""The inner cause where a request should have been signed because of when or whence it came."""
_HOURS: Final = 24
_PREFIX: Final = {4: 24, 6: 64}
_SKEW: Final = 1
"""Days by which a clock may have stepped back since the first use."""


class Habit(msgspec.Struct, frozen=True):
    """What is known of one system and grant, beside its networks themselves."""

    since: int
    """The day of its first use."""
    hours: int = 0
    """A bit for each of 48: the hours of working days, then those of all others."""
    networks: int = 0
    """How many are known."""

    def is_learning(self, day: int, days: int) -> bool:
        """Whether it is still in its first days. A clock that stepped far back begins nothing anew."""
        return self.since - _SKEW <= day < self.since + days

    def has(self, slot: int) -> bool:
        """Whether it was used at this hour itself."""
        return bool(self.hours >> slot & 1)

    def is_near(self, slot: int, apart: int) -> bool:
        """Whether it was used at this hour or at one so many hours from it, on days of the same sort."""
        first, hour = slot - slot % _HOURS, slot % _HOURS
        return any(self.has(first + (hour + shift) % _HOURS) for shift in range(-apart, apart + 1))


def slot_of(hour: int, *, is_working: bool) -> int:
    """The place of an hour among the 48."""
    return hour if is_working else _HOURS + hour


def hour_of(slot: int) -> tuple[int, bool]:
    """The hour, and whether it is one of working days."""
    return slot % _HOURS, slot < _HOURS


def network_of(address: str) -> str:
    """The network of an address: its /24, of IPv6 its /64. What is no address is a network of its own."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    plain = str(ip).partition("%")[0]
    return str(ip_network(f"{plain}/{_PREFIX[ip.version]}", strict=False))
