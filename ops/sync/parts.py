"""Writes one part of the index in all its forms at once, and folds many parts into a new base."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path

from adapters.index.parquet import ParquetPart, Shape
from adapters.index.parts import ContentPart, PartWriter, Sealed, merge
from adapters.index.sqlite import SUFFIX, SqlitePart, read_part
from gateway.generation import Part, PartKind
from gateway.seal import Layout
from policies.catalogue import Catalogue

MAX_DELTAS = 8
"""Every look-up reads every part. More deltas are folded: into one, or with the base when they grew large."""
LARGE = 4
"""Deltas are large when they hold a quarter of what the base does."""
_BATCH = 4_096

Forms = Callable[[Path, PartKind, int], Sequence[PartWriter]]


class Writers:
    """Everything a part is written as, handled as one."""

    def __init__(self, writers: Sequence[PartWriter]) -> None:
        self._writers = writers
        self.written = 0
        self.removed = 0

    def add(self, subjects: Sequence[Sealed]) -> None:
        for writer in self._writers:
            writer.add(subjects)
        self.written += len(subjects)
        self.removed += sum(not subject.rows for subject in subjects)

    def finish(self) -> list[Part]:
        return [part for writer in self._writers for part in writer.finish()]


@contextmanager
def writing(forms: Forms, work: Path, kind: PartKind, n: int) -> Iterator[Writers]:
    """Writers for one part in the directory `work`, closed afterwards whatever happens."""
    with ExitStack() as stack:
        yield Writers([stack.enter_context(closing(writer)) for writer in forms(work, kind, n)])


def fold(forms: Forms, work: Path, paths: Sequence[Path], kind: PartKind, n: int) -> list[Part]:
    """One part from several, given oldest first. A base forgets who is gone; a delta must still say it."""
    with writing(forms, work, kind, n) as writers:
        for batch in _batches(merge([read_part(path) for path in paths], keep_gone=kind == "delta")):
            writers.add(batch)
        return writers.finish()


def drop_files(work: Path, but: Collection[str] = ()) -> None:
    """Forget what was written in `work`, except the files named."""
    for file in work.iterdir():
        if file.name not in but:
            file.unlink()


def stored(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts as SQLite files."""
    return (part for part in parts if part.file.endswith(SUFFIX))


def standard_forms(catalogue: Catalogue, kinds: Iterable[str]) -> Forms:
    """What every part is written as: the point store, columns for file jobs, and the digest that stands for both."""
    shapes = [
        Shape(kind, number, tuple(Layout(catalogue, kind).columns()))
        for number, kind in enumerate(catalogue.kinds)
        if kind in set(kinds)
    ]
    return lambda work, kind, n: [
        SqlitePart(work, kind, n),
        ParquetPart(work, kind, n, shapes),
        ContentPart(kind, n),
    ]


def _batches(subjects: Iterator[Sealed]) -> Iterator[list[Sealed]]:
    while batch := list(islice(subjects, _BATCH)):
        yield batch
