"""What the log of a run shows of the turns it was written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from ops.settings import Home, ServeSettings, load


class _Entry(msgspec.Struct):
    """What is read of an entry here: when it was decided, which all entries of a turn have alike."""

    time: str
    type: str


class Ledger:
    """The log of a home, read while it grows."""

    def __init__(self, home: Home) -> None:
        self._url = home.database_url(load(home, "serve.toml", ServeSettings))

    def size(self) -> int:
        """How many entries it has."""
        with self._reader() as reader:
            return reader.head().size

    def turns(self, start: int) -> Counter[str]:
        """How many comparisons each turn recorded, from that entry on."""
        read = msgspec.json.Decoder(_Entry).decode
        with self._reader() as reader:
            entries = map(read, reader.entries(start, reader.head().size))
            return Counter(entry.time for entry in entries if entry.type.startswith("comparison"))

    @contextmanager
    def _reader(self) -> Iterator[SqlLedgerReader]:
        engine = open_engine(self._url)
        try:
            yield SqlLedgerReader(engine)
        finally:
            engine.dispose()
