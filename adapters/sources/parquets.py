"""Parquet files, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from adapters.sources.source import SourceError, Table

_BATCH_ROWS = 4_096


@contextmanager
def open_parquet(path: Path, _: str | None, __: int) -> Iterator[Table]:
    """The table of a Parquet file. Raises `SourceError`, also while it is read."""
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid:
        raise SourceError(f"{path.name} is no Parquet file, or damaged") from None
    with file:
        yield Table(list(file.schema_arrow.names), _rows(file, path), "")


def _rows(file: pq.ParquetFile, path: Path) -> Iterator[tuple[int, tuple[object, ...]]]:
    number = 0
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield number, row
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path.name} broke off while it was read ({type(error).__name__})") from None
