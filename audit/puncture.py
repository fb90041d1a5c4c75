"""A tree of keys from one root, out of which single leaves can be cut for ever.

After Goldreich, Goldwasser and Micali (a tree of hashes is a random function) and Boneh and Waters (give the siblings
along a path instead of the root, and this path alone is lost). A leaf is a subject in a month: sixteen digits of the
subject's point, three of the month, sixteen children at every node. So nothing is written when something is recorded,
and all that is kept is one root; each subject that is cut out adds some 260 nodes.

What is cut out is gone wherever the nodes before the cut are gone: whoever keeps a tree replaces it, also in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2s
from itertools import pairwise
from typing import NamedTuple

SEED_BYTES = 32
SUBJECT_DIGITS, MONTH_DIGITS = 16, 3
DEPTH = SUBJECT_DIGITS + MONTH_DIGITS
MONTHS = 16**MONTH_DIGITS
_SUBJECT_BYTES, _PLACE_BYTES = SUBJECT_DIGITS // 2, 10
_NODE_BYTES = 1 + _PLACE_BYTES + SEED_BYTES
_UPPER = 4
"""Down to here nodes are remembered: 65,536 at most, for four hashes of nineteen."""
_DIGITS = tuple((bytes([byte >> 4]), bytes([byte & 15])) for byte in range(256))
_FIRST_YEAR = 2000


class Node(NamedTuple):
    """A key from which everything below it follows. `place` are the digits that lead to it, as a number."""

    depth: int
    place: int
    seed: bytes

    def __repr__(self) -> str:
        """Show where it is."""
        return f"Node({self.depth}, {self.place:x}, ***)"

    def span(self) -> tuple[int, int]:
        """The first leaf below it, and the first one behind those."""
        width = 4 * (DEPTH - self.depth)
        return self.place << width, (self.place + 1) << width

    def children(self) -> Iterator[Node]:
        """The sixteen nodes below it."""
        for digit in range(16):
            yield Node(self.depth + 1, self.place * 16 + digit, _below(self.seed, digit))


class Tree:
    """The nodes that are left. Never changes: `without` makes another one."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Take nodes of which none lies below another."""
        self._seeds = {(node.depth, node.place): node.seed for node in nodes}
        self._upper: dict[bytes, bytes] = {}

    def __repr__(self) -> str:
        """Show how many nodes there are."""
        return f"Tree({len(self._seeds)} nodes)"

    @classmethod
    def grown(cls, root: bytes) -> Tree:
        """The whole tree."""
        if len(root) != SEED_BYTES:
            raise ValueError(f"a root has {SEED_BYTES} bytes")
        return cls([Node(0, 0, root)])

    @classmethod
    def decode(cls, content: bytes) -> Tree:
        """The tree that `encode` wrote. Raise `ValueError` for anything else."""
        cut = range(0, len(content), _NODE_BYTES)
        tree = cls(_node(content[at : at + _NODE_BYTES]) for at in cut)
        if not content or tree.encode() != content or not _are_apart(tree.nodes()):
            raise ValueError("these are not the nodes of a tree")
        return tree

    def encode(self) -> bytes:
        """All nodes, in the order of their leaves."""
        return b"".join(bytes([n.depth]) + n.place.to_bytes(_PLACE_BYTES, "big") + n.seed for n in self.nodes())

    def nodes(self) -> list[Node]:
        """What is left, in the order of the leaves."""
        found = (Node(depth, place, seed) for (depth, place), seed in self._seeds.items())
        return sorted(found, key=Node.span)

    def leaf(self, point: bytes, month: int) -> bytes | None:
        """The key of a subject in a month, None when it was cut out."""
        seed = self._upper.get(point[:2]) or self._remember(point)
        if seed is None:
            return self._search(point, month)
        for byte in point[2:_SUBJECT_BYTES]:
            high, low = _DIGITS[byte]
            seed = blake2s(blake2s(seed + high).digest() + low).digest()
        for shift in (8, 4, 0):
            seed = blake2s(seed + _DIGITS[month >> shift & 15][1]).digest()
        return seed

    def without(self, point: bytes, before: int) -> Tree:
        """The tree without all months of a subject before this one."""
        first, left = _subject(point) * MONTHS, dict(self._seeds)
        kept: list[Node] = []
        for node in self._around(point):
            del left[node.depth, node.place]
            _cut(node, first, first + before, kept)
        left.update({(node.depth, node.place): node.seed for node in kept})
        return Tree(Node(depth, place, seed) for (depth, place), seed in left.items())

    def lacks(self, point: bytes, before: int) -> bool:
        """Tell whether none of these months is left of a subject."""
        first = _subject(point) * MONTHS
        spans = (node.span() for node in self._around(point))
        return not any(start < first + before and first < end for start, end in spans)

    def _around(self, point: bytes) -> Iterator[Node]:
        """What is left above a subject, which is one node, or below it."""
        subject = _subject(point)
        places = [(depth, subject >> 4 * (SUBJECT_DIGITS - depth)) for depth in range(SUBJECT_DIGITS + 1)]
        for depth in range(SUBJECT_DIGITS + 1, DEPTH + 1):
            width = 16 ** (depth - SUBJECT_DIGITS)
            places += [(depth, subject * width + n) for n in range(width)]
        return (Node(*place, self._seeds[place]) for place in places if place in self._seeds)

    def _remember(self, point: bytes) -> bytes | None:
        """Find the node above a subject's at the height that is remembered, if nothing was cut out below it."""
        seed = self._descend(_subject(point) >> 4 * (SUBJECT_DIGITS - _UPPER), _UPPER)
        if seed is not None:
            self._upper[point[:2]] = seed
        return seed

    def _search(self, point: bytes, month: int) -> bytes | None:
        return self._descend(_subject(point) * MONTHS + month, DEPTH)

    def _descend(self, place: int, depth: int) -> bytes | None:
        """Find the node that is left above this one, and go down from there."""
        for top in range(depth + 1):
            seed = self._seeds.get((top, place >> 4 * (depth - top)))
            if seed is not None:
                for below in range(depth - top - 1, -1, -1):
                    seed = _below(seed, place >> 4 * below & 15)
                return seed
        return None


def month_number(month: str) -> int:
    """The number of a month ("2026-06"). Raise `ValueError` outside the years there is room for."""
    year, number = int(month[:4]), int(month[5:])
    found = (year - _FIRST_YEAR) * 12 + number - 1
    if not 0 <= found < MONTHS or not 1 <= number <= 12:
        raise ValueError("no such month")
    return found


def _below(seed: bytes, digit: int) -> bytes:
    """One block of BLAKE2s over key and digit, both of fixed length, so that no message is another's beginning."""
    return blake2s(seed + _DIGITS[digit][1]).digest()


def _cut(node: Node, first: int, end: int, kept: list[Node]) -> None:
    """Keep of a node what lies outside these leaves."""
    start, behind = node.span()
    if behind <= first or end <= start:
        kept.append(node)
    elif start < first or end < behind:
        for child in node.children():
            _cut(child, first, end, kept)


def _subject(point: bytes) -> int:
    return int.from_bytes(point[:_SUBJECT_BYTES], "big")


def _node(content: bytes) -> Node:
    depth, place = content[0], int.from_bytes(content[1 : 1 + _PLACE_BYTES], "big")
    if len(content) != _NODE_BYTES or depth > DEPTH or place >> 4 * depth:
        raise ValueError("these are not the nodes of a tree")
    return Node(depth, place, content[1 + _PLACE_BYTES :])


def _are_apart(nodes: list[Node]) -> bool:
    spans = [node.span() for node in nodes]
    return all(one[1] <= other[0] for one, other in pairwise(spans))
