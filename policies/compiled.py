"""The policy as dictionaries: for the names of a request, the rows that only time and address can still rule out.

Built once from the plan of the matcher and never changed. A row stands in the index under the values of all its
fixed columns; a request looks up every combination of names under which a row could stand: its own name, the
names above it, the wildcard. Values that no row has are left out first, so an unknown name costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from policies.matcher import WILDCARD, Part, Plan
from policies.rows import Link, ancestors, names_above


class Survivor(NamedTuple):
    """A row that matches a request by its names; it holds where all conditions of the bits `needs` hold."""

    id: str
    allows: bool
    needs: int


class Condition(NamedTuple):
    """One residual check with the value that some row has for it."""

    function: str
    value: str


class Compiled:
    """The index of one policy. `conditions` are numbered by their place: condition n is bit n of a mask."""

    def __init__(
        self,
        plan: Plan,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        links: Mapping[str, Iterable[Link]],
    ) -> None:
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        self._plan = plan
        self._used = [frozenset(row[part.ruled] for row in named) for part in plan.fixed]
        self._above = {table: _closures(pairs) for table, pairs in links.items()}
        self.conditions = _conditions(plan.residual, named)
        self._index = self._stand(named)

    def survivors(self, asked: Mapping[str, str]) -> tuple[Survivor, ...]:
        """The rows that match these request names, before time and address are asked."""
        options = [self._options(part, asked[part.asked]) for part in self._plan.fixed]
        combined = [
            [value for value in found if value in used] for found, used in zip(options, self._used, strict=True)
        ]
        return tuple(row for key in product(*combined) for row in self._index.get(key, ()))

    def bits(self, function: str) -> int:
        """The mask of all conditions of one function."""
        return sum(1 << place for place, condition in enumerate(self.conditions) if condition.function == function)

    def _options(self, part: Part, value: str) -> tuple[str, ...]:
        if part.shape == "role":
            return (value, *self._above[part.table].get(value, ()))
        return (value, WILDCARD) if part.shape == "wildcard" and value != WILDCARD else (value,)

    def _stand(self, named: list[dict[str, str]]) -> dict[tuple[str, ...], tuple[Survivor, ...]]:
        bits = {condition: 1 << place for place, condition in enumerate(self.conditions)}
        index: dict[tuple[str, ...], tuple[Survivor, ...]] = {}
        for row in named:
            key = tuple(row[part.ruled] for part in self._plan.fixed)
            needs = sum({bits[Condition(part.table, row[part.ruled])] for part in self._plan.residual})
            index[key] = (*index.get(key, ()), Survivor(row["p_id"], row["p_eft"] == "allow", needs))
        return index


def _conditions(residual: tuple[Part, ...], named: list[dict[str, str]]) -> tuple[Condition, ...]:
    return tuple(sorted({Condition(part.table, row[part.ruled]) for part in residual for row in named}))


def _closures(links: Iterable[Link]) -> dict[str, tuple[str, ...]]:
    """Every name above each child, not the child itself."""
    above = names_above(links)
    return {child: tuple(sorted(ancestors(child, above) - {child})) for child in above}
