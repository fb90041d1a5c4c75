"""Where a verdict is decided: the digests of a question against the sealed records of its subject.

Absent, out of scope and wrong name are one answer, so they must also be one amount of work: records are padded to
`ROWS` with rows that match nothing, every row meets every probe, and only then is it decided what counts.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from operator import eq, itemgetter
from typing import NamedTuple

from gateway.domain.answer import Cause, FieldCode, Outcome
from gateway.seal import Entropy, Layout, Question

ROWS = 1
"""Records every comparison reads. A subject with more (a long history) takes longer, and only such a subject."""

_PLACES_KEPT = 1024
_ABSENT, _MISMATCH, _VARIANT, _MATCH = range(4)
_CODES = (FieldCode.NOT_COMPARED, FieldCode.MISMATCH, FieldCode.VARIANT, FieldCode.MATCH)


class Comparison:
    """Compares questions about one kind of subject with its sealed records."""

    def __init__(self, layout: Layout, entropy: Entropy) -> None:
        self._width = layout.width
        self._filler = entropy(ROWS * layout.bytes)
        self._gate = layout.gate
        self._offsets = layout.offsets
        self._main_only = frozenset(field.key for field in layout.fields if field.records == "main")
        self._places: dict[tuple[str, ...], _Places] = {}

    def compare(self, question: Question, fields: Sequence[str], records: bytes, units: frozenset[int]) -> Outcome:
        """What the records say. `question.probes` are for `fields`; `units` are the tokens the permit is good for."""
        asked = (*self._gate, *fields)
        reader = _Reader(self._places_of(asked), question, units)
        values: array[int] = array("q", records + self._filler[len(records) :])
        if sys.byteorder == "big":
            values.byteswap()
        starts = range(0, len(values), self._width)
        return self._weigh([reader.read(values[start : start + self._width]) for start in starts], asked)

    def _places_of(self, asked: tuple[str, ...]) -> _Places:
        """Callers ask for the same few sets of fields again and again."""
        known = self._places.get(asked)
        if known is None:
            if len(self._places) >= _PLACES_KEPT:
                self._places.clear()
            known = self._places[asked] = _Places([self._offsets[field] for field in asked], self._width)
        return known

    def _weigh(self, rows: Sequence[_Row], asked: tuple[str, ...]) -> Outcome:
        live = [row for row in rows if row.live]
        in_scope = [row for row in live if row.in_scope]
        gate = len(self._gate)
        counted = [
            (row.main, cells) for row in in_scope if min((cells := row.cells())[:gate], default=_MATCH) >= _VARIANT
        ]
        if not counted:
            cause = Cause.GATE if in_scope else Cause.SCOPE if live else Cause.ABSENT
            return Outcome(cause, dict.fromkeys(asked, FieldCode.NOT_COMPARED))
        if len(counted) > 1 or not counted[0][0]:
            return Outcome(Cause.CONFIRMED, self._best(counted, asked))
        return Outcome(Cause.CONFIRMED, dict(zip(asked, map(_CODES.__getitem__, counted[0][1]), strict=True)))

    def _best(self, counted: Sequence[tuple[bool, list[int]]], asked: tuple[str, ...]) -> dict[str, FieldCode]:
        """Of several concurrent records the best cell counts; for some fields only that of the main post does."""
        codes: dict[str, FieldCode] = {}
        for place, field in enumerate(asked):
            cells = [cells[place] for main, cells in counted if main or field not in self._main_only]
            codes[field] = _CODES[max(cells, default=_ABSENT)]
        return codes


class _Places:
    """Where the asked fields stand in a row: their first columns, and the columns behind those."""

    __slots__ = ("first", "offsets", "second")

    def __init__(self, offsets: Sequence[int], width: int) -> None:
        self.offsets = offsets
        self.first = itemgetter(0, *offsets)
        self.second = itemgetter(0, *(min(offset + 1, width - 1) for offset in offsets))


class _Row(NamedTuple):
    """One record as one question reads it: for each asked field, which of its digests were met."""

    live: bool
    in_scope: bool
    main: bool
    exact: list[bool]
    folded: list[bool]
    absent: list[bool]
    bounds: list[tuple[int, bool]]

    def cells(self) -> list[int]:
        """What the record says to each field."""
        met = zip(self.exact, self.absent, self.folded, strict=True)
        cells = [_MATCH if e else _ABSENT if a else _VARIANT if f else _MISMATCH for e, a, f in met]
        for place, is_met in self.bounds:
            if is_met:
                cells[place] = _MATCH
        return cells


class _Reader:
    """Reads rows by one question: a few sweeps over all fields at once, the same for every row."""

    def __init__(self, places: _Places, question: Question, units: frozenset[int]) -> None:
        probes = question.gate + question.probes
        self._places = places
        self._days = frozenset(question.days)
        self._units = units
        self._main = question.main
        self._exact = [probe.exact for probe in probes]
        self._folded = [probe.folded for probe in probes]
        self._absent = [probe.absent for probe in probes]
        self._bounds = [(place, probe.nodes) for place, probe in enumerate(probes) if probe.nodes]

    def read(self, row: array[int]) -> _Row:
        first, second = self._places.first(row)[1:], self._places.second(row)[1:]
        return _Row(
            not self._days.isdisjoint(row[Layout.DAYS]),
            not self._units.isdisjoint(row[Layout.UNITS]),
            row[Layout.MAIN] == self._main,
            list(map(eq, first, self._exact)),
            list(map(eq, second, self._folded)),
            list(map(eq, first, self._absent)),
            [(place, self._meets(row, place, nodes)) for place, nodes in self._bounds],
        )

    def _meets(self, row: array[int], place: int, nodes: list[int]) -> bool:
        start = self._places.offsets[place] + 1
        return any(map(eq, row[start : start + len(nodes)], nodes))
