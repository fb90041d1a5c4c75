"""What every source promises, and the limits that every row is held to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

Row: TypeAlias = Mapping[str, object]
NumberedRow: TypeAlias = tuple[int, Row]
"""A row and the number by which a person finds it: its line in a file, its place in the order of keys in a database."""
Watermark: TypeAlias = datetime | int

BROKEN: Row = {}
"""A row whose cells do not fit the header; it is refused."""

MAX_COLUMNS = 1_000
MAX_CELL = 20_000
"""Characters of one cell. More is no value of a register, but a mistake or an attack on the reader's memory."""


class SourceError(Exception):
    """A source cannot be read, or not as the mapping says; tells what to do and never a value of a row."""


class Table(NamedTuple):
    """A table in a file: its header, its rows with their numbers, and what a reader of the report should know."""

    header: list[str]
    rows: Iterator[tuple[int, Sequence[object]]]
    note: str


class Source(Protocol):
    """One table, query, sheet or file, read once as a stream. All it gives is of one instant where that is possible."""

    def rows(self, since: Watermark | None = None) -> Iterator[NumberedRow]:
        """Every row by the column names of the mapping; with `since`, all rows of the keys that changed after it.

        Raises `SourceError`, also half-way: what was read until then proves nothing.
        """
        ...

    def parents(self) -> Mapping[str, str]:
        """For each unit the one above it; empty without a table of units."""
        ...

    @property
    def watermark(self) -> Watermark | None:
        """The newest watermark seen by `rows`, once that is exhausted."""
        ...

    @property
    def data_time(self) -> datetime | None:
        """When the content was true; None says now, as with a database that is read live."""
        ...

    @property
    def note(self) -> str:
        """What a reader of the load report should know, such as the encoding found."""
        ...
