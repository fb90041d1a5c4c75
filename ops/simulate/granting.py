"""Draws the partners of a world: whom each asks about, its grant at 1.5 times the declared use, who acts for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from ipaddress import ip_network
from math import ceil, sqrt

import numpy as np
from numpy.random import Generator

from gateway.domain.budget import Limits
from gateway.domain.caller import Caller, Operator, OperatorKind
from gateway.domain.grant import Grant, GrantClass
from ops.simulate.fields import FIELDS, GATE, UNIT
from ops.simulate.numbers import Ints
from ops.simulate.partners import (
    CASE,
    FIELDS_OF,
    INSPECTION_A_MONTH,
    ONBOARDING_A_MONTH,
    PAYROLL_STAFF,
    SCREENING,
    SCREENING_HITS,
    SCREENING_POOL,
    SEASONS,
    Kind,
    Member,
    Roster,
)
from ops.simulate.rows import CHUNK
from ops.simulate.standins import ROOT
from ops.simulate.world import PERSONS, World

SLACK = 1.5
"""A grant allows so many times what its holder declared."""
CLOSED_PAYROLL = (1, 3, 5, 7)
LATE_PAYROLL = (2, 5)
WORKDAYS = 21
PEAK_DAY = 3
"""The busiest day that is declared, in mean days."""
_WRONG_IN_FILES = 0.003
_LEAST_CLERKS = 0.3
_HITS = {Kind.PAYROLL: 99, Kind.ONBOARDING: 99, Kind.SCREENING: round(100 * SCREENING_HITS), Kind.INSPECTION: 97}
_HOURS = {
    Kind.PAYROLL: (0, 1440),
    Kind.SCREENING: (0, 1440),
    Kind.ONBOARDING: (420, 1320),
    Kind.INSPECTION: (420, 1320),
}
_STAFF = {Kind.PAYROLL: 0, Kind.SCREENING: 0, Kind.ONBOARDING: 4, Kind.INSPECTION: 3}
_NOBODY = Roster(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


def members_of(world: World, *, gate: bool) -> list[Member]:
    """All 31; with an identity gate their grants allow the name, too."""
    makers = _Makers(world, np.random.default_rng([world.seed, 2]), gate=gate)
    made = [makers.payroll(nth) for nth in range(len(PAYROLL_STAFF))]
    made += [makers.onboarding(len(made) + nth, nth) for nth in range(len(ONBOARDING_A_MONTH))]
    made += [makers.screening(len(made) + nth, nth) for nth in range(len(SCREENING))]
    made += [makers.inspection(len(made) + nth, nth) for nth in range(len(INSPECTION_A_MONTH))]
    return made


@dataclass(frozen=True, kw_only=True)
class _Terms:
    """What a partner asks for: people a month or on a list, those on its busiest day, in 30 days and in a year."""

    volume: float
    day: float
    month: float
    year: float
    grant_class: GrantClass
    scope: tuple[str, ...] = (ROOT,)

    def limits(self, kind: Kind) -> Limits:
        """Lists need room for one chunk besides: its worst case is reserved before anybody is looked up."""
        room = CHUNK if kind in {Kind.PAYROLL, Kind.SCREENING} else 0
        day, month, year = (max(5, ceil(SLACK * each) + room) for each in (self.day, self.month, self.year))
        return Limits(day, max(day, month), max(month, year), (4 if kind is Kind.PAYROLL else 3) * day)


class _Makers:
    """One method for each kind of partner. Smaller worlds have smaller partners, clerks' work shrinking less."""

    def __init__(self, world: World, rng: Generator, *, gate: bool) -> None:
        self._world, self._rng = world, rng
        self._lists = world.size / PERSONS
        self._clerks = min(1.0, max(_LEAST_CLERKS, sqrt(self._lists)))
        self._gate = (GATE,) if gate else ()
        self._by_region = np.argsort(world.regions, kind="stable")
        self._sizes = world.staff_sizes()

    def payroll(self, nth: int) -> Member:
        """Its staff are those of neighbouring organisations."""
        units = self._neighbours(PAYROLL_STAFF[nth] * self._lists)
        late = self._next_to(units) if nth in LATE_PAYROLL else np.empty(0, dtype=np.int64)
        staff = self._roster(self._staff_of(units))
        terms = _payroll_terms(len(staff), () if nth in CLOSED_PAYROLL else sorted(units.tolist()))
        member = self._member(nth, Kind.PAYROLL, nth, terms, staff)
        return replace(member, late=self._roster(self._staff_of(late))) if len(late) else member

    def onboarding(self, place: int, nth: int) -> Member:
        """Asks about anybody, mostly of its own regions."""
        volume = ONBOARDING_A_MONTH[nth] * self._clerks
        peak = max(SEASONS) * volume
        day = PEAK_DAY * peak / WORKDAYS
        terms = _Terms(volume=volume, day=day, month=peak, year=12 * volume, grant_class=GrantClass.OPEN)
        return self._member(place, Kind.ONBOARDING, nth, terms, self._near())

    def screening(self, place: int, nth: int) -> Member:
        """Asks about people at large, of whom few are in the register."""
        size, every = SCREENING[nth]
        size, pool = max(20, round(size * self._lists)), max(100, round(SCREENING_POOL * self._lists))
        year = min(pool, 12 / every * size)
        terms = _Terms(volume=size, day=size / 4, month=size, year=year, grant_class=GrantClass.OPEN)
        hits = float(np.clip(self._rng.normal(SCREENING_HITS, 0.008), 0.05, 0.11))
        return self._member(place, Kind.SCREENING, nth, terms, self._pool(pool, hits))

    def inspection(self, place: int, nth: int) -> Member:
        """Asks about people of one organisation at a time, in a named matter."""
        volume = INSPECTION_A_MONTH[nth] * self._clerks
        day = max(volume, 5 * CASE)
        terms = _Terms(volume=volume, day=day, month=2 * day, year=12 * volume, grant_class=GrantClass.MATTER)
        return self._member(place, Kind.INSPECTION, nth, terms, self._near())

    def _member(self, place: int, kind: Kind, nth: int, terms: _Terms, roster: Roster) -> Member:
        grant = _grant(place, kind, terms, self._gate)
        return Member(place, kind, nth, max(1, round(terms.volume)), grant, _callers(place, kind), roster, _NOBODY)

    def _neighbours(self, wanted: float) -> Ints:
        """Organisations one beside the other, until they have about so many staff."""
        start = self._rng.integers(len(self._by_region))
        units = np.roll(self._by_region, -int(start))
        # One giant would be a whole partner by itself.
        units = units[self._sizes[units] <= max(wanted / 3, 3)]
        return units[: 1 + int(np.searchsorted(np.cumsum(self._sizes[units]), wanted))]

    def _next_to(self, units: Ints) -> Ints:
        """An organisation of half a per cent to three per cent of these staff, outside of them."""
        staff = self._sizes[units].sum()
        others = np.setdiff1d(self._by_region, units)
        fitting = others[(self._sizes[others] > 0.005 * staff) & (self._sizes[others] < 0.03 * staff)]
        return self._rng.choice(fitting if len(fitting) else others, 1)

    def _staff_of(self, units: Ints) -> Ints:
        """Persons of these organisations, organisation by organisation."""
        column = self._world.codes[:, UNIT]
        staff = np.flatnonzero(np.isin(column, units))
        return staff[np.lexsort((self._rng.random(len(staff)), column[staff]))]

    def _roster(self, staff: Ints) -> Roster:
        keys = self._world.keys[staff]
        wrong = np.flatnonzero(self._rng.random(len(keys)) < _WRONG_IN_FILES)
        keys[wrong] = self._world.unregistered(self._rng, len(wrong))
        return Roster(keys, staff)

    def _near(self) -> Roster:
        """The people of two regions."""
        world = self._world
        homes = self._rng.choice(len(world.region_shares), 2, p=world.region_shares, replace=False)
        staff = np.flatnonzero(np.isin(world.regions[world.codes[:, UNIT]], homes))
        staff = staff if len(staff) else np.arange(world.size)
        return Roster(world.keys[staff], staff)

    def _pool(self, size: int, hits: float) -> Roster:
        donors = self._rng.choice(self._world.size, size, replace=False)
        keys = self._world.unregistered(self._rng, size)
        registered = self._rng.random(size) < hits
        keys[registered] = self._world.keys[donors[registered]]
        return Roster(keys, donors)


def _payroll_terms(staff: int, units: Sequence[int]) -> _Terms:
    """Scoped where units are given, and else closed."""
    grant_class = GrantClass.SCOPED if units else GrantClass.CLOSED
    scope = tuple(f"unit-{unit}" for unit in units) or (ROOT,)
    return _Terms(volume=staff, day=staff, month=staff, year=1.1 * staff, grant_class=grant_class, scope=scope)


def _grant(place: int, kind: Kind, terms: _Terms, gate: tuple[str, ...]) -> Grant:
    fields = (*gate, *(FIELDS[each] for each in FIELDS_OF[kind]))
    return Grant(
        number=f"sim-{place:02}",
        partner=f"partner-{place:02}",
        purpose=kind.value,
        legal_basis="模拟",
        grant_class=terms.grant_class,
        scope=terms.scope,
        reasons=dict.fromkeys(fields, "模拟"),
        limits=terms.limits(kind),
        hit_rate=_HITS[kind],
        networks=(ip_network("10.0.0.0/8"),),
        hours=(_HOURS[kind],),
        valid_from=date(2025, 12, 1),
        valid_until=date(2027, 1, 31),
        max_data_age_days=36_500,
        tells_not_found=False,
        contact="模拟",
        reference_dates=frozenset(),
        signed_requests=False,
        additions_per_month=0,
    )


def _callers(place: int, kind: Kind) -> tuple[Caller, ...]:
    """One system, in the network it usually calls from and in the one it moves to."""
    partner = f"partner-{place:02}"
    people = [Operator(f"{partner}-{n}", "模拟", OperatorKind.PERSON, None) for n in range(max(1, _STAFF[kind]))]
    jobs = [] if _STAFF[kind] else [Operator(f"{partner}-job", "模拟", OperatorKind.JOB, people[0].id)]
    operators = {each.id: each for each in jobs or people}
    return tuple(
        Caller(partner, f"client-{place:02}", partner, operators, f"10.{place}.{net}.7", network)
        for net, network in ((0, "office"), (8, "annex"))
    )
