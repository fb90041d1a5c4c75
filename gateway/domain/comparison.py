"""Where a verdict is decided: the digests of a question against the sealed records of its subject.

Absent, out of scope and wrong name are one answer, so they must also be one amount of work: records are padded to
`ROWS` with rows that match nothing, every row meets every digest, and only then is it decided what counts.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from gateway.domain.answer import Cause, FieldCode, Outcome
from gateway.seal import DAY_BITS, Entropy, Layout, Question

ROWS = 1
"""Records every comparison reads. A subject with more (a long history) takes longer, and only such a subject."""

_SIGHTS_KEPT = 1024
_ABSENT, _MISMATCH, _VARIANT, _MATCH = range(4)
_CODES = (FieldCode.NOT_COMPARED, FieldCode.MISMATCH, FieldCode.VARIANT, FieldCode.MATCH)
_SHUTS_THE_GATE = frozenset({_ABSENT, _MISMATCH})
_CAUSES = (Cause.ABSENT, Cause.SCOPE, Cause.GATE, Cause.CONFIRMED)
"""By how far the furthest record has come: live, then in scope, then through the gate."""
_COUNTS = len(_CAUSES) - 1


class Comparison:
    """Compares questions about one kind of subject with its sealed records."""

    def __init__(self, layout: Layout, entropy: Entropy) -> None:
        self._layout = layout
        self._filler = entropy(ROWS * layout.bytes)
        self._main_only = frozenset(field.key for field in layout.fields if field.records == "main")
        self._unit = slice(8 * Layout.UNITS.start, 8 * Layout.UNITS.start + 8)
        self._sights: dict[tuple[tuple[str, ...], tuple[int, ...]], _Sight] = {}

    def compare(self, question: Question, fields: Sequence[str], records: bytes, units: frozenset[int]) -> Outcome:
        """What the records say. The question's claims are for `fields`; `units` are the tokens the permit is good for.

        Raises `struct.error` for a question that was sealed for other fields.
        """
        asked = (*self._layout.gate, *fields)
        sight = self._sight_of(asked, question.bounds)
        values: array[int] = array("q", records + self._filler[len(records) :])
        if sys.byteorder == "big":
            values.byteswap()
        return self._weigh(sight.read(question.digests, memoryview(values), units), asked)

    def unit(self, records: bytes) -> int:
        """The token of the unit that the first of a subject's records lies in."""
        return int.from_bytes(records[self._unit], "little", signed=True)

    def _sight_of(self, asked: tuple[str, ...], bounds: tuple[int, ...]) -> _Sight:
        """Callers ask for the same few sets of fields again and again."""
        known = self._sights.get((asked, bounds))
        if known is None:
            if len(self._sights) >= _SIGHTS_KEPT:
                self._sights.clear()
            known = self._sights[asked, bounds] = _Sight(self._layout, asked, bounds)
        return known

    def _weigh(self, rows: Sequence[_Row], asked: tuple[str, ...]) -> Outcome:
        furthest = max([row.reached for row in rows])
        if furthest != _COUNTS:
            return Outcome(_CAUSES[furthest], dict.fromkeys(asked, FieldCode.NOT_COMPARED))
        counted = [row for row in rows if row.reached == _COUNTS]
        if len(counted) > 1 or not counted[0].main:
            return Outcome(Cause.CONFIRMED, self._best(counted, asked))
        return Outcome(Cause.CONFIRMED, dict(zip(asked, [_CODES[cell] for cell in counted[0].cells], strict=True)))

    def _best(self, counted: Sequence[_Row], asked: tuple[str, ...]) -> dict[str, FieldCode]:
        """Of several concurrent records the best cell counts; for some fields only that of the main post does."""
        codes: dict[str, FieldCode] = {}
        for place, field in enumerate(asked):
            cells = [row.cells[place] for row in counted if row.main or field not in self._main_only]
            codes[field] = _CODES[max(cells, default=_ABSENT)]
        return codes


class _Row(NamedTuple):
    """What one record says to one question."""

    reached: int
    main: bool
    cells: list[int]


class _Sight:
    """Reads rows for one set of fields: for each digest of a question, behind its days, the column it is put to."""

    def __init__(self, layout: Layout, asked: Sequence[str], bounds: Sequence[int]) -> None:
        bits = {field.key: field.bits for field in layout.fields}
        first = [layout.offsets[key] for key in asked]
        second = [min(column + 1, layout.width - 1) for column in first]
        columns = [Layout.MAIN, *first, *first, *second]
        self._bounds: list[tuple[int, slice]] = []
        for place in bounds:
            start, levels = len(columns), bits[asked[place]] + 1
            columns += range(second[place], second[place] + levels)
            self._bounds.append((place, slice(start, start + levels)))
        self._width, self._gate, self._claims = layout.width, len(layout.gate), len(asked)
        self._columns = columns
        self._digests = struct.Struct(f"<{DAY_BITS + len(columns)}q")

    def read(self, digests: bytes, values: memoryview[int], units: frozenset[int]) -> list[_Row]:
        """Every row meets every digest, whatever it holds."""
        numbers = self._digests.unpack(digests)
        days, others = frozenset(numbers[:DAY_BITS]), numbers[DAY_BITS:]
        starts = range(0, len(values), self._width)
        return [self._row(values[start : start + self._width], days, others, units) for start in starts]

    def _row(self, row: memoryview[int], days: frozenset[int], digests: Sequence[int], units: frozenset[int]) -> _Row:
        live, in_scope = not days.isdisjoint(row[Layout.DAYS]), not units.isdisjoint(row[Layout.UNITS])
        met = [row[column] == digest for column, digest in zip(self._columns, digests, strict=True)]
        cells = self._cells(met)
        opens = _SHUTS_THE_GATE.isdisjoint(cells[: self._gate])
        # All of it is known by now, so that a record which does not count has cost the same.
        return _Row(live + (live and in_scope) + (live and in_scope and opens), met[0], cells)

    def _cells(self, met: Sequence[bool]) -> list[int]:
        """What a row says to each field, by the digests that were met."""
        claims = self._claims
        forms = zip(met[1 : 1 + claims], met[1 + claims : 1 + 2 * claims], met[1 + 2 * claims :], strict=False)
        cells = [
            _MATCH if exact else _ABSENT if absent else _VARIANT if folded else _MISMATCH
            for exact, absent, folded in forms
        ]
        for place, nodes in self._bounds:
            if any(met[nodes]):
                cells[place] = _MATCH
        return cells
