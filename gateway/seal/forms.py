"""The forms of one field: exact, absent and, where the catalogue says, folded or the nodes of its order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.seal.errors import SealingError
from gateway.seal.keys import BLOCK_BYTES, Entropy, SealingKey
from gateway.seal.nodes import NODE_BYTES, cover, node, path
from policies.catalogue import Comparator, Field, SealKind

Placed = tuple[int, bytes]
"""A column of a record, and the block whose digest stands there."""


class FieldForms:
    """Makes the blocks of one field: those that stand in a record, and those that a claim is compared by."""

    def __init__(self, key: SealingKey, field: Field, offset: int) -> None:
        self._field = field
        self._offset = offset
        name = field.key.encode()
        self._exact = key.form(b"exact", name)
        self._folded = key.form(b"folded", name)
        self._node = key.form(b"node", name).block()[:-NODE_BYTES]
        self.absent = key.form(b"absent", name).block()
        self.nothing = key.form(b"nothing", name).block()
        """Stands where a claim has no such form; no record holds its digest."""
        self._codes = {code: tuple(self._places(code)) for code in field.codes}

    def place(self, value: str | None) -> Sequence[Placed]:
        """What a record holds of a value."""
        if value is None:
            return ((self._offset, self.absent),)
        return self._codes.get(value) or tuple(self._places(value))

    def equal(self, value: str) -> tuple[bytes, bytes]:
        """The exact and the folded block of a claimed value."""
        known = self._codes.get(value)
        exact = known[0][1] if known else self._exact.block(value)
        if self._field.seal is not SealKind.FOLDED:
            return exact, self.nothing
        return exact, self._folded.block(self._field.fold(value))

    def bound(self, comparator: str, value: str, entropy: Entropy) -> list[bytes]:
        """A block for each level, those of the bound among random ones. `SealingError` for a field without an order."""
        if self._field.seal is not SealKind.ORDERED:
            raise SealingError("a bound was asked of a field without an order")
        bits, ordinal = self._field.bits, self._field.ordinal(value)
        first, after = (ordinal, 1 << bits) if comparator == Comparator.AT_LEAST else (0, ordinal + 1)
        filling = entropy(BLOCK_BYTES * (bits + 1))
        blocks = [filling[start : start + BLOCK_BYTES] for start in range(0, len(filling), BLOCK_BYTES)]
        for level, prefix in cover(first, after, bits):
            blocks[level] = self._node + node(level, prefix)
        return blocks

    def _places(self, value: str) -> Iterator[Placed]:
        yield self._offset, self._exact.block(value)
        if self._field.seal is SealKind.FOLDED:
            yield self._offset + 1, self._folded.block(self._field.fold(value))
        elif self._field.seal is SealKind.ORDERED:
            nodes = path(self._field.ordinal(value), self._field.bits)
            yield from enumerate((self._node + each for each in nodes), self._offset + 1)
