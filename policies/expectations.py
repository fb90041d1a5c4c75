"""Checking rules against expectation tables (预期表), before they are published and whenever somebody asks.

A check also finds every rule that decides nothing a table expects: such a rule is a mistake, or lacks its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from policies.decision import Permit, Refusal
from policies.expected import Cell, Expectations
from policies.rows import Rules
from policies.rulebook import EVERY_PURPOSE, EVERYBODY
from policies.snapshot import Snapshot

SHIPPED_EXPECTATIONS: Final = Path(__file__).parent / "data" / "expectations"


@dataclass(frozen=True, slots=True)
class Judged:
    """One expectation and what the rules say to it."""

    cell: Cell
    found: Permit | Refusal

    @property
    def met(self) -> bool:
        """Whether the rules say what is expected."""
        return isinstance(self.found, Permit) is self.cell.permitted

    def __str__(self) -> str:
        wanted = "应准许" if self.cell.permitted else "应拒绝"
        by = "、".join(self.found.rules) or "无规则"
        found = f"实为拒绝（{self.found.cause}，{by}）" if isinstance(self.found, Refusal) else f"实为准许（{by}）"
        return f"{self.cell}：{wanted}，{found}"


def check(expectations: Iterable[Expectations], snapshot: Snapshot) -> list[Judged]:
    """The expectations that the snapshot does not meet."""
    return [one for one in judged(expectations, snapshot) if not one.met]


def judged(expectations: Iterable[Expectations], snapshot: Snapshot) -> Iterator[Judged]:
    """Every expectation, also those of silence, with what the snapshot says to it."""
    children = sorted({child for child, _ in snapshot.rules.fields})
    fields = [child.removeprefix("field:") for child in children if child.startswith("field:")]
    for table in expectations:
        for cell in table.cells(_purposes(snapshot.rules, table.department), fields):
            yield Judged(cell, snapshot.judge(cell.ask, cell.situation.at))


def _purposes(rules: Rules, department: str) -> list[str]:
    """The purposes that a rule of the department or of everybody names, and one that none names.

    That one stands for all others: the matcher knows purposes by their names alone, so what no rule within reach
    names is decided alike. Without this the silence of many tables would be judged for the purposes of all others.
    """
    named = {row.purpose for row in rules.policy if row.role in {department, EVERYBODY}} - {EVERY_PURPOSE}
    every = sorted({f"purpose:{purpose.id}" for book in rules.books for purpose in book.purposes})
    others = [purpose for purpose in every if purpose not in named]
    return [purpose.removeprefix("purpose:") for purpose in (*sorted(named), *others[:1])]


def idle(rules: Rules, found: Iterable[Judged]) -> Iterator[str]:
    """A line for each rule that decided nothing, but for those over a class to which no field belongs."""
    deciding = {rule for one in found for rule in one.found.rules}
    peopled = {parent for child, parent in rules.fields if child.startswith("field:")} | {"class:any"}
    for book in rules.books:
        for rule in book.rules:
            empty = not rule.fields and peopled.isdisjoint(f"class:{name}" for name in rule.classes)
            if rule.id not in deciding and not empty:
                yield f"{book.file} · {rule.id}：没有一条预期用到它，请补写预期或删去此规则"
