"""The RFC 6962 Merkle tree: append at the right edge, roots, and proofs from stored hashes.

* A *frontier* is the list of roots of the full subtrees a tree of some size falls into, largest first: all that
  appending needs, one hash for each bit set in the size.
* A *tile* holds 256 neighbouring hashes of one level; levels are 8 tree heights apart (C2SP tlog-tiles). Level 0
  are leaf hashes, and each hash of level n+1 is the root of a full tile of level n.

What hashes is `digest`, that of the log's suite.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct

from audit.errors import ProofError
from audit.suite import INTL, Digest

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

Hashes: TypeAlias = Callable[[int, int, int], bytes]
"""`hashes(level, start, end)` gives the stored hashes of a tile level, joined: all that is asked, or it raises."""


class Tile(Struct, frozen=True, gc=False):
    """A full tile; `root` is the hash that stands for it one level up."""

    level: int
    index: int
    hashes: bytes
    root: bytes


def node_hash(left: bytes, right: bytes, digest: Digest = INTL.digest) -> bytes:
    """Hash two children."""
    return digest(b"\x01" + left + right)


def parents(row: Sequence[bytes], digest: Digest = INTL.digest) -> list[bytes]:
    """Hash neighbours two by two; an odd one at the end has no parent yet."""
    nodes = iter(row)
    return [digest(b"\x01" + left + right) for left, right in zip(nodes, nodes, strict=False)]


def grow(frontier: list[bytes], size: int, leaf: bytes, digest: Digest = INTL.digest) -> None:
    """Append one leaf to the frontier of a tree of this size, in place."""
    node = leaf
    while size & 1:
        node = digest(b"\x01" + frontier.pop() + node)
        size >>= 1
    frontier.append(node)


def extend(
    frontier: list[bytes], size: int, leaves: Sequence[bytes], digest: Digest = INTL.digest
) -> list[list[bytes]]:
    """Append leaves to the frontier of a tree of this size, in place, a row at a time.

    Return the nodes that this completed, by their height: the leaves, their parents, and so on.
    """
    rows: list[list[bytes]] = []
    waiting: list[bytes] = []
    fresh = list(leaves)
    while fresh:
        rows.append(fresh)
        row = [frontier.pop(), *fresh] if size & 1 else fresh
        if len(row) & 1:
            waiting.append(row[-1])
        fresh, size = parents(row, digest), size >> 1
    frontier += reversed(waiting)
    return rows


def root(frontier: Sequence[bytes], digest: Digest = INTL.digest) -> bytes:
    """Return the root of the tree with this frontier."""
    if not frontier:
        return digest(b"")
    node = frontier[-1]
    for left in reversed(frontier[:-1]):
        node = node_hash(left, node, digest)
    return node


def split(joined: bytes) -> list[bytes]:
    """Cut joined hashes apart."""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


def filled_tiles(
    size: int,
    leaves: Sequence[bytes],
    hashes: Hashes,
    completed: Sequence[Sequence[bytes]] = (),
    digest: Digest = INTL.digest,
) -> list[Tile]:
    """Return the tiles that a tree of this size fills when it takes these leaves.

    `hashes` is asked only for the part of such a tile that was stored before. `completed` is what `extend` returned
    for the same leaves: the roots of the tiles are among it, and without it they are hashed once more.
    """
    tiles: list[Tile] = []
    level, known, fresh = 0, size, list(leaves)
    while (known + len(fresh)) // TILE_WIDTH > known // TILE_WIDTH:
        first = known // TILE_WIDTH
        stored = split(hashes(level, first * TILE_WIDTH, known)) if known % TILE_WIDTH else []
        rows = _cut_tiles(stored + fresh)
        roots = completed[TILE_HEIGHT * (level + 1)] if completed else [perfect_root(row, digest) for row in rows]
        known, fresh = first, list(roots)
        pairs = zip(rows, fresh, strict=True)
        tiles += [Tile(level, first + at, b"".join(row), top) for at, (row, top) in enumerate(pairs)]
        level += 1
    return tiles


def _cut_tiles(row: list[bytes]) -> list[list[bytes]]:
    return [row[at : at + TILE_WIDTH] for at in range(0, len(row) - TILE_WIDTH + 1, TILE_WIDTH)]


def perfect_root(row: Sequence[bytes], digest: Digest = INTL.digest) -> bytes:
    """Return the root over 2^k neighbouring hashes."""
    while len(row) > 1:
        row = parents(row, digest)
    return row[0]


class StoredTree:
    """A tree of some size over stored hashes: its root and the proofs of RFC 6962 section 2.1.

    Reads whole tiles and keeps them for as long as it lives, so use one for a proof or a few, not for ever.
    """

    def __init__(self, size: int, hashes: Hashes, digest: Digest = INTL.digest) -> None:
        """Look at the first `size` leaves, whatever else is stored."""
        self.size, self._digest = size, digest
        self._hashes = hashes
        self._rows: dict[tuple[int, int], list[bytes]] = {}

    def frontier(self) -> list[bytes]:
        """Return the frontier."""
        return self._frontier_of(0, self.size)

    def root(self) -> bytes:
        """Return the root."""
        return root(self.frontier(), self._digest)

    def inclusion(self, index: int) -> list[bytes]:
        """Return the inclusion proof of a leaf, from its sibling upwards. `ValueError` when it is not in the tree."""
        if not 0 <= index < self.size:
            raise ValueError(f"leaf {index} is not in a tree of {self.size}")
        path: list[bytes] = []
        start, end = 0, self.size
        while end - start > 1:
            middle = start + _left_width(end - start)
            if index < middle:
                path.append(self._root_of(middle, end))
                end = middle
            else:
                path.append(self._root_of(start, middle))
                start = middle
        return path[::-1]

    def inclusion_of_many(self, indices: Sequence[int]) -> Iterator[bytes]:
        """Yield one proof for all of these leaves, left to right: the root of each largest subtree that has none.

        `indices` rise. `ValueError` when one is not in the tree.
        """
        if not indices or not 0 <= indices[0] <= indices[-1] < self.size:
            raise ValueError(f"not all of these leaves are in a tree of {self.size}")
        return self._around(indices, 0, self.size)

    def _around(self, indices: Sequence[int], start: int, end: int) -> Iterator[bytes]:
        if not indices:
            yield self._root_of(start, end)
        elif end - start > 1:
            middle = start + _left_width(end - start)
            cut = bisect_left(indices, middle)
            yield from self._around(indices[:cut], start, middle)
            yield from self._around(indices[cut:], middle, end)

    def consistency(self, old: int) -> list[bytes]:
        """Return the proof that this tree extends its own first `old` leaves; `ValueError` when it has fewer."""
        if not 0 <= old <= self.size:
            raise ValueError(f"a tree of {self.size} does not extend one of {old}")
        path: list[bytes] = []
        start, end = 0, self.size
        while 0 < old < end:
            middle = start + _left_width(end - start)
            if old <= middle:
                path.append(self._root_of(middle, end))
                end = middle
            else:
                path.append(self._root_of(start, middle))
                start = middle
        if start:
            path.append(self._root_of(start, end))
        return path[::-1]

    def _root_of(self, start: int, end: int) -> bytes:
        return root(self._frontier_of(start, end), self._digest)

    def _frontier_of(self, start: int, end: int) -> list[bytes]:
        """Return the roots of the full subtrees that [start, end) falls into; start is aligned to the largest."""
        nodes: list[bytes] = []
        while start < end:
            height = (end - start).bit_length() - 1
            nodes.append(self._node(height, start >> height))
            start += 1 << height
        return nodes

    def _node(self, height: int, index: int) -> bytes:
        level, up = divmod(height, TILE_HEIGHT)
        first = index << up
        row = self._row(level, first // TILE_WIDTH)
        at = first % TILE_WIDTH
        return perfect_root(row[at : at + (1 << up)], self._digest)

    def _row(self, level: int, tile: int) -> list[bytes]:
        row = self._rows.get((level, tile))
        if row is None:
            start = tile * TILE_WIDTH
            end = min(start + TILE_WIDTH, self.size >> (TILE_HEIGHT * level))
            row = split(self._hashes(level, start, end))
            if len(row) != end - start or len(row[-1]) != HASH_BYTES:
                raise ProofError(f"hashes {start} to {end} of level {level} are not all there")
            self._rows[level, tile] = row
        return row


def _left_width(width: int) -> int:
    """Return how many of these leaves RFC 6962 puts into the left subtree: the largest power of two below."""
    return 1 << ((width - 1).bit_length() - 1)
