"""A sample of the persons that a full sync reads: all rows of each, in memory alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

from gateway.seal import Facts

WHOLE: Final = 1 << 32
"""Tokens of the source's keys begin with a number below this, evenly spread."""
ENOUGH: Final = 2_000
"""Persons that each sealing process goes on sampling, at most, on average."""


class Row(NamedTuple):
    """One row of a sampled person."""

    key: bytes
    number: str
    facts: Facts

    def __repr__(self) -> str:
        return "Row(***)"


Donor: TypeAlias = Sequence[Row]
"""All rows of one person."""


class Sampler:
    """Takes rows by the token of their person, so that somebody's rows are taken all or none.

    The bound falls as rows go by. Whoever is below the bound of the end was below it always.
    """

    def __init__(self) -> None:
        self._rows = 0
        self.bound = WHOLE

    def takes(self, key: bytes) -> bool:
        """Whether the row is one of the sample, as far as this sampler can tell yet."""
        self._rows += 1
        self.bound = min(WHOLE, ENOUGH * WHOLE // self._rows)
        return place(key) < self.bound


@dataclass(slots=True)
class Donors:
    """The samples of several samplers, put together under the lowest of their bounds."""

    bound: int = WHOLE
    _rows: dict[bytes, list[Row]] = field(default_factory=dict[bytes, list[Row]], repr=False)

    def take(self, rows: Iterable[Row], bound: int) -> None:
        """Rows that a sampler took, and its bound by now."""
        self.bound = min(self.bound, bound)
        for row in rows:
            self._rows.setdefault(row.key, []).append(row)

    def people(self) -> list[Donor]:
        """The persons of the sample, without those whose rows contradict each other: they are refused."""
        found = (rows for key, rows in self._rows.items() if place(key) < self.bound)
        return [rows for rows in found if not _contradict(rows)]

    def persons(self) -> int:
        """About how many persons there are in all."""
        sampled = sum(place(key) < self.bound for key in self._rows)
        return round(sampled * WHOLE / self.bound)


def place(key: bytes) -> int:
    """Where a token stands among all."""
    return int.from_bytes(key[:4], "big")


def _contradict(rows: Donor) -> bool:
    mains = sorted(row.facts.effective for row in rows if row.facts.main)
    return any(second[0] < first[1] for first, second in pairwise(mains))
