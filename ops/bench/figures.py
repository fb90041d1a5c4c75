"""Figures with their spread, the limits they are held to, and the report of one part of a bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Self


class BenchError(Exception):
    """The measurement could not be made; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of some rounds, and the smallest and largest of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(median(values), min(values), max(values))

    @classmethod
    def once(cls, value: float) -> Self:
        """A figure that was taken once."""
        return cls(value, value, value)

    def __str__(self) -> str:
        digits = 0 if self.median >= 100 else 1 if self.median >= 10 else 3
        if self.least == self.most:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f}-{self.most:,.{digits}f})"


@dataclass(frozen=True, slots=True)
class Check:
    """A measured value against its limits, both included."""

    what: str
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    def __str__(self) -> str:
        limits = [f">= {self.least:g}"] if self.least is not None else []
        limits += [f"<= {self.most:g}"] if self.most is not None else []
        return f"{'ok  ' if self.holds else 'MISS'} {self.what}: {self.value:,.4g} (limit {', '.join(limits)})"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one part of a bench found. Tables are lists of figures under one heading each."""

    part: str
    sizes: Mapping[str, int | str]
    tables: Mapping[str, Mapping[str, Figure]]
    checks: Sequence[Check]

    def lines(self) -> list[str]:
        """For people."""
        lines = [f"== {self.part} ({', '.join(f'{name} {size}' for name, size in self.sizes.items())})"]
        for heading, figures in self.tables.items():
            lines.append(heading)
            lines += [f"  {name:<28} {figure}" for name, figure in figures.items()]
        return [*lines, *(str(check) for check in self.checks)]

    def document(self) -> dict[str, object]:
        """For machines."""
        return {
            "part": self.part,
            "sizes": dict(self.sizes),
            "tables": {
                heading: {name: asdict(figure) for name, figure in figures.items()}
                for heading, figures in self.tables.items()
            },
            "checks": [{**asdict(check), "holds": check.holds} for check in self.checks],
        }
