"""Where a verdict is decided: the digests of a question against the sealed records of its subject.

Absent, out of scope and wrong name are one answer, so they must also be one amount of work: records are padded to
`ROWS` with rows that match nothing, every row meets every probe, and only then is it decided what counts.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

from gateway.domain.answer import Cause, FieldCode, Outcome
from gateway.seal import Entropy, Layout, Probe, Question

ROWS = 4
"""Records every comparison reads. A subject with more (a long history) takes longer, and only such a subject."""

_ABSENT, _MISMATCH, _VARIANT, _MATCH = range(4)
_CODES = (FieldCode.NOT_COMPARED, FieldCode.MISMATCH, FieldCode.VARIANT, FieldCode.MATCH)


class Comparison:
    """Compares questions about one kind of subject with its sealed records."""

    def __init__(self, layout: Layout, entropy: Entropy) -> None:
        self._width = layout.width
        self._bytes = layout.bytes
        self._filler = entropy(ROWS * layout.bytes)
        self._gate = layout.gate
        self._offsets = layout.offsets
        self._main_only = frozenset(field.key for field in layout.fields if field.records == "main")

    def compare(
        self, question: Question, fields: Sequence[str], records: bytes, units: frozenset[int]
    ) -> Outcome:
        """What the records say. `question.probes` are for `fields`; `units` are the tokens the permit is good for."""
        offsets = [self._offsets[field] for field in (*self._gate, *fields)]
        probes = [*question.gate, *question.probes]
        rows = [
            _Row(row, question, units, [_read(row, at, probe) for at, probe in zip(offsets, probes, strict=True)])
            for row in self._rows(records)
        ]
        return self._weigh(rows, fields)

    def _rows(self, records: bytes) -> list[array[int]]:
        values: array[int] = array("q", records + self._filler[len(records) :])
        if sys.byteorder == "big":
            values.byteswap()
        return [values[start : start + self._width] for start in range(0, len(values), self._width)]

    def _weigh(self, rows: list[_Row], fields: Sequence[str]) -> Outcome:
        width = len(self._gate)
        live = [row for row in rows if row.live]
        in_scope = [row for row in live if row.in_scope]
        counted = [row for row in in_scope if min(row.cells[:width], default=_MATCH) >= _VARIANT]
        if not counted:
            cause = Cause.GATE if in_scope else Cause.SCOPE if live else Cause.ABSENT
            return Outcome(cause, dict.fromkeys((*self._gate, *fields), FieldCode.NOT_COMPARED))
        fields = (*self._gate, *fields)
        return Outcome(Cause.CONFIRMED, {field: self._code(place, field, counted) for place, field in enumerate(fields)})

    def _code(self, place: int, field: str, rows: list[_Row]) -> FieldCode:
        cells = (row.cells[place] for row in rows if row.main or field not in self._main_only)
        return _CODES[max(cells, default=_ABSENT)]


class _Row:
    """One record, read by one question."""

    __slots__ = ("cells", "in_scope", "live", "main")

    def __init__(self, row: array[int], question: Question, units: frozenset[int], cells: list[int]) -> None:
        self.live = not _disjoint(row[Layout.DAYS], question.days)
        self.in_scope = not units.isdisjoint(row[Layout.UNITS])
        self.main = row[Layout.MAIN] == question.main
        self.cells = cells


def _disjoint(row: array[int], days: list[int]) -> bool:
    return frozenset(days).isdisjoint(row)


def _read(row: array[int], at: int, probe: Probe) -> int:
    value = row[at]
    if value == probe.absent:
        return _ABSENT
    if probe.nodes:
        levels = row[at + 1 : at + 1 + len(probe.nodes)]
        return _MATCH if any(a == b for a, b in zip(levels, probe.nodes, strict=True)) else _MISMATCH
    if value == probe.exact:
        return _MATCH
    return _VARIANT if probe.folded is not None and row[at + 1] == probe.folded else _MISMATCH
