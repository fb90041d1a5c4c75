"""Paths of tiles (C2SP tlog-tiles): `<level>/<number>[.p/<width>]`, the number in groups of three digits.

    0/067           the first level, tile 67, all 256 hashes of it
    1/x001/x234/067 tile 1234067 of the second level
    0/x001/000.p/12 the first 12 hashes of tile 1000, as far as the tree reached

Every tile has one spelling, so that it can be kept for ever under it.
"""

import re
from typing import NamedTuple

from audit.tree import TILE_HEIGHT, TILE_WIDTH

MAX_LEVEL = 5
_PATH = re.compile(r"([0-5])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class TilePath(NamedTuple):
    """One tile, or the beginning of one that is not full yet."""

    level: int
    number: int
    width: int = TILE_WIDTH

    def __str__(self) -> str:
        """Write it as it stands in an address."""
        part = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"{self.level}/{number_path(self.number)}{part}"

    @property
    def start(self) -> int:
        """The first hash of it, counted on its level."""
        return self.number * TILE_WIDTH

    def is_within(self, size: int) -> bool:
        """Whether a tree of this size has all hashes of it."""
        return self.start + self.width <= size >> (TILE_HEIGHT * self.level)


def number_path(number: int) -> str:
    """Write the number of a tile in groups of three digits, all but the last with an x."""
    groups: list[str] = []
    while not groups or number:
        number, group = divmod(number, 1000)
        groups.append(f"{group:03d}" if not groups else f"x{group:03d}")
    return "/".join(reversed(groups))


def parse_tile_path(text: str) -> TilePath | None:
    """Read a tile's path; None for anything but its one spelling."""
    found = _PATH.fullmatch(text)
    if found is None or not text.isascii():
        return None
    level, number, width = found.groups()
    path = TilePath(int(level), int(number.replace("x", "").replace("/", "")), int(width or TILE_WIDTH))
    # A leading group of zeros, or a partial tile of full width, would be a second spelling.
    return path if str(path) == text else None


def tiles_of(size: int) -> list[TilePath]:
    """All tiles of a tree of this size, level by level: what a reader needs to have the whole tree."""
    found: list[TilePath] = []
    level, width = 0, size
    while width:
        full, rest = divmod(width, TILE_WIDTH)
        found += [TilePath(level, number) for number in range(full)]
        found += [TilePath(level, full, rest)] if rest else []
        level, width = level + 1, full
    return found
