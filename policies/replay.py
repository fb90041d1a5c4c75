"""Rehearsal: the decisions of the last days under a draft, and the rights that nobody used meanwhile.

    found = replay(decisions, draft, in_force)
    found.flips      # which answers would have been others, and by which rule
    found.unused     # what the draft grants and nobody asked for: proposals for less

A decision may have been narrower than its rulebook: grant, budgets and freezes come after it and only narrow. So a no
flips to yes only where the rules in force say no as well; otherwise it was another gate that said it, and still would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Final, NamedTuple

from policies.decision import Permit, PolicyVersion
from policies.rows import Rules, ancestors, names_above
from policies.rulebook import EVERYBODY, Effect
from policies.snapshot import Ask, Snapshot

LISTED: Final = 1_000
"""Flips that are listed one by one; all are counted."""
_SHANGHAI: Final = timezone(timedelta(hours=8))


class Decided(NamedTuple):
    """One real decision: the number of its ledger entry, what was asked, when, and the fields that were permitted.

    None for a refusal of everything. `grant` is the number of the grant it was asked under, if that is known.
    """

    entry: int
    ask: Ask
    at: datetime
    permitted: frozenset[str]
    grant: str = ""


class Held(NamedTuple):
    """What a grant in force holds, to be compared with what was used of it."""

    department: str
    purpose: str
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Flip:
    """One field of one decision that the draft decides otherwise."""

    entry: int
    at: datetime
    client: str
    purpose: str
    field: str
    now_permitted: bool
    cause: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unused:
    """Fields that may be asked and were not: by a rule for a purpose (`rules`), or under a grant."""

    department: str
    purpose: str
    fields: tuple[str, ...]
    rules: tuple[str, ...] = ()
    grant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a rehearsal found. `gained` and `lost` count fields of decisions by department and purpose."""

    draft: PolicyVersion
    in_force: PolicyVersion
    decisions: int
    changed: int
    gained: Mapping[tuple[str, str], int]
    lost: Mapping[tuple[str, str], int]
    flips: tuple[Flip, ...]
    unused: tuple[Unused, ...]

    def as_document(self) -> dict[str, object]:
        """For JSON."""
        return {
            "draft": {"number": self.draft.number, "digest": self.draft.digest},
            "in_force": {"number": self.in_force.number, "digest": self.in_force.digest},
            "decisions": self.decisions,
            "changed": self.changed,
            "gained": _counted(self.gained),
            "lost": _counted(self.lost),
            "flips": [_flip(flip) for flip in self.flips],
            "unused": [_unused(unused) for unused in self.unused],
            "zh": f"重放 {self.decisions} 次判定，{self.changed} 次会改变：新准许 {sum(self.gained.values())} 项，"
            f"新拒绝 {sum(self.lost.values())} 项；{len(self.unused)} 处权限无人使用",
        }


_NO_GRANTS: Final[Mapping[str, Held]] = MappingProxyType({})


def replay(
    decisions: Iterable[Decided], draft: Snapshot, in_force: Snapshot, grants: Mapping[str, Held] = _NO_GRANTS
) -> Replay:
    """The decisions, in any order, under the draft; rules and grants whose fields were not used are told."""
    tally = _Tally({**_departments(in_force.rules), **_departments(draft.rules)})
    for decided in decisions:
        tally.add(decided, list(_flips(decided, draft, in_force)))
    return Replay(
        draft=draft.version,
        in_force=in_force.version,
        decisions=tally.decisions,
        changed=tally.changed,
        gained=tally.gained,
        lost=tally.lost,
        flips=tuple(tally.flips),
        unused=(*_unused_rules(draft.rules, tally.used), *_unused_grants(grants, tally.used_of)),
    )


@dataclass(slots=True)
class _Tally:
    """What is counted while decisions pass by; they may be many, so none is kept."""

    departments: Mapping[str, str]
    decisions: int = 0
    changed: int = 0
    gained: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    lost: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    flips: list[Flip] = field(default_factory=list[Flip])
    used: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    used_of: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def add(self, decided: Decided, flips: list[Flip]) -> None:
        """One decision and what of it would change."""
        department = self.departments.get(decided.ask.client, "")
        self.decisions += 1
        self.changed += bool(flips)
        self.flips += flips[: LISTED - len(self.flips)]
        self.used |= {(department, decided.ask.purpose, key) for key in decided.permitted}
        self.used_of |= {(decided.grant, key) for key in decided.permitted}
        for flip in flips:
            (self.gained if flip.now_permitted else self.lost)[department, flip.purpose] += 1


def _flips(decided: Decided, draft: Snapshot, in_force: Snapshot) -> Iterator[Flip]:
    now = _permitted(draft, decided.ask, decided.at)
    gained = now - decided.permitted - _permitted(in_force, decided.ask, decided.at)
    for key in sorted(gained | (decided.permitted - now)):
        claims = tuple(claim for claim in decided.ask.claims if claim[0] == key)
        found = draft.judge(decided.ask._replace(claims=claims), decided.at)
        yes = isinstance(found, Permit)
        cause = "" if isinstance(found, Permit) else found.cause
        yield Flip(decided.entry, decided.at, decided.ask.client, decided.ask.purpose, key, yes, cause, found.rules)


def _permitted(snapshot: Snapshot, ask: Ask, at: datetime) -> frozenset[str]:
    found = snapshot.judge(ask, at)
    return found.fields if isinstance(found, Permit) else frozenset()


def _departments(rules: Rules) -> dict[str, str]:
    return {child: parent for child, parent in rules.clients if parent != EVERYBODY}


def _unused_rules(rules: Rules, used: set[tuple[str, str, str]]) -> Iterator[Unused]:
    """For each department and purpose the fields that an allow rule gives it and that nobody used."""
    named = _fields_by_name(rules)
    found: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for row in rules.policy:
        idle = {key for key in named.get(row.field, ()) if (row.role, row.purpose, key) not in used}
        if row.eft == Effect.ALLOW and idle:
            keys, ids = found.setdefault((row.role, row.purpose), (set(), set()))
            keys |= idle
            ids.add(row.id)
    for (department, purpose), (keys, ids) in sorted(found.items()):
        yield Unused(department, purpose, tuple(sorted(keys)), tuple(sorted(ids)))


def _fields_by_name(rules: Rules) -> dict[str, set[str]]:
    """The bare fields that a row means by `field:<key>` or `class:<name>`."""
    above, named = names_above(rules.fields), dict[str, set[str]]()
    for child in [child for child in above if child.startswith("field:")]:
        for name in (child, *ancestors(child, above)):
            named.setdefault(name, set()).add(child.removeprefix("field:"))
    return named


def _unused_grants(grants: Mapping[str, Held], used: set[tuple[str, str]]) -> Iterator[Unused]:
    for number, held in sorted(grants.items()):
        if idle := tuple(sorted(key for key in held.fields if (number, key) not in used)):
            yield Unused(held.department, held.purpose, idle, grant=number)


def _counted(counts: Mapping[tuple[str, str], int]) -> list[dict[str, object]]:
    return [
        {"department": department, "purpose": purpose, "fields": count}
        for (department, purpose), count in sorted(counts.items())
    ]


def _flip(flip: Flip) -> dict[str, object]:
    return {
        "entry": flip.entry,
        "at": flip.at.astimezone(_SHANGHAI).isoformat(timespec="seconds"),
        "client": flip.client,
        "purpose": flip.purpose,
        "field": flip.field,
        "was": "refused" if flip.now_permitted else "permitted",
        "becomes": "permitted" if flip.now_permitted else "refused",
        "cause": flip.cause,
        "rules": list(flip.rules),
    }


def _unused(unused: Unused) -> dict[str, object]:
    return {
        "department": unused.department,
        "purpose": unused.purpose,
        "fields": list(unused.fields),
        "rules": list(unused.rules),
        "grant": unused.grant,
        "zh": f"{f'签批单 {unused.grant}' if unused.grant else '规则 ' + '、'.join(unused.rules)}："
        f"期间无人使用 {'、'.join(unused.fields)}，可考虑收回",
    }
