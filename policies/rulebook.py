"""A rulebook (规则册): which department may compare which fields for which purpose, and on what legal basis.

One TOML file, readable by an officer:

    department = "dept:caizheng"        # or "tier:all": binds every department, and may only deny
    zh = "财政局规则册"
    en = "Finance"
    version = 1

    [[purposes]]                        # id, zh, legal_basis; matter = true: only with a matter (事由);
                                        # secret = true: who asked is kept from other readers of the log
    [[networks]]                        # id, zh, cidrs = ["10.0.0.0/8"]
    [[windows]]                         # id, zh, times = ["mon-fri 08:30-17:30"], Asia/Shanghai
    [[rules]]
    id = "CZ-001"
    effect = "allow"                    # or "deny", which always wins
    fields = ["name", "unit"]           # and/or classes = ["sharing-none"]
    operators = ["equals"]
    purposes = ["payroll-check"]        # or ["*"] in a deny
    units = ["org:150100"]              # left out: every unit
    window = "office-hours"
    network = "gov-extranet"
    legal_basis = "…"
    reason = "…"
    valid_from = 2026-01-01             # both may be left out; both days belong to it
    valid_to = 2026-12-31

Reading is strict and never repairs. Whether the names exist is the loader's question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, TypeVar

from policies.conditions import Block, Span, parse_block, parse_times
from policies.files import File
from policies.problems import FlawError, Pitfall, Problem
from policies.strict import Table, check_keys, flag, kind_name, name, names, parse_toml, tables, text, texts

T = TypeVar("T")

EVERY_PURPOSE: Final = "*"
EVERYBODY: Final = "tier:all"
ALL_UNITS: Final = "org:all"
_ID_AND_ZH: Final = frozenset({"id", "zh"})
_BOOK_KEYS: Final = frozenset({"department", "zh", "en", "version"})
_LISTS: Final = frozenset({"purposes", "networks", "windows", "rules"})
_RULE_KEYS: Final = frozenset({"id", "effect", "operators", "purposes", "window", "network", "legal_basis", "reason"})
_PURPOSE_OPTIONS: Final = frozenset({"matter", "secret"})
_RULE_OPTIONS: Final = frozenset({"fields", "classes", "units", "valid_from", "valid_to"})


class Effect(StrEnum):
    """What a rule does; deny overrides."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Purpose:
    """An approved use (用途), with the text that allows it.

    `matter`: whoever asks must name a matter (事由). `secret`: that it was asked is shown to no one outside the duty.
    """

    id: str
    zh: str
    legal_basis: str
    matter: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """A named list of networks (网络)."""

    id: str
    zh: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Named hours of the week (时段)."""

    id: str
    zh: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One sentence of a rulebook. Names are bare here; the loader gives them their kinds."""

    id: str
    effect: Effect
    fields: tuple[str, ...]
    classes: tuple[str, ...]
    operators: tuple[str, ...]
    purposes: tuple[str, ...]
    units: tuple[str, ...]
    window: str
    network: str
    legal_basis: str
    reason: str
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """All that one file says."""

    file: str
    department: str
    zh: str
    en: str
    version: int
    purposes: tuple[Purpose, ...]
    networks: tuple[Network, ...]
    windows: tuple[Window, ...]
    rules: tuple[Rule, ...]


def read_rulebook(file: File) -> tuple[Rulebook | None, tuple[Problem, ...]]:
    """The rulebook of a file and every problem met; no rulebook if the file or its head is unreadable."""
    problems: list[Problem] = []

    def collect(table: Table, key: str, parse: Callable[[Table], T]) -> tuple[T, ...]:
        return _each(table, key, parse, file.name, problems)

    try:
        table = parse_toml(file.raw)
        check_keys(table, _BOOK_KEYS, _LISTS)
        book = Rulebook(
            file=file.name,
            department=_department(table),
            zh=text(table, "zh"),
            en=text(table, "en"),
            version=_version(table),
            purposes=collect(table, "purposes", _purpose),
            networks=collect(table, "networks", _network),
            windows=collect(table, "windows", _window),
            rules=collect(table, "rules", _rule),
        )
    except FlawError as flaw:
        return None, (*problems, Problem(file.name, "-", flaw.pitfall, flaw.detail))
    return book, tuple(problems)


def _each(table: Table, key: str, parse: Callable[[Table], T], file: str, problems: list[Problem]) -> tuple[T, ...]:
    """Parse every table of a list, so that one run tells all that is wrong."""
    parsed: list[T] = []
    for position, item in enumerate(tables(table, key), start=1):
        try:
            parsed.append(parse(item))
        except FlawError as flaw:
            problems.append(Problem(file, str(item.get("id", f"{key}[{position}]"))[:64], flaw.pitfall, flaw.detail))
    return tuple(parsed)


def _department(table: Table) -> str:
    department = kind_name(text(table, "department"), "dept", "tier")
    if department.startswith("tier:") and department != EVERYBODY:
        raise FlawError(Pitfall.UNKNOWN_NAME, department)
    return department


def _version(table: Table) -> int:
    value = table["version"]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise FlawError(Pitfall.WRONG_TYPE, "version")
    return value


def _purpose(table: Table) -> Purpose:
    check_keys(table, _ID_AND_ZH | {"legal_basis"}, _PURPOSE_OPTIONS)
    return Purpose(
        id=name(text(table, "id")),
        zh=text(table, "zh"),
        legal_basis=text(table, "legal_basis"),
        matter=flag(table, "matter"),
        secret=flag(table, "secret"),
    )


def _network(table: Table) -> Network:
    check_keys(table, _ID_AND_ZH | {"cidrs"})
    blocks = tuple(parse_block(cidr) for cidr in texts(table, "cidrs"))
    return Network(name(text(table, "id")), text(table, "zh"), blocks)


def _window(table: Table) -> Window:
    check_keys(table, _ID_AND_ZH | {"times"})
    spans = tuple(span for times in texts(table, "times") for span in parse_times(times))
    return Window(name(text(table, "id")), text(table, "zh"), spans)


def _rule(table: Table) -> Rule:
    check_keys(table, _RULE_KEYS, _RULE_OPTIONS)
    rule = Rule(
        id=name(text(table, "id")),
        effect=_effect(table),
        fields=_optional_names(table, "fields"),
        classes=_optional_names(table, "classes"),
        operators=names(table, "operators"),
        purposes=_purposes(table),
        units=_units(table),
        window=name(text(table, "window")),
        network=name(text(table, "network")),
        legal_basis=text(table, "legal_basis"),
        reason=text(table, "reason"),
        valid_from=_day(table, "valid_from"),
        valid_to=_day(table, "valid_to"),
    )
    if not rule.fields and not rule.classes:
        raise FlawError(Pitfall.EMPTY, "fields, classes")
    if rule.valid_from and rule.valid_to and rule.valid_to < rule.valid_from:
        raise FlawError(Pitfall.BAD_PERIOD, f"{rule.valid_from} … {rule.valid_to}")
    return rule


def _effect(table: Table) -> Effect:
    value = text(table, "effect")
    if value not in list(Effect):
        raise FlawError(Pitfall.EFFECT, repr(value[:80]))
    return Effect(value)


def _optional_names(table: Table, key: str) -> tuple[str, ...]:
    return names(table, key) if key in table else ()


def _purposes(table: Table) -> tuple[str, ...]:
    return (EVERY_PURPOSE,) if table["purposes"] == [EVERY_PURPOSE] else names(table, "purposes")


def _units(table: Table) -> tuple[str, ...]:
    if "units" not in table:
        return (ALL_UNITS,)
    return tuple(kind_name(unit, "org") for unit in texts(table, "units"))


def _day(table: Table, key: str) -> date | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
        raise FlawError(Pitfall.WRONG_TYPE, key)
    return value
