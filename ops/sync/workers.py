"""Reads rows and seals them: in this process, or in several when there is much to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

from adapters.sources.source import NumberedRow
from ops.sync.errors import SyncError
from ops.sync.sealing import Recipe, Rows, RowSealer, SealedRows
from policies.catalogue import Catalogue, load_catalogue

_CHUNK_ROWS = 500
_CHUNKS_ALONE = 10
"""Below this many chunks the start of other processes costs more than they save."""
_CHUNKS_WAITING = 3


def seal_rows(
    rows: Iterator[NumberedRow], recipe: Recipe, catalogue: Catalogue, workers: int
) -> Iterator[tuple[int, SealedRows]]:
    """Seal a stream; gives for each chunk how many rows it had and what became of them, in order.

    Memory holds a few chunks. Several workers are used only with the shipped catalogue, which each can load itself.
    """
    chunks = _chunks(rows)
    sealer = RowSealer(recipe, catalogue)
    alone = _CHUNKS_ALONE if workers > 1 and load_catalogue().digest == catalogue.digest else None
    for chunk in islice(chunks, alone):
        yield len(chunk), sealer.seal(chunk)
    first = next(chunks, None)
    if first is not None:
        yield from _seal_together(first, chunks, recipe, catalogue.digest, workers)


def _seal_together(
    first: Rows, chunks: Iterator[Rows], recipe: Recipe, digest: str, workers: int
) -> Iterator[tuple[int, SealedRows]]:
    # A fresh interpreter, not a fork: this process holds connections and perhaps threads.
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (recipe, digest)) as pool:
        waiting = deque([(len(first), pool.submit(_seal, first))])
        for chunk in chunks:
            waiting.append((len(chunk), pool.submit(_seal, chunk)))
            if len(waiting) > _CHUNKS_WAITING * workers:
                yield _finished(waiting)
        while waiting:
            yield _finished(waiting)


def _finished(waiting: deque[tuple[int, Future[SealedRows]]]) -> tuple[int, SealedRows]:
    rows, future = waiting.popleft()
    return rows, future.result()


def _chunks(rows: Iterator[NumberedRow]) -> Iterator[Rows]:
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        yield chunk


_sealers: list[RowSealer] = []
"""The sealer of a worker process; empty in the process that started it."""


def _begin(recipe: Recipe, digest: str) -> None:
    catalogue = load_catalogue()
    if catalogue.digest != digest:
        raise SyncError("the data standard changed while sync ran; run it again")
    _sealers.append(RowSealer(recipe, catalogue))


def _seal(chunk: Rows) -> SealedRows:
    return _sealers[0].seal(chunk)
