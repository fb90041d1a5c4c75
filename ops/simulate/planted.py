"""What happens to honest partners in a year and looks like an attack: planted, so that false alarms have a cause.

Scope amended a week late (two pay offices), 150 staff whom nobody registered in one block, a month of promotions with
15 % of ranks stale, a list sent again and again, batches in the evening, a new office of 50,000, a list in the order of
its numbers. Two more move to another network (`ops.simulate.year`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from ops.simulate.fields import RANK
from ops.simulate.partners import AMENDED_DAY, NEWCOMER_DAY, Kind, Member, Roster
from ops.simulate.world import World

PROMOTED = 0.15
_UNREGISTERED = 150
_STORM, _STORM_ROWS, _PAUSE = 6, 2_000, 240
_EVENING, _EVENING_BATCH = 21 * 3600, 15
_APRIL, _MAY, _JULY, _SEPTEMBER = (90, 120), (120, 151), (181, 212), (243, 273)
"""First day of a month, and of the next."""
_EVENING_DAYS = (250, 253)


@dataclass(frozen=True)
class Asked:
    """A list, or a single record: whom it is about, before anybody mistypes."""

    second: int
    operator: int
    people: Roster


Event = Callable[[World, Member, int, list[Asked], Generator], list[Asked]]


def happened(world: World, member: Member, day: int, asked: list[Asked], rng: Generator) -> list[Asked]:
    """What a member asks on a day, with what was planted for it."""
    for event in _EVENTS.get((member.kind, member.nth), ()):
        asked = event(world, member, day, asked, rng)
    return asked


def disagreeing(member: Member, day: int) -> tuple[int, float] | None:
    """A field, and the share of records in which it is stale besides."""
    is_promoted = (member.kind, member.nth) == (Kind.PAYROLL, 1) and day in range(*_JULY)
    return (RANK, PROMOTED) if is_promoted else None


def _late(world: World, member: Member, day: int, asked: list[Asked], rng: Generator) -> list[Asked]:
    """New staff: asked about alone at first, and with all others from then on."""
    if day < AMENDED_DAY:
        return asked
    alone = [Asked(10 * 3600, 0, member.late)] if day in {AMENDED_DAY, AMENDED_DAY + 3} else []
    return [replace(each, people=_and(each.people, member.late)) for each in asked] + alone


def _unregistered(world: World, member: Member, day: int, asked: list[Asked], rng: Generator) -> list[Asked]:
    if day not in range(*_SEPTEMBER):
        return asked
    return [replace(each, people=_with_strangers(world, each.people, rng)) for each in asked]


def _with_strangers(world: World, people: Roster, rng: Generator) -> Roster:
    count, middle = min(_UNREGISTERED, max(1, len(people) // 20)), len(people) // 2
    block = Roster(world.unregistered(rng, count), people.donors[rng.integers(len(people), size=count)])
    return _and(_and(_part(people, 0, middle), block), _part(people, middle, len(people)))


def _storm(world: World, member: Member, day: int, asked: list[Asked], rng: Generator) -> list[Asked]:
    """The beginning of a list comes again and again, because nobody waited for the answer."""
    if day not in range(*_MAY):
        return asked
    return asked + [
        replace(each, second=each.second + _PAUSE * again, people=_part(each.people, 0, _STORM_ROWS))
        for each in asked
        for again in range(1, _STORM)
    ]


def _evening(world: World, member: Member, day: int, asked: list[Asked], rng: Generator) -> list[Asked]:
    if day not in range(*_EVENING_DAYS):
        return asked
    count = min(_EVENING_BATCH, max(1, member.grant.limits.subjects_per_day // 4))
    places = rng.integers(len(member.roster), size=count)
    people = Roster(member.roster.keys[places], member.roster.donors[places])
    return [*asked, Asked(_EVENING, 0, people)]


def _newcomer(world: World, member: Member, day: int, asked: list[Asked], rng: Generator) -> list[Asked]:
    return asked if day >= NEWCOMER_DAY else []


def _sorted(world: World, member: Member, day: int, asked: list[Asked], rng: Generator) -> list[Asked]:
    if day not in range(*_APRIL):
        return asked
    order = [np.argsort(each.people.keys) for each in asked]
    return [
        replace(each, people=Roster(each.people.keys[place], each.people.donors[place]))
        for each, place in zip(asked, order, strict=True)
    ]


_EVENTS: dict[tuple[Kind, int], tuple[Event, ...]] = {
    (Kind.PAYROLL, 2): (_late,),
    (Kind.PAYROLL, 3): (_storm,),
    (Kind.PAYROLL, 4): (_unregistered,),
    (Kind.PAYROLL, 5): (_late,),
    (Kind.PAYROLL, 6): (_sorted,),
    (Kind.PAYROLL, 7): (_newcomer,),
    (Kind.ONBOARDING, 6): (_evening,),
}


def _and(first: Roster, second: Roster) -> Roster:
    return Roster(np.concatenate([first.keys, second.keys]), np.concatenate([first.donors, second.donors]))


def _part(people: Roster, start: int, end: int) -> Roster:
    return Roster(people.keys[start:end], people.donors[start:end])
