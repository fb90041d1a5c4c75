"""Where the time of one turn goes, stage by stage, and what the sealing process adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.bench.figures import Figure, Report
from ops.bench.persons import Persons
from ops.bench.questions import bodies
from ops.bench.stage import prepare
from ops.bench.stopwatch import Spent
from ops.bench.turns import turns_of
from ops.bench.watching import cpu_seconds
from policies.catalogue import load_catalogue

TURN = 32
WARM_TURNS = 10


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large, how many turns, and where control data and index lie."""

    persons: int
    rules: int
    turns: int
    engine: str = "sqlite"


def measure(work: Path, sizes: Sizes) -> Report:
    """Takes turns of 32 requests and says what each stage spent of them. Raises `BenchError`."""
    home = prepare(work, sizes.persons, sizes.rules)
    made = bodies(Persons(load_catalogue()), sizes.persons, (WARM_TURNS + sizes.turns) * TURN)
    batches = [made[start : start + TURN] for start in range(0, len(made), TURN)]
    with turns_of(home, sizes.engine) as (turns, sealing):
        for batch in batches[:WARM_TURNS]:
            turns.take(batch)
        before = cpu_seconds([sealing])
        spent = [turns.take(batch) for batch in batches[WARM_TURNS:]]
        sealed = (cpu_seconds([sealing]) - before) / (sizes.turns * TURN) * 1e6
    return _report(sizes, spent, sealed)


def _report(sizes: Sizes, spent: Sequence[Mapping[str, Spent]], sealed: float) -> Report:
    return Report(
        part="stages",
        sizes={name: getattr(sizes, name) for name in ("engine", "persons", "rules", "turns")} | {"turn": TURN},
        tables={
            "CPU us a request": _figures([{stage: each.cpu for stage, each in turn.items()} for turn in spent]),
            "wall us a request": _figures([{stage: each.wall for stage, each in turn.items()} for turn in spent]),
            "CPU us a request, sealing process": {"all of it": Figure.once(sealed)},
        },
        checks=[],
    )


def _figures(turns: Sequence[Mapping[str, int]]) -> dict[str, Figure]:
    """Each stage, and all of them together, per request."""
    stages = {stage: [turn.get(stage, 0) for turn in turns] for stage in turns[0]}
    stages["all of them"] = [sum(turn.values()) for turn in turns]
    return {stage: Figure.of([nanoseconds / TURN / 1000 for nanoseconds in each]) for stage, each in stages.items()}
