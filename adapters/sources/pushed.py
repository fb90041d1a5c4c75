"""Pushed changes: one JSON object a line, in the column names of the mapping; all rows of each subject named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from adapters.sources.mapping import SourceMapping
from adapters.sources.source import BROKEN, NumberedRow, SourceError, Watermark

MAX_LINE = 1 << 20


class PushedSource:
    """Pushed rows. Keeps `adapters.sources.source.Source`; units come from the source that the mapping is for."""

    note = ""
    data_time = None
    watermark: Watermark | None = None

    def __init__(self, lines: Iterable[bytes], mapping: SourceMapping, parents: Mapping[str, str]) -> None:
        self._lines = lines
        self._columns = mapping.columns()
        self._parents = parents

    def rows(self, since: Watermark | None = None) -> Iterator[NumberedRow]:
        """See `Source`. A line that is no object is an error of the whole push; a column too few refuses its row."""
        decode = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode
        for number, line in enumerate(self._lines, 1):
            if not line.strip():
                continue
            if len(line) > MAX_LINE:
                raise SourceError(f"line {number} is longer than {MAX_LINE} bytes")
            try:
                row = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise SourceError(f"line {number} is no JSON object of plain values; nothing was changed") from None
            if unknown := row.keys() - set(self._columns):
                raise SourceError(f"line {number} names {len(unknown)} columns that the mapping does not; correct them")
            yield number, row if row.keys() >= set(self._columns) else BROKEN

    def parents(self) -> Mapping[str, str]:
        return self._parents
