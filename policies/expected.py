"""Expectation tables (预期表) as files: who may what, written by an officer, and all that the table says by silence.

department = "dept:caizheng"
client = "client:caizheng-pay-01"
zh = "财政局"
at = 2026-03-02T10:00:00+08:00      # a fixed clock
address = "10.8.0.5"
unit = "org:all"
matter = true                       # left out: nothing is asked for a matter

[[may]]                             # these are permitted; nothing else is
purpose = "payroll-check"
fields = ["name", "unit"]
operators = ["equals"]

[[cases]]                           # other hours, addresses, units or clients
zh = "休息日不办理"
purpose = "budget-check"
fields = ["org_strength"]
operators = ["at_most"]
at = 2026-03-07T10:00:00+08:00
expect = "deny"                     # what a case expects if it says nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import product
from typing import Final

from policies.catalogue import Comparator
from policies.conditions import parse_address
from policies.files import File
from policies.problems import FlawError, Pitfall, Problem, RulebookError
from policies.rulebook import Effect
from policies.snapshot import Ask
from policies.strict import Table, check_keys, flag, kind_name, name, names, parse_toml, tables, text

_WHERE: Final = frozenset({"client", "at", "address", "unit"})
_SITUATION: Final = _WHERE | {"matter"}
_HEAD: Final = _WHERE | {"department", "zh"}
_LISTS: Final = frozenset({"matter", "may", "cases"})
_MAY: Final = frozenset({"purpose", "fields", "operators"})


@dataclass(frozen=True, slots=True)
class Situation:
    """Who asks, from where, when, about which unit, and whether for a matter."""

    client: str
    at: datetime
    address: str
    unit: str
    matter: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """One expectation: this field, with this comparator and purpose, is permitted or is not."""

    file: str
    zh: str
    situation: Situation
    purpose: str
    field: str
    operator: str
    permitted: bool

    @property
    def ask(self) -> Ask:
        """The question that decides it."""
        here, claims = self.situation, ((self.field, self.operator),)
        return Ask(here.client, claims, f"purpose:{self.purpose}", (here.unit,), here.address, here.matter)

    def __str__(self) -> str:
        return f"{self.file} · {self.zh} · {self.purpose} · {self.field} {self.operator}"


@dataclass(frozen=True, slots=True)
class Expectations:
    """One table: what is permitted in its situation, and cases in other situations."""

    file: str
    department: str
    zh: str
    situation: Situation
    may: frozenset[tuple[str, str, str]]
    cases: tuple[Cell, ...]

    def cells(self, purposes: Iterable[str], fields: Iterable[str]) -> Iterator[Cell]:
        """Every expectation, also those of silence: whatever of these purposes and fields is not listed is refused."""
        everything = set(product(purposes, fields, (one.value for one in Comparator)))
        for listed in sorted(self.may | everything):
            yield Cell(self.file, self.zh, self.situation, *listed, permitted=listed in self.may)
        yield from self.cases


def read_expectations(files: Iterable[File]) -> tuple[Expectations, ...]:
    """The table of every file; raises `RulebookError` with the problem of every file that has one."""
    read: list[Expectations] = []
    problems: list[Problem] = []
    for file in files:
        try:
            read.append(_expectations(file))
        except FlawError as flaw:
            problems.append(Problem(file.name, "-", flaw.pitfall, flaw.detail))
    if problems:
        raise RulebookError(tuple(problems))
    return tuple(read)


def _expectations(file: File) -> Expectations:
    table = parse_toml(file.raw)
    check_keys(table, _HEAD, _LISTS)
    situation, may = _situation(table), frozenset[tuple[str, str, str]]()
    for item in tables(table, "may"):
        check_keys(item, _MAY)
        may |= frozenset(_listed(item))
    return Expectations(
        file=file.name,
        department=kind_name(text(table, "department"), "dept"),
        zh=text(table, "zh"),
        situation=situation,
        may=may,
        cases=tuple(cell for item in tables(table, "cases") for cell in _case(item, situation, file.name)),
    )


def _case(table: Table, usual: Situation, file: str) -> Iterator[Cell]:
    check_keys(table, _MAY | {"zh"}, _SITUATION | {"expect"})
    expect = text(table, "expect") if "expect" in table else Effect.DENY
    if expect not in list(Effect):
        raise FlawError(Pitfall.EFFECT, repr(expect[:80]))
    here: dict[str, object] = asdict(usual)
    situation = _situation({**here, **{key: table[key] for key in _SITUATION & table.keys()}})
    for listed in _listed(table):
        yield Cell(file, text(table, "zh"), situation, *listed, permitted=expect == Effect.ALLOW)


def _listed(table: Table) -> Iterator[tuple[str, str, str]]:
    return product([name(text(table, "purpose"))], names(table, "fields"), names(table, "operators"))


def _situation(table: Table) -> Situation:
    at, address = table["at"], text(table, "address")
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise FlawError(Pitfall.WRONG_TYPE, "at")
    if parse_address(address) is None:
        raise FlawError(Pitfall.BAD_CIDR, address)
    client, unit = kind_name(text(table, "client"), "client"), kind_name(text(table, "unit"), "org")
    return Situation(client, at, address, unit, flag(table, "matter"))
