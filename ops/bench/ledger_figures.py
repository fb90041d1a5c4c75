"""`bidui bench ledger`: what recording a decision costs, and what a long log costs whoever proves or starts by it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sqlalchemy import text

from adapters.checkpoints import FileCheckpoints
from adapters.sql.engine import open_engine
from audit.fsck import fsck
from audit.report import Exit
from audit.tree import StoredTree
from audit.trust import parse_trust
from audit.verify import verify_log
from ops.bench.figures import BenchError, Check, Figure, Report
from ops.bench.ledger_home import a_home, grown, reader_of, signer_of
from ops.bench.ledger_writing import CALLERS, durable, processor_us
from ops.bench.servers import gateway
from ops.bench.watching import cores
from ops.demo.postgres import PostgresUnavailableError, throwaway_postgres
from ops.log_keys import TRUST_FILE
from ops.pieces import pieces_of
from ops.settings import Home, ServeSettings, load

PROOFS = 300
CHECKED_A_SECOND = 200_000
START_SECONDS = 1.0
"""By how much a long log may hold up the start."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many entries the long log has, how long each number of callers asks, how many turns are timed, and where."""

    entries: int
    seconds: float
    turns: int = 100
    engine: str = "sqlite"


def measure(work: Path, sizes: Sizes) -> Report:
    """Writes a fresh log, then reads a long one. Raises `BenchError`."""
    with _databases(sizes.engine) as url:
        tables = _writing(a_home(work, "ledger-fresh", url("fresh")), sizes)
        empty = _start(a_home(work, "ledger-empty", url("empty")))
        home = grown(work, sizes.entries, url("grown"))
        reading, checked = _reading(home, sizes.entries)
        long = _start(home)
    tables["a log of that many entries"] = reading
    tables["start of serve until ready, s"] = {"empty log": Figure.once(empty), "long log": Figure.once(long)}
    return Report(
        part="ledger",
        sizes={"engine": sizes.engine, "entries": sizes.entries},
        tables=tables,
        checks=[
            Check("entries checked in a second (fsck)", checked, least=CHECKED_A_SECOND),
            Check("start of serve, beyond that on an empty log, s", long - empty, most=START_SECONDS),
        ],
    )


@contextmanager
def _databases(engine: str) -> Iterator[Callable[[str], str]]:
    """A database of that name for each home: its URL, or nothing for the home's own file."""
    if engine == "sqlite":
        yield lambda _: ""
        return
    try:
        with throwaway_postgres(durable=True) as server:
            yield server.url
    except PostgresUnavailableError as error:
        raise BenchError(f"program missing: {error}") from error


def _writing(home: Home, sizes: Sizes) -> dict[str, Mapping[str, Figure]]:
    processor = processor_us(home, sizes.turns)
    runs = {f"{each} callers": durable(home, each, sizes.seconds) for each in CALLERS}
    return {
        "CPU us a recorded decision": {"turns of 32": processor},
        "durable decisions/s": {name: Figure.once(run.rate) for name, run in runs.items()},
        "p99 of waiting, ms": {name: Figure.once(run.p99) for name, run in runs.items()},
        "decisions a commit": {name: Figure.of(run.batches) for name, run in runs.items()},
        "CPU us a decision, loop and drafts too": {
            name: Figure.once(run.processor / len(run.waits) * 1e6) for name, run in runs.items()
        },
    }


def _reading(home: Home, entries: int) -> tuple[dict[str, Figure], float]:
    rng = Random(entries)
    with reader_of(home) as reader, signer_of(home) as signer:
        size = reader.head().size
        inclusion = _milliseconds(lambda: StoredTree(size, reader.hashes).inclusion(rng.randrange(size)))
        consistency = _milliseconds(lambda: StoredTree(size, reader.hashes).consistency(rng.randrange(1, size)))
        first = _once(signer.run_once)
    (rate, seconds), checked = verify(home), check(home)
    return {
        "inclusion proof, ms": inclusion,
        "consistency proof, ms": consistency,
        "first run of the signer, ms": Figure.once(first * 1000),
        "whole log verified, s": Figure.once(seconds),
        "entries verified a second, one process": Figure.once(rate),
        "entries checked a second, all cores (fsck)": Figure.once(checked),
        "bytes a decision, all tables": Figure.once(_bytes(home) / size),
    }, checked


def _milliseconds(act: Callable[[], object]) -> Figure:
    return Figure.of([_once(act) * 1000 for _ in range(PROOFS)])


def _once(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def verify(home: Home) -> tuple[float, float]:
    """As `bidui audit verify` does it, without the start of Python."""
    trust = parse_trust((home.path / TRUST_FILE).read_bytes())
    with reader_of(home) as reader:
        start = time.perf_counter()
        report = verify_log(reader, FileCheckpoints(home.checkpoints).history(), trust)
        seconds = time.perf_counter() - start
    if report.verdict is not Exit.PROVEN:
        raise BenchError(f"the log of the bench is not proven: {report.problems[0].cause}")
    return report.size / seconds, seconds


def check(home: Home) -> float:
    """Entries a second, as `bidui audit fsck` does it, without the start of Python."""
    trust = parse_trust((home.path / TRUST_FILE).read_bytes())
    url = home.database_url(load(home, "serve.toml", ServeSettings))
    with reader_of(home) as reader:
        start = time.perf_counter()
        read = pieces_of(url, trust.suite.name)
        report = fsck(reader, FileCheckpoints(home.checkpoints).history(), trust, read=read)
        seconds = time.perf_counter() - start
    if report.verdict is not Exit.PROVEN:
        raise BenchError(f"the log of the bench is not what was signed: {report.problems[0].cause}")
    return report.size / seconds


def _bytes(home: Home) -> int:
    """All that the control database takes."""
    settings = load(home, "serve.toml", ServeSettings)
    engine = open_engine(home.database_url(settings))
    wanted = "SELECT pg_database_size(current_database())" if settings.database else _PAGES
    try:
        with engine.connect() as connection:
            return int(connection.scalar(text(wanted)) or 0)
    finally:
        engine.dispose()


_PAGES = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"


def _start(home: Home) -> float:
    """Seconds from the command to the first ready answer."""
    core, other = cores()
    start = time.perf_counter()
    with gateway(home, load(home, "serve.toml", ServeSettings).port, core, other):
        return time.perf_counter() - start
