"""An honest year, day by day: what every member asks, drawn from the seed, the member and the day alone.

So a part of the members asks the same whether the others are there or not, and a day can be drawn without the days
before it. What is wrong in a partner's own files is wrong every month in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from numpy.random import Generator

from ops.simulate.fields import UNIT
from ops.simulate.numbers import SEQUENCES, Floats, Ints
from ops.simulate.partners import CASE, FIELDS_OF, FIRST_DAY, MOVED_DAY, SEASONS, Kind, Member, Roster
from ops.simulate.planted import Asked, disagreeing, happened
from ops.simulate.rows import CHUNK, NONE, PACE, Rows, joined
from ops.simulate.world import World

WORKDAYS = 21
_RUN = 100_000
"""No member asks more often on one day, so that the number of what was asked together names member and day."""
_TYPED_WRONG = {Kind.PAYROLL: 0.0003, Kind.ONBOARDING: 0.0035, Kind.SCREENING: 0.0, Kind.INSPECTION: 0.022}
_MISNAMED = {Kind.PAYROLL: 0.001, Kind.ONBOARDING: 0.002, Kind.SCREENING: 0.005, Kind.INSPECTION: 0.01}
_STALE = {Kind.PAYROLL: 0.011, Kind.ONBOARDING: 0.0, Kind.SCREENING: 0.01, Kind.INSPECTION: 0.0}
"""Share of people of whom a partner's own files say something else than the register, month after month."""
_MISMATCH = {Kind.PAYROLL: 0.004, Kind.ONBOARDING: 0.015, Kind.SCREENING: 0.005, Kind.INSPECTION: 0.12}
_AGAIN = {Kind.PAYROLL: 0.0, Kind.ONBOARDING: 0.35, Kind.SCREENING: 0.0, Kind.INSPECTION: 0.1}
"""Of those whom a clerk finds not to agree, how many it asks about again at once."""
_GUESSED = 0.15
"""Of these, how many by another wrong value; the others by the right one."""
_OFFICE = (9 * 3600, 17 * 3600)
_MOVERS = ((Kind.PAYROLL, 3), (Kind.ONBOARDING, 4))
_OVERDISPERSED = 3.0
_JOINS = 0.08
"""Share of a pay office's staff that joins in the course of the year."""
_THINKS = 90
_SALT = 256


class Year:
    """The honest year of a world's members."""

    def __init__(self, world: World, members: Sequence[Member]) -> None:
        self._world = world
        self._members = members

    def day(self, day: int) -> Rows | None:
        """All records of a day, by what was asked together; None when nobody asked."""
        parts = [rows for member in self._members if (rows := self._of_member(member, day)) is not None]
        return joined(parts) if parts else None

    def _of_member(self, member: Member, day: int) -> Rows | None:
        rng = np.random.default_rng([self._world.seed, 3, member.place, day])
        asked = happened(self._world, member, day, _ROUTINES[member.kind](self._world, member, day, rng), rng)
        if not asked:
            return None
        rows = self._written(member, day, asked)
        return joined([rows, self._asked_again(member, rows, rng)])

    def _written(self, member: Member, day: int, asked: Sequence[Asked]) -> Rows:
        """With the slips of the hand, and what is stale in the partner's own files."""
        sizes = [len(each.people) for each in asked]
        keys, donors = (np.concatenate([getattr(each.people, name) for each in asked]) for name in ("keys", "donors"))
        wrong, other = self._disagreeing(member, donors, day)
        slips = _scattered(donors, _salt(member, day, 1))
        within = np.concatenate([np.arange(size) for size in sizes])
        return Rows(
            seconds=np.repeat([each.second for each in asked], sizes) + PACE * (within // CHUNK),
            members=np.full(len(keys), member.place),
            callers=np.full(len(keys), _network(member, day)),
            operators=np.repeat([each.operator for each in asked], sizes),
            runs=(day * 64 + member.place) * _RUN + np.repeat(np.arange(len(asked)), sizes),
            keys=_mistyped(keys, slips, _TYPED_WRONG[member.kind]),
            donors=donors,
            misnamed=(_scattered(donors, _salt(member, day, 2)) < _MISNAMED[member.kind]).astype(np.int64),
            wrong=wrong,
            other=other,
        )

    def _asked_again(self, member: Member, rows: Rows, rng: Generator) -> Rows:
        """A clerk who finds that a value does not agree, or a number is nobody's, looks again at the paper."""
        failed = (rows.wrong != NONE) | (rows.keys != self._world.keys[rows.donors])
        again = rows.take(np.flatnonzero(failed & (rng.random(len(rows)) < _AGAIN[member.kind])))
        right = self._world.codes[again.donors, again.wrong]
        guessed = (rng.random(len(again)) < _GUESSED) & (again.wrong != NONE)
        other = (again.other + 1) % np.array(self._world.values.sizes())[again.wrong]
        return replace(
            again,
            seconds=again.seconds + _THINKS,
            runs=again.runs + _RUN // 2,
            keys=self._world.keys[again.donors],
            wrong=np.where(guessed & (other != right), again.wrong, NONE),
            other=other,
        )

    def _disagreeing(self, member: Member, donors: Ints, day: int) -> tuple[Ints, Ints]:
        """For each record the field that disagrees, or none, and the value that is claimed."""
        choices = np.array(FIELDS_OF[member.kind])
        stale = _scattered(donors, member.place) < _STALE[member.kind]
        slips, which, value = (_scattered(donors, _salt(member, day, nth)) for nth in (3, 4, 5))
        chosen = np.where(stale, _scattered(donors, _SALT - 1), which) * len(choices)
        wrong = np.where(stale | (slips < _MISMATCH[member.kind]), choices[chosen.astype(np.int64)], NONE)
        if extra := disagreeing(member, day):
            wrong = np.where(_scattered(donors, _salt(member, day, 6)) < extra[1], extra[0], wrong)
        drawn = np.where(stale, _scattered(donors, _SALT - 2), value)
        sizes = np.array(self._world.values.sizes())[wrong]
        return wrong, (self._world.codes[donors, wrong] + 1 + (drawn * (sizes - 1)).astype(np.int64)) % sizes


def _payroll(world: World, member: Member, day: int, rng: Generator) -> list[Asked]:
    """The whole staff on one day of the month, by night or by day as the office likes."""
    if date_of(day).day != 4 + 2 * member.nth:
        return []
    joined_by = _scattered(member.roster.donors, _SALT + member.place) * 12 / _JOINS
    there = np.flatnonzero((joined_by < date_of(day).month) | (joined_by >= 12))
    return [Asked((9 + 2 * member.nth % 13) * 3600, 0, _those(member.roster, there))]


def _screening(world: World, member: Member, day: int, rng: Generator) -> list[Asked]:
    """A list in four parts, on four workdays in a row."""
    today = date_of(day)
    if (today.month - 1) % member.every or today.day not in range(11, 15):
        return []
    people = rng.integers(len(member.roster), size=max(1, member.volume // 4))
    return [Asked(10 * 3600 + 1800 * member.nth, 0, _those(member.roster, people))]


def _onboarding(world: World, member: Member, day: int, rng: Generator) -> list[Asked]:
    """Single people at any time of a workday; some days bring many."""
    if not is_workday(day):
        return []
    mean = member.volume * SEASONS[date_of(day).month - 1] / WORKDAYS
    count = int(rng.negative_binomial(_OVERDISPERSED, _OVERDISPERSED / (_OVERDISPERSED + mean)))
    count = min(count, int(member.grant.limits.subjects_per_day / 1.5))
    return [_single(world, member, rng, int(second)) for second in np.sort(rng.integers(*_OFFICE, size=count))]


def _inspection(world: World, member: Member, day: int, rng: Generator) -> list[Asked]:
    """People of one organisation at a time, one after the other."""
    if not is_workday(day):
        return []
    asked: list[Asked] = []
    for _ in range(rng.poisson(member.volume / WORKDAYS / CASE)):
        start, operator = int(rng.integers(*_OFFICE)), int(rng.integers(len(member.operators)))
        people = _colleagues(world, member, rng, 1 + int(rng.poisson(CASE - 1)))
        asked += [Asked(start + 40 * n, operator, _those(people, np.array([n]))) for n in range(len(people))]
    return asked


_ROUTINES: dict[Kind, Callable[[World, Member, int, Generator], list[Asked]]] = {
    Kind.PAYROLL: _payroll,
    Kind.SCREENING: _screening,
    Kind.ONBOARDING: _onboarding,
    Kind.INSPECTION: _inspection,
}


def date_of(day: int) -> date:
    """The date of a day of the year."""
    return FIRST_DAY + timedelta(days=day)


def is_workday(day: int) -> bool:
    """Whether offices are open; the simulated year has no holidays."""
    return date_of(day).weekday() < 5


def _single(world: World, member: Member, rng: Generator, second: int) -> Asked:
    """Three of five come from the partner's own regions."""
    if rng.random() < 0.6:
        people = _those(member.roster, rng.integers(len(member.roster), size=1))
    else:
        person = rng.integers(world.size, size=1)
        people = Roster(world.keys[person], person)
    return Asked(second, int(rng.integers(len(member.operators))), people)


def _colleagues(world: World, member: Member, rng: Generator, count: int) -> Roster:
    unit = world.codes[member.roster.donors[rng.integers(len(member.roster))], UNIT]
    staff = world.staff(int(unit))
    chosen = rng.choice(staff, min(count, len(staff)), replace=False)
    return Roster(world.keys[chosen], chosen)


def _those(roster: Roster, places: Ints) -> Roster:
    return Roster(roster.keys[places], roster.donors[places])


def _network(member: Member, day: int) -> int:
    return int(day >= MOVED_DAY and (member.kind, member.nth) in _MOVERS)


def _mistyped(keys: Ints, slips: Floats, share: float) -> Ints:
    """Numbers whose sequence was typed wrong, and the check character with it: valid, and mostly nobody's."""
    typed = keys // SEQUENCES * SEQUENCES + (slips * 1e9).astype(np.int64) % SEQUENCES
    return np.where(slips < share, typed, keys)


def _salt(member: Member, day: int, nth: int) -> int:
    """Slips of the hand are those of a day: what is sent twice on it has them twice."""
    return _SALT * (1 + (day * _SALT + member.place) * 8 + nth)


def _scattered(persons: Ints, salt: int) -> Floats:
    """A fixed number from 0 to 1 for each person, another for each salt."""
    mixed = (persons.astype(np.uint64) + np.uint64(salt * 0x9E3779B9)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed >> np.uint64(11)) / float(1 << 53))
