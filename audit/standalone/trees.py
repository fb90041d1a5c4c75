"""The tree (RFC 6962) and its proofs (C2SP tlog-proof)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from audit.standalone.canonical import from_base64
from audit.standalone.hashes import SUITES
from audit.standalone.notes import HASH, parse_note
from audit.standalone.verdicts import WrongError

TILE, TILE_HEIGHT, MAX_HASHES = 256, 8, 63


class Hashing:
    """Leaves, nodes and roots under one suite."""

    def __init__(self, suite: str) -> None:
        """Take "intl" or "gm"."""
        self.hash = SUITES[suite]

    def leaf(self, content: bytes) -> bytes:
        """Hash an entry."""
        return self.hash(b"\x00" + content)

    def node(self, left: bytes, right: bytes) -> bytes:
        """Hash two children."""
        return self.hash(b"\x01" + left + right)

    def perfect(self, row: Sequence[bytes]) -> bytes:
        """Return the root over 2^k neighbouring hashes."""
        hashed = self.hash
        while len(row) > 1:
            row = [hashed(b"\x01" + row[at] + row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    def root(self, frontier: Sequence[bytes]) -> bytes:
        """Return the root of the tree with this frontier, roots of full subtrees, largest first."""
        if not frontier:
            return self.hash(b"")
        top = frontier[-1]
        for left in reversed(frontier[:-1]):
            top = self.node(left, top)
        return top

    def grow(self, frontier: list[bytes], size: int, leaf: bytes) -> None:
        """Append a leaf, or a full subtree counted in its own width, to a frontier in place."""
        while size & 1:
            leaf, size = self.node(frontier.pop(), leaf), size >> 1
        frontier.append(leaf)

    def from_inclusion(self, leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
        """Return the root that a leaf and its path give. Raise `WrongError` when the path has the wrong length."""
        if not 0 <= index < size or any(len(each) != HASH for each in path):
            raise WrongError(f"{size} 条的树没有第 {index} 条 / no entry {index} in a tree of {size}, or no such proof")
        place, last, top = index, size - 1, leaf
        for sibling in path:
            if last == 0:
                raise WrongError("证明过长 / the proof is too long")
            if place & 1 or place == last:
                top = self.node(sibling, top)
                while place and not place & 1:
                    place, last = place >> 1, last >> 1
            else:
                top = self.node(top, sibling)
            place, last = place >> 1, last >> 1
        if last:
            raise WrongError("证明过短 / the proof is too short")
        return top

    def from_many(self, leaves: Mapping[int, bytes], size: int, path: Iterator[bytes]) -> bytes:
        """Return the root that many leaves give, with one hash for each subtree that has none, left to right."""
        places = sorted(leaves)

        def top(start: int, end: int, first: int, last: int) -> bytes:
            if first == last:
                try:
                    return next(path)
                except StopIteration:
                    raise WrongError("证明过短 / the proof is too short") from None
            if end - start == 1:
                return leaves[start]
            middle = start + (1 << ((end - start - 1).bit_length() - 1))
            cut = bisect_left(places, middle, first, last)
            return self.node(top(start, middle, first, cut), top(middle, end, cut, last))

        if not places or not 0 <= places[0] <= places[-1] < size:
            raise WrongError("证明所指不在树内 / a proof of entries that are not in the tree")
        found = top(0, size, 0, len(places))
        if next(path, None) is not None:
            raise WrongError("证明过长 / the proof is too long")
        return found


def split(joined: bytes) -> list[bytes]:
    """Cut joined hashes apart."""
    return [joined[at : at + HASH] for at in range(0, len(joined), HASH)]


@dataclass(frozen=True)
class Proof:
    """A tlog-proof."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes


def parse_proof(content: bytes) -> Proof:
    """Read a tlog-proof. Raise `WrongError` for anything but the exact format."""
    head, blank, checkpoint = content.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise WrongError("不是 tlog-proof / not a tlog-proof") from error
    if lines[0] != "c2sp.org/tlog-proof@v1" or not blank:
        raise WrongError("不是 tlog-proof / not a tlog-proof")
    rest = lines[1:]
    if rest and rest[0].startswith("extra "):
        from_base64(rest.pop(0)[6:])
    named = re.fullmatch("index (0|[1-9][0-9]{0,18})", rest[0]) if rest else None
    path = tuple(map(from_base64, rest[1:]))
    if named is None or len(path) > MAX_HASHES or any(len(each) != HASH for each in path):
        raise WrongError("tlog-proof 的序号或哈希不对 / a tlog-proof with a wrong index or hash")
    parse_note(checkpoint)
    return Proof(int(named[1]), path, checkpoint)
