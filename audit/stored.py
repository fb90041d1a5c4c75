"""What is stored against what was signed: the bytes of all entries, their hashes, the tree, its tiles, and the head.

Nothing is read out of an entry here. Whoever watches is handed the bytes with their true hashes, some thousands at a
time: the verifier of a whole log does, and `fsck` does not.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from audit.checkpoint import Checkpoint
from audit.ledger import Head
from audit.reader import LedgerReader, chunks
from audit.report import Findings
from audit.scan import TreeScan
from audit.suite import Digest
from audit.tree import TILE_WIDTH, perfect_root, split


class Watcher(Protocol):
    """Is shown every entry once, in order."""

    def take(self, start: int, contents: Sequence[bytes], leaves: Sequence[bytes]) -> None:
        """Look at the entries from `start` on, each with the hash that its bytes have."""
        ...

    def skip(self, index: int) -> None:
        """Pass over an entry of which only the hash is left."""
        ...


Span = tuple[int, int]
"""From this entry up to before that one."""


class Piece(NamedTuple):
    """What a span of stored entries hashes to: true leaf hashes, joined, and which entries are stored with others."""

    leaves: bytes
    differing: tuple[int, ...]


ReadPieces = Callable[[Sequence[Span]], Iterable[Piece]]
"""Reads spans, perhaps several at once, and gives their pieces in order."""


def read_piece(reader: LedgerReader, digest: Digest, span: Span) -> Piece:
    """Read and hash a span, up to the first entry that is missing."""
    start, end = span
    pairs = reader.stored(start, end)
    leaves = [digest(b"\x00" + content) for content, _ in pairs]
    return Piece(b"".join(leaves), _differing(start, leaves, [leaf for _, leaf in pairs]))


def _differing(start: int, leaves: Sequence[bytes], stored: Sequence[bytes]) -> tuple[int, ...]:
    if leaves == stored:
        return ()
    pairs = enumerate(zip(leaves, stored, strict=True), start)
    return tuple(index for index, (leaf, kept) in pairs if leaf != kept)


class StoredScan:
    """One walk through a stored log, which begins before entry 0."""

    def __init__(
        self, reader: LedgerReader, digest: Digest, findings: Findings, signed: Mapping[int, Sequence[Checkpoint]]
    ) -> None:
        self._reader, self._digest, self._findings, self._signed = reader, digest, findings, signed
        self._cuts = sorted(signed)
        self._tree = TreeScan(digest)
        self._broken: tuple[int, int] | None = None
        self.size = self.proven = 0
        """How many entries were there, and up to where the tree has a signed root."""

    def walk(self, claimed: int, watcher: Watcher) -> None:
        """Go through the entries of a log of this size; those below its floor may be pruned."""
        self._pass_pruned(min(self._reader.floor(), claimed), watcher)
        for start, end in chunks(self.size, claimed):
            pairs = self._reader.stored(start, end)
            contents = [content for content, _ in pairs]
            leaves = self._hash(start, contents, [leaf for _, leaf in pairs])
            watcher.take(start, contents, leaves)
            self._grow(leaves)
            if self.size < end:
                break
        self._miss(claimed)

    def pass_over(self, claimed: int, read: ReadPieces) -> None:
        """The same without a watcher: nobody is handed the bytes, so others may read and hash them."""
        self._pass_pruned(min(self._reader.floor(), claimed), _Nobody())
        spans = list(chunks(self.size, claimed))
        for (_, end), piece in zip(spans, read(spans), strict=True):
            for index in piece.differing:
                self._blame(index)
            self._grow(split(piece.leaves))
            if self.size < end:
                break
        self._miss(claimed)

    def check_tree(self) -> None:
        """Compare the stored tiles with the tree, and say where it left the signed roots."""
        self._check_tiles()
        self._name_the_break()
        if self.proven < self.size:
            self._findings.incomplete(self.proven, "entries from here on are under no signed checkpoint")

    def check_head(self, head: Head) -> None:
        """Compare the stored head, behind which nothing may stand."""
        if (head.size, head.frontier) != (self.size, b"".join(self._tree.frontier())):
            self._findings.tampered(None, "the stored head is not that of the entries")
        if next(self._reader.entries(self.size, self.size + 1), None) is not None:
            self._findings.tampered(self.size, "an entry stands behind the head of the log")

    def _pass_pruned(self, floor: int, watcher: Watcher) -> None:
        """Grow the tree from the hashes of what was pruned; what was kept of it is checked like everything else."""
        kept = dict(self._reader.kept(floor)) if floor else {}
        for start, end in chunks(0, floor):
            leaves = split(self._reader.hashes(0, start, end))
            for index, leaf in enumerate(leaves, start):
                content = kept.get(index)
                if content is None:
                    watcher.skip(index)
                else:
                    leaves[index - start : index - start + 1] = self._hash(index, [content], [leaf])
                    watcher.take(index, [content], [leaves[index - start]])
            self._grow(leaves)

    def _hash(self, start: int, contents: Sequence[bytes], stored: Sequence[bytes]) -> list[bytes]:
        """The true leaf hashes."""
        leaves = [self._digest(b"\x00" + content) for content in contents]
        for index in _differing(start, leaves, stored):
            self._blame(index)
        return leaves

    def _blame(self, index: int) -> None:
        self._findings.tampered(index, "the entry does not have the hash it was stored with")

    def _miss(self, claimed: int) -> None:
        if self.size < claimed:
            self._findings.tampered(self.size, f"only {self.size} of {claimed} entries are there")

    def _grow(self, leaves: Sequence[bytes]) -> None:
        """Add leaves to the tree, stopping at each size that was signed."""
        start, end = self.size, self.size + len(leaves)
        for stop in [*self._cuts[bisect_right(self._cuts, start) : bisect_right(self._cuts, end)], end]:
            self._tree.extend(leaves[self.size - start : stop - start])
            self.size = stop
            if stop in self._signed:
                self._check_root(self._signed[stop])

    def _check_root(self, signed: Sequence[Checkpoint]) -> None:
        root = self._tree.root()
        if all(each.root == root for each in signed):
            self.proven = self.size
        elif self._broken is None:
            self._broken = (self.proven, self.size)

    def _name_the_break(self) -> None:
        """Say where the tree broke: at an entry found wrong on its own, else after the last root that agreed."""
        if self._broken is None:
            return
        start, end = self._broken
        cause = f"one of the entries from {start} to {end - 1} is not the one that was signed"
        self._findings.tampered(None if self._findings.names_one_in(0, end) else start, cause)

    def _check_tiles(self) -> None:
        level, computed = 1, self._tree.tile_roots
        while computed:
            stored = split(self._reader.hashes(level, 0, len(computed)))
            for number, node in enumerate(computed):
                if number >= len(stored) or stored[number] != node:
                    self._blame_tile(level - 1, number)
            full = range(0, len(computed) - TILE_WIDTH + 1, TILE_WIDTH)
            level, computed = level + 1, [perfect_root(computed[at : at + TILE_WIDTH], self._digest) for at in full]

    def _blame_tile(self, level: int, number: int) -> None:
        width = TILE_WIDTH ** (level + 1)
        start = number * width
        known = self._findings.names_one_in(start, start + width)
        self._findings.tampered(
            None if known else start, f"stored tile {number} of level {level} is not of its entries"
        )


class _Nobody:
    """Sees everything and looks at nothing."""

    def take(self, start: int, contents: Sequence[bytes], leaves: Sequence[bytes]) -> None:
        """Look away."""

    def skip(self, index: int) -> None:
        """Look away."""
