"""The ledger's rows in SQL, from the writer's side: inside its transaction, under the lock on the head."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import attrgetter
from typing import cast

from sqlalchemy import BigInteger, Engine, Integer, Table, bindparam, literal_column, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import ClauseElement

from adapters.sql.cursors import Asked, Cursor
from adapters.sql.statements import Statement, among_texts, rows_into, upsert
from adapters.sql.tables import ledger_disclosure, ledger_entry, ledger_head, ledger_partner, ledger_tile
from adapters.sql.trail_tables import trail_hour
from audit.ledger import EMPTY_HEAD, Batch, Head, PartnerHead

_ENTRY = ("index", "id", "entry", "leaf", "log_time", "type", "partner")
_DISCLOSURE = ("index", "disclosures")
_TILE = ("level", "index", "hashes", "root")
_HOUR = ("hour", "partner", "granted", "told")
_entry, _disclosure, _tile = attrgetter(*_ENTRY), attrgetter(*_DISCLOSURE), attrgetter(*_TILE)


class LedgerTable:
    """Keeps the promise of `audit.ledger.LedgerStore` on one cursor, inside the caller's transaction.

    An index or id that is taken may be refused as late as by the commit.
    """

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._head = Statement(_head(), engine)
        self._partners = Statement(_partners(engine), engine)
        self._leaves = Statement(_leaves(), engine)
        self._roots = Statement(_roots(), engine)
        self._set_head = Statement(_replace(engine, ledger_head, "id", "size", "frontier", "log_time"), engine)
        self._set_partner = Statement(_replace(engine, ledger_partner, "partner", "size", "leaf"), engine)
        self._entry = Statement(rows_into(engine, ledger_entry, *_ENTRY), engine)
        self._disclosure = Statement(rows_into(engine, ledger_disclosure, *_DISCLOSURE), engine)
        self._tile = Statement(rows_into(engine, ledger_tile, *_TILE), engine)
        self._count = Statement(_count(engine), engine)
        self.last: tuple[str, int] | None = None
        """Id and index of the last entry that was appended, until it is reset."""
        self._met: frozenset[str] = frozenset()
        self._met_heads: Asked | None = None

    def lock_head(self) -> Head:
        """Asks for the heads of the last batch's partners on the same way: the next one's are often the same."""
        asked = self._head.ask(self._cursor)
        self._met_heads = self._partners.ask(self._cursor, partners=list(self._met)) if self._met else None
        rows = asked.rows()
        return Head(*cast("tuple[int, bytes, int]", rows[0])) if rows else EMPTY_HEAD

    def partner_heads(self, partners: Collection[str]) -> Mapping[str, PartnerHead]:
        if not partners:
            return {}
        is_met = self._met_heads is not None and self._met.issuperset(partners)
        asked = self._met_heads if self._met_heads and is_met else None
        rows = (asked or self._partners.ask(self._cursor, partners=list(partners))).rows()
        heads = {name: PartnerHead(size, leaf) for name, size, leaf in cast("list[tuple[str, int, bytes]]", rows)}
        return {name: heads[name] for name in partners if name in heads}

    def hashes(self, level: int, start: int, end: int) -> bytes:
        if level == 0:
            found = self._leaves.rows(self._cursor, start=start, end=end)
        else:
            found = self._roots.rows(self._cursor, level=level - 1, start=start, end=end)
        return b"".join(cast("bytes", row[0]) for row in found)

    def append(self, batch: Batch) -> None:
        self.last = batch.rows[-1].id, batch.rows[-1].index
        heads = sorted(batch.partner_heads.items())
        self._entry.write(self._cursor, [*map(_entry, batch.rows)])
        self._disclosure.write(self._cursor, [*map(_disclosure, batch.rows)])
        self._tile.write(self._cursor, [*map(_tile, batch.tiles)])
        self._set_partner.write(self._cursor, [(name, *head) for name, head in heads])
        self._set_head.write(self._cursor, [(1, *batch.head)])
        self._count.write(self._cursor, [(*place, *count) for place, count in sorted(batch.counts.items())])
        self._met, self._met_heads = frozenset(batch.partner_heads), None
        # A distant database writes while receipts are signed.
        self._cursor.flush()


def is_recorded(engine: Engine, entry: tuple[str, int] | None) -> bool:
    """Whether the entry of this id is at this index, seen from a new connection; False also when it cannot be told."""
    if entry is None:
        return False
    try:
        engine.dispose()
        with engine.connect() as connection:
            found = connection.execute(select(ledger_entry.c.index).where(ledger_entry.c.id == entry[0]))
            return found.scalar() == entry[1]
    except SQLAlchemyError:
        return False


def _head() -> ClauseElement:
    wanted = select(ledger_head.c.size, ledger_head.c.frontier, ledger_head.c.log_time)
    return wanted.where(ledger_head.c.id == literal_column("1")).with_for_update()


def _partners(engine: Engine) -> ClauseElement:
    wanted = select(ledger_partner.c.partner, ledger_partner.c.size, ledger_partner.c.leaf)
    return wanted.where(among_texts(engine, ledger_partner.c.partner, "partners"))


def _leaves() -> ClauseElement:
    index = ledger_entry.c.index
    start, end = bindparam("start", type_=BigInteger), bindparam("end", type_=BigInteger)
    return select(ledger_entry.c.leaf).where(index >= start, index < end).order_by(index)


def _roots() -> ClauseElement:
    index = ledger_tile.c.index
    start, end = bindparam("start", type_=BigInteger), bindparam("end", type_=BigInteger)
    on_level = ledger_tile.c.level == bindparam("level", type_=Integer)
    return select(ledger_tile.c.root).where(on_level, index >= start, index < end).order_by(index)


def _count(engine: Engine) -> ClauseElement:
    """Hours are counted under the lock on the head, so nobody waits for anybody here."""
    counted = ("entries", "claims")
    new = upsert(engine, trail_hour, *_HOUR, *counted)
    added = {name: trail_hour.c[name] + new.excluded[name] for name in counted}
    return new.on_conflict_do_update(index_elements=_HOUR, set_=added)


def _replace(engine: Engine, table: Table, key: str, *columns: str) -> ClauseElement:
    new = upsert(engine, table, key, *columns)
    return new.on_conflict_do_update(index_elements=[key], set_={name: new.excluded[name] for name in columns})
