"""Checking rulebooks against expectation tables, before they are published and whenever somebody asks.

Besides each expectation a run checks that every rule decides something a table expects (a rule nobody expects
anything of is a mistake or lacks its line), and that stock pycasbin decides alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from policies.casbin_model import stock_enforcer
from policies.catalogue import Catalogue
from policies.decision import Permit, Refusal
from policies.expected import Cell, Expectations, read_expectations
from policies.loader import load_rulebooks
from policies.problems import Pitfall, Problem, RulebookError
from policies.rows import Rules
from policies.snapshot import Snapshot, compile_rules, stock_decision

SHIPPED_EXPECTATIONS: Final = Path(__file__).parent / "data" / "expectations"
STOCK_STRIDE: Final = 50
"""Stock pycasbin is asked every expected permit, and one in so many of the expected refusals: it is slow."""

_NO_UNITS: Final[Mapping[str, str | None]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that the rules do not meet."""

    cell: Cell
    found: Permit | Refusal

    def __str__(self) -> str:
        wanted = "应准许" if self.cell.permitted else "应拒绝"
        by = "、".join(self.found.rules) or "无规则"
        found = f"实为拒绝（{self.found.cause}，{by}）" if isinstance(self.found, Refusal) else f"实为准许（{by}）"
        return f"{self.cell}：{wanted}，{found}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found: how much was checked, and one line for everything to mend."""

    rules: int
    checked: int
    compared: int
    lines: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether something was checked and nothing has to be mended: a run over nothing proves nothing."""
        return self.checked > 0 and not self.lines


def run(
    rulebooks: Path, expectations: Path, catalogue: Catalogue, units: Mapping[str, str | None] = _NO_UNITS
) -> Report:
    """Load, compile and check a folder of rulebooks; what cannot be loaded is reported, not raised.

    The clients are those of the tables; `units` need hold only what a rule or a table names besides `org:all`.
    """
    try:
        tables = read_expectations(expectations)
        rules = load_rulebooks(rulebooks, catalogue, clients=_clients(tables), units=units)
    except RulebookError as error:
        return Report(0, 0, 0, tuple(str(problem) for problem in error.problems))
    snapshot = compile_rules(rules)
    judged = list(_judged(tables, snapshot))
    drawn = [cell for place, (cell, _) in enumerate(judged) if cell.permitted or place % STOCK_STRIDE == 0]
    lines = [str(failure) for failure in _failures(judged)]
    lines += [*_idle(rules, (found for _, found in judged)), *_different(rules, snapshot, drawn)]
    return Report(sum(len(book.rules) for book in rules.books), len(judged), len(drawn), tuple(lines))


def check(expectations: Iterable[Expectations], snapshot: Snapshot) -> list[Failure]:
    """The expectations that the snapshot does not meet."""
    return list(_failures(_judged(expectations, snapshot)))


def _judged(expectations: Iterable[Expectations], snapshot: Snapshot) -> Iterator[tuple[Cell, Permit | Refusal]]:
    purposes = [purpose.id for book in snapshot.rules.books for purpose in book.purposes]
    children = sorted({child for child, _ in snapshot.rules.fields})
    fields = [child.removeprefix("field:") for child in children if child.startswith("field:")]
    for table in expectations:
        for cell in table.cells(purposes, fields):
            yield cell, snapshot.judge(cell.ask, cell.situation.at)


def _failures(judged: Iterable[tuple[Cell, Permit | Refusal]]) -> Iterator[Failure]:
    return (Failure(cell, found) for cell, found in judged if isinstance(found, Permit) is not cell.permitted)


def _idle(rules: Rules, found: Iterable[Permit | Refusal]) -> Iterator[str]:
    """The rules that decided nothing, but for those over a class to which no field belongs."""
    deciding = {rule for one in found for rule in one.rules}
    peopled = {parent for child, parent in rules.fields if child.startswith("field:")} | {"class:any"}
    for book in rules.books:
        for rule in book.rules:
            empty = not rule.fields and peopled.isdisjoint(f"class:{name}" for name in rule.classes)
            if rule.id not in deciding and not empty:
                yield f"{book.file} · {rule.id}：没有一条预期用到它，请补写预期或删去此规则"


def _different(rules: Rules, snapshot: Snapshot, cells: Sequence[Cell]) -> Iterator[str]:
    """The cells on which the snapshot and plain pycasbin disagree: such a version must not be published."""
    enforcer = stock_enforcer(rules)
    for cell in cells:
        ask, at = cell.ask, cell.situation.at
        found = snapshot.judge(ask, at)
        permitted = found.fields if isinstance(found, Permit) else frozenset[str]()
        if permitted != stock_decision(enforcer, rules, ask, at):
            yield f"{cell}：快照与 Casbin 的判定不同，不得发布，请报告维护者"


def _clients(tables: Iterable[Expectations]) -> dict[str, str]:
    clients: dict[str, str] = {}
    for table in tables:
        if clients.setdefault(table.situation.client, table.department) != table.department:
            problem = Problem(table.file, table.situation.client, Pitfall.DUPLICATE, "client")
            raise RulebookError((problem,))
    return clients
