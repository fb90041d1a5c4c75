"""Processes that append to one log at once, each by a clock that is wrong in its own way.

python -m ops.prove.appending HOME '[{"skew": -86400, "threads": 4, "appends": 20, "drafts": 3, "signs": true}, ...]'

Each task is a process, forked from this one. Threads share stores by twos, as turns and desks do. With `signs` it also
signs as fast as it can, beside all others.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Event

import msgspec

from adapters.checkpoints import FileCheckpoints
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from audit.ledger import Ledger
from audit.signer import CheckpointSigner, State
from ops.bench.drafts import an_answer
from ops.log_keys import make_ledger, read_log_keys
from ops.settings import Home, ServeSettings, load, open_home


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What one process does. `skew` is by how many seconds its clock is wrong."""

    skew: float
    threads: int
    appends: int
    drafts: int
    signs: bool = False


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What it did: seconds each append took, the places it was given, every checkpoint it signed, swaps it lost."""

    waits: list[float]
    places: list[int]
    signed: list[str]
    outrun: int
    sealed: list[str]


def work(home: Home, task: Task) -> Done:
    """Appends in all threads, and signs meanwhile."""
    settings, stopping = load(home, "serve.toml", ServeSettings), Event()
    stores = [SqlStore(home.database_url(settings)) for _ in range((task.threads + 1) // 2)]
    checkpoints = Kept(home.checkpoints)
    with ThreadPoolExecutor(task.threads + 1) as pool, signer_of(home, settings, checkpoints) as signer:
        signing = pool.submit(_sign, signer, stopping) if task.signs else None
        appending = [
            pool.submit(_append, home, make_ledger(home, settings, None), stores[n // 2], task)
            for n in range(task.threads)
        ]
        try:
            done = [each.result() for each in appending]
        finally:
            stopping.set()
        outrun, sealed = signing.result() if signing else (0, [])
    for store in stores:
        store.close()
    return Done(
        waits=[each for waits, _ in done for each in waits],
        places=[each for _, places in done for each in places],
        signed=[each.decode() for each in checkpoints.put],
        outrun=outrun,
        sealed=sealed,
    )


def _append(home: Home, ledger: Ledger, store: SqlStore, task: Task) -> tuple[list[float], list[int]]:
    waits: list[float] = []
    places: list[int] = []
    for number in range(task.appends):
        drafts = [an_answer(number * task.drafts + each) for each in range(task.drafts)]
        started = time.monotonic()
        with store.begin() as opened:
            recorded = ledger.append(opened.ledger, drafts, home.clock.now() + timedelta(seconds=task.skew))
            opened.commit()
        waits.append(time.monotonic() - started)
        places += [each.index for each in recorded]
    return waits, places


@contextmanager
def signer_of(home: Home, settings: ServeSettings, checkpoints: Kept) -> Iterator[CheckpointSigner]:
    """A signer on a connection of its own."""
    reader = SqlLedgerReader.open(home.database_url(settings))
    keys = read_log_keys(home, settings, None)
    try:
        yield CheckpointSigner(
            origin=settings.origin,
            reader=reader,
            store=checkpoints,
            signers=keys.checkpoints,
            now=home.clock.now,
        )
    finally:
        reader.close()


class Kept(FileCheckpoints):
    """Remembers what it put in place."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.put: list[bytes] = []

    def swap(self, expected: bytes | None, new: bytes) -> bool:
        swapped = super().swap(expected, new)
        if swapped:
            self.put.append(new)
        return swapped


def _sign(signer: CheckpointSigner, stopping: Event) -> tuple[int, list[str]]:
    """Signs until it is told to stop; how often another was faster, and every cause for which it would not sign."""
    outrun, sealed = 0, list[str]()
    while not stopping.is_set():
        run = signer.run_once()
        outrun += run.state is State.OUTRUN
        if run.state is State.SEALED:
            sealed.append(run.cause)
    return outrun, sealed


if __name__ == "__main__":
    os.environ["BIDUI_HOME"] = sys.argv[1]
    tasks = msgspec.json.decode(sys.argv[2], type=list[Task])
    with get_context("fork").Pool(len(tasks)) as pool:
        done = pool.map(partial(work, open_home()), tasks, chunksize=1)
    sys.stdout.buffer.write(msgspec.json.encode(done))
