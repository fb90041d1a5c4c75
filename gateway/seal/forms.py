"""The forms of one field: exact, absent and, where the catalogue says, folded or the nodes of its order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.seal.errors import SealingError
from gateway.seal.keys import BLOCK_BYTES, Entropy, SealingKey
from gateway.seal.nodes import TREE_BYTES, cover, node, path
from policies.catalogue import Comparator, Field, SealKind

Placed = tuple[int, bytes]
"""A column of a record, and the block whose digest stands there."""


Probe = tuple[bytes, bytes, bytes]
"""The blocks a claim is compared by: exact, absent, folded."""

EQUALS = Comparator.EQUALS.value


class FieldForms:
    """Makes the blocks of one field: those that stand in a record, and those that a claim is compared by."""

    def __init__(self, key: SealingKey, field: Field, offset: int) -> None:
        self._field = field
        self._offset = offset
        name = field.key.encode()
        self._exact = key.form(b"exact", name)
        self._folded = key.form(b"folded", name)
        self._tree = key.form(b"node", name).block()[:TREE_BYTES]
        self._absent = key.form(b"absent", name).block()
        self._nothing = key.form(b"nothing", name).block()
        self._places = {code: tuple(self._place(code)) for code in field.codes}
        self._probes = {code: self._equal(code) for code in field.codes}

    def place(self, value: str | None) -> Sequence[Placed]:
        """What a record holds of a value."""
        if value is None:
            return ((self._offset, self._absent),)
        return self._places.get(value) or tuple(self._place(value))

    def probe(self, comparator: str, value: str) -> Probe:
        """What a claim is compared by. For a form that it does not have, a block whose digest no record holds."""
        if comparator != EQUALS:
            return self._nothing, self._absent, self._nothing
        return self._probes.get(value) or self._equal(value)

    def bound(self, comparator: str, value: str, entropy: Entropy) -> list[bytes]:
        """A block for each level, those of the bound among random ones. `SealingError` for a field without an order."""
        if self._field.seal is not SealKind.ORDERED:
            raise SealingError("a bound was asked of a field without an order")
        bits, ordinal = self._field.bits, self._field.ordinal(value)
        first, after = (ordinal, 1 << bits) if comparator == Comparator.AT_LEAST else (0, ordinal + 1)
        filling = entropy(BLOCK_BYTES * (bits + 1))
        blocks = [filling[start : start + BLOCK_BYTES] for start in range(0, len(filling), BLOCK_BYTES)]
        for level, prefix in cover(first, after, bits):
            blocks[level] = node(self._tree, level, prefix)
        return blocks

    def _place(self, value: str) -> Iterator[Placed]:
        yield self._offset, self._exact.block(value)
        if self._field.seal is SealKind.FOLDED:
            yield self._offset + 1, self._folded.block(self._field.fold(value))
        elif self._field.seal is SealKind.ORDERED:
            nodes = path(self._tree, self._field.ordinal(value), self._field.bits)
            yield from enumerate(nodes, self._offset + 1)

    def _equal(self, value: str) -> Probe:
        exact = self._exact.block(value)
        if self._field.seal is not SealKind.FOLDED:
            return exact, self._absent, self._nothing
        return exact, self._absent, self._folded.block(self._field.fold(value))
