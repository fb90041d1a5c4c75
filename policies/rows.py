"""The flat rules that Casbin gets, in the columns of `model.conf`: the last check in front of it.

Casbin takes whatever it is given: it drops what it does not know, ignores an effect it cannot spell and stops
looking after ten levels of roles. So `Rules` cannot be made wrong, whoever makes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from policies.conditions import Block, Period
from policies.decision import PolicyVersion
from policies.problems import FlawError, Pitfall, Problem, RulebookError
from policies.rulebook import EVERY_PURPOSE, Effect, Rulebook
from policies.strict import kind_name, name

MAX_DEPTH: Final = 9
"""Edges from a name to the highest name above it. Casbin looks ten names far and no further, in silence."""

Link = tuple[str, str]


class PolicyRow(NamedTuple):
    """One row of the policy; the names are the columns of the policy definition, in their order."""

    id: str
    role: str
    org: str
    field: str
    op: str
    purpose: str
    window: str
    net: str
    eft: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that decides, immutable. Raises `RulebookError` when made with a row that Casbin would misread."""

    policy: tuple[PolicyRow, ...]
    clients: tuple[Link, ...]
    units: tuple[Link, ...]
    fields: tuple[Link, ...]
    periods: Mapping[str, Period]
    networks: Mapping[str, tuple[Block, ...]]
    version: PolicyVersion
    matters: frozenset[str] = frozenset()
    """The purposes, as `purpose:<id>`, for which nobody may ask without naming a matter."""
    books: tuple[Rulebook, ...] = ()

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise RulebookError(problems)

    @property
    def links(self) -> Mapping[str, tuple[Link, ...]]:
        """The links by the name of their table in the model."""
        return {"g": self.clients, "g2": self.units, "g3": self.fields}


def digest_of(
    policy: Iterable[PolicyRow],
    links: Iterable[Iterable[Link]],
    periods: Mapping[str, Period],
    networks: Mapping[str, tuple[Block, ...]],
    matters: Iterable[str] = (),
) -> str:
    """SHA-256 over all that decides, whatever the order in which it was written."""
    content = {
        "policy": sorted(policy),
        "links": [sorted(table) for table in links],
        "periods": {key: (sorted(period.spans), period.start, period.end) for key, period in periods.items()},
        "networks": {key: sorted(blocks) for key, blocks in networks.items()},
        "matters": sorted(matters),
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _problems(rules: Rules) -> Iterator[Problem]:
    for row in rules.policy:
        try:
            _check_row(row, rules)
        except FlawError as flaw:
            yield Problem("-", row.id[:64], flaw.pitfall, flaw.detail)
    tables = (
        (rules.clients, ("client", "dept"), ("dept", "tier")),
        (rules.units, ("org",), ("org",)),
        (rules.fields, ("field", "class"), ("class",)),
    )
    for links, children, parents in tables:
        try:
            _check_links(links, children, parents)
        except FlawError as flaw:
            yield Problem("-", flaw.detail[:80], flaw.pitfall, flaw.detail)


def _check_row(row: PolicyRow, rules: Rules) -> None:
    name(row.id)
    kind_name(row.role, "dept", "tier")
    kind_name(row.org, "org")
    kind_name(row.field, "field", "class")
    name(row.op)
    if row.eft not in list(Effect):
        raise FlawError(Pitfall.EFFECT, repr(row.eft[:80]))
    if row.purpose != EVERY_PURPOSE:
        kind_name(row.purpose, "purpose")
    elif row.eft == Effect.ALLOW:
        raise FlawError(Pitfall.WIDE_ALLOW, "purposes")
    if row.window not in rules.periods:
        raise FlawError(Pitfall.UNKNOWN_NAME, row.window)
    if row.net not in rules.networks:
        raise FlawError(Pitfall.UNKNOWN_NAME, row.net)


def _check_links(links: tuple[Link, ...], children: tuple[str, ...], parents: tuple[str, ...]) -> None:
    """A subject named like a role would get the role's rights: the kinds of both ends are fixed."""
    for child, parent in links:
        kind_name(child, *children)
        kind_name(parent, *parents)
    above = names_above(links)
    farthest = frozenset(above)
    for _ in range(MAX_DEPTH):
        farthest = frozenset(parent for child in farthest for parent in above.get(child, ()))
    if stuck := sorted(child for child in farthest if child in above):
        circular = [child for child in stuck if child in ancestors(child, above)]
        raise FlawError(*((Pitfall.CYCLE, circular[0]) if circular else (Pitfall.TOO_DEEP, stuck[0])))


def names_above(links: Iterable[Link]) -> dict[str, list[str]]:
    """The direct parents of every child."""
    above: dict[str, list[str]] = {}
    for child, parent in links:
        above.setdefault(child, []).append(parent)
    return above


def ancestors(child: str, above: Mapping[str, list[str]]) -> frozenset[str]:
    """Every name reached from a child by at least one link."""
    found: set[str] = set()
    waiting = list(above.get(child, ()))
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting.extend(above.get(parent, ()))
    return frozenset(found)
