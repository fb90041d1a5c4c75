"""Which stage would give away what the answer does not: processor time by case, without the noise of the wall.

Turns of many copies of one probe, the three cases of `timing` one after the other. A stage whose areas are far from
0.5 does another amount of work for one of the cases; the us say whether anybody could ever see it from outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from ops.bench.auc import auc
from ops.bench.figures import Figure, Report
from ops.bench.persons import Persons
from ops.bench.questions import body
from ops.bench.stage import prepare
from ops.bench.stopwatch import Spent
from ops.bench.timing import ABSENT, CASES, cases, locked
from ops.bench.turns import Turns, turns_of
from policies.catalogue import load_catalogue

ALL = "all of them"
Rounds = Mapping[str, Sequence[Mapping[str, Spent]]]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large, how many rounds, in how many copies, and where control data and index lie."""

    persons: int
    rules: int
    pairs: int
    copies: int
    engine: str = "sqlite"


def measure(work: Path, sizes: Sizes) -> Report:
    """Takes the turns and compares the stages. Raises `BenchError`."""
    home = prepare(work, sizes.persons, sizes.rules)
    with turns_of(home, sizes.engine) as (turns, _):
        return _report(sizes, _take(turns, sizes))


def _take(turns: Turns, sizes: Sizes) -> Rounds:
    persons, rng = Persons(load_catalogue()), Random(sizes.pairs)
    rounds: dict[str, list[Mapping[str, Spent]]] = {case: [] for case in CASES}
    for number in range(sizes.pairs):
        probes = list(cases(persons, sizes.persons, number))
        rng.shuffle(probes)
        turns.take([body(persons, locked(number))])
        for case, question in probes:
            rounds[case].append(turns.take([question] * sizes.copies))
    return rounds


def _report(sizes: Sizes, rounds: Rounds) -> Report:
    spent = {case: _by_stage(taken) for case, taken in rounds.items()}
    stages = list(spent[ABSENT])
    tables = {
        f"CPU us a turn, {case}": {stage: Figure.once(median(times[stage])) for stage in stages}
        for case, times in spent.items()
    }
    for case in CASES[1:]:
        areas = {stage: auc(spent[ABSENT][stage], spent[case][stage]) for stage in stages}
        tables[f"AUC of absent against {case}"] = {stage: Figure(*area) for stage, area in areas.items()}
    return Report(
        part="leaks",
        sizes={name: getattr(sizes, name) for name in ("engine", "persons", "rules", "pairs", "copies")},
        tables=tables,
        checks=[],
    )


def _by_stage(taken: Sequence[Mapping[str, Spent]]) -> dict[str, list[float]]:
    """Microseconds of each turn, for each stage and for all of them together."""
    stages = {stage: [turn[stage].cpu / 1000 for turn in taken] for stage in taken[0]}
    return stages | {ALL: [sum(each.cpu for each in turn.values()) / 1000 for turn in taken]}
