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

from ops.bench.figures import BenchError, Check, Figure, Report
from ops.bench.ledger import Ledger
from ops.bench.load import ROUTE, Load, Shot, find_wrk
from ops.bench.persons import Persons
from ops.bench.questions import bodies, body
from ops.bench.servers import Database, Server, database, free_ports, gateway, yardstick
from ops.bench.stage import headers, prepare, renew
from ops.bench.watching import cores, cpu_seconds
from ops.settings import Home
from policies.catalogue import load_catalogue

BODIES = 20_000
RATE_LIMITS = {"sqlite": 0.65, "postgresql": 0.5}
CPU_LIMIT = 1.8
P99_LIMIT = 2.0
OURS = ("serve", "seal", "echo")
"""Processes whose time counts as the server's; the database's is told beside it."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large, how long, how often, and where control data and index lie."""

    persons: int
    rules: int
    seconds: int
    rounds: int
    engine: str = "sqlite"


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
        shots, cpu = self.shots, self.cpu
        figures = {
            "requests_per_second": Figure.of([shot.rate for shot in shots]),
            "cpu_us": Figure.of([sum(us for name, us in parts.items() if name in OURS) for parts in cpu]),
            **{f"cpu_us_{name}": Figure.of([parts[name] for parts in cpu]) for name in cpu[0]},
            "p50_ms": Figure.of([shot.p50_ms for shot in shots]),
            "p99_ms": Figure.of([shot.p99_ms for shot in shots]),
            "requests": Figure.of([shot.requests for shot in shots]),
            "not_200": Figure.of([shot.refused + shot.broken for shot in shots]),
        }
        return figures | ({"records_per_commit": Figure.of(self.batches)} if self.batches else {})


def measure(work: Path, sizes: Sizes) -> Report:
    """Prepares what is missing and measures. Raises `BenchError`."""
    find_wrk()
    home = prepare(work, sizes.persons, sizes.rules)
    persons = Persons(load_catalogue())
    core, other = cores()
    wrk = Load(folder=work, core=other)
    wrk.write(bodies(persons, sizes.persons, BODIES))
    echo, path = Side(), Side()
    with ExitStack() as stack:
        where = stack.enter_context(database(sizes.engine, other))
        port, metrics_port, echo_port = free_ports(3)
        renew(home, port, metrics_port, where.url)
        served = stack.enter_context(gateway(home, port, core, other))
        plain = stack.enter_context(yardstick(echo_port, work, core))
        prove(home, served, persons)
        runs = _Runs(home, wrk, sizes.seconds)
        for _ in range(sizes.rounds):
            runs.add(echo, plain, Database())
            runs.add(path, served, where)
    return _report(sizes, echo.figures(), path.figures())


def _report(sizes: Sizes, echo: Mapping[str, Figure], path: Mapping[str, Figure]) -> Report:
    names = ("requests_per_second", "cpu_us", "p99_ms")
    ratios = {name: path[name].median / echo[name].median for name in names}
    return Report(
        part="path",
        sizes={name: getattr(sizes, name) for name in ("engine", "persons", "rules", "seconds", "rounds")},
        tables={
            "echo": echo,
            "path": path,
            "path / echo": {name: Figure.once(ratio) for name, ratio in ratios.items()},
        },
        checks=list(_checks(sizes.engine, ratios, {"echo": echo, "path": path})),
    )


def _checks(engine: str, ratios: Mapping[str, float], sides: Mapping[str, Mapping[str, Figure]]) -> Iterator[Check]:
    yield Check(f"{engine}: requests/s, path over echo", ratios["requests_per_second"], least=RATE_LIMITS[engine])
    if engine == "sqlite":
        yield Check(f"{engine}: CPU a request, path over echo", ratios["cpu_us"], most=CPU_LIMIT)
    yield Check(f"{engine}: p99, path over echo", ratios["p99_ms"], most=P99_LIMIT)
    for name, side in sides.items():
        yield Check(f"{engine}: answers of the {name} that were not 200", side["not_200"].most, most=0)


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


@dataclass(frozen=True)
class _Runs:
    """One way of measuring for both sides."""

    home: Home
    wrk: Load
    seconds: int

    def add(self, side: Side, server: Server, where: Database) -> None:
        """One more round: a second to warm up, then the run that counts."""
        known = headers(self.home)
        self.wrk.run(server.port, known, 1)
        log = Ledger(self.home)
        start = log.size()
        pids = {**server.pids, **where.pids()}
        before = {name: cpu_seconds(each) for name, each in pids.items()}
        shot = self.wrk.run(server.port, known, self.seconds)
        spent = {name: cpu_seconds(each) - before[name] for name, each in pids.items()}
        side.shots.append(shot)
        side.cpu.append({name: each / max(1, shot.requests) * 1e6 for name, each in spent.items()})
        if "serve" in server.pids:
            turns = log.turns(start)
            side.batches.append(turns.total() / max(1, len(turns)))
