"""Whether the clock tells what the answer does not: absent, wrong name, out of scope, decoy and locked are one answer.

In every round each of the five is asked once, in an order drawn anew, about people nobody was asked about before. A
pause drawn anew goes before each, so that no probe keeps step with the grid on which answers leave.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ops.bench.auc import Auc, auc
from ops.bench.figures import BenchError, Check, Figure, Report
from ops.bench.generation import DECOYS
from ops.bench.ledger import Ledger
from ops.bench.persons import BANNERS, Persons
from ops.bench.probing import Prober
from ops.bench.questions import body
from ops.bench.servers import database, free_ports, gateway
from ops.bench.stage import NARROW, headers, prepare, renew
from ops.bench.watching import cores, pinned
from policies.catalogue import load_catalogue

LEAST, MOST = 0.45, 0.55
ABSENT, WRONG_NAME, OUT_OF_SCOPE, DECOY, LOCKED = "absent", "wrong name", "out of scope", "decoy", "locked"
CASES = (ABSENT, WRONG_NAME, OUT_OF_SCOPE, DECOY, LOCKED)
PAUSE_SECONDS = 0.004
"""Two lines of the grid."""

Times = dict[str, list[float]]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large, how many pairs, in how many copies at once, and where control data and index lie."""

    persons: int
    rules: int
    pairs: int
    copies: int = 1
    engine: str = "sqlite"


def measure(work: Path, sizes: Sizes) -> Report:
    """Asks and compares the times. Raises `BenchError`."""
    if sizes.persons < sizes.pairs * BANNERS:
        raise BenchError(f"{sizes.pairs} pairs need at least {sizes.pairs * BANNERS} persons")
    if sizes.pairs > len(DECOYS):
        raise BenchError(f"there are decoys for at most {len(DECOYS)} pairs")
    home = prepare(work, sizes.persons, sizes.rules)
    core, other = cores()
    persons = Persons(load_catalogue())
    with database(sizes.engine, other) as where:
        port, metrics_port = free_ports(2)
        renew(home, port, metrics_port, where.url)
        plug = body(persons, 0)
        with (
            gateway(home, port, core, other, is_patient=True),
            pinned(other),
            Prober(port, sizes.copies, lambda: headers(home), plug) as prober,
        ):
            log = Ledger(home)
            start = log.size()
            times = _ask(prober, persons, sizes)
            turns = log.turns(start)
    return _report(sizes, times, turns)


def _ask(prober: Prober, persons: Persons, sizes: Sizes) -> Times:
    rng = Random(sizes.pairs)
    times: Times = {case: [] for case in CASES}
    gc.collect()
    gc.freeze()
    for number in range(sizes.pairs):
        probes = list(cases(persons, sizes.persons, number))
        rng.shuffle(probes)
        # Whoever is asked other questions right behind the first ones is locked.
        prober.time(body(persons, locked(number)))
        for case, question in probes:
            time.sleep(rng.uniform(0, PAUSE_SECONDS))
            times[case].append(prober.time(question))
    gc.unfreeze()
    return times


def cases(persons: Persons, count: int, number: int) -> Iterator[tuple[str, bytes]]:
    """The questions of a round; all five claims are right, for those who are there and not locked."""
    inside, outside = number * BANNERS, number * BANNERS + 1
    yield ABSENT, body(persons, count + number, grant=NARROW)
    yield WRONG_NAME, body(persons, inside, grant=NARROW, name=_another_name(persons, inside))
    yield OUT_OF_SCOPE, body(persons, outside, grant=NARROW)
    yield DECOY, body(persons, DECOYS[number], grant=NARROW)
    yield LOCKED, body(persons, locked(number), other=True)


def locked(number: int) -> int:
    """Who is asked too much of in a round: somebody whom no other case is about."""
    return number * BANNERS + 2


def _another_name(persons: Persons, person: int) -> str:
    """The name of somebody of another family."""
    own = persons.name(person)
    return next(name for name in map(persons.name, range(person + 1, person + 1000)) if name[0] != own[0])


def _report(sizes: Sizes, times: Times, turns: Counter[str]) -> Report:
    how = "alone" if sizes.copies == 1 else f"{sizes.copies} copies in one turn"
    areas = {case: auc(times[ABSENT], times[case]) for case in CASES[1:]}
    sizes_of_turns = [size for size in turns.values() if sizes.copies == 1 or size > 1]
    return Report(
        part="timing",
        sizes={name: getattr(sizes, name) for name in ("engine", "persons", "rules", "pairs", "copies")},
        tables={
            "milliseconds": {case: Figure.of(each) for case, each in times.items()},
            "AUC of absent against, with its 95 % interval": {case: _figure(area) for case, area in areas.items()},
            "requests in a turn": {"probes": Figure.of(sizes_of_turns)},
        },
        checks=list(_checks(how, areas)),
    )


def _figure(area: Auc) -> Figure:
    return Figure(area.value, area.low, area.high)


def _checks(how: str, areas: Mapping[str, Auc]) -> Iterator[Check]:
    for case, area in areas.items():
        interval = f"[{area.low:.3f}, {area.high:.3f}]"
        yield Check(f"AUC, absent against {case}, {how}, 95 % {interval}", area.value, least=LEAST, most=MOST)
