"""The index in columns, for file jobs: one Parquet file a part and kind, a row for each sealed record.

`head`, `tail` and `n` (0 for the main post, 1, 2, … for the others) name the record; the other columns are those of
`gateway.seal.Layout.columns`. In a delta a subject that is gone has one row with n = -1 and nothing else. As in the
point store the newest part that knows a subject speaks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.index.directory import check_file, read_current
from adapters.index.parts import Sealed, file_digest, make_durable, part_name
from gateway.generation import Part, PartKind
from gateway.ports import DataVersion

GONE = -1
_GROUP_ROWS = 1 << 15
_NAMES = ("head", "tail", "n")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the records of one kind look like."""

    key: str
    number: int
    columns: tuple[str, ...]

    @property
    def suffix(self) -> str:
        return f".{self.key}.parquet"

    def schema(self) -> pa.Schema:
        fields = [(name, pa.int16() if name == "n" else pa.int64()) for name in (*_NAMES, *self.columns)]
        return pa.schema(fields)


@dataclass(slots=True)
class _Group:
    """Rows on their way to one row group."""

    heads: list[int] = field(default_factory=list[int])
    tails: list[int] = field(default_factory=list[int])
    places: list[int] = field(default_factory=list[int])
    records: bytearray = field(default_factory=bytearray)


class ParquetPart:
    """Writes one part, a file for each kind."""

    def __init__(self, directory: Path, kind: PartKind, n: int, shapes: Sequence[Shape]) -> None:
        self._n = n
        self._kind: PartKind = kind
        self._files = [_KindFile(directory / (part_name(kind, n) + shape.suffix), shape) for shape in shapes]
        self._of = {file.shape.number: file for file in self._files}

    def add(self, subjects: Sequence[Sealed]) -> None:
        of = self._of
        for subject in subjects:
            of[subject.kind].add(subject)

    def finish(self) -> list[Part]:
        return [file.finish(self._kind, self._n) for file in self._files]

    def close(self) -> None:
        for file in self._files:
            file.close()


class _KindFile:
    def __init__(self, path: Path, shape: Shape) -> None:
        self.shape = shape
        self._path = path
        self._bytes = 8 * len(shape.columns)
        self._group = _Group()
        self._gone = _Group()
        self._rows = 0
        # Digests do not repeat: a dictionary would only be tried in vain.
        self._writer = pq.ParquetWriter(path, shape.schema(), compression="zstd", use_dictionary=False)

    def add(self, subject: Sealed) -> None:
        records = len(subject.rows) // self._bytes
        group = self._group if records else self._gone
        group.heads += [subject.head] * (records or 1)
        group.tails += [subject.tail] * (records or 1)
        group.places += range(records) if records else (GONE,)
        group.records += subject.rows
        if len(group.heads) >= _GROUP_ROWS:
            self._write(group)

    def finish(self, kind: PartKind, n: int) -> Part:
        self._write(self._group)
        self._write(self._gone)
        self._writer.close()
        make_durable(self._path)
        return Part(n, kind, self._path.name, file_digest(self._path), self._rows)

    def close(self) -> None:
        self._writer.close()

    def _write(self, group: _Group) -> None:
        rows = len(group.heads)
        if rows:
            names = [pa.array(group.heads), pa.array(group.tails), pa.array(group.places, pa.int16())]
            records, group.records = group.records, bytearray()
            columns = self._columns(records, rows)
            self._writer.write_table(pa.Table.from_arrays([*names, *columns], schema=self.shape.schema()), rows)
            self._rows += rows
        for part in (group.heads, group.tails, group.places):
            part.clear()

    def _columns(self, records: bytearray, rows: int) -> list[pa.Array]:
        width = len(self.shape.columns)
        if not records:
            return [pa.nulls(rows, pa.int64())] * width
        flat = pa.Array.from_buffers(pa.int64(), rows * width, [None, pa.py_buffer(records)])
        lists = pa.FixedSizeListArray.from_arrays(flat, width)
        return [pc.list_element(lists, place) for place in range(width)]


@dataclass(frozen=True, slots=True)
class ParquetFiles:
    """One generation's files of one kind, oldest part first, digests checked: what a file job pins and joins with."""

    version: DataVersion
    paths: tuple[Path, ...]

    @classmethod
    def open(cls, root: Path, key: Ed25519PublicKey, kind: str) -> ParquetFiles:
        """Raises `GenerationError` if the current generation is not there in columns, or was altered."""
        published = read_current(root, key)
        parts = published.manifest.stored_as(f".{kind}.parquet")
        for part in parts:
            check_file(published.directory, part)
        return cls(published.version, tuple(published.directory / part.file for part in parts))


def read_part(path: Path, number: int) -> Iterator[Sealed]:
    """The subjects of one file of a part, as the point store has them; those that are gone come last."""
    file = pq.ParquetFile(path)
    open_subject: Sealed | None = None
    for batch in file.iter_batches(batch_size=_GROUP_ROWS):
        for subject in _records(batch, number):
            if open_subject is not None and subject[:2] == open_subject[:2]:
                open_subject = open_subject._replace(rows=open_subject.rows + subject.rows)
                continue
            if open_subject is not None:
                yield open_subject
            open_subject = subject
    if open_subject is not None:
        yield open_subject


def _records(batch: pa.RecordBatch, number: int) -> Iterator[Sealed]:
    columns: Mapping[str, list[int | None]] = batch.to_pydict()
    heads, tails, places, *digests = columns.values()
    for head, tail, place, *row in zip(heads, tails, places, *digests, strict=True):
        assert head is not None
        assert tail is not None
        rows = b"" if place == GONE else b"".join(int(digest or 0).to_bytes(8, "little", signed=True) for digest in row)
        yield Sealed(head, tail, number, rows)
