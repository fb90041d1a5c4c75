"""The register as whoever may read it would answer from it: plain rows, plain comparisons, no digest anywhere.

Written for tests alone, from the mapping file and the data standard; it shares no step with sealing or comparing.
"""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

from ops.demo.staging import MAPPINGS
from policies.catalogue import Comparator, Field, SealKind, load_catalogue

CATALOGUE = load_catalogue()
ORDER = ("not_compared", "mismatch", "variant", "match")
"""From what says least to what says most: of several concurrent records the best counts."""


@dataclass(frozen=True)
class Record:
    """One row of the register: canonical values, and whether it is the main post."""

    values: Mapping[str, str | None]
    main: bool
    start: str
    until: str | None

    def covers(self, day: date) -> bool:
        return self.start <= day.isoformat() and (self.until is None or day.isoformat() < self.until)


class Register:
    """Reads the made-up source by its mapping."""

    def __init__(self, source: Path) -> None:
        self._mapping = tomllib.loads((MAPPINGS / "person.toml").read_text(encoding="utf-8"))
        with closing(sqlite3.connect(source)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute(f'SELECT * FROM "{self._mapping["source"]["table"]}"').fetchall()
        self.records: dict[int, list[Record]] = {}
        for row in rows:
            self.records.setdefault(row["人员编号"], []).append(self._record(dict(row)))

    def answer(
        self, number: int, day: date, name: str, claims: Sequence[tuple[str, object, str]]
    ) -> tuple[str, dict[str, str]]:
        """Subject and field codes of a question, all of whose fields may be compared."""
        asked: list[tuple[str, object, str]] = [("name", name, "equals"), *claims]
        here = [each for each in self.records.get(number, []) if each.covers(day)]
        counted = [each for each in here if self._code(each, *asked[0]) in {"match", "variant"}]
        if not counted:
            return "not_confirmed", {field: "not_compared" for field, _, _ in asked}
        return "confirmed", {field: self._best(counted, field, value, how) for field, value, how in asked}

    def _best(self, counted: Sequence[Record], field: str, value: object, how: str) -> str:
        of_main = CATALOGUE.fields[field].records == "main"
        codes = [self._code(each, field, value, how) for each in counted if each.main or not of_main]
        return max(codes, key=ORDER.index, default="not_compared")

    def _code(self, record: Record, field: str, value: object, how: str) -> str:
        kind, held = CATALOGUE.fields[field], record.values[field]
        if held is None:
            return "not_compared"
        return _compare(kind, held, kind.normalise(value), how)

    def _record(self, row: Mapping[str, object]) -> Record:
        period, main = self._mapping["period"], self._mapping["main"]
        values = {key: self._value(key, spec, row) for key, spec in self._mapping["fields"].items()}
        return Record(
            values={key: values.get(key) for key in CATALOGUE.fields},
            main=str(row[main["column"]]) in main["values"],
            start=str(row[period["start"]]),
            until=cast("str | None", row[period["until"]]),
        )

    def _value(self, key: str, spec: str | Mapping[str, str], row: Mapping[str, object]) -> str | None:
        column = spec if isinstance(spec, str) else spec["column"]
        codes = None if isinstance(spec, str) else self._mapping["codes"][spec["codes"]]
        raw = row[column]
        if raw is None or raw == "":
            return None
        return CATALOGUE.fields[key].normalise(codes[str(raw)] if codes else raw)


def _compare(kind: Field, held: str, claimed: str, how: str) -> str:
    if how == Comparator.EQUALS:
        if held == claimed:
            return "match"
        folds = kind.seal is SealKind.FOLDED and kind.fold(held) == kind.fold(claimed)
        return "variant" if folds else "mismatch"
    held_at, claimed_at = kind.ordinal(held), kind.ordinal(claimed)
    holds = held_at >= claimed_at if how == Comparator.AT_LEAST else held_at <= claimed_at
    return "match" if holds else "mismatch"
