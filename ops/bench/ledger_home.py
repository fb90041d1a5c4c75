"""A home whose log has as many entries as one asks for, kept in the work folder: growing a million takes minutes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from adapters.checkpoints import FileCheckpoints
from adapters.clock import SystemClock
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from audit.signer import CheckpointSigner, State
from ops.bench.drafts import an_answer
from ops.bench.figures import BenchError
from ops.bench.servers import free_ports
from ops.bench.stage import prepare, renew
from ops.log_keys import make_ledger, read_log_keys
from ops.settings import Home, Mode, ServeSettings, load

PERSONS, RULES = 1000, 600
BATCH = 1000
SIGNED_EVERY = 50_000


def a_home(work: Path, name: str, database: str = "") -> Home:
    """A home of a small register with an empty log, made anew."""
    pattern = prepare(work, PERSONS, RULES)
    home = Home(path=(work / name).absolute(), mode=Mode.TEST, clock=SystemClock())
    shutil.rmtree(home.path, ignore_errors=True)
    shutil.copytree(pattern.path, home.path, ignore=shutil.ignore_patterns("control.sqlite*", "rights", "*.log"))
    port, metrics_port = free_ports(2)
    renew(home, port, metrics_port, database)
    return home


def grown(work: Path, entries: int, database: str = "") -> Home:
    """A home with so many entries, all signed; that of the last run, if its log is in a file and long enough."""
    home = Home(path=(work / f"ledger-{entries}").absolute(), mode=Mode.TEST, clock=SystemClock())
    if not database and (home.path / "serve.toml").exists() and size_of(home) >= entries:
        return home
    home = a_home(work, home.path.name, database)
    grow(home, entries)
    return home


def grow(home: Home, entries: int) -> None:
    """Appends until there are so many, and signs now and then. Raises `BenchError` when the log was sealed."""
    settings = load(home, "serve.toml", ServeSettings)
    ledger = make_ledger(home, settings, None)
    with closing(SqlStore(home.database_url(settings))) as store, signer_of(home) as signer:
        size = size_of(home)
        while size < entries:
            drafts = [an_answer(number) for number in range(size, min(size + BATCH, entries))]
            with store.begin() as work:
                size = ledger.append(work.ledger, drafts, home.clock.now())[-1].index + 1
                work.commit()
            if (size // SIGNED_EVERY != (size - BATCH) // SIGNED_EVERY or size >= entries) and (
                signer.run_once().state is State.SEALED
            ):
                raise BenchError("the log of the bench was sealed; delete the work folder and try again")


def size_of(home: Home) -> int:
    """How many entries its log has."""
    with reader_of(home) as reader:
        return reader.head().size


@contextmanager
def reader_of(home: Home) -> Iterator[SqlLedgerReader]:
    """A reader on a connection of its own."""
    reader = SqlLedgerReader.open(home.database_url(load(home, "serve.toml", ServeSettings)))
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def signer_of(home: Home) -> Iterator[CheckpointSigner]:
    """The signing task of this home."""
    settings = load(home, "serve.toml", ServeSettings)
    with reader_of(home) as reader:
        yield CheckpointSigner(
            origin=settings.origin,
            reader=reader,
            store=FileCheckpoints(home.checkpoints),
            signers=read_log_keys(home, settings, None).checkpoints,
            now=home.clock.now,
        )
