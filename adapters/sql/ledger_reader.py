"""The ledger as readers see it: on a connection of their own, never inside the writer's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Engine, Executable, literal_column, select
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.engine import open_engine
from adapters.sql.erasure_tables import erasure_entry
from adapters.sql.tables import ledger_disclosure, ledger_entry, ledger_floor, ledger_head, ledger_tile
from audit.ledger import EMPTY_HEAD, Head
from audit.reader import CHUNK
from audit.tree import HASH_BYTES, TILE_WIDTH, split
from gateway.domain.errors import UnavailableError


class SqlLedgerReader:
    """Keeps the promise of `audit.reader.LedgerReader`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> SqlLedgerReader:
        return cls(open_engine(url))

    def close(self) -> None:
        self._engine.dispose()

    def head(self) -> Head:
        wanted = select(ledger_head.c.size, ledger_head.c.frontier, ledger_head.c.log_time)
        rows = self._rows(wanted.where(ledger_head.c.id == literal_column("1")))
        return Head(rows[0][0], _bytes(rows[0][1]), rows[0][2]) if rows else EMPTY_HEAD

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        index = ledger_entry.c.index
        wanted = select(index, ledger_entry.c.entry).where(index >= start, index < end).order_by(index)
        for place, row in enumerate(self._rows(wanted), start):
            if row[0] != place:
                return
            yield _bytes(row[1])

    def stored(self, start: int, end: int) -> list[tuple[bytes, bytes]]:
        of = ledger_entry.c
        rows = self._rows(select(of.entry, of.leaf).where(of.index >= start, of.index < end).order_by(of.index))
        if len(rows) != end - start:
            rows = list(zip(self.entries(start, end), split(self.hashes(0, start, end)), strict=False))
        return [(_bytes(entry), _bytes(leaf)) for entry, leaf in rows]

    def floor(self) -> int:
        rows = self._rows(select(ledger_floor.c.first))
        return rows[0][0] if rows else 0

    def kept(self, end: int) -> Iterator[tuple[int, bytes]]:
        index = ledger_entry.c.index
        for row in self._rows(select(index, ledger_entry.c.entry).where(index < end).order_by(index)):
            yield row[0], _bytes(row[1])

    def of_type(self, kind: str) -> Iterator[tuple[int, bytes]]:
        """Index and bytes of all entries of one kind, by index. Looks at every row: for rare and patient askers."""
        index = ledger_entry.c.index
        wanted = select(index, ledger_entry.c.entry).where(ledger_entry.c.type == kind).order_by(index)
        for row in self._rows(wanted):
            yield row[0], _bytes(row[1])

    def chain(self, partner: str) -> Iterator[tuple[int, bytes]]:
        """Index and bytes of a partner's entries, in order, a few thousand at a time."""
        at = -1
        index = ledger_entry.c.index
        while True:
            wanted = select(index, ledger_entry.c.entry).where(ledger_entry.c.partner == partner, index > at)
            rows = self._rows(wanted.order_by(index).limit(CHUNK))
            yield from ((row[0], _bytes(row[1])) for row in rows)
            if len(rows) < CHUNK:
                return
            at = rows[-1][0]

    def hashes(self, level: int, start: int, end: int) -> bytes:
        if level == 0:
            return self._leaves(start, end)
        index = ledger_tile.c.index
        wanted = select(ledger_tile.c.root).where(ledger_tile.c.level == level - 1, index >= start, index < end)
        return b"".join(_bytes(row[0]) for row in self._rows(wanted.order_by(index)))

    def _leaves(self, start: int, end: int) -> bytes:
        """Of pruned entries the tiles still have them."""
        index = ledger_entry.c.index
        wanted = select(ledger_entry.c.leaf).where(index >= start, index < end).order_by(index)
        found = [_bytes(row[0]) for row in self._rows(wanted)]
        if len(found) < end - start and start < (floor := self.floor()):
            pruned = self._tiles(start, min(end, floor))
            return pruned + (self._leaves(floor, end) if end > floor else b"")
        return b"".join(found)

    def _tiles(self, start: int, end: int) -> bytes:
        index, first = ledger_tile.c.index, start // TILE_WIDTH
        wanted = select(ledger_tile.c.hashes).where(ledger_tile.c.level == 0, index >= first, index * TILE_WIDTH < end)
        joined = b"".join(_bytes(row[0]) for row in self._rows(wanted.order_by(index)))
        return joined[(start - first * TILE_WIDTH) * HASH_BYTES : (end - first * TILE_WIDTH) * HASH_BYTES]

    def disclosures(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        index = ledger_disclosure.c.index
        wanted = select(index, ledger_disclosure.c.disclosures).where(index >= start, index < end).order_by(index)
        for row in self._rows(wanted):
            yield row[0], _bytes(row[1])

    def tombstones(self) -> list[int]:
        """The entries that say what was erased."""
        return [row[0] for row in self._rows(select(erasure_entry.c.entry).order_by(erasure_entry.c.entry))]

    def _rows(self, wanted: Executable) -> Sequence[Any]:
        """All of them at once: readers ask for a few thousand at a time, and may stop before the last."""
        try:
            with self._engine.connect() as connection:
                return connection.execute(wanted).all()
        except SQLAlchemyError as error:
            raise UnavailableError("the control database cannot be read; `bidui doctor` says why") from error


def _bytes(value: object) -> bytes:
    """What is stored as anything but bytes was not written by us; nothing stands in its place."""
    return bytes(value) if isinstance(value, bytes | memoryview) else b""
