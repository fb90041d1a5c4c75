"""Figures with their spread, and the limits they are held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of some rounds, and the smallest and largest of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(median(values), min(values), max(values))

    @property
    def worst(self) -> float:
        """The largest, for what should be small."""
        return self.most

    def __str__(self) -> str:
        digits = 0 if self.median >= 100 else 1 if self.median >= 10 else 2
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f}-{self.most:,.{digits}f})"


@dataclass(frozen=True, slots=True)
class Check:
    """A measured value against its limit."""

    what: str
    value: float
    relation: str
    limit: float
    holds: bool

    @classmethod
    def at_least(cls, what: str, value: float, limit: float) -> Self:
        return cls(what, value, ">=", limit, value >= limit)

    @classmethod
    def at_most(cls, what: str, value: float, limit: float) -> Self:
        return cls(what, value, "<=", limit, value <= limit)

    def __str__(self) -> str:
        return (
            f"{'ok  ' if self.holds else 'MISS'} {self.what}: {self.value:.3f} (limit {self.relation} {self.limit:g})"
        )
