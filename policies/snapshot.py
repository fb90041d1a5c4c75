"""Judging: one published policy version, compiled from what Casbin loaded, immutable and fast.

1. Nothing proves nothing: an ask with an empty part, an address that is none, a policy without rules are refused,
   and so is an ask without a matter for a purpose that wants one.
2. Every claim is decided for itself, and for every unit of the scope. A field counts only if all of its claims
   are allowed in all units; the permit carries the fields that count.
3. A deny overrides. A scope that reaches over a unit named in a deny is denied as that unit is: the matcher looks
   up the tree only, so the snapshot looks down for it.
4. Whatever breaks inside, the answer is a refusal.

Stock pycasbin stays the authority: `policies.stock` asks it the same, when publishing and in tests, never to serve.
A new version is a new `Snapshot`; nothing in one changes but its memos, which are bounded and die with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from policies.casbin_model import ASKED, COLUMNS, load, residual_functions
from policies.compiled import Compiled, Survivor
from policies.conditions import Address, Env, local_minute, parse_address
from policies.decision import MAKER, Permit, Reason, Refusal
from policies.rows import Rules, ancestors, names_above
from policies.rulebook import Effect
from policies.weighing import weigh

MEMO_LIMIT: Final = 16_384
"""Entries a memo may hold: callers choose its keys, so it is emptied when full."""

_NOWHERE: Final = Address(0, 0)
_K = TypeVar("_K")
_V = TypeVar("_V")


class Ask(NamedTuple):
    """One question to the policy: `client:<id>`, `purpose:<id>`, and as `units` the scope of the grant, `org:<id>`.

    `claims` are pairs of bare field key and comparator; `address` is the caller's, as the trusted proxy gave it;
    `matter` is whether a matter is named.
    """

    client: str
    claims: tuple[tuple[str, str], ...]
    purpose: str
    units: tuple[str, ...]
    address: str
    matter: bool = False


@dataclass(slots=True)
class _Prepared:
    """An ask before time and address: for each claim and unit the field and the rows that its names leave."""

    cells: tuple[tuple[str, tuple[Survivor, ...]], ...]
    relevant: int
    outcomes: dict[int, Permit | Refusal] = field(default_factory=dict[int, Permit | Refusal])


class Snapshot:
    """Judges asks by one policy version. May be shared between threads."""

    def __init__(self, rules: Rules, compiled: Compiled) -> None:
        self.rules: Final = rules
        self.version: Final = rules.version
        self._compiled = compiled
        self._matters = rules.matters
        self._below = denied_below(rules)
        self._functions = residual_functions(rules)
        self._network_bits = compiled.bits("inNet")
        self._prepared: dict[tuple[object, ...], _Prepared] = {}
        self._networks: dict[str, int | None] = {}
        self._window: tuple[int, int] = (-1, 0)

    def judge(self, ask: Ask, at: datetime) -> Permit | Refusal:
        """A permit for the fields that are allowed, or a refusal if none is. Never raises."""
        try:
            return self._judge(ask, at)
        except Exception:  # noqa: BLE001 - whatever broke, nobody may get a yes out of it
            return Refusal(Reason.NOT_PERMITTED, "engine_error", (), self.version)

    def _judge(self, ask: Ask, at: datetime) -> Permit | Refusal:
        if ask.purpose in self._matters and not ask.matter:
            return Refusal(Reason.NOT_PERMITTED, "no_matter", (), self.version)
        networks = self._networks.get(ask.address) or self._network_mask(ask.address)
        if networks is None:
            return Refusal(Reason.NOT_PERMITTED, "net", (), self.version)
        prepared = self._prepared.get(ask[:4]) or self._prepare(ask)
        mask = (networks | self._window_mask(local_minute(at))) & prepared.relevant
        return prepared.outcomes.get(mask) or self._decide(prepared, mask)

    def _network_mask(self, address: str) -> int | None:
        """The bits of the networks that hold the address; `None` for what is no address."""
        parsed = parse_address(address)
        mask = None if parsed is None else self._mask("inNet", Env(0, parsed))
        _remember(self._networks, address, mask)
        return mask

    def _window_mask(self, minute: int) -> int:
        """The bits of the periods that cover the minute; requests mostly come in the minute of the last one."""
        last, mask = self._window
        if last != minute:
            mask = self._mask("inWindow", Env(minute, _NOWHERE))
            self._window = (minute, mask)
        return mask

    def _mask(self, name: str, env: Env) -> int:
        holds, conditions = self._functions[name], enumerate(self._compiled.conditions)
        return sum(1 << bit for bit, one in conditions if one.function == name and holds(env, one.value))

    def _prepare(self, ask: Ask) -> _Prepared:
        """Decide all that names alone decide; for an ask that is not whole, everything."""
        if is_whole(ask, ()):
            cells = tuple(self._cells(ask))
            prepared = _Prepared(cells, _all_needs(cells))
        else:
            prepared = _Prepared((), 0, {0: Refusal(Reason.NOT_PERMITTED, "incomplete", (), self.version)})
        _remember(self._prepared, ask[:4], prepared)
        return prepared

    def _cells(self, ask: Ask) -> Iterator[tuple[str, tuple[Survivor, ...]]]:
        units = reach(ask.units, self._below)
        for key, op in ask.claims:
            for unit in units:
                asked = dict(zip(ASKED, names_of(ask, key, op, unit), strict=False))
                yield key, self._compiled.survivors(asked)

    def _decide(self, prepared: _Prepared, mask: int) -> Permit | Refusal:
        outcome = weigh(prepared.cells, mask, self._network_bits)
        verdict: Permit | Refusal = Refusal(Reason.NOT_PERMITTED, outcome.cause, outcome.rules, self.version)
        if outcome.fields:
            verdict = Permit(outcome.fields, outcome.rules, self.version, MAKER)
        _remember(prepared.outcomes, mask, verdict)
        return verdict


def compile_rules(rules: Rules, model_text: str | None = None) -> Snapshot:
    """The snapshot of these rules; raises `ModelError` if the model (the shipped one, or a text) is not understood."""
    loaded = load(rules, model_text)
    return Snapshot(rules, Compiled(loaded.plan, COLUMNS, loaded.rows, loaded.links))


def denied_below(rules: Rules) -> Mapping[str, frozenset[str]]:
    """For every unit the units under it that some deny names."""
    above = names_above(rules.units)
    below: dict[str, set[str]] = {}
    for unit in {row.org for row in rules.policy if row.eft == Effect.DENY}:
        for ancestor in ancestors(unit, above):
            below.setdefault(ancestor, set()).add(unit)
    return {unit: frozenset(denied) for unit, denied in below.items()}


def reach(units: Iterable[str], below: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """The units of a scope and those under them where a deny may differ."""
    return tuple(sorted({reached for unit in units for reached in (unit, *below.get(unit, ()))}))


def is_whole(ask: Ask, matters: Collection[str]) -> bool:
    """Whether nothing is empty or missing and every name is of its kind, so that nobody poses as a role."""
    kinds = ask.client.startswith("client:") and ask.purpose.startswith("purpose:")
    units = bool(ask.units) and all(unit.startswith("org:") for unit in ask.units)
    return kinds and units and bool(ask.claims) and (ask.matter or ask.purpose not in matters)


def _all_needs(cells: Iterable[tuple[str, tuple[Survivor, ...]]]) -> int:
    """Every bit that decides some row."""
    needs = 0
    for row in (row for _, rows in cells for row in rows):
        needs |= row.needs
    return needs


def names_of(ask: Ask, key: str, op: str, unit: str) -> tuple[str, str, str, str, str]:
    """The names of one question in the order of the model."""
    return ask.client, unit, f"field:{key}", op, ask.purpose


def _remember(memo: dict[_K, _V], key: _K, value: _V) -> None:
    if len(memo) >= MEMO_LIMIT:
        memo.clear()
    memo[key] = value
