"""A log export: a whole log, or a closed range of it, in one file that is the same to the byte whenever it is made.

    export.json                what this is: origin, suite, range, size of the tree that the hashes are of
    trust.json                 whose signatures count; whoever verifies has one of their own
    checkpoints/SIZE-N         every checkpoint that was kept, as signed and cosigned
    tile/entries/N             entries as bytes, 256 a file (C2SP tlog-tiles)
    tile/LEVEL/N               hashes of the tree, 256 a file (C2SP tlog-tiles)
    disclosures/N              optional: disclosures as they are kept, encrypted, in the form of the entries

Unpacked, it can be served as a tile log. A range holds all hashes that lead from its entries to every checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import file_digest
from io import BufferedRandom, BytesIO
from typing import IO

import msgspec
from msgspec import Struct

from audit.checkpoint import peek
from audit.entry import decode, encode
from audit.errors import ArchiveError, AuditError
from audit.ledger import Head
from audit.reader import LedgerReader
from audit.tree import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, split
from audit.zipped import Zipped, write_zip

TYPE = "bidui-log-export/1"
_LENGTH_BYTES = 2
_N = r"(x\d{3}/){0,4}\d{3}(\.p/[1-9]\d{0,2})?"
_NAMES = re.compile(
    rf"export\.json|trust\.json|checkpoints/\d{{16}}-\d{{1,3}}|tile/(entries|\d)/{_N}|disclosures/{_N}", re.ASCII
)


class Extent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an export says of itself: entries from `first` up to `end`, and hashes of the tree of `size` entries."""

    type: str = TYPE
    origin: str
    suite: str = "intl"
    first: int
    end: int
    size: int
    disclosures: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether it is a whole log up to its last checkpoint."""
        return self.first == 0 and self.end == self.size

    def encode(self) -> bytes:
        """Write it as canonical JSON."""
        return encode(msgspec.to_builtins(self))


def extent_of(
    checkpoints: Sequence[bytes],
    *,
    origin: str,
    first: int = 0,
    end: int | None = None,
    suite: str = "intl",
    disclosures: bool = False,
) -> Extent:
    """Say what an export of this range will hold: without an end, up to the last checkpoint.

    Raise `ArchiveError` for a range that does not begin with a tile, is empty, or reaches behind the last checkpoint.
    """
    size = max((peek(each).size for each in checkpoints), default=0)
    last = size if end is None else end
    if first % TILE_WIDTH or not 0 <= first < last <= size:
        raise ArchiveError(f"a range begins at a multiple of {TILE_WIDTH} and ends where a checkpoint covers it")
    return Extent(origin=origin, suite=suite, first=first, end=last, size=size, disclosures=disclosures)


def write_export(
    sink: BufferedRandom | BytesIO, extent: Extent, reader: LedgerReader, *, trust: bytes, checkpoints: Sequence[bytes]
) -> str:
    """Write the export into an empty file opened for writing and reading; return its SHA-256, in hex.

    Raise `ArchiveError` when entries or hashes are missing; then the file is of no use.
    """
    parts: dict[str, Callable[[], bytes]] = {"export.json": extent.encode, "trust.json": lambda: trust}
    parts |= {name: _given(content) for name, content in _named(checkpoints)}
    parts |= dict(_tiles(extent, reader, [peek(each).size for each in checkpoints]))
    parts |= dict(_bundles(extent, reader))
    write_zip(sink, ((name, parts[name]()) for name in sorted(parts)))
    sink.seek(0)
    return file_digest(sink, "sha256").hexdigest()


class Export:
    """An export, opened. Keeps the promise of `audit.reader.LedgerReader` for what it holds; verifies nothing."""

    def __init__(self, file: IO[bytes]) -> None:
        """Raise `ArchiveError` when this is no export."""
        self._zip = Zipped(file, _NAMES)
        self.extent = read_extent(self._zip.read("export.json"))
        self._kept: dict[str, list[bytes]] = {}

    @property
    def trust(self) -> bytes:
        """The trust file that came along: good to look at, not to trust."""
        return self._zip.read("trust.json")

    def checkpoints(self) -> list[bytes]:
        """Return all checkpoints, by size."""
        return [self._zip.read(name) for name in sorted(self._zip.names) if name.startswith("checkpoints/")]

    def head(self) -> Head:
        """Return the size alone: an export has no head."""
        return Head(self.extent.end, b"", 0)

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """See `LedgerReader`."""
        return self._records("tile/entries", start, end)

    def stored(self, start: int, end: int) -> list[tuple[bytes, bytes]]:
        """See `LedgerReader`."""
        return list(zip(self.entries(start, end), split(self.hashes(0, start, end)), strict=False))

    def disclosures(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """See `LedgerReader`."""
        found = enumerate(self._records("disclosures", start, end), start)
        return ((index, packed) for index, packed in found if packed)

    def floor(self) -> int:
        """See `LedgerReader`."""
        return self.extent.first

    def kept(self, end: int) -> Iterator[tuple[int, bytes]]:
        """See `LedgerReader`."""
        return enumerate(self.entries(self.extent.first, end), self.extent.first)

    def hashes(self, level: int, start: int, end: int) -> bytes:
        """See `LedgerReader`."""
        found: list[bytes] = []
        for tile in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            name = place(f"tile/{level}", tile, self.extent.size >> (TILE_HEIGHT * level))
            row = self._zip.read(name) if name in self._zip.names else b""
            at = tile * TILE_WIDTH
            found.append(row[max(0, start - at) * HASH_BYTES : max(0, end - at) * HASH_BYTES])
        return b"".join(found)

    def _records(self, folder: str, start: int, end: int) -> Iterator[bytes]:
        """Yield records by index, up to the first that is missing."""
        for index in range(max(start, self.extent.first), min(end, self.extent.end)):
            tile, at = divmod(index, TILE_WIDTH)
            row = self._row(place(folder, tile, self.extent.end))
            if at >= len(row):
                return
            yield row[at]

    def _row(self, name: str) -> list[bytes]:
        if name not in self._kept:
            self._kept = {name: split_records(self._zip.read(name)) if name in self._zip.names else []}
        return self._kept[name]


def read_extent(content: bytes) -> Extent:
    """Raise `ArchiveError` for anything but the canonical form of one."""
    try:
        extent = msgspec.convert(decode(content), Extent)
    except (AuditError, msgspec.ValidationError) as error:
        raise ArchiveError("export.json is not that of a log export") from error
    if extent.type != TYPE or not 0 <= extent.first < extent.end <= extent.size or extent.first % TILE_WIDTH:
        raise ArchiveError("export.json speaks of no range that there could be")
    return extent


def place(folder: str, number: int, end: int) -> str:
    """Name the file of a tile or bundle (C2SP tlog-tiles) in a row that ends there: the last may be partial."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    width = end - number * TILE_WIDTH
    partial = f".p/{width}" if 0 < width < TILE_WIDTH else ""
    return "/".join([folder, *(f"x{each}" for each in groups[:-1]), groups[-1]]) + partial


def join_records(records: Sequence[bytes]) -> bytes:
    """Write an entry bundle: each record behind its length, two bytes, big-endian."""
    return b"".join(len(each).to_bytes(_LENGTH_BYTES, "big") + each for each in records)


def split_records(bundle: bytes) -> list[bytes]:
    """Read an entry bundle. What is cut off at its end is left out: it is missing."""
    found: list[bytes] = []
    at = 0
    while at + _LENGTH_BYTES <= len(bundle):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(bundle[at:start], "big")
        if at <= len(bundle):
            found.append(bundle[start:at])
    return found


def _given(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _named(checkpoints: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Name checkpoints by their sizes; two of one size may be a fork, so both are kept."""
    count: dict[int, int] = {}
    for content in dict.fromkeys(checkpoints):
        size = peek(content).size
        count[size] = count.get(size, -1) + 1
        yield f"checkpoints/{size:016d}-{count[size]}", content


def _tiles(extent: Extent, reader: LedgerReader, sizes: Sequence[int]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name the tiles that lead from the range to every checkpoint: above the leaves, that is all of them."""
    edges = {size // TILE_WIDTH for size in (*sizes, extent.size) if size % TILE_WIDTH}
    wanted = edges | set(range(extent.first // TILE_WIDTH, -(-extent.end // TILE_WIDTH)))
    level, width = 0, extent.size
    while width:
        for tile in sorted(wanted) if level == 0 else range(-(-width // TILE_WIDTH)):
            yield place(f"tile/{level}", tile, width), _tile(reader, level, tile * TILE_WIDTH, width)
        level, width = level + 1, width >> TILE_HEIGHT


def _tile(reader: LedgerReader, level: int, start: int, width: int) -> Callable[[], bytes]:
    end = min(start + TILE_WIDTH, width)

    def read() -> bytes:
        found = reader.hashes(level, start, end)
        if len(found) != (end - start) * HASH_BYTES:
            raise ArchiveError(f"hashes {start} to {end} of level {level} are not all there")
        return found

    return read


def _bundles(extent: Extent, reader: LedgerReader) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for tile in range(extent.first // TILE_WIDTH, -(-extent.end // TILE_WIDTH)):
        start, end = tile * TILE_WIDTH, min(tile * TILE_WIDTH + TILE_WIDTH, extent.end)
        yield place("tile/entries", tile, extent.end), _bundle(reader, start, end)
        if extent.disclosures:
            yield place("disclosures", tile, extent.end), _disclosed(reader, start, end)


def _bundle(reader: LedgerReader, start: int, end: int) -> Callable[[], bytes]:
    def read() -> bytes:
        found = list(reader.entries(start, end))
        if len(found) != end - start:
            raise ArchiveError(f"entry {start + len(found)} is missing")
        return join_records(found)

    return read


def _disclosed(reader: LedgerReader, start: int, end: int) -> Callable[[], bytes]:
    def read() -> bytes:
        kept = dict(reader.disclosures(start, end))
        return join_records([kept.get(index, b"") for index in range(start, end)])

    return read
