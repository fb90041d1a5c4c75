"""A log in the hands of somebody who owns its database: read whole, changed at will, written back past all guards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Connection, Table, delete, insert, select, text

from adapters.sql.engine import is_sqlite, open_engine
from adapters.sql.tables import APPEND_ONLY, ledger_disclosure, ledger_entry, ledger_head, ledger_tile
from audit.entry import JsonValue, decode, encode, leaf_hash
from audit.tree import filled_tiles, grow

Row = dict[str, object]
Entry = dict[str, JsonValue]
TABLES = (ledger_entry, ledger_disclosure, ledger_tile, ledger_head)


@dataclass(frozen=True)
class Held:
    """All rows of a log."""

    rows: Mapping[str, list[Row]] = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Held:
        engine = open_engine(url)
        try:
            with engine.connect() as connection:
                return cls({table.name: _rows(connection, table) for table in TABLES})
        finally:
            engine.dispose()

    @property
    def entries(self) -> list[Row]:
        return self.rows["ledger_entry"]

    @property
    def size(self) -> int:
        return len(self.entries)

    def opened(self, index: int) -> Entry:
        """An entry, as it can be read."""
        return cast("Entry", decode(cast("bytes", self.entries[index]["entry"])))

    def with_rows(self, table: Table, rows: Sequence[Row]) -> Held:
        """The same with other rows in one table."""
        return replace(self, rows={**self.rows, table.name: list(rows)})

    def with_entry(self, index: int, **changes: object) -> Held:
        """The same with one row of an entry changed."""
        rows = [{**row, **changes} if row["index"] == index else row for row in self.entries]
        return self.with_rows(ledger_entry, rows)

    def edited(self, index: int) -> Held:
        """The thief turns a mismatch into a match, or whatever it finds into something else."""
        entry = self.opened(index)
        body = cast("Entry", entry["body"])
        return self.with_entry(index, entry=encode({**entry, "body": {**body, "edited": 1}}))

    def hashed(self, index: int) -> Held:
        """Also stores the hash of what stands there now."""
        return self.with_entry(index, leaf=leaf_hash(cast("bytes", self.entries[index]["entry"])))

    def without(self, index: int) -> Held:
        """An entry is gone; its disclosures too."""
        kept = self.with_rows(ledger_entry, [row for row in self.entries if row["index"] != index])
        return kept.with_disclosures({at: each for at, each in self.disclosures.items() if at != index})

    def swapped(self, one: int, other: int) -> Held:
        """Two entries change places."""
        first, second = self.entries[one], self.entries[other]
        places = {one: {**second, "index": one}, other: {**first, "index": other}}
        return self.with_rows(ledger_entry, [places.get(at, row) for at, row in enumerate(self.entries)])

    def between_partners(self, index: int) -> Held:
        """The first two neighbours from there on that belong to two partners change places."""
        partners = [row["partner"] for row in self.entries]
        at = next(n for n in range(index, self.size - 1) if None not in {*partners[n : n + 2]} and _differ(partners, n))
        return self.swapped(at, at + 1)

    def reversed(self, start: int, end: int) -> Held:
        """A stretch of entries in the other order."""
        turned = [{**row, "index": start + at} for at, row in enumerate(reversed(self.entries[start:end]))]
        return self.with_rows(ledger_entry, [*self.entries[:start], *turned, *self.entries[end:]])

    def beheaded(self, start: int) -> Held:
        """What came first is gone, as if it had been kept for long enough."""
        kept = self.with_rows(ledger_entry, self.entries[start:])
        return kept.with_disclosures({at: each for at, each in self.disclosures.items() if at >= start})

    def given_away(self, index: int) -> Held:
        """An entry stands in the chain of another partner than its own."""
        entry = self.opened(index)
        others = [str(row["partner"]) for row in self.entries if row["partner"] not in {None, entry["partner"]}]
        return self.with_entry(index, entry=encode({**entry, "partner": others[0]}), partner=others[0]).hashed(index)

    def repeated(self, index: int) -> Held:
        """An entry stands there twice."""
        double = {**self.entries[index], "index": self.size, "id": "00000000-0000-7000-8000-000000000000"}
        return self.with_rows(ledger_entry, [*self.entries, double])

    def cut(self, size: int) -> Held:
        """What came later is gone, and nobody remembers it."""
        kept = self.with_rows(ledger_entry, self.entries[:size])
        return kept.with_disclosures({at: each for at, each in self.disclosures.items() if at < size})

    def with_tile(self, root: bytes) -> Held:
        """The first tile says another root."""
        first, *rest = self.rows["ledger_tile"]
        return self.with_rows(ledger_tile, [{**first, "root": root}, *rest])

    @property
    def disclosures(self) -> dict[int, bytes]:
        rows = self.rows["ledger_disclosure"]
        return {cast("int", row["index"]): cast("bytes", row["disclosures"]) for row in rows}

    def with_disclosures(self, disclosures: Mapping[int, bytes]) -> Held:
        """The same with these disclosures beside the log."""
        return self.with_rows(
            ledger_disclosure, [{"index": at, "disclosures": each} for at, each in disclosures.items()]
        )

    def rebuilt(self) -> Held:
        """The careful thief: numbers, times, chains, hashes, tiles and head made anew, so that all fits together."""
        entries, chains, time = [], dict[str, tuple[int, str]](), ""
        for index, row in enumerate(self.entries):
            entry = {**cast("Entry", decode(cast("bytes", row["entry"]))), "seq": index}
            time = max(str(entry["log_time"]), _next(time))
            entry |= {"log_time": time, "time": min(str(entry["time"]), time)}
            partner = str(entry.get("partner", ""))
            if partner:
                place, previous = chains.get(partner, (0, ""))
                entry |= {"pseq": place, "pprev": previous or None}
            content = encode(entry)
            leaf = leaf_hash(content)
            chains[partner] = (chains.get(partner, (0, ""))[0] + 1, leaf.hex())
            entries.append({**row, "index": index, "entry": content, "leaf": leaf})
        return self.with_rows(ledger_entry, entries)._with_tree()

    def _with_tree(self) -> Held:
        leaves = [cast("bytes", row["leaf"]) for row in self.entries]
        frontier: list[bytes] = []
        for size, leaf in enumerate(leaves):
            grow(frontier, size, leaf)
        tiles = filled_tiles(0, leaves, lambda level, start, end: b"")
        members = [{name: getattr(tile, name) for name in ("level", "index", "hashes", "root")} for tile in tiles]
        head = {**self.rows["ledger_head"][0], "size": len(leaves), "frontier": b"".join(frontier)}
        return self.with_rows(ledger_tile, members).with_rows(ledger_head, [head])

    def write(self, url: str) -> None:
        """Puts it in place of what is there, guards or not."""
        engine = open_engine(url)
        try:
            with engine.begin() as connection:
                _disarm(connection, sqlite=is_sqlite(engine))
                for table in TABLES:
                    connection.execute(delete(table))
                    if self.rows[table.name]:
                        connection.execute(insert(table), self.rows[table.name])
        finally:
            engine.dispose()


def _differ(partners: Sequence[object], at: int) -> bool:
    return partners[at] != partners[at + 1]


def _next(time: str) -> str:
    """A microsecond later."""
    if not time:
        return ""
    later = datetime.fromisoformat(time) + timedelta(microseconds=1)
    return later.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _rows(connection: Connection, table: Table) -> list[Row]:
    ordered = select(table).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(ordered).mappings()]


def _disarm(connection: Connection, *, sqlite: bool) -> None:
    for table in APPEND_ONLY:
        if not sqlite:
            connection.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER ALL"))
    if sqlite:
        for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(text(f'DROP TRIGGER "{name}"'))
