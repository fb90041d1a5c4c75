"""Signs what was written and makes it the index that serves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from adapters.index.directory import Published, publish, write_stored
from adapters.index.units import UNITS, write_units
from gateway import generation
from gateway.generation import CatalogueMark, Kind, Manifest, Part, Stored
from gateway.seal import Layout
from ops.sync.parts import LARGE, MAX_DELTAS, Forms, Writers, drop_files, fold, stored
from ops.sync.planning import Job, Plan
from ops.sync.staffing import Staffing

Counts = Mapping[int, tuple[int, int]]


def finish_parts(plan: Plan, forms: Forms, work: Path, writers: Writers) -> tuple[Part, ...]:
    """Make what was written durable; gives all parts of the new manifest."""
    written = writers.finish()
    if plan.current is None:
        return tuple(written)
    present = plan.current.manifest.parts
    if writers.written == 0:
        drop_files(work)
        return present
    if plan.current.manifest.deltas < MAX_DELTAS:
        return *present, *written
    return _folded(plan.current, forms, work, written)


def _folded(current: Published, forms: Forms, work: Path, written: list[Part]) -> tuple[Part, ...]:
    """All deltas as one; with the base as a new base when they grew large beside it."""
    base, *deltas = [*stored(current.manifest.parts), *stored(written)]
    paths = [current.directory / part.file for part in (base, *deltas[:-1])] + [work / deltas[-1].file]
    n = deltas[-1].n + 1
    if sum(part.rows for part in deltas) * LARGE > base.rows:
        parts = new = fold(forms, work, paths, "base", n)
    else:
        new = fold(forms, work, paths[1:], "delta", n)
        parts = [*(part for part in current.manifest.parts if part.n == base.n), *new]
    drop_files(work, but={part.file for part in new})
    return tuple(parts)


class Beside(NamedTuple):
    """The files beside the parts that the new manifest is to name."""

    units: Stored | None
    decoys: Stored | None
    protected: Stored | None
    movers: Stored | None


def write_units_beside(plan: Plan, work: Path, staffing: Staffing) -> Stored | None:
    """Write the table of units. A delta keeps that of its base."""
    if plan.current is not None:
        return plan.current.manifest.units
    return write_stored(work, UNITS, write_units(staffing.rows()))


def manifest_of(
    job: Job, plan: Plan, data_time: datetime, counts: Counts, parts: tuple[Part, ...], *, beside: Beside
) -> Manifest:
    """What is to be signed."""
    return Manifest(
        number=plan.current.manifest.number + 1 if plan.current else 0,
        suite=job.key.suite,
        generation=plan.generation,
        catalogue=CatalogueMark(job.catalogue.version, job.catalogue.digest),
        data_time=data_time,
        created=job.home.clock.now(),
        kinds=_kinds(job, counts),
        parts=parts,
        units=beside.units,
        decoys=beside.decoys,
        protected=beside.protected,
        movers=beside.movers,
    )


def publish_signed(job: Job, work: Path, manifest: Manifest) -> Published:
    """Sign, and make current."""
    content = generation.write(manifest)
    return publish(job.home.index, work, manifest, content, generation.sign(content, job.signing))


def _kinds(job: Job, counts: Counts) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for number, kind in enumerate(job.catalogue.kinds):
        if kind in job.mappings:
            layout = Layout(job.catalogue, kind)
            columns = tuple(field.key for field in layout.fields)
            kinds[kind] = Kind(number, columns, layout.width, *counts.get(number, (0, 0)))
    return kinds
