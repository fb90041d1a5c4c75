"""A log export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO

from audit.standalone.canonical import canonical, count, members, text
from audit.standalone.entries import EntryScan, records
from audit.standalone.hashes import SUITES
from audit.standalone.trees import TILE, TILE_HEIGHT, Hashing, split
from audit.standalone.trusting import Trust, open_checkpoint, own_trust
from audit.standalone.verdicts import MissingError, Report, UnreadableError, WrongError
from audit.standalone.witnesses import Policy
from audit.standalone.zips import Zipped

_N = r"(x\d{3}/){0,4}\d{3}(\.p/[1-9]\d{0,2})?"
EXPORT_NAMES = rf"export\.json|trust\.json|checkpoints/\d{{16}}-\d{{1,3}}|tile/(entries|\d)/{_N}|disclosures/{_N}"


class LogExport:
    """A log export, opened."""

    def __init__(self, file: IO[bytes]) -> None:
        """Raise `UnreadableError`."""
        self.zip = Zipped(file, EXPORT_NAMES)
        try:
            told = members(canonical(self.zip.read("export.json")), _EXTENT, "export.json")
            self.first, self.end, self.size = (count(told[name]) for name in ("first", "end", "size"))
            self.origin, self.suite = text(told["origin"]), text(told["suite"])
        except (WrongError, MissingError) as error:
            raise UnreadableError(str(error)) from error
        good = told["type"] == "bidui-log-export/1" and self.first % TILE == 0 and self.suite in SUITES
        if not good or not self.first < self.end <= self.size:
            raise UnreadableError("export.json 所述范围不成立 / export.json speaks of no range that there could be")

    def checkpoints(self) -> list[bytes]:
        """Return all checkpoints, by size."""
        return [self.zip.read(name) for name in sorted(self.zip.names) if name.startswith("checkpoints/")]

    def entries(self, number: int) -> list[bytes]:
        """Return a bundle of 256 entries, or what is there of it."""
        name = tile_name("tile/entries", number, self.end)
        return records(self.zip.read(name)) if name in self.zip.names else []

    def tile(self, level: int, number: int) -> list[bytes]:
        """Return a tile of hashes, or nothing."""
        name = tile_name(f"tile/{level}", number, self.size >> (TILE_HEIGHT * level))
        return split(self.zip.read(name)) if name in self.zip.names else []

    def full_tiles(self, level: int) -> list[int]:
        """Return which full tiles of a level came along; of those that the size claims there may be any number."""
        folder = f"tile/{level}/"
        found = (name.removeprefix(folder) for name in self.zip.names if name.startswith(folder) and ".p/" not in name)
        return sorted(int(name.replace("/", "").replace("x", "")) for name in found)


_EXTENT = ("disclosures", "end", "first", "origin", "size", "suite", "type")


def tile_name(folder: str, number: int, end: int) -> str:
    """Name the file of a tile in a row that ends there."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    width = end - number * TILE
    partial = f".p/{width}" if 0 < width < TILE else ""
    return "/".join([folder, *(f"x{each}" for each in groups[:-1]), groups[-1]]) + partial


class _LogVerifier:
    """One verification of one export, whole or a range."""

    def __init__(self, export: LogExport, trust: Trust, report: Report) -> None:
        self._export, self._report = export, report
        self._hashing = Hashing(trust.suite)
        self._scan = EntryScan(trust.origin, trust.suite, report, export.first)
        self._frontier: list[bytes] = []
        self._tile_roots: list[bytes] = []
        self._broken: tuple[int, int] | None = None
        self._proven = export.first
        self._next = export.first

    def whole(self, signed: Mapping[int, list[bytes]]) -> None:
        """Walk through all of it; at each checkpoint's size the tree must have its root."""
        claimed = max(self._export.end, max(signed, default=0))
        for number in range(-(-claimed // TILE)):
            if not self._take_bundle(number, signed):
                break
        if self._next < claimed:
            self._report.wrong(
                self._next, f"应有 {claimed} 条，只有 {self._next} 条 / only {self._next} of {claimed} entries"
            )
        self._check_tiles(0, self._tile_roots)
        if self._broken:
            start, end = self._broken
            named = self._report.names_one_in(0, end)
            self._report.wrong(
                None if named else start, f"第 {start} 至 {end - 1} 条之中有被换的 / one of these is not the one signed"
            )
        self._finish(self._proven)

    def part(self, signed: Mapping[int, list[bytes]]) -> None:
        """Check each entry against the hashes that came along, and those against every checkpoint."""
        for number in range(self._export.first // TILE, -(-self._export.end // TILE)):
            if not self._take_bundle(number, {}):
                self._report.wrong(self._next, "条目缺失 / an entry is missing")
                break
        if self._export.size not in signed:
            self._report.missing(None, f"大小 {self._export.size} 没有已签检查点 / no signed checkpoint of this size")
            self._finish(self._proven)
            return
        self._check_levels()
        for size, roots in sorted(signed.items()):
            if self._check_range_root(size, roots) and size >= self._export.end:
                self._proven = self._next
        self._finish(self._proven)

    def _finish(self, proven: int) -> None:
        self._report.size = self._next - self._export.first
        if proven < self._next:
            self._report.missing(proven, "此后各条不在任何已签检查点之下 / from here on under no signed checkpoint")

    def _take_bundle(self, number: int, signed: Mapping[int, list[bytes]]) -> bool:
        """Take 256 entries, or the last ones; False when some are missing."""
        stored, row = self._export.tile(0, number), list[bytes]()
        wanted = min(TILE, self._export.end - number * TILE)
        for at, content in enumerate(self._export.entries(number)[:wanted]):
            leaf = self._hashing.leaf(content)
            if at >= len(stored) or stored[at] != leaf:
                self._report.wrong(self._next, "条目与其哈希不符 / the entry does not have the hash it was stored with")
            self._scan.take(self._next, content, leaf)
            row.append(leaf)
            self._next += 1
            if self._next in signed:
                self._check_root(signed[self._next], row)
        if len(row) == TILE:
            top = self._hashing.perfect(row)
            self._hashing.grow(self._frontier, len(self._tile_roots), top)
            self._tile_roots.append(top)
        return len(row) == wanted

    def _check_root(self, roots: Sequence[bytes], row: Sequence[bytes]) -> None:
        rest: list[bytes] = []
        for size, leaf in enumerate(row):
            self._hashing.grow(rest, size, leaf)
        frontier = self._frontier
        if len(row) == TILE:
            frontier = list(frontier)
            self._hashing.grow(frontier, len(self._tile_roots), rest.pop())
        if all(each == self._hashing.root(frontier + rest) for each in roots):
            self._proven = self._next
        elif self._broken is None:
            self._broken = (self._proven, self._next)

    def _check_tiles(self, level: int, computed: list[bytes]) -> None:
        """Hold the hashes that came along against those of the entries, a level at a time."""
        while computed:
            stored = [each for n in range(-(-len(computed) // TILE)) for each in self._export.tile(level + 1, n)]
            for number, node in enumerate(computed):
                if number >= len(stored) or stored[number] != node:
                    self._blame(level, number)
            full = range(0, len(computed) - TILE + 1, TILE)
            level, computed = level + 1, [self._hashing.perfect(computed[at : at + TILE]) for at in full]

    def _check_levels(self) -> None:
        """In a range: every full tile that came along must be what the level above says of it."""
        level, width = 0, self._export.size
        while width >= TILE:
            for number in self._export.full_tiles(level):
                row = self._export.tile(level, number)
                above = self._export.tile(level + 1, number // TILE)
                known = number % TILE < len(above)
                if len(row) == TILE and not (known and above[number % TILE] == self._hashing.perfect(row)):
                    self._blame(level, number)
            level, width = level + 1, width >> TILE_HEIGHT

    def _blame(self, level: int, number: int) -> None:
        width = TILE ** (level + 1)
        start = number * width
        named = self._report.names_one_in(start, start + width)
        self._report.wrong(
            None if named else start, f"第 {level} 层第 {number} 片哈希与条目不符 / a tile is not of its entries"
        )

    def _check_range_root(self, size: int, roots: Sequence[bytes]) -> bool:
        try:
            top = self._hashing.root(self._stored_frontier(size))
        except MissingError as error:
            self._report.missing(None, str(error))
            return False
        if all(each == top for each in roots):
            return True
        named = self._report.names_one_in(self._export.first, self._export.end)
        self._report.wrong(
            None if named else self._export.first, f"哈希不通向大小 {size} 的检查点 / hashes do not lead there"
        )
        return False

    def _stored_frontier(self, size: int) -> list[bytes]:
        found: list[bytes] = []
        start = 0
        while start < size:
            height = (size - start).bit_length() - 1
            level, up = divmod(height, TILE_HEIGHT)
            number, at = divmod((start >> height) << up, TILE)
            row = self._export.tile(level, number)[at : at + (1 << up)]
            if len(row) != 1 << up:
                raise MissingError(f"缺少通向大小 {size} 的检查点的哈希 / hashes towards a checkpoint are missing")
            found.append(self._hashing.perfect(row))
            start += 1 << height
        return found


def verify_log(
    file: IO[bytes], trust: Trust | None, outside: Sequence[bytes] = (), policy: Policy | None = None
) -> Report:
    """Verify a log export, whole or a range, against its checkpoints and those that were kept elsewhere."""
    export, report = LogExport(file), Report()
    trust = trust or own_trust(export.zip, report)
    if (export.origin, export.suite) != (trust.origin, trust.suite):
        report.wrong(None, "导出文件属于另一本账 / the export is of another log or suite")
    signed: dict[int, list[bytes]] = {}
    largest: tuple[int, bytes] = (-1, b"")
    for content in (*export.checkpoints(), *outside):
        told = open_checkpoint(content, trust, report)
        if told:
            signed.setdefault(told.size, []).append(told.root)
            largest = max(largest, (told.size, content))
    if not signed:
        report.missing(None, "没有可信签名的检查点 / no checkpoint signed by a trusted key")
    elif policy:
        open_checkpoint(largest[1], trust, report, policy)
    verifier = _LogVerifier(export, trust, report)
    is_whole = export.first == 0 and export.end == export.size
    verifier.whole(signed) if is_whole else verifier.part(signed)
    report.shown.append(f"账 {trust.origin}：第 {export.first} 至 {export.end - 1} 条，检查点 {len(signed)} 个")
    return report
