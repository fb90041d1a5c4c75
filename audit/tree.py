"""The RFC 6962 Merkle tree: append at the right edge, roots, and proofs from stored hashes.

* A *frontier* is the list of roots of the full subtrees a tree of some size falls into, largest first: all that
  appending needs, one hash for each bit set in the size.
* A *tile* holds 256 neighbouring hashes of one level; levels are 8 tree heights apart (C2SP tlog-tiles). Level 0
  are leaf hashes, and each hash of level n+1 is the root of a full tile of level n.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TypeAlias

from msgspec import Struct

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


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children."""
    return sha256(b"\x01" + left + right).digest()


def grow(frontier: list[bytes], size: int, leaf: bytes) -> None:
    """Append one leaf to the frontier of a tree of this size, in place."""
    node = leaf
    while size & 1:
        node = sha256(b"\x01" + frontier.pop() + node).digest()
        size >>= 1
    frontier.append(node)


def root(frontier: Sequence[bytes]) -> bytes:
    """Return the root of the tree with this frontier."""
    if not frontier:
        return sha256(b"").digest()
    node = frontier[-1]
    for left in reversed(frontier[:-1]):
        node = node_hash(left, node)
    return node


def split(joined: bytes) -> list[bytes]:
    """Cut joined hashes apart."""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


def filled_tiles(size: int, leaves: Sequence[bytes], hashes: Hashes) -> list[Tile]:
    """Return the tiles that a tree of this size fills when it takes these leaves.

    `hashes` is asked only for the part of such a tile that was stored before.
    """
    tiles: list[Tile] = []
    level, known, fresh = 0, size, list(leaves)
    while (known + len(fresh)) // TILE_WIDTH > known // TILE_WIDTH:
        first = known // TILE_WIDTH
        stored = split(hashes(level, first * TILE_WIDTH, known)) if known % TILE_WIDTH else []
        filled = _cut_tiles(level, first, stored + fresh)
        tiles += filled
        level, known, fresh = level + 1, first, [tile.root for tile in filled]
    return tiles


def _cut_tiles(level: int, first: int, row: list[bytes]) -> list[Tile]:
    starts = range(0, len(row) - TILE_WIDTH + 1, TILE_WIDTH)
    return [_tile(level, first + at // TILE_WIDTH, row[at : at + TILE_WIDTH]) for at in starts]


def _tile(level: int, index: int, row: list[bytes]) -> Tile:
    return Tile(level, index, b"".join(row), perfect_root(row))


def perfect_root(row: Sequence[bytes]) -> bytes:
    """Return the root over 2^k neighbouring hashes."""
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]
