"""What the detectors cost a record: alone, and in files, on honest records of every kind of partner.

Turns of a simulated month go through the pipeline; then the watch looks at each of them again and again, over a store
that knows nothing and keeps nothing. What a store costs is measured with the whole path.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from gateway.domain.incident import Incident
from gateway.domain.standing import Kept, Standing, Stop
from gateway.hearing import Hearing
from gateway.ports import Rights, WatchStore
from gateway.watching import Watch, Watching
from ops.bench.figures import Check, Figure, Report
from ops.simulate.partners import Kind
from ops.simulate.replay import Honesty, live
from ops.simulate.stage import Stage
from ops.simulate.world import build

SINGLE_LIMIT_US, FILE_LIMIT_US = 20.0, 2.0
SEED, PERSONS, DAYS = 100, 100_000, 31
FULL = 100
"""Rows of a full chunk; what is called a file here came in such."""
ALONE = 200
"""So many records of each kind are looked at one by one."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How often each turn is looked at; the quickest time counts, since everything else is the machine's."""

    rounds: int = 7


class Nothing:
    """A store that knows nothing and keeps nothing."""

    def standings(self, accounts: Sequence[str], day: int) -> Mapping[str, Standing]:
        return {}

    def questions(self, wanted: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        return {}

    def cells(self, wanted: Sequence[tuple[str, bytes]], since: int) -> Mapping[tuple[str, bytes], int]:
        return {}

    def shares(self, accounts: Sequence[str], day: int, since: int) -> Mapping[bytes, Mapping[str, int]]:
        return {}

    def keep(self, kept: Kept) -> None:
        """Nothing."""

    def recent(self, partner: str, grant: str, detector: str, since: int) -> Incident | None:
        return None

    def lay(self, stops: Sequence[Stop]) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Turn:
    """Hearings that met in a turn, as they stood behind it."""

    hearings: Sequence[Hearing]
    rights: Rights
    at: datetime


@dataclass
class Catching(Watch):
    """The watch, which remembers what it looked at."""

    turns: list[Turn] = field(default_factory=list[Turn])

    def begin(self, hearings: Sequence[Hearing], store: WatchStore, rights: Rights, at: datetime) -> Watching:
        """See `gateway.watching.Watch`."""
        if not isinstance(store, Nothing):
            self.turns.append(Turn(hearings, rights, at))
        return super().begin(hearings, store, rights, at)


def measure(sizes: Sizes) -> Report:
    """Plays the month and looks again."""
    watch, by_kind = _caught()
    figures: dict[str, Figure] = {}
    gc.disable()
    for kind, turns in by_kind.items():
        files = [each for each in turns if len(each.hearings) == FULL]
        alone = [Turn([each], turn.rights, turn.at) for turn in turns for each in turn.hearings][:ALONE]
        for how, chosen in (("alone", alone), ("in files", files)):
            if chosen:
                figures[f"{kind.value}, {how}"] = _figure(watch, chosen, sizes.rounds)
    gc.enable()
    return _report(sizes, figures)


def _caught() -> tuple[Watch, Mapping[Kind, Sequence[Turn]]]:
    stage = Stage(build(SEED, PERSONS, PERSONS // 500))
    watch = Catching(stage.watch.key, stage.watch.catalogue, stage.watch.limits)
    stage.pipeline.watch = watch
    live(stage, Honesty(stage, stage.members), 0, DAYS)
    kinds = {each.grant.number: each.kind for each in stage.members}
    found: dict[Kind, list[Turn]] = {kind: [] for kind in Kind}
    for turn in watch.turns:
        if all(each.granted and each.question and each.spent for each in turn.hearings):
            found[kinds[turn.hearings[0].request.query.grant]].append(turn)
    return watch, found


def _figure(watch: Watch, turns: Sequence[Turn], rounds: int) -> Figure:
    """Microseconds a record: of each turn the quickest look."""
    found = [min(_look(watch, turn) for _ in range(rounds)) / len(turn.hearings) for turn in turns]
    return Figure(median(found), min(found), max(found))


def _look(watch: Watch, turn: Turn) -> float:
    start = time.perf_counter_ns()
    watching = watch.begin(turn.hearings, Nothing(), turn.rights, turn.at)
    watching.lock_questions(turn.hearings)
    watching.hide(turn.hearings)
    watching.look(turn.hearings)
    return (time.perf_counter_ns() - start) / 1000


def _report(sizes: Sizes, figures: Mapping[str, Figure]) -> Report:
    limits = [(name, FILE_LIMIT_US if name.endswith("files") else SINGLE_LIMIT_US) for name in figures]
    return Report(
        part="watch",
        sizes={"persons": PERSONS, "days": DAYS, "rounds": sizes.rounds},
        tables={"detectors, µs a record": figures},
        checks=[Check(f"{name}, µs a record", figures[name].median, most=most) for name, most in limits],
    )
