"""What ten thousand rules cost: to publish a version of them, and to judge by it.

Publishing is measured part by part; the comparison with plain pycasbin stands apart, since it looks through every rule
within reach for every expectation. Decisions are of five fields each, spread over all departments and purposes.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from statistics import median, quantiles
from zoneinfo import ZoneInfo

from ops.bench.figures import BenchError, Check, Figure, Report
from ops.bench.rules import write_expectations, write_rulebooks
from policies.catalogue import Catalogue, load_catalogue
from policies.decision import Permit
from policies.publication import Report as Examined
from policies.publication import Texts, examine, load_texts, read_texts
from policies.snapshot import Ask, Snapshot, compile_rules

WARM_LIMIT_US = 20.0
PUBLISH_LIMIT_S = 3.0
ASKS, PASSES = 2_000, 10
_AT = datetime(2026, 3, 2, 10, tzinfo=ZoneInfo("Asia/Shanghai"))


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many rules, over how many departments."""

    rules: int
    departments: int


def measure(work: Path, sizes: Sizes) -> Report:
    """Examine a version of that size, and judge by it."""
    catalogue = load_catalogue()
    texts = _written(work / "policy", sizes, catalogue)
    examined = examine(texts, catalogue, {})
    if not examined.ok:
        raise BenchError(f"the version made for the bench is not in order: {examined.lines[0]}")
    snapshot, asks = _snapshot(texts, sizes, catalogue), list(_asks(sizes, catalogue))
    cold = _times(snapshot, asks)
    warm = [spent for _ in range(PASSES) for spent in _times(snapshot, asks)]
    return _report(sizes, examined, cold, warm)


def _written(folder: Path, sizes: Sizes, catalogue: Catalogue) -> Texts:
    shutil.rmtree(folder, ignore_errors=True)
    rulebooks, expectations = folder / "rulebooks", folder / "expectations"
    rulebooks.mkdir(parents=True)
    write_rulebooks(rulebooks, sizes.rules, catalogue, sizes.departments)
    write_expectations(expectations, sizes.rules, catalogue, sizes.departments)
    return read_texts(rulebooks, expectations)


def _snapshot(texts: Texts, sizes: Sizes, catalogue: Catalogue) -> Snapshot:
    clients = {_client(number): f"dept:bench-{number}" for number in range(sizes.departments)}
    return compile_rules(load_texts(texts, catalogue, clients, number=1, digest="00" * 32))


def _asks(sizes: Sizes, catalogue: Catalogue) -> Iterator[Ask]:
    """Questions of five fields; each department has rules for all fields of its first purpose."""
    keys = list(catalogue.fields)
    places = product(range(len(keys)), range(2), range(sizes.departments))
    for (start, purpose, number), _ in zip(places, range(ASKS), strict=False):
        claims = tuple((keys[(start + step) % len(keys)], "equals") for step in range(5))
        yield Ask(_client(number), claims, f"purpose:bench-{number}-{purpose}", ("org:all",), "10.8.0.5")


def _client(number: int) -> str:
    return f"client:bench-{number}-1"


def _times(snapshot: Snapshot, asks: Sequence[Ask]) -> list[int]:
    """Nanoseconds of each decision. Every one of them must be a yes: a refusal would be no measure."""
    times: list[int] = []
    gc.disable()
    try:
        for ask in asks:
            start = time.perf_counter_ns()
            found = snapshot.judge(ask, _AT)
            times.append(time.perf_counter_ns() - start)
            if not isinstance(found, Permit):
                raise BenchError("a question of the bench was refused")
    finally:
        gc.enable()
    return times


def _report(sizes: Sizes, examined: Examined, cold: list[int], warm: list[int]) -> Report:
    seconds = examined.seconds
    publishing = seconds.load + seconds.compile + seconds.check
    return Report(
        part="policy",
        sizes={**asdict(sizes), "expectations": examined.checked},
        tables={
            "publishing, s": {name: Figure.once(value) for name, value in asdict(seconds).items()},
            "decision of five fields, µs": {**_spread("cold", cold), **_spread("warm", warm)},
        },
        checks=[
            Check("warm decision, p95, µs", _p95(warm), most=WARM_LIMIT_US),
            Check("load + compile + check, s", publishing, most=PUBLISH_LIMIT_S),
        ],
    )


def _spread(name: str, times: list[int]) -> dict[str, Figure]:
    return {f"{name}, median": Figure.once(median(times) / 1000), f"{name}, p95": Figure.once(_p95(times))}


def _p95(times: list[int]) -> float:
    return quantiles(times, n=20)[-1] / 1000
