"""The log of a home as an officer with the keys reads it: entries, and what their disclosures say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.disclosure import unpack, unseal
from audit.entry import JsonValue, decode
from ops.settings import Home, ServeSettings, load

Json = Mapping[str, JsonValue]


@dataclass(frozen=True)
class Logged:
    """One entry, opened."""

    entry: Json
    secrets: Json

    @property
    def kind(self) -> str:
        return str(self.entry["type"])

    @property
    def body(self) -> Json:
        return cast("Json", self.entry["body"])


def logged(home: Home, start: int = 0) -> list[Logged]:
    """All entries from an index on."""
    reader = SqlLedgerReader.open(home.database_url(load(home, "serve.toml", ServeSettings)))
    keys = DisclosureKeyFiles(home.keys / "serve" / "disclosure", None, bytes)
    try:
        end = reader.head().size
        entries = [cast("Json", decode(each)) for each in reader.entries(start, end)]
        packed = dict(reader.disclosures(start, end))
    finally:
        reader.close()
    return [Logged(entry, _open(entry, packed.get(start + n, b""), keys)) for n, entry in enumerate(entries)]


def log_size(home: Home) -> int:
    """How many entries there are."""
    reader = SqlLedgerReader.open(home.database_url(load(home, "serve.toml", ServeSettings)))
    try:
        return reader.head().size
    finally:
        reader.close()


def _open(entry: Json, packed: bytes, keys: DisclosureKeyFiles) -> Json:
    opened = [unseal(str(entry["id"]), sealed, keys) for sealed in unpack(packed)] if packed else []
    return {each.name: each.reveal() for each in opened if each is not None}
