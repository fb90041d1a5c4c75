"""Reads every source of a sync into the spool, and keeps count of what it saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.index.directory import Published
from adapters.index.parts import join
from adapters.sources.mapping import SourceMapping
from adapters.sources.marks import resume_from
from adapters.sources.source import Source, Watermark
from ops.sync.hiding import Hiding
from ops.sync.planning import Job, Plan
from ops.sync.report import KindReport, LoadReport, RefusedFile
from ops.sync.sealing import Recipe, Refused
from ops.sync.settling import Nobody, Settled, Settling
from ops.sync.spool import Entry, Spool
from ops.sync.staffing import PERSON, Staffing
from ops.sync.state import State
from ops.sync.workers import seal_rows


@dataclass(slots=True, kw_only=True)
class Gathering:
    """What reading the sources has shown so far. `data_time` is that of the oldest of them."""

    job: Job
    plan: Plan
    spool: Spool
    refused: RefusedFile
    started: datetime
    data_time: datetime
    staffing: Staffing
    hiding: Hiding
    kinds: dict[str, KindReport] = field(default_factory=dict[str, KindReport])
    marks: dict[str, Watermark] = field(default_factory=dict[str, "Watermark"])
    touched: set[bytes] = field(default_factory=set[bytes])
    changed: int = 0
    removed: int = 0

    def read(self, mapping: SourceMapping, source: Source) -> None:
        """Read, seal and spool the rows of one source. Raises `SourceError` when it fails half-way."""
        kind = self.kinds[mapping.kind] = KindReport()
        rows = source.rows(self.plan.since.get(mapping.kind))
        recipe = self._recipe(mapping, source)
        for count, done in seal_rows(rows, recipe, self.job.catalogue, self.job.settings.workers):
            self.spool.add(done.entries)
            self.refuse(done.refused)
            kind.add(count, done)
            self.staffing.meet(done.units)
            self.hiding.donors.take(done.donors, done.bound)
            if self.plan.current is not None:
                self.touched.update(done.touched)
        kind.finish([field.key for field in self.job.catalogue.fields_of(mapping.kind)], mapping.fields)
        self._note(kind, mapping, source)

    def refuse(self, rows: Iterable[Refused]) -> None:
        """Write refused rows down and count them by cause."""
        for row in rows:
            self.refused.add(row)
            self.kinds[row.kind].refused[row.cause] += 1

    def settling(self, state: State) -> Settling:
        """What to settle by. What touched keys owned is settled again: it may have another number now, or none."""
        kinds = list(self.job.catalogue.kinds)
        if self.plan.current is None:
            self.spool.add([entry.pack() for entry in self.hiding.entries()])
            return Settling(kinds, Nobody(), frozenset())
        for key in self.touched:
            owned = [Entry.touch(join(head, tail), key, kind) for head, tail, kind in state.subjects_of(key)]
            self.spool.add([entry.pack() for entry in owned])
        return Settling(kinds, state, frozenset(self.touched), self.hiding.present())

    def take(self, settled: Sequence[Settled]) -> None:
        """Count what was settled, decoys left out."""
        people = [found for found in settled if not found.is_decoy]
        removed = sum(not found.sealed.rows for found in people)
        self.changed, self.removed = self.changed + len(people) - removed, self.removed + removed
        self.staffing.count([found.sealed for found in people])

    def report(self, published: Published, protected: str, *, seconds: float) -> LoadReport:
        """What was read, written and published."""
        return LoadReport.of(
            self.kinds,
            published,
            self.refused,
            changed=self.changed,
            removed=self.removed,
            decoys=self.hiding.state,
            protected=protected,
            mode=self.plan.mode,
            started=self.started,
            seconds=seconds,
        )

    def _recipe(self, mapping: SourceMapping, source: Source) -> Recipe:
        job = self.job
        return Recipe(
            mapping=mapping,
            parents=source.parents(),
            key=job.key,
            generation=self.plan.generation,
            entropy=job.entropy,
            samples=self.hiding.samples and mapping.kind == PERSON,
        )

    def _note(self, kind: KindReport, mapping: SourceMapping, source: Source) -> None:
        kind.note = source.note
        newest = kind.newest_change = source.watermark
        if isinstance(newest, datetime):
            kind.age_seconds = (self.started - newest).total_seconds()
        if newest is not None and mapping.watermark is not None:
            self.marks[mapping.kind] = resume_from(newest, mapping.watermark, self.started)
        # Pushed changes make some subjects newer, not the register.
        pushed_on = self.plan.current.manifest.data_time if self.plan.mode == "push" and self.plan.current else None
        self.data_time = min(self.data_time, pushed_on or source.data_time or self.started)
