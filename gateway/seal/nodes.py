"""Ordered values and days as nodes of a binary tree over their range (docs/adr/0009)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from gateway.seal.errors import SealingError

DAY_ZERO = date(1900, 1, 1)
DAY_BITS = 16
"""Effective dates are days since 1900-01-01 and end on 2079-06-06."""
END_OF_DAYS = 1 << DAY_BITS

TREE_BYTES = 13
"""Of the name of a tree; with a level and a prefix it makes a block."""
_KEPT = 16_384


def day_number(day: date) -> int:
    """Days since 1900-01-01; `SealingError` outside the range that effective dates have."""
    number = (day - DAY_ZERO).days
    if not 0 <= number < END_OF_DAYS:
        raise SealingError("dates must lie between 1900-01-01 and 2079-06-06")
    return number


def cover(first: int, after: int, bits: int) -> Iterator[tuple[int, int]]:
    """The nodes (level, prefix) of a tree over `bits` bits that together are exactly [first, after).

    At most two on a level; at most one where either end is an end of the range.
    """
    for level in range(bits, -1, -1):
        if first >= after:
            return
        if first & 1:
            yield level, first
            first += 1
        if after & 1:
            after -= 1
            yield level, after
        first >>= 1
        after >>= 1


@lru_cache(maxsize=_KEPT)
def path(tree: bytes, value: int, bits: int) -> tuple[bytes, ...]:
    """The nodes above a value, from the root down to itself."""
    return tuple(node(tree, level, value >> (bits - level)) for level in range(bits + 1))


@lru_cache(maxsize=_KEPT)
def period(tree: bytes, first: int, after: int) -> tuple[tuple[int, bytes], ...]:
    """The nodes of a period of days, each with its place: two places a level, from level 1 on."""
    taken = [0] * (DAY_BITS + 1)
    placed: list[tuple[int, bytes]] = []
    for level, prefix in _halves(first, after):
        placed.append((2 * (level - 1) + taken[level], node(tree, level, prefix)))
        taken[level] += 1
    return tuple(placed)


def node(tree: bytes, level: int, prefix: int) -> bytes:
    """A node as a block: the name of its tree, and where in it it stands."""
    return b"%b%c%c%c" % (tree, level, prefix >> 8, prefix & 0xFF)


def _halves(first: int, after: int) -> Iterator[tuple[int, int]]:
    """As `cover`, with the whole range given as its two halves, so that a question needs no root."""
    for level, prefix in cover(first, after, DAY_BITS):
        if level == 0:
            yield from ((1, 0), (1, 1))
        else:
            yield level, prefix
