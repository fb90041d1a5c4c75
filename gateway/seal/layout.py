"""Where each digest stands in a sealed record."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from gateway.seal.nodes import DAY_BITS
from policies.catalogue import Catalogue, Field, SealKind

UNIT_SLOTS = 8
"""A unit and at most seven above it."""


class Layout:
    """Where each digest of a kind stands in a sealed record: a row of signed 64-bit integers of fixed width."""

    MAIN = 0
    DAYS = slice(1, 1 + 2 * DAY_BITS)
    UNITS = slice(DAYS.stop, DAYS.stop + UNIT_SLOTS)

    def __init__(self, catalogue: Catalogue, kind: str) -> None:
        self.kind = kind
        self.fields = catalogue.fields_of(kind)
        self.gate = catalogue.kinds[kind].gate
        self.offsets: dict[str, int] = {}
        self.width = self.UNITS.stop
        for field in self.fields:
            self.offsets[field.key] = self.width
            self.width += _columns(field)
        self.bytes = 8 * self.width
        self._row = struct.Struct(f"<{self.width}q")

    def pack(self, row: Sequence[int]) -> bytes:
        return self._row.pack(*row)

    def unpack(self, record: bytes) -> list[int]:
        return list(self._row.unpack(record))

    def columns(self) -> list[str]:
        """A name for each column, in order, for the columnar files."""
        names = ["main", *(f"day_{i}" for i in range(2 * DAY_BITS)), *(f"scope_{i}" for i in range(UNIT_SLOTS))]
        for field in self.fields:
            names += [f"{field.key}_{i}" for i in range(_columns(field))]
        return names


def _columns(field: Field) -> int:
    match field.seal:
        case SealKind.EXACT:
            return 1
        case SealKind.FOLDED:
            return 2
        case SealKind.ORDERED:
            return field.bits + 2
