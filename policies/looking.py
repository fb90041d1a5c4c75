"""Looking at every flat rule for one question, and remembering what each lacks: the slow way, for explanations.

Written apart from the compiled index on purpose: the two must come to the same decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from policies.conditions import Address, lies_in, local_minute, parse_address
from policies.rows import Link, PolicyRow, Rules, ancestors, names_above
from policies.rulebook import EVERY_PURPOSE, Effect
from policies.snapshot import Ask, denied_below, is_whole, reach
from policies.weighing import Cause

_CONDITIONS: Final = frozenset({"window", "net"})
"""What a row may lack and still fit by its names."""


class Look(NamedTuple):
    """One row and the columns by which it does not meet one question."""

    row: PolicyRow
    lacks: frozenset[str]

    @property
    def telling(self) -> bool:
        """Whether it matches, or is an allow that fits by its names or misses one thing."""
        return not self.lacks or (self.row.eft == Effect.ALLOW and (len(self.lacks) == 1 or self.lacks <= _CONDITIONS))


class Cell(NamedTuple):
    """One claim in one unit, with every telling row."""

    field: str
    op: str
    unit: str
    looks: tuple[Look, ...]

    def matching(self, effect: Effect) -> list[str]:
        """The ids of the rules of this effect that lack nothing."""
        return [look.row.id for look in self.looks if not look.lacks and look.row.eft == effect]

    @property
    def fitting(self) -> list[Look]:
        """The allows that fit by their names."""
        return [look for look in self.looks if look.row.eft == Effect.ALLOW and look.lacks <= _CONDITIONS]

    @property
    def cause(self) -> str:
        """Why not; empty for yes. Deny overrides, default deny."""
        if self.matching(Effect.DENY):
            return Cause.DENY_RULE
        if self.matching(Effect.ALLOW):
            return ""
        if not self.fitting:
            return Cause.NO_RULE
        return Cause.NET if any("net" in look.lacks for look in self.fitting) else Cause.WINDOW

    @property
    def deciding(self) -> list[str]:
        """The ids that the decision rests on."""
        return self.matching(Effect.DENY) or self.matching(Effect.ALLOW) or [look.row.id for look in self.fitting]

    def near(self) -> Iterator[tuple[Look, str]]:
        """Where an allow is wanting: the allows that miss one condition, and which, of rules that do not match."""
        matched = {*self.matching(Effect.ALLOW)}
        for look in self.looks if self.cause else ():
            if len(look.lacks) == 1 and look.row.id not in matched:
                yield look, next(iter(look.lacks))


class Sight:
    """One ask at one time against every row of one version."""

    def __init__(self, rules: Rules, ask: Ask, at: datetime) -> None:
        self.rules, self.ask = rules, ask
        self.address = parse_address(ask.address)
        self.roles = with_above(ask.client, rules.clients)
        minute, address = local_minute(at), self.address or Address(0, 0)
        self.covering = {name for name, period in rules.periods.items() if period.covers(minute)}
        self.holding = {name for name, blocks in rules.networks.items() if lies_in(address, blocks)}

    def refused_early(self) -> str:
        """The cause that stands before every rule, or nothing."""
        if self.ask.purpose in self.rules.matters and not self.ask.matter:
            return "no_matter"
        if self.address is None:
            return Cause.NET
        return "" if is_whole(self.ask, self.rules.matters) else "incomplete"

    def cells(self) -> Iterator[Cell]:
        """Every claim in every unit of the scope, and in those below it that a deny names; none if refused early."""
        if self.refused_early():
            return
        promising = [look for look in map(self._at_first, self.rules.policy) if look.telling]
        units = {unit: with_above(unit, self.rules.units) for unit in reach(self.ask.units, denied_below(self.rules))}
        for key, op in self.ask.claims:
            names = with_above(f"field:{key}", self.rules.fields)
            for unit, above in units.items():
                looks = (Look(row, lacks | _missed(row, names, op, above)) for row, lacks in promising)
                yield Cell(key, op, unit, tuple(look for look in looks if look.telling))

    def _at_first(self, row: PolicyRow) -> Look:
        """What a row lacks whatever the field."""
        met = {
            "role": row.role in self.roles,
            "purpose": row.purpose in {EVERY_PURPOSE, self.ask.purpose},
            "window": row.window in self.covering,
            "net": row.net in self.holding,
        }
        return Look(row, frozenset(name for name, holds in met.items() if not holds))


def with_above(name: str, links: Iterable[Link]) -> frozenset[str]:
    """A name and all names above it."""
    return ancestors(name, names_above(links)) | {name}


def _missed(row: PolicyRow, names: frozenset[str], op: str, above: frozenset[str]) -> frozenset[str]:
    met = {"field": row.field in names, "op": row.op == op, "org": row.org in above}
    return frozenset(name for name, holds in met.items() if not holds)
