"""The control store in memory: transactions by an undo list, so that a turn costs what it writes and not what is kept.

It keeps the promises of `gateway.ports`, held to them by the same tests as SQLite and PostgreSQL, but for the ledger:
nothing here makes entries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn, Protocol, cast

from audit.ledger import LedgerStore
from gateway.domain.budget import DAYS, YEAR, Spending, Used
from gateway.ports import Remembered
from ops.simulate.checkbook import CheckBook
from ops.simulate.habitbook import HabitBook
from ops.simulate.outcomebook import OutcomeBook
from ops.simulate.sweepbook import SubjectBook, SweepBook
from ops.simulate.watchbook import Undo, WatchBook


@dataclass
class _Account:
    """What one account used: subjects by the last day they were compared, comparisons by day, and who was seen."""

    subjects: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    comparisons: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    seen: dict[bytes, int] = field(default_factory=dict[bytes, int])
    sums: tuple[int, int, int] | None = None
    """Day, and the subjects of the days before it within both long windows. Gone when one of these days changes."""

    def used(self, day: int) -> Used:
        """What was used of each budget on that day."""
        if self.sums is None or self.sums[0] != day:
            self.sums = (day, self._before(day, DAYS), self._before(day, YEAR))
        ahead = sum(count for on, count in self.subjects.items() if on > day) if self._is_ahead(day) else 0
        today = self.subjects.get(day, 0)
        return Used(today, self.sums[1] + today + ahead, self.sums[2] + today + ahead, self.comparisons.get(day, 0))

    def count(self, day: int, change: int) -> None:
        """So many subjects more, or fewer, whose last day is this one."""
        self.subjects[day] += change
        if self.sums and day < self.sums[0]:
            _, month, year = self.sums
            within = change * (day > self.sums[0] - DAYS), change * (day > self.sums[0] - YEAR)
            self.sums = (self.sums[0], month + within[0], year + within[1])

    def _before(self, day: int, window: int) -> int:
        return sum(count for on, count in self.subjects.items() if day - window < on < day)

    def _is_ahead(self, day: int) -> bool:
        """Whether the clock has stepped back."""
        return bool(self.subjects) and next(reversed(self.subjects)) > day


@dataclass
class Budgets:
    """Counters of the budgets."""

    accounts: defaultdict[str, _Account] = field(default_factory=lambda: defaultdict(_Account))
    undo: Undo = field(default_factory=list[Callable[[], object]])

    def lock(self, accounts: Sequence[str], day: int) -> Mapping[str, Used]:
        """See `gateway.ports.BudgetStore`."""
        return {name: self.accounts[name].used(day) for name in accounts}

    def seen(self, wanted: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], int]:
        """See `gateway.ports.BudgetStore`."""
        kept = {name: self.accounts[name].seen for name in {name for name, _ in wanted}}
        return {pair: kept[pair[0]][pair[1]] for pair in wanted if pair[1] in kept[pair[0]]}

    def spend(self, spending: Spending) -> None:
        """See `gateway.ports.BudgetStore`."""
        for (name, day), change in spending.subjects.items():
            self.accounts[name].count(day, change)
        for name, count in spending.comparisons.items():
            self.accounts[name].comparisons[spending.day] += count
        before = {pair: self.accounts[pair[0]].seen.get(pair[1]) for pair in spending.seen}
        for name, link in spending.seen:
            self.accounts[name].seen[link] = spending.day
        self.undo.append(lambda: self._take_back(spending, before))

    def _take_back(self, spending: Spending, before: Mapping[tuple[str, bytes], int | None]) -> None:
        for (name, day), change in spending.subjects.items():
            self.accounts[name].count(day, -change)
        for name, count in spending.comparisons.items():
            self.accounts[name].comparisons[spending.day] -= count
        for (name, link), last in before.items():
            if last is None:
                del self.accounts[name].seen[link]
            else:
                self.accounts[name].seen[link] = last


@dataclass
class Answers:
    """Answers given before."""

    kept: dict[bytes, Remembered] = field(default_factory=dict[bytes, Remembered])
    undo: Undo = field(default_factory=list[Callable[[], object]])

    def remembered(self, keys: Sequence[bytes], at: int) -> Mapping[bytes, Remembered]:
        """See `gateway.ports.AnswerStore`."""
        if not self.kept:
            return {}
        return {key: self.kept[key] for key in keys if key in self.kept and self.kept[key].expires > at}

    def remember(self, answers: Sequence[Remembered], at: int) -> None:
        """See `gateway.ports.AnswerStore`."""
        for answer in answers:
            old = self.kept.get(answer.key)
            if old is None or old.expires <= at:
                self.kept[answer.key] = answer
                self.undo.append(lambda key=answer.key, old=old: self._put_back(key, old))  # type: ignore[misc] # mypy: defaults bind the loop's values

    def _put_back(self, key: bytes, old: Remembered | None) -> None:
        if old is None:
            del self.kept[key]
        else:
            self.kept[key] = old


class _NoLedger:
    """Stands where entries would be written; whoever tries is told that the simulation writes none."""

    def __getattr__(self, name: str) -> NoReturn:
        raise NotImplementedError(f"the simulation has no ledger, and something asked for its {name}")


@dataclass
class Work:
    """One transaction, and the commit of it: there is nothing to wait for."""

    store: Store
    budgets: Budgets
    watch: WatchBook
    checks: CheckBook
    sweeps: SweepBook
    outcomes: OutcomeBook
    habits: HabitBook
    subjects: SubjectBook
    answers: Answers
    ledger: LedgerStore
    committed: bool = False

    def epoch(self) -> int:
        """See `gateway.ports.Work`."""
        return self.store.epoch

    def prefetch(self, epoch: int, accounts: Sequence[str], day: int, keys: Sequence[bytes], at: int) -> None:
        """Everything is here already."""

    def prefetch_seen(self, wanted: Sequence[tuple[str, bytes]]) -> None:
        """Everything is here already."""

    def commit(self) -> None:
        """See `gateway.ports.Work`."""
        self.committed = True
        self.store.forget()

    def committing(self) -> Work:
        """Nothing to wait for: `finish` commits."""
        return self

    def fileno(self) -> int:
        """Nobody need wait."""
        return -1

    def finish(self) -> None:
        """Commits."""
        self.commit()


class _Undoing(Protocol):
    """A part of the store."""

    undo: Undo


@dataclass
class Store:
    """A control database in memory."""

    epoch: int = 1
    budgets: Budgets = field(default_factory=Budgets)
    answers: Answers = field(default_factory=Answers)
    checks: CheckBook = field(default_factory=CheckBook)
    outcomes: OutcomeBook = field(default_factory=OutcomeBook)
    habits: HabitBook = field(default_factory=HabitBook)
    watch: WatchBook = field(init=False)
    sweeps: SweepBook = field(init=False)
    subjects: SubjectBook = field(init=False)

    def __post_init__(self) -> None:
        self.watch = WatchBook(self.advance)
        self.sweeps = SweepBook(self._counted, self._raise_checks)
        self.subjects = SubjectBook(self._seen, lambda name: self.watch.asked.get(name, {}))

    def advance(self) -> int:
        """Begins a control epoch."""
        self.epoch += 1
        self.watch.undo.append(self._step_back)
        return self.epoch

    def amend(self) -> None:
        """The rights in force change: durable at once."""
        self.advance()
        self.forget()

    def release(self, target: str) -> None:
        """Two officers let something go on: durable at once."""
        self.watch.release(target)
        self.forget()

    def close(self) -> None:
        """Has nothing open."""

    @contextmanager
    def begin(self) -> Generator[Work, None, None]:
        """See `gateway.ports.Store`."""
        work = Work(
            store=self,
            budgets=self.budgets,
            watch=self.watch,
            checks=self.checks,
            sweeps=self.sweeps,
            outcomes=self.outcomes,
            habits=self.habits,
            subjects=self.subjects,
            answers=self.answers,
            ledger=cast("LedgerStore", _NoLedger()),
        )
        try:
            yield work
        finally:
            if not work.committed:
                self._roll_back()

    def forget(self) -> None:
        """What was written stays."""
        for part in self._parts():
            part.undo.clear()

    def _parts(self) -> tuple[_Undoing, ...]:
        return (
            self.budgets,
            self.watch,
            self.checks,
            self.sweeps,
            self.outcomes,
            self.habits,
            self.subjects,
            self.answers,
        )

    def _seen(self, name: str) -> Mapping[bytes, int]:
        known = self.budgets.accounts.get(name)
        return known.seen if known else {}

    def _counted(self, accounts: Sequence[str], since: int) -> dict[str, dict[int, tuple[int, int]]]:
        return {name: self._days_of(name, since) for name in accounts if name in self.budgets.accounts}

    def _days_of(self, name: str, since: int) -> dict[int, tuple[int, int]]:
        subjects, met = self.budgets.accounts[name].subjects, self.watch.accounts.get(name)
        days = met.days if met else {}
        return {day: (count, days.get(day, (0, 0))[0]) for day, count in subjects.items() if day >= since}

    def _raise_checks(self, purposes: Sequence[str], day: int) -> None:
        self.checks.raise_checks(purposes, day)
        self.advance()

    def _step_back(self) -> None:
        self.epoch -= 1

    def _roll_back(self) -> None:
        for part in self._parts():
            while part.undo:
                part.undo.pop()()
