"""From rows to sealed entries: what the worker processes do, and the only lines where plaintext meets the keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from adapters.sources.mapping import SourceMapping
from adapters.sources.reading import Reading, RefusedRow, RowReader
from adapters.sources.source import NumberedRow
from gateway.seal import Entropy, Facts, Sealer, SealingKey
from ops.sync.decoys.donors import WHOLE, Row, Sampler
from ops.sync.spool import Entry
from ops.sync.staffing import UnitNames, names_of
from policies.catalogue import Catalogue

Rows: TypeAlias = Sequence[NumberedRow]


@dataclass(frozen=True, slots=True)
class Refused:
    """One row that was refused. The token is keyed: who has the source and sync's key finds the row again."""

    kind: str
    row: int
    cause: str
    hint: str
    token: bytes


@dataclass(slots=True)
class SealedRows:
    """What became of some rows. Holds no plaintext but the sample `donors`, and leaves the memory of sync never."""

    entries: list[bytes] = field(default_factory=list[bytes])
    touched: list[bytes] = field(default_factory=list[bytes])
    refused: list[Refused] = field(default_factory=list[Refused])
    records: int = 0
    filled: Counter[str] = field(default_factory=Counter[str])
    private_use: int = 0
    units: dict[int, UnitNames] = field(default_factory=dict[int, UnitNames])
    """Units that this sealer had not met before, by their tokens."""
    donors: list[Row] = field(default_factory=list[Row], repr=False)
    bound: int = WHOLE
    """Below this the sampler takes persons by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that sealing one mapping's rows needs besides the catalogue; can be handed to another process."""

    mapping: SourceMapping
    parents: Mapping[str, str] = field(repr=False)
    key: SealingKey
    generation: str
    entropy: Entropy
    samples: bool = False
    """Whether a sample of the persons is wanted, to draw decoys by."""


class RowSealer:
    """Reads and seals rows of one mapping for one generation."""

    def __init__(self, recipe: Recipe, catalogue: Catalogue) -> None:
        self._kind = recipe.mapping.kind
        self._number = list(catalogue.kinds).index(self._kind)
        self._reader = RowReader(recipe.mapping, catalogue, recipe.parents)
        self._sealer = Sealer(recipe.key, catalogue, self._kind, recipe.generation, recipe.entropy)
        self._token = recipe.key.prf("source-key", self._kind)
        self._met: set[str] = set()
        self._sampler = Sampler() if recipe.samples else None
        self._protected = [*recipe.mapping.protected_values(catalogue).items()]

    def seal(self, rows: Rows) -> SealedRows:
        """Seal rows given with their numbers. Each is sealed under every number its subject has."""
        done = SealedRows()
        for number, row in rows:
            reading = self._reader.read(row)
            token = self._token(reading.key.encode())[:16]
            done.touched.append(token)
            if isinstance(reading, RefusedRow):
                done.refused.append(Refused(self._kind, number, reading.cause, reading.hint, token))
                done.entries += [self._touch(each, token, number).pack() for each in reading.numbers]
            else:
                self._seal(done, number, token, reading)
        if self._sampler is not None:
            done.bound = self._sampler.bound
        return done

    def _touch(self, number: str, token: bytes, row: int) -> Entry:
        """Says that the source names the number, whatever else it says: no decoy may have it."""
        return Entry.touch(self._sealer.subject(self._sealer.link(number)), token, self._number, row)

    def _seal(self, done: SealedRows, row: int, token: bytes, reading: Reading) -> None:
        facts = reading.facts
        for number in reading.numbers:
            if facts is None:
                entry = self._touch(number, token, row)
            else:
                link = self._sealer.link(number)
                subject = self._sealer.subject(link)
                record, is_protected = self._sealer.record(subject, facts), self._protects(facts)
                fixed = subject, token, self._number, row, *facts.effective, facts.main, record
                entry = Entry(*fixed, link, is_protected)
            done.entries.append(entry.pack())
        if facts is not None:
            if self._sampler is not None and self._sampler.takes(token):
                done.donors.append(Row(token, reading.numbers[0], facts))
            self._meet(done, facts.units)
            done.records += 1
            done.filled.update(facts.values.keys())
            done.private_use += reading.private_use

    def _protects(self, facts: Facts) -> bool:
        """Whether the record makes its subject a protected one."""
        return any(facts.values.get(key) in values for key, values in self._protected)

    def _meet(self, done: SealedRows, chain: Sequence[str]) -> None:
        if chain and chain[0] not in self._met:
            self._met.add(chain[0])
            done.units[self._sealer.unit(chain[0])] = names_of(self._sealer, chain)
