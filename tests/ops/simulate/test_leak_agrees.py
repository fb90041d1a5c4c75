"""Leak by contract against the simulation: what a sheet says, and what the same grant loses through the pipeline."""

from __future__ import annotations

from functools import cache
from statistics import median

import pytest

from gateway.domain.leak import Case
from gateway.watch.leak import Leaks
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
LEAST, MOST_TIMES, MOST_ABOVE = 1 / 3, 1.5, 0.2
"""What docs/leak.md says of the two."""


@cache
def a_world() -> World:
    return build(SEED, PERSONS, ORGANISATIONS)


def measured(attack: str) -> list[int]:
    """Persons that each of several attacks had in the end, nobody having asked before."""
    lucks = range(ROUNDS[attack])
    return [assail(Stage(a_world()), ATTACKS[attack], (7, luck), FIRST, LAST).end.persons for luck in lucks]


def told(attack: str) -> Case:
    """What the sheet of the attacked grant says."""
    kind, nth, adversary = WHOSE[attack]
    member = [each for each in Stage(a_world()).members if each.kind is kind][nth]
    leak = Leaks(catalogue=load_catalogue()).of(member.grant, PERSONS)
    case: Case = getattr(leak, adversary)
    return case


@pytest.mark.parametrize("attack", WHOSE)
def test_a_sheet_says_what_the_pipeline_loses(attack: str) -> None:
    case, persons = told(attack), measured(attack)

    assert sum(each > case.persons.worst for each in persons) <= MOST_ABOVE * len(persons)
    if case.persons.median > 2:
        assert LEAST * case.persons.median <= median(persons) <= MOST_TIMES * case.persons.median
