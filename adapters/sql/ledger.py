"""The ledger's rows in SQL: the writer's side inside a transaction, the reader's side on a connection of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

import msgspec
from sqlalchemy import BigInteger, Engine, Integer, Select, Table, Text, any_, bindparam, insert, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import ClauseElement

from adapters.sql.engine import Cursor, Statement, is_sqlite, upsert
from adapters.sql.tables import ledger_disclosure, ledger_entry, ledger_head, ledger_partner, ledger_tile
from audit.ledger import EMPTY_HEAD, Batch, Head, PartnerHead


class LedgerTable:
    """Keeps the promise of `audit.ledger.LedgerStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._sqlite = is_sqlite(engine)
        self._head = Statement(_head(), engine)
        self._partner = Statement(_partner_one() if self._sqlite else _partner_any(), engine)
        self._leaves = Statement(_leaves(), engine)
        self._roots = Statement(_roots(), engine)
        self._set_head = Statement(_replace(engine, "id", ledger_head, "size", "frontier", "log_time"), engine)
        self._set_partner = Statement(_replace(engine, "partner", ledger_partner, "size", "leaf"), engine)
        self._entry = Statement(insert(ledger_entry), engine)
        self._disclosure = Statement(insert(ledger_disclosure), engine)
        self._tile = Statement(insert(ledger_tile), engine)

    def lock_head(self) -> Head:
        rows = self._head.rows(self._cursor)
        if not rows:
            return EMPTY_HEAD
        size, frontier, log_time = rows[0]
        return Head(cast("int", size), bytes(cast("bytes", frontier)), cast("int", log_time))

    def partner_heads(self, partners: Collection[str]) -> Mapping[str, PartnerHead]:
        if self._sqlite:
            found = [row for partner in partners for row in self._partner.rows(self._cursor, partner=partner)]
        else:
            found = self._partner.rows(self._cursor, partners=list(partners)) if partners else []
        return {
            cast("str", name): PartnerHead(cast("int", size), bytes(cast("bytes", leaf))) for name, size, leaf in found
        }

    def hashes(self, level: int, start: int, end: int) -> bytes:
        if level == 0:
            found = self._leaves.rows(self._cursor, start=start, end=end)
        else:
            found = self._roots.rows(self._cursor, level=level - 1, start=start, end=end)
        return b"".join(bytes(cast("bytes", row[0])) for row in found)

    def append(self, batch: Batch) -> None:
        rows = batch.rows
        members = [_members(row) for row in rows]
        self._entry.run(self._cursor, members)
        self._disclosure.run(self._cursor, members)
        self._tile.run(self._cursor, [_members(tile) for tile in batch.tiles])
        self._set_partner.run(
            self._cursor, [{"partner": name, **head._asdict()} for name, head in sorted(batch.partner_heads.items())]
        )
        self._set_head.run(self._cursor, [{"id": 1, **batch.head._asdict()}])


_members = msgspec.structs.asdict


def _head() -> ClauseElement:
    wanted = select(ledger_head.c.size, ledger_head.c.frontier, ledger_head.c.log_time)
    return wanted.where(ledger_head.c.id == literal_column("1")).with_for_update()


def _partner_one() -> ClauseElement:
    return _partners().where(ledger_partner.c.partner == bindparam("partner"))


def _partner_any() -> ClauseElement:
    return _partners().where(ledger_partner.c.partner == any_(bindparam("partners", type_=ARRAY(Text))))


def _partners() -> Select[tuple[str, int, bytes]]:
    return select(ledger_partner.c.partner, ledger_partner.c.size, ledger_partner.c.leaf)


def _leaves() -> ClauseElement:
    index = ledger_entry.c.index
    start, end = bindparam("start", type_=BigInteger), bindparam("end", type_=BigInteger)
    return select(ledger_entry.c.leaf).where(index >= start, index < end).order_by(index)


def _roots() -> ClauseElement:
    index = ledger_tile.c.index
    start, end = bindparam("start", type_=BigInteger), bindparam("end", type_=BigInteger)
    on_level = ledger_tile.c.level == bindparam("level", type_=Integer)
    return select(ledger_tile.c.root).where(on_level, index >= start, index < end).order_by(index)


def _replace(engine: Engine, key: str, table: Table, *columns: str) -> ClauseElement:
    new = upsert(engine, table)
    return new.on_conflict_do_update(index_elements=[key], set_={name: new.excluded[name] for name in columns})
