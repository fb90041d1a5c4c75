"""What is told of a simulation: spans, causes, false alarms, and a section of a document."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal
from ops.simulate.alarms import false_alarms
from ops.simulate.granting import members_of
from ops.simulate.partners import START, Kind
from ops.simulate.replay import Assault, Honest, Learned, Refusing
from ops.simulate.report import ReportError, Span, alarms, leaks, with_section
from ops.simulate.running import SeedRun
from ops.simulate.world import build

MEMBERS = members_of(build(1, 2_000, 60), gate=False)


def an_assault(seed: int, persons: int, by: str = "held:watch:cell") -> Assault:
    checked = Learned(queries=10, days=0.5, persons=persons, attributes=2 * persons, by=by) if by else None
    end = Learned(queries=20, days=9.0, persons=3 * persons, attributes=6 * persons)
    return Assault("A5", seed, checked, end, bool(by), int(bool(by)), 1, {by: 1})


def a_run(seed: int, *assaults: Assault, refused: dict[Refusing, int] | None = None) -> SeedRun:
    honest = Honest(Counter({Kind.PAYROLL: 500_000}), Counter(refused or {}))
    return SeedRun(seed, honest, assaults, (), 0, 500_000, 1.0, 0.1)


def an_incident(
    day: int, detector: Detector = Detector.MISS_RATE, action: Action = Action.HOLD, member: int = 4
) -> Incident:
    at, grant = START + timedelta(days=day, hours=9), MEMBERS[member].grant
    finding = Finding(
        detector, action, Principal(Level.GRANT, grant.number), grant.partner, grant.number, 9.0, 1.0, 30, at
    )
    return Incident(number="ab" * 8, finding=finding, last=at, count=1)


def test_an_attack_is_told_by_the_median_and_the_worst_seed() -> None:
    runs = [a_run(seed, an_assault(seed, persons)) for seed, persons in ((1, 4), (2, 9), (3, 5))]

    [leak] = leaks(runs)

    assert (leak.stopped, leak.runs, leak.by) == (3, 3, "held:watch:cell 3")
    assert leak.persons == Span(5, 9, 9)
    assert leak.persons_in_the_end == Span(15, 27, 27)
    assert str(leak.persons) == "5/9/9"
    assert leak.named == "1 of 1"


def test_nineteen_of_twenty_stay_below_the_ninety_fifth_percentile() -> None:
    assert Span.of(list(range(1, 21))) == Span(10.5, 19, 20)


def test_an_attack_that_nothing_refused_is_told_by_its_end() -> None:
    [leak] = leaks([a_run(1, an_assault(1, 4, by=""))])

    assert (leak.stopped, leak.by, leak.persons) == (0, "nothing 1", Span(12, 12, 12))


INCIDENTS = {
    "one day": ([an_incident(10)], 1),
    "the next days": ([an_incident(10), an_incident(11), an_incident(16)], 1),
    "a week later": ([an_incident(10), an_incident(17)], 2),
    "two detectors": ([an_incident(10), an_incident(10, Detector.MISSES, Action.FREEZE_GRANT)], 2),
    "two grants": ([an_incident(10), an_incident(10, member=5)], 2),
    "what stopped nobody": ([an_incident(10, action=Action.RECORD)], 0),
}


@pytest.mark.parametrize(("incidents", "count"), INCIDENTS.values(), ids=INCIDENTS)
def test_false_alarms_are_counted_once_a_week(incidents: list[Incident], count: int) -> None:
    assert len(false_alarms(1, incidents, MEMBERS)) == count


def test_alarms_are_told_per_million_records() -> None:
    met = [an_incident(10), an_incident(50, Detector.CELL, Action.FREEZE_GRANT)]
    refused = {Refusing(10, 4, Kind.PAYROLL, "held", "watch:miss_rate"): 100}
    run = replace(a_run(1, refused=refused), alarms=false_alarms(1, met, MEMBERS))

    payroll = alarms([run])[0]

    assert (payroll.holds, payroll.freezes, payroll.refused) == (2.0, 2.0, 200.0)


def test_a_section_is_replaced_and_nothing_else() -> None:
    text = "a\n<!-- begin blind -->\nold\n<!-- end blind -->\nb\n"

    assert with_section(text, "blind", "new\n") == "a\n<!-- begin blind -->\nnew\n<!-- end blind -->\nb\n"


@pytest.mark.parametrize("text", ["", "<!-- begin blind -->\n", "<!-- end blind -->"])
def test_a_document_without_the_marks_is_left_alone(text: str) -> None:
    with pytest.raises(ReportError, match="begin blind"):
        with_section(text, "blind", "new\n")
