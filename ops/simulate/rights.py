"""The rules and grants in force on each day of the simulated year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gateway.domain.cohort import Members, pack
from gateway.domain.grant import Grant, GrantClass
from gateway.ports import Rights
from ops.simulate.fields import UNIT
from ops.simulate.memory import Store
from ops.simulate.numbers import Ints, texts_of
from ops.simulate.partners import AMENDED_DAY, LATE_DAYS, Kind, Member
from ops.simulate.standins import ROOT, Link, link_of
from ops.simulate.world import World
from policies.catalogue import Comparator, load_catalogue
from policies.conditions import Period, parse_block, parse_times
from policies.decision import PolicyVersion
from policies.rows import PolicyRow, Rules
from policies.snapshot import Snapshot, compile_rules


@dataclass
class YearsRights:
    """Replaced as a whole when a grant is amended; the epoch tells."""

    world: World
    members: Sequence[Member]
    store: Store
    link: Link = link_of
    _snapshot: Snapshot = field(init=False)
    _cohorts: dict[str, Members] = field(init=False)
    _grants: dict[str, Grant] = field(init=False)

    def __post_init__(self) -> None:
        closed = [each for each in self.members if each.grant.grant_class is GrantClass.CLOSED]
        self._cohorts = {each.grant.number: self._cohort(each.roster.keys) for each in closed}
        self._grants = {each.grant.number: each.grant for each in self.members}
        self._snapshot = compile_rules(_rules(self.world, self.members))

    def load(self) -> Rights:
        """See `gateway.ports.RightsSource`."""
        stops = self.store.watch.stops.values()
        return Rights(
            self.store.epoch,
            self._snapshot,
            dict(self._grants),
            frozen=frozenset(stop.target for stop in stops if stop.is_frozen),
            held=frozenset(stop.target for stop in stops if not stop.is_frozen),
            cohorts=dict(self._cohorts),
        )

    def scopes(self) -> dict[str, tuple[str, ...]]:
        """The scope of each grant in force."""
        return {number: grant.scope for number, grant in self._grants.items()}

    def begin(self, day: int) -> None:
        """What changes on the morning of a day: the grants of those whose staff grew a week ago."""
        if day != AMENDED_DAY + LATE_DAYS:
            return
        for member in self.members:
            if len(member.late):
                self._amend(member)
        self.store.amend()

    def _amend(self, member: Member) -> None:
        number = member.grant.number
        if member.grant.grant_class is GrantClass.CLOSED:
            keys = [member.roster.keys, member.late.keys]
            self._cohorts[number] = self._cohort(*keys)
        else:
            self._grants[number] = replace(
                member.grant, scope=_with(member.grant.scope, late_units(self.world, member))
            )

    def _cohort(self, *keys: Ints) -> Members:
        return Members(pack({self.link(text) for each in keys for text in texts_of(each)}))


def late_units(world: World, member: Member) -> list[int]:
    """The organisations of the staff that a partner takes on late."""
    return sorted(set(world.codes[member.late.donors, UNIT].tolist()))


def _with(scope: tuple[str, ...], units: Sequence[int]) -> tuple[str, ...]:
    return (*scope, *(f"unit-{unit}" for unit in units))


def _rules(world: World, members: Sequence[Member]) -> Rules:
    """Every partner may ask everything for its purpose; what narrows it is its grant."""
    rows = [
        PolicyRow(
            f"R-{kind}", "tier:all", "org:all", "class:any", op, f"purpose:{kind}", "win:always", "net:any", "allow"
        )
        for op in Comparator
        for kind in Kind
    ]
    clients = [(f"client:{each.callers[0].client_id}", "tier:all") for each in members]
    units = {f"org:{unit}" for each in members for unit in _with(each.grant.scope, late_units(world, each))}
    return Rules(
        policy=tuple(rows),
        clients=tuple(clients),
        units=tuple((unit, "org:all") for unit in sorted(units | {f"org:{ROOT}"})),
        fields=tuple((f"field:{key}", "class:any") for key in load_catalogue().fields),
        periods={"win:always": Period(parse_times("mon-sun 00:00-24:00"))},
        networks={"net:any": (parse_block("0.0.0.0/0"), parse_block("::/0"))},
        version=PolicyVersion(1, "b" * 64),
    )
