"""A home with a source of made-up people, and a look into its sealed index as a permitted query would have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.index.sqlite import SqliteIndex
from adapters.keys.ring import SyncKeys
from gateway.domain.answer import Cause
from gateway.domain.budget import Reservation
from gateway.domain.comparison import Comparison
from gateway.ports import Index, LookUp
from gateway.seal import Plain, Sealer, SealingKey, day_number
from ops.settings import Home, Mode
from ops.sync import LoadReport, SourceSettings, SyncSettings, push, run
from policies.catalogue import Catalogue, Comparator, load_catalogue
from tests.adapters.make_sources import MAPPING, Cells, as_csv

CATALOGUE = load_catalogue()
KEYS = SyncKeys(sealing=b"s" * 32, sync=Ed25519PrivateKey.from_private_bytes(b"m" * 32))
NOW = datetime(2026, 11, 3, 4, 0, tzinfo=UTC)
TODAY = date(2026, 11, 3)
CSV_MAPPING = MAPPING.replace('table = "单位"', 'table = "单位.csv"')
NOT_CONFIRMED = {"": "not_confirmed"}
PAID = Reservation("g-1", 1)


@dataclass
class DrivenClock:
    """A clock that moves a second at each look, so that nothing has the same name."""

    at: datetime = NOW

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class Office:
    """One home, its source file and what sync is told."""

    path: Path
    settings: SyncSettings = field(
        default_factory=lambda: SyncSettings(
            sources=(SourceSettings(mapping="person.toml", file="人员.csv"),), workers=1
        )
    )
    keys: SyncKeys = KEYS
    catalogue: Catalogue = CATALOGUE
    clock: DrivenClock = field(default_factory=DrivenClock)

    @property
    def home(self) -> Home:
        return Home(path=self.path, mode=Mode.TEST, clock=self.clock)

    def write(self, rows: Sequence[Cells], mapping: str = CSV_MAPPING) -> None:
        """Put rows into the source, and a mapping beside them."""
        as_csv(self.path / "人员.csv", rows)
        self.map(mapping)

    def map(self, content: str, name: str = "person.toml") -> None:
        (self.path / "mappings").mkdir(exist_ok=True)
        (self.path / "mappings" / name).write_text(content, encoding="utf-8")

    def sync(self, rows: Sequence[Cells] | None = None, *, full: bool = False) -> LoadReport:
        """Write rows, if given, and run a sync."""
        if rows is not None:
            self.write(rows)
        return run(self.settings, self.home, self.keys, self.catalogue, full=full)

    def push(self, lines: Sequence[bytes], kind: str = "person") -> LoadReport:
        return push(self.settings, self.home, self.keys, self.catalogue, kind=kind, lines=lines)

    def told(self, **settings: object) -> Office:
        """The same office with other settings."""
        return replace(self, settings=msgspec.structs.replace(self.settings, **settings))

    def answer(self, number: str, name: str, *, index: Index | None = None, **claims: str) -> Mapping[str, str]:
        """What the current index says; `claims` are values, or bounds such as `at_least:2010-01`."""
        if index is not None:
            return answer(index, number, name, claims, keys=self.keys)
        with closing(SqliteIndex.open(self.home.index, self.keys.sync.public_key())) as opened:
            return answer(opened, number, name, claims, keys=self.keys)

    def files(self) -> list[Path]:
        """All files under `data`."""
        return sorted(path for path in (self.path / "data").rglob("*") if path.is_file())


def answer(
    index: Index,
    number: str,
    name: str,
    claims: Mapping[str, str],
    *,
    keys: SyncKeys = KEYS,
    kind: str = "person",
    day: date = TODAY,
    units: Sequence[str] = ("L",),
    catalogue: Catalogue = CATALOGUE,
) -> Mapping[str, str]:
    """The code of each claim, or `NOT_CONFIRMED`; sealed and compared as the gateway does it."""
    sealer = Sealer(SealingKey(keys.sealing), catalogue, kind, index.version.generation, bytes)
    gate = [catalogue.fields["name"].normalise(name)] if kind == "person" else []
    plain = Plain(
        grant="g-1",
        kind=kind,
        id=catalogue.identifier(kind, number),
        gate=gate,
        day=day_number(day),
        claims=[_claim(catalogue, key, text) for key, text in claims.items()],
    )
    question = sealer.question(plain)
    (records,) = index.find(kind, [LookUp(question.subject, PAID)])
    tokens = frozenset(sealer.unit(unit) for unit in units)
    outcome = Comparison(sealer.layout, bytes).compare(question, list(claims), records, tokens)
    if outcome.cause is not Cause.CONFIRMED:
        return NOT_CONFIRMED
    return {key: str(outcome.codes[key]) for key in claims}


def _claim(catalogue: Catalogue, key: str, text: str) -> tuple[str, str, str]:
    comparator, colon, value = text.partition(":")
    if not colon:
        comparator, value = Comparator.EQUALS, text
    return key, comparator, catalogue.fields[key].normalise(value)
