"""The two conditions of a rule that change from request to request: when, and from where.

Pure and total functions: no clock, no time-zone file, no exception for any pair of values. Instants become
minutes of Asia/Shanghai (UTC+8, without summer time since 1991); addresses become integers, IPv4-mapped ones
the IPv4 address they carry.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from policies.problems import FlawError, Pitfall

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_EAST_OF_UTC: Final = 8 * 60
_EPOCH_WEEKDAY: Final = 3  # 1 January 1970 was a Thursday
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIMES: Final = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? (\d\d):([0-5]\d)-(\d\d):([0-5]\d)", re.ASCII)


class Address(NamedTuple):
    """A network address as numbers, so that belonging to a network is a comparison."""

    version: int
    number: int


class Env(NamedTuple):
    """What a request brings besides its names: the local minute since 1970 and the address."""

    minute: int
    address: Address


class Span(NamedTuple):
    """Minutes of the week, Monday 00:00 is 0; the end is not included."""

    start: int
    end: int


class Block(NamedTuple):
    """The addresses of one network, both ends included."""

    version: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Period:
    """Spans of the week between two local minutes; `None` leaves that side open, the end is not included."""

    spans: tuple[Span, ...]
    start: int | None = None
    end: int | None = None

    def covers(self, minute: int) -> bool:
        """Whether the local minute lies inside."""
        if (self.start is not None and minute < self.start) or (self.end is not None and minute >= self.end):
            return False
        of_week = (minute + _EPOCH_WEEKDAY * _DAY) % _WEEK
        return any(span.start <= of_week < span.end for span in self.spans)


def local_minute(at: datetime) -> int:
    """The minute of Asia/Shanghai in which the instant lies. A naive time is an error."""
    return int((at - _EPOCH).total_seconds() // 60) + _EAST_OF_UTC


def first_minute(day: date) -> int:
    """The local minute with which a day begins."""
    return (day.toordinal() - _EPOCH_DAY) * _DAY


def parse_address(text: str) -> Address | None:
    """The address, or `None` for what is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return Address(address.version, int(address))


def parse_block(text: str) -> Block:
    """The block of a network such as 10.0.0.0/8; raises `FlawError`."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise FlawError(Pitfall.BAD_CIDR, text) from None
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise FlawError(Pitfall.BAD_CIDR, text)  # no address would ever lie in it: they are read as IPv4
    return Block(network.version, int(network.network_address), int(network.broadcast_address))


def parse_times(text: str) -> tuple[Span, ...]:
    """One span a day for text such as `mon-fri 08:30-17:30`; raises `FlawError`."""
    parts = _TIMES.fullmatch(text)
    if parts is None or not {parts[1], parts[2] or parts[1]} <= set(_DAYS):
        raise FlawError(Pitfall.BAD_WINDOW, text)
    first, last = _DAYS.index(parts[1]), _DAYS.index(parts[2] or parts[1])
    start, end = 60 * int(parts[3]) + int(parts[4]), 60 * int(parts[5]) + int(parts[6])
    if first > last or start >= end or end > _DAY:
        raise FlawError(Pitfall.BAD_WINDOW, text)
    return tuple(Span(day * _DAY + start, day * _DAY + end) for day in range(first, last + 1))


def lies_in(address: Address, blocks: Iterable[Block]) -> bool:
    """Whether one of the blocks holds the address."""
    version, number = address
    return any(block.version == version and block.low <= number <= block.high for block in blocks)
