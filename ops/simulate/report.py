"""What a simulation came to, for people and for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

import msgspec

from ops.simulate.attacks import ATTACKS
from ops.simulate.partners import Kind
from ops.simulate.replay import Assault, Learned
from ops.simulate.running import SeedRun, Settings
from ops.simulate.stage import BLIND

MILLION = 1_000_000


class ReportError(Exception):
    """A report could not be written; the message says what to do."""


@dataclass(frozen=True)
class Span:
    """The median of the runs, what nineteen of twenty stay below, and the worst of them."""

    median: float
    p95: float
    worst: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Span:
        return cls(median(values), sorted(values)[ceil(0.95 * len(values)) - 1], max(values))

    def __str__(self) -> str:
        return f"{_short(self.median)}/{_short(self.p95)}/{_short(self.worst)}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


@dataclass(frozen=True)
class Leak:
    """One attack over all seeds: by its first refusal, and by its end."""

    name: str
    says: str
    stopped: int
    runs: int
    named: str
    """How many of its credentials stood in an incident, in the run with the fewest."""
    by: str
    queries: Span
    days: Span
    persons: Span
    attributes: Span
    persons_in_the_end: Span
    attributes_in_the_end: Span


@dataclass(frozen=True)
class Alarms:
    """What honest partners of one kind met, per million of their records."""

    kind: str
    records: int
    holds: float
    freezes: float
    locks: float
    """People of whom a partner had asked so much that it was told nothing more of them."""
    refused: float
    """Records that were not answered, whatever the reason."""


def leaks(runs: Sequence[SeedRun]) -> list[Leak]:
    """A line for each attack that was run."""
    of = {name: [each for run in runs for each in run.assaults if each.attack == name] for name in ATTACKS}
    return [_leak(name, assaults) for name, assaults in of.items() if assaults]


def alarms(runs: Sequence[SeedRun]) -> list[Alarms]:
    """A line for each kind of partner."""
    return [_alarms(runs, kind) for kind in Kind]


def document(settings: Settings, runs: Sequence[SeedRun]) -> dict[str, object]:
    """For machines."""
    return {
        "seeds": [run.seed for run in runs],
        "persons": settings.persons,
        "days": settings.days,
        "gate": settings.gate,
        "reviewer": settings.spots,
        "blind": settings.limits == BLIND,
        "attacks": msgspec.to_builtins(leaks(runs)),
        "honest": msgspec.to_builtins(alarms(runs)),
        "records": sum(run.records for run in runs),
        "us_a_record": round(_cost(runs, lambda run: run.seconds), 2),
        "us_a_record_of_the_watch": round(_cost(runs, lambda run: run.watch_seconds), 2),
        "documents": sum(run.documents for run in runs),
        "stepped_up": sum(run.stepped_up for run in runs),
        "incidents": msgspec.to_builtins([each for run in runs for each in run.alarms]),
        "assaults": msgspec.to_builtins([each for run in runs for each in run.assaults]),
    }


def markdown(settings: Settings, runs: Sequence[SeedRun]) -> str:
    """For people: what leaked, and what honest partners met."""
    return "\n".join(
        [
            *_heading(settings, runs),
            "",
            *_leak_table(leaks(runs)),
            "",
            *_alarm_table(alarms(runs)),
            *_alarm_list(runs),
            "",
        ]
    )


def with_section(text: str, name: str, tables: str) -> str:
    """A document with these tables between the marks of that name. Raises `ReportError` when it has none."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ReportError(
            f"the document has no lines {begin.strip()} and {end}; write them where the tables are to stand"
        )
    return f"{before}{begin}{tables}{end}{after}"


def _heading(settings: Settings, runs: Sequence[SeedRun]) -> list[str]:
    gate = "with the identity gate" if settings.gate else "without an identity gate"
    records = sum(run.records for run in runs)
    seeds = ", ".join(str(run.seed) for run in runs)
    return [
        f"Seeds {seeds}; {settings.persons:,} persons, {settings.days} days, {gate}; {records:,} honest records at "
        f"{_cost(runs, lambda run: run.seconds):.0f} µs each inside the pipeline, of which the watch takes "
        f"{_cost(runs, lambda run: run.watch_seconds):.1f}; {sum(run.stepped_up for run in runs):,} of them had to be "
        "signed first, being asked from another network or at another hour than usual; "
        f"{sum(run.documents for run in runs):,} of their answers "
        f"waited for a document, and whoever looked at one took {settings.spots:.0%} of the forged for forged. Figures "
        "are median/95th percentile/worst of the runs."
    ]


def _leak_table(lines: Sequence[Leak]) -> Iterator[str]:
    columns = "first refused by|queries|days|persons|attributes|persons in the end|attributes in the end"
    yield f"|attack| |stopped|named|{columns}|"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for each in lines:
        cells = (
            each.queries,
            each.days,
            each.persons,
            each.attributes,
            each.persons_in_the_end,
            each.attributes_in_the_end,
        )
        figures = "|".join(str(cell) for cell in cells)
        yield f"|{each.name}|{each.says}|{each.stopped}/{each.runs}|{each.named}|{each.by}|{figures}|"


def _alarm_table(lines: Sequence[Alarms]) -> Iterator[str]:
    yield "|honest partners|records|holds|freezes|locks|records refused|"
    yield "|---|---|---|---|---|---|"
    for each in lines:
        yield f"|{each.kind}|{each.records:,}|{each.holds:.1f}|{each.freezes:.1f}|{each.locks:.1f}|{each.refused:.1f}|"
    yield ""
    yield "Holds, freezes (one a grant, cause and seven days) and refused records are per million records of that kind."


def _alarm_list(runs: Sequence[SeedRun]) -> Iterator[str]:
    found = [each for run in runs for each in run.alarms]
    if found:
        yield ""
        yield "|false alarm|seed|day|partner|"
        yield "|---|---|---|---|"
    for each in found:
        yield f"|{each.reason} by {each.detector}|{each.seed}|{each.day}|{each.kind} {each.member}|"


def _leak(name: str, assaults: Sequence[Assault]) -> Leak:
    first = [each.checked or each.end for each in assaults]
    return Leak(
        name=name,
        says=ATTACKS[name].says,
        stopped=sum(each.stopped for each in assaults),
        runs=len(assaults),
        named=_named(assaults),
        by=_causes(assaults),
        queries=_span(first, lambda each: each.queries),
        days=_span(first, lambda each: each.days),
        persons=_span(first, lambda each: each.persons),
        attributes=_span(first, lambda each: each.attributes),
        persons_in_the_end=_span([each.end for each in assaults], lambda each: each.persons),
        attributes_in_the_end=_span([each.end for each in assaults], lambda each: each.attributes),
    )


def _named(assaults: Sequence[Assault]) -> str:
    fewest = min(assaults, key=lambda each: each.named / each.credentials)
    return f"{fewest.named} of {fewest.credentials}"


def _causes(assaults: Sequence[Assault]) -> str:
    causes = [each.checked.by if each.checked else "nothing" for each in assaults]
    counted = sorted({(-causes.count(cause), cause) for cause in causes})
    return ", ".join(f"{cause} {-times}" for times, cause in counted)


def _span(learned: Sequence[Learned], figure: Callable[[Learned], float]) -> Span:
    return Span.of([figure(each) for each in learned])


def _alarms(runs: Sequence[SeedRun], kind: Kind) -> Alarms:
    records = sum(run.honest.records[kind] for run in runs)
    of_kind = [run.honest.of(kind) for run in runs]
    found = [each for run in runs for each in run.alarms if each.kind is kind]
    holds, freezes = (sum(each.reason == reason for each in found) for reason in ("held", "frozen"))
    refused = sum(times for each in of_kind for times in each.values())
    rate = MILLION / max(1, records)
    locks = sum(len(run.honest.locked[kind]) for run in runs)
    return Alarms(kind.value, records, holds * rate, freezes * rate, locks * rate, refused * rate)


def _cost(runs: Sequence[SeedRun], seconds: Callable[[SeedRun], float]) -> float:
    return MILLION * sum(map(seconds, runs)) / max(1, sum(run.records for run in runs))
