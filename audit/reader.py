"""The reader's side of the ledger, and what every check of stored bytes begins with.

Whoever reads here trusts nothing but signatures: the database may be the thing that was changed.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Protocol

from audit.entry import decode, leaf_hash
from audit.errors import ProofError
from audit.ledger import Head
from audit.suite import INTL, Digest, Suite, suite_of
from audit.tree import split

CHUNK = 4096
"""Entries read at a time; a multiple of a tile's width."""


class LedgerReader(Protocol):
    """Reads what is committed, through a connection of its own. What is missing is left out, never made up."""

    def head(self) -> Head:
        """Return the stored head; `EMPTY_HEAD` when there is none."""
        ...

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the stored bytes of these entries, by index, up to the first that is missing."""
        ...

    def stored(self, start: int, end: int) -> list[tuple[bytes, bytes]]:
        """Return bytes and stored leaf hash of these entries together, by index, up to the first that is missing."""
        ...

    def floor(self) -> int:
        """Return the index from which on all entries are there: 0 until older ones were pruned."""
        ...

    def kept(self, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield index and bytes of the entries before this index that are there, below the floor too."""
        ...

    def hashes(self, level: int, start: int, end: int) -> bytes:
        """Return stored hashes, joined: of level 0 leaf hashes, above it roots of tiles one level down."""
        ...

    def disclosures(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield index and packed disclosures of these entries, by index; entries without are left out."""
        ...


def suite_of_log(reader: LedgerReader) -> Suite:
    """Return the suite that the first entry there names; a false one only leads to a root that nobody signed.

    Raise `SuiteError` for a name that is none of ours.
    """
    floor = reader.floor()
    for content in reader.entries(floor, floor + 1):
        entry = decode(content)
        return suite_of(str(entry["suite"])) if isinstance(entry, Mapping) and "suite" in entry else INTL
    return INTL


def chunks(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a range so that every piece but the first begins with a tile."""
    while start < end:
        stop = min(end, start - start % CHUNK + CHUNK)
        yield start, stop
        start = stop


def read_leaves(
    reader: LedgerReader, start: int, end: int, digest: Digest = INTL.digest
) -> Iterator[tuple[int, bytes]]:
    """Yield index and leaf hash, recomputed from the stored bytes and equal to the stored hash.

    Raise `DifferenceError` at the first entry that is missing or differs.
    """
    for first, stop in chunks(start, end):
        stored = split(reader.hashes(0, first, stop))
        pairs = zip_longest(reader.entries(first, stop), stored)
        index = first
        for content, leaf in pairs:
            if content is None or leaf is None or leaf_hash(content, digest) != leaf:
                raise DifferenceError(index, "an entry is missing or does not have the hash it was stored with")
            yield index, leaf
            index += 1
        if index != stop:
            raise DifferenceError(index, "an entry is missing")


def first_difference(reader: LedgerReader, size: int, digest: Digest = INTL.digest) -> int | None:
    """Return the first of these entries that is missing or no longer has its stored hash; None when all have.

    Of pruned entries nothing is left that could differ.
    """
    try:
        for _ in read_leaves(reader, min(reader.floor(), size), size, digest):
            pass
    except DifferenceError as difference:
        return difference.index
    return None


class DifferenceError(ProofError):
    """Stored bytes differ from what they should be, first at this index, if it can be told."""

    def __init__(self, index: int | None, cause: str) -> None:
        """Name the first index and the cause."""
        super().__init__(cause if index is None else f"entry {index}: {cause}")
        self.index, self.cause = index, cause
