"""What the log of a run shows of the turns it was written in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Self

import msgspec

from adapters.sql.ledger_reader import SqlLedgerReader
from ops.settings import Home, ServeSettings, load


class _Entry(msgspec.Struct):
    """What is read of an entry here: when it was decided, which all entries of a turn have alike."""

    time: str
    type: str


@dataclass(frozen=True)
class Ledger:
    """The log of a home, read while it grows."""

    _reader: SqlLedgerReader

    @classmethod
    def of(cls, home: Home) -> Self:
        return cls(SqlLedgerReader.open(home.database_url(load(home, "serve.toml", ServeSettings))))

    def size(self) -> int:
        """How many entries it has."""
        return self._reader.head().size

    def turns(self, start: int) -> Counter[str]:
        """How many comparisons each turn recorded, from that entry on."""
        read = msgspec.json.Decoder(_Entry).decode
        entries = map(read, self._reader.entries(start, self.size()))
        return Counter(entry.time for entry in entries if entry.type.startswith("comparison"))
