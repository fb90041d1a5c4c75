"""The whole path against the echo, in turns on the same core: requests a second, processor time, latency.

Both sides get the same bodies and headers from the same `wrk`. What is compared are medians of interleaved rounds,
because the rate of one run says more about the neighbours of the machine than about the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import msgspec

from adapters.sql.ledger_reader import SqlLedgerReader
from ops.bench.figures import Check, Figure
from ops.bench.load import ROUTE, BenchError, Load, Shot
from ops.bench.persons import Persons
from ops.bench.questions import bodies, body
from ops.bench.servers import Server, free_ports, gateway, yardstick
from ops.bench.stage import headers, prepare, renew
from ops.bench.watching import cores, cpu_seconds
from ops.settings import Home, ServeSettings, load
from policies.catalogue import load_catalogue

BODIES = 20_000
LIMITS = {"sqlite": 0.65, "postgresql": 0.5}
CPU_LIMIT = 1.8
P99_LIMIT = 2.0


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large, how long, how often."""

    persons: int
    rules: int
    seconds: int
    rounds: int


@dataclass(slots=True)
class Side:
    """The rounds of one side."""

    shots: list[Shot] = field(default_factory=list[Shot])
    cpu: list[Mapping[str, float]] = field(default_factory=list[Mapping[str, float]])
    """Microseconds a request, by process."""
    batches: list[float] = field(default_factory=list[float])
    """Records a commit."""

    def figures(self) -> dict[str, Figure]:
        """Every figure of this side."""
        figures = {
            "requests_per_second": Figure.of([shot.rate for shot in self.shots]),
            "cpu_us": Figure.of([sum(parts.values()) for parts in self.cpu]),
            **{f"cpu_us_{name}": Figure.of([parts[name] for parts in self.cpu]) for name in self.cpu[0]},
            "p50_ms": Figure.of([shot.p50_ms for shot in self.shots]),
            "p99_ms": Figure.of([shot.p99_ms for shot in self.shots]),
            "requests": Figure.of([shot.requests for shot in self.shots]),
            "not_200": Figure.of([shot.refused + shot.broken for shot in self.shots]),
        }
        return figures | ({"records_per_commit": Figure.of(self.batches)} if self.batches else {})


@dataclass(frozen=True, kw_only=True)
class PathReport:
    """Both sides on one engine."""

    engine: str
    echo: Mapping[str, Figure]
    path: Mapping[str, Figure]

    def ratios(self) -> dict[str, float]:
        """Median to median, path over echo."""
        names = ("requests_per_second", "cpu_us", "p99_ms")
        return {name: self.path[name].median / self.echo[name].median for name in names}

    def checks(self) -> Iterator[Check]:
        """The limits of the issue."""
        ratios, engine = self.ratios(), self.engine
        yield Check.at_least(f"{engine}: requests/s, path over echo", ratios["requests_per_second"], LIMITS[engine])
        if engine == "sqlite":
            yield Check.at_most(f"{engine}: CPU a request, path over echo", ratios["cpu_us"], CPU_LIMIT)
        yield Check.at_most(f"{engine}: p99, path over echo", ratios["p99_ms"], P99_LIMIT)
        for name, side in (("echo", self.echo), ("path", self.path)):
            yield Check.at_most(f"{engine}: answers of the {name} that were not 200", side["not_200"].worst, 0)


def measure(work: Path, sizes: Sizes, engine: str = "sqlite") -> PathReport:
    """Prepares what is missing and measures. Raises `BenchError`."""
    home = prepare(work, sizes.persons, sizes.rules)
    core, other = cores()
    ports = free_ports(3)
    persons = Persons(load_catalogue())
    load = Load(folder=work, core=other)
    load.write(bodies(persons, sizes.persons, BODIES))
    echo, path = Side(), Side()
    with ExitStack() as stack:
        renew(home, ports[0], ports[1])
        served = stack.enter_context(gateway(home, ports[0], core, other))
        plain = stack.enter_context(yardstick(ports[2], work, core))
        prove(home, served, persons)
        for _ in range(sizes.rounds):
            _round(load, plain, home, sizes.seconds, echo)
            _round(load, served, home, sizes.seconds, path)
    return PathReport(engine=engine, echo=echo.figures(), path=path.figures())


def prove(home: Home, server: Server, persons: Persons) -> None:
    """One question answered right, before anything is measured: a fast wrong answer is worth nothing."""
    told = httpx2.post(
        f"http://127.0.0.1:{server.port}{ROUTE}",
        content=body(persons, 0, wrong=True),
        headers={**headers(home), "Idempotency-Key": "prove"},
        trust_env=False,
    )
    codes = sorted(told.json()["fields"].values()) if told.status_code == 200 else []
    if codes != ["match"] * 5 + ["mismatch"]:
        raise BenchError(f"the gateway answers wrongly ({told.status_code}); delete the work folder and try again")


def _round(load: Load, server: Server, home: Home, seconds: int, side: Side) -> None:
    known = headers(home)
    load.run(server.port, known, 1)
    start = _entries(home)
    before = {name: cpu_seconds(pids) for name, pids in server.pids.items()}
    shot = load.run(server.port, known, seconds)
    side.shots.append(shot)
    side.cpu.append(
        {name: (cpu_seconds(pids) - before[name]) / shot.requests * 1e6 for name, pids in server.pids.items()}
    )
    if "serve" in server.pids:
        side.batches.append(records_per_commit(home, start))


class _Entry(msgspec.Struct):
    """What is read of an entry here: when it was decided, which all entries of a turn have alike."""

    time: str
    type: str


def records_per_commit(home: Home, start: int) -> float:
    """How many comparisons one turn put into the log, on the average since that entry."""
    reader = SqlLedgerReader.open(home.database_url(load(home, "serve.toml", ServeSettings)))
    read = msgspec.json.Decoder(_Entry).decode
    times = [entry.time for entry in map(read, reader.entries(start, _entries(home))) if "comparison" in entry.type]
    return len(times) / max(1, len(set(times)))


def _entries(home: Home) -> int:
    return SqlLedgerReader.open(home.database_url(load(home, "serve.toml", ServeSettings))).head().size
