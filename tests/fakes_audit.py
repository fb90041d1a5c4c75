"""A ledger store and reader in memory, keys for disclosures, and predictable entropy."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from audit.data_keys import MonthKeys
from audit.ledger import EMPTY_HEAD, Batch, Head, PartnerHead, Recorded
from audit.puncture import Tree
from audit.tallies import Count, Place
from audit.tokens import TOKEN_BYTES
from audit.tree import Tile


@dataclass
class MemoryLedger:
    """Keeps a ledger in lists, for writing and for reading. Every part can be tampered with by a test."""

    rows: list[Recorded] = field(default_factory=list)
    stored_head: Head = EMPTY_HEAD
    partners: dict[str, PartnerHead] = field(default_factory=dict)
    tiles: dict[tuple[int, int], Tile] = field(default_factory=dict)
    first: int = 0
    counts: dict[Place, Count] = field(default_factory=dict)

    def lock_head(self) -> Head:
        return self.stored_head

    def partner_heads(self, partners: Collection[str]) -> Mapping[str, PartnerHead]:
        return {name: self.partners[name] for name in partners if name in self.partners}

    def append(self, batch: Batch) -> None:
        self.rows += batch.rows
        self.stored_head = batch.head
        self.partners |= batch.partner_heads
        self.tiles |= {(tile.level, tile.index): tile for tile in batch.tiles}
        for place, (entries, claims) in batch.counts.items():
            before = self.counts.get(place, Count(0, 0))
            self.counts[place] = Count(before.entries + entries, before.claims + claims)

    def head(self) -> Head:
        return self.stored_head

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        return (row.entry for row in self._present(start, end))

    def stored(self, start: int, end: int) -> list[tuple[bytes, bytes]]:
        return [(row.entry, row.leaf) for row in self._present(start, end)]

    def floor(self) -> int:
        return self.first

    def kept(self, end: int) -> Iterator[tuple[int, bytes]]:
        return ((row.index, row.entry) for row in sorted(self.rows, key=lambda row: row.index) if row.index < end)

    def hashes(self, level: int, start: int, end: int) -> bytes:
        if level == 0 and start < self.first:
            middle = min(end, self.first)
            return self._pruned(start, middle) + (self.hashes(0, middle, end) if middle < end else b"")
        if level == 0:
            return b"".join(row.leaf for row in self._present(start, end))
        return b"".join(self.tiles[level - 1, index].root for index in range(start, end))

    def disclosures(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        return ((row.index, row.disclosures) for row in self._present(start, end) if row.disclosures)

    def prune(self, before: int, kept: frozenset[str]) -> None:
        """Takes the entries below out, all but those of these kinds, as the maintenance command does."""
        self.first = before
        self.rows = [row for row in self.rows if row.index >= before or row.type in kept]

    def _pruned(self, start: int, end: int) -> bytes:
        joined = b"".join(self.tiles[0, tile].hashes for tile in range(start // 256, -(-end // 256)))
        return joined[start % 256 * 32 :][: (end - start) * 32]

    def _present(self, start: int, end: int) -> Iterator[Recorded]:
        """Rows by index, up to the first that is missing."""
        by_index = {row.index: row for row in self.rows}
        for index in range(start, end):
            if index not in by_index:
                return
            yield by_index[index]


class MemoryKeys:
    """Keys for disclosures: halves of months, which can be deleted, and one tree of persons."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self._held: dict[str, MonthKeys] = {}
        self._tree = Tree.grown(sha256(b"root").digest())

    def current(self, month: str) -> MonthKeys:
        half = self.kept.setdefault(month, sha256(b"data key of " + month.encode()).digest())
        found = self._held.get(month)
        if found is None:
            found = self._held[month] = MonthKeys(month, half, self._tree, a_point)
        return found

    def open(self, kid: str) -> MonthKeys | None:
        return self.current(kid) if kid in self.kept else None

    def destroy(self, before: Mapping[bytes, int]) -> bool:
        cut = self._tree
        for point, month in before.items():
            cut = cut.without(point, month)
        is_new = not all(self.is_destroyed(point, month) for point, month in before.items())
        self._tree, self._held = cut, {}
        return is_new

    def is_destroyed(self, point: bytes, before: int) -> bool:
        return self._tree.lacks(point, before)

    def tidy(self) -> None:
        pass


def a_point(kind: str, number: str) -> bytes:
    """The point of a person under a key that everybody knows."""
    return sha256(f"{kind} {number}".encode()).digest()[:TOKEN_BYTES]


class CountingEntropy:
    """Predictable bytes that never repeat."""

    def __init__(self, seed: str = "seed") -> None:
        self._seed = seed.encode()
        self._drawn = 0

    def __call__(self, size: int) -> bytes:
        blocks: list[bytes] = []
        for _ in range(size // 32 + 1):
            self._drawn += 1
            blocks.append(sha256(self._seed + self._drawn.to_bytes(8, "big")).digest())
        return b"".join(blocks)[:size]


@dataclass
class MemoryCheckpoints:
    """A compare-and-swap store in a list."""

    kept: list[bytes] = field(default_factory=list)

    def latest(self) -> bytes | None:
        return self.kept[-1] if self.kept else None

    def swap(self, expected: bytes | None, new: bytes) -> bool:
        if self.latest() != expected:
            return False
        self.kept.append(new)
        return True
