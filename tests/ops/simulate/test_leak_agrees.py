"""Leak by contract against the simulation: what a sheet says, and what the same grant loses through the pipeline."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from statistics import median

import pytest

from gateway.domain.leak import Case
from gateway.watch.leak import Leaks
from gateway.watch.thresholds import DEFAULTS, Thresholds
from ops.simulate.attacks import ATTACKS
from ops.simulate.partners import Kind
from ops.simulate.replay import assail
from ops.simulate.stage import Stage
from ops.simulate.world import World, build
from policies.catalogue import load_catalogue

PERSONS, ORGANISATIONS, SEED = 20_000, 60, 100
FIRST, LAST = 100, 220
ROUNDS = {"A1a": 12, "A1b": 20, "A4": 6}
WHOSE: dict[str, tuple[Kind, int, str]] = {
    "A1a": (Kind.PAYROLL, 0, "stolen"),
    "A1b": (Kind.ONBOARDING, 0, "stolen"),
    "A4": (Kind.ONBOARDING, 5, "dishonest"),
}
PATIENT = replace(DEFAULTS, run_outs=1 << 60)
"""The simulated attackers ask on until they are refused, for which an un-scoped grant is held. Quotas are shown to
whoever holds a grant, so those of the sheet know when to stop; here nobody is held for asking too much."""
LEAST, MOST_TIMES, MOST_ABOVE = 1 / 3, 1.5, 0.2
"""What docs/leak.md says of the two."""


@cache
def a_world() -> World:
    return build(SEED, PERSONS, ORGANISATIONS)


def measured(attack: str, limits: Thresholds) -> list[int]:
    """Persons that each of several attacks had in the end, nobody having asked before."""
    stages = [Stage(a_world(), limits=limits) for _ in range(ROUNDS[attack])]
    return [assail(stage, ATTACKS[attack], (7, luck), FIRST, LAST).end.persons for luck, stage in enumerate(stages)]


def told(attack: str) -> Case:
    """What the sheet of the attacked grant says."""
    kind, nth, adversary = WHOSE[attack]
    member = [each for each in Stage(a_world()).members if each.kind is kind][nth]
    leak = Leaks(catalogue=load_catalogue()).of(member.grant, PERSONS)
    case: Case = getattr(leak, adversary)
    return case


@pytest.mark.parametrize("attack", WHOSE)
def test_a_sheet_says_what_the_pipeline_loses_to_whoever_asks_no_more_than_is_left(attack: str) -> None:
    case, persons = told(attack), measured(attack, PATIENT)

    assert sum(each > case.persons.worst for each in persons) <= MOST_ABOVE * len(persons)
    if case.persons.median > 2:
        assert LEAST * case.persons.median <= median(persons) <= MOST_TIMES * case.persons.median


def test_whoever_asks_for_more_than_is_left_has_no_more() -> None:
    worst = told("A1b").persons.worst

    assert max(measured("A1b", DEFAULTS)) <= worst
