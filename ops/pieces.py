"""Reads and hashes a long log with all cores, for `bidui audit fsck`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

from adapters.sql.ledger_reader import SqlLedgerReader
from audit.stored import Piece, ReadPieces, Span, read_piece
from audit.suite import suite_of

_SPANS_ALONE = 8
"""Below this many spans the start of other processes costs more than they save."""
_SPANS_WAITING = 3


def pieces_of(url: str, suite: str) -> ReadPieces:
    """Reads the log in this database by as many processes as there are cores."""
    workers = os.cpu_count() or 1

    def read(spans: Sequence[Span]) -> Iterator[Piece]:
        if workers == 1 or len(spans) <= _SPANS_ALONE:
            yield from (_read(url, suite, span) for span in spans)
            return
        # Fresh interpreters, no forks: this process holds connections and perhaps threads.
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            waiting = deque[Future[Piece]]()
            for span in spans:
                waiting.append(pool.submit(_read, url, suite, span))
                if len(waiting) > _SPANS_WAITING * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    return read


def _read(url: str, suite: str, span: Span) -> Piece:
    return read_piece(_reader(url), suite_of(suite).digest, span)


@cache
def _reader(url: str) -> SqlLedgerReader:
    """One connection a process, for as long as it lives."""
    return SqlLedgerReader.open(url)
