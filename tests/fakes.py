"""One small fake for each port of the gateway; the suites in `tests/contracts` hold fake and real to one promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from adapters.sealing.client import Deeds
from adapters.sealing.marks import Marks
from adapters.sealing.meter import Meter
from adapters.sealing.wire import Admit, Admitted, Ask, Know, Request, Sealed
from gateway.deeds.foundation import Foundation
from gateway.domain.budget import DAYS, YEAR, Spending, Used
from gateway.domain.cohort import Members
from gateway.domain.errors import DownError, UnavailableError
from gateway.domain.exemption import Exemption
from gateway.domain.grant import Grant
from gateway.domain.incident import Incident
from gateway.domain.standing import Kept, Scores, Standing, Stop
from gateway.domain.tally import Tally
from gateway.ports import Clock, DataVersion, LookUp, Remembered, Rights, UnitFact, Withheld
from gateway.seal import Entropy, Facts, Plain, Question, Sealer, SealingKey
from ops.seal import SealingDesk
from ops.simulate.checkbook import CheckBook
from ops.simulate.habitbook import HabitBook
from ops.simulate.outcomebook import OutcomeBook
from ops.simulate.sweepbook import SubjectBook, SweepBook
from policies.snapshot import Snapshot
from tests.fakes_audit import CountingEntropy, MemoryLedger
from tests.make import CATALOGUE, KEY, NOW, VERSION
from tests.people import FOUNDATION


@dataclass
class DrivenClock:
    """A clock that moves only when told."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **how_long: float) -> None:
        """Lets time pass: `days=1`, `seconds=5`."""
        self.at += timedelta(**how_long)


@dataclass
class MemoryBudgets:
    """Counts in dicts."""

    counts: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    days: dict[tuple[str, bytes], int] = field(default_factory=dict)

    def lock(self, accounts: Sequence[str], day: int) -> Mapping[str, Used]:
        return {account: self._used(account, day) for account in accounts}

    def seen(self, wanted: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], int]:
        return {pair: self.days[pair] for pair in wanted if pair in self.days}

    def spend(self, spending: Spending) -> None:
        for place, change in spending.subjects.items():
            self.counts.setdefault(place, [0, 0])[0] += change
        for grant, change in spending.comparisons.items():
            self.counts.setdefault((grant, spending.day), [0, 0])[1] += change
        self.days |= dict.fromkeys(spending.seen, spending.day)

    def _used(self, grant: str, day: int) -> Used:
        today = self.counts.get((grant, day), [0, 0])
        month, year = (self._since(grant, day - days) for days in (DAYS, YEAR))
        return Used(today[0], month, year, today[1])

    def _since(self, grant: str, day: int) -> int:
        return sum(n for (of, on), (n, _) in self.counts.items() if of == grant and on > day)


@dataclass
class MemoryWatch:
    """Knows in dicts. `advance` begins a new control epoch and returns it."""

    advance: Callable[[], int]
    scores: dict[str, Scores] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)
    days: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    in_cells: dict[tuple[str, bytes, int], int] = field(default_factory=dict)
    asked: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    stops: dict[str, Stop] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)

    def copy(self, advance: Callable[[], int]) -> MemoryWatch:
        return MemoryWatch(
            advance,
            dict(self.scores),
            dict(self.stopped),
            dict(self.days),
            dict(self.in_cells),
            dict(self.asked),
            dict(self.stops),
            dict(self.incidents),
        )

    def standings(self, accounts: Sequence[str], day: int) -> Mapping[str, Standing]:
        known = self.scores.keys() | self.stopped.keys() | {account for account, _ in self.days}
        return {account: self._standing(account, day) for account in accounts if account in known}

    def questions(self, wanted: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        return {pair: self.asked[pair] for pair in wanted if pair in self.asked}

    def cells(self, wanted: Sequence[tuple[str, bytes]], since: int) -> Mapping[tuple[str, bytes], int]:
        found: Counter[tuple[str, bytes]] = Counter()
        for (account, cell, day), misses in self.in_cells.items():
            if (account, cell) in wanted and day >= since:
                found[account, cell] += misses
        return found

    def shares(self, accounts: Sequence[str], day: int, since: int) -> Mapping[bytes, Mapping[str, int]]:
        touched = {cell for (account, cell, on) in self.in_cells if on == day and account in accounts}
        found: dict[bytes, Counter[str]] = {cell: Counter() for cell in touched}
        for (account, cell, on), count in self.in_cells.items():
            if cell in touched and account in accounts and on >= since:
                found[cell][account] += count
        return found

    def keep(self, kept: Kept) -> None:
        for account in kept.cleared:
            self.stopped.pop(account, None)
            self.scores[account] = Scores()
            self.days = {place: counts for place, counts in self.days.items() if place[0] != account}
            self.in_cells = {place: count for place, count in self.in_cells.items() if place[0] != account}
        self.scores |= kept.scores
        for account, (misses, outside) in kept.counts.items():
            before = self.days.get((account, kept.day), (0, 0))
            self.days[account, kept.day] = before[0] + misses, before[1] + outside
        for (account, cell), misses in kept.cells.items():
            place = account, cell, kept.day
            self.in_cells[place] = self.in_cells.get(place, 0) + misses
        self.asked |= kept.questions
        if kept.stopped:
            self.stopped |= dict.fromkeys(kept.stopped, self.advance())
        self.incidents |= {each.number: each for each in kept.incidents}

    def recent(self, partner: str, grant: str, detector: str, since: int) -> Incident | None:
        found = [
            each
            for each in self.incidents.values()
            if (each.finding.partner, each.finding.grant, each.finding.detector) == (partner, grant, detector)
            and int(each.finding.at.timestamp()) > since
        ]
        return max(found, key=lambda each: each.finding.at, default=None)

    def lay(self, stops: Sequence[Stop]) -> None:
        self.stops |= {each.target: each for each in stops}

    def _standing(self, account: str, day: int) -> Standing:
        window = [counts for (of, on), counts in self.days.items() if of == account and on > day - DAYS]
        misses, outside = (sum(column) for column in zip(*window, strict=True)) if window else (0, 0)
        return Standing(self.scores.get(account, Scores()), misses, outside, self.stopped.get(account, 0))


@dataclass
class MemoryAnswers:
    """Keeps answers in a dict."""

    kept: dict[bytes, Remembered] = field(default_factory=dict)

    def remembered(self, keys: Sequence[bytes], at: int) -> Mapping[bytes, Remembered]:
        return {key: self.kept[key] for key in keys if key in self.kept and self.kept[key].expires > at}

    def remember(self, answers: Sequence[Remembered], at: int) -> None:
        for answer in answers:
            if answer.key not in self.remembered([answer.key], at):
                self.kept[answer.key] = answer


@dataclass
class MemoryWork:
    """A transaction over copies; `commit` puts them in place of the originals."""

    store: MemoryStore
    budgets: MemoryBudgets
    answers: MemoryAnswers
    ledger: MemoryLedger
    watch: MemoryWatch = field(init=False)
    checks: CheckBook = field(init=False)
    sweeps: SweepBook = field(init=False)
    outcomes: OutcomeBook = field(init=False)
    habits: HabitBook = field(init=False)
    subjects: SubjectBook = field(init=False)

    def __post_init__(self) -> None:
        self.begun = self.store.epoch
        self.watch = self.store.watch.copy(self._advance)
        self.checks = deepcopy(self.store.checks)
        self.sweeps = SweepBook(self._counted, self._raise_checks, kept=dict(self.store.tallies))
        self.outcomes = deepcopy(self.store.outcomes)
        self.habits = deepcopy(self.store.habits)
        self.subjects = SubjectBook(self._seen, self._asked, told=dict(self.store.told))

    def epoch(self) -> int:
        return self.begun

    def _advance(self) -> int:
        self.begun += 1
        return self.begun

    def _seen(self, name: str) -> dict[bytes, int]:
        return {link: day for (account, link), day in self.budgets.days.items() if account == name}

    def _asked(self, name: str) -> dict[bytes, bytes]:
        return {link: asked for (account, link), asked in self.watch.asked.items() if account == name}

    def _counted(self, accounts: Sequence[str], since: int) -> dict[str, dict[int, tuple[int, int]]]:
        found: dict[str, dict[int, tuple[int, int]]] = {}
        for (name, day), (subjects, _) in self.budgets.counts.items():
            if name in accounts and day >= since:
                found.setdefault(name, {})[day] = subjects, self.watch.days.get((name, day), (0, 0))[0]
        return found

    def _raise_checks(self, purposes: Sequence[str], day: int) -> None:
        self.checks.raise_checks(purposes, day)
        self._advance()

    def prefetch(self, epoch: int, accounts: Sequence[str], day: int, keys: Sequence[bytes], at: int) -> None:
        """Everything is here already."""

    def prefetch_seen(self, wanted: Sequence[tuple[str, bytes]]) -> None:
        """Everything is here already."""

    def commit(self) -> None:
        if self.store.full:
            raise DownError("the disk is full")
        self.store.budgets, self.store.answers, self.store.ledger = self.budgets, self.answers, self.ledger
        self.store.checks, self.store.tallies = self.checks, self.sweeps.kept
        self.outcomes.undo.clear()
        self.store.outcomes = self.outcomes
        self.habits.undo.clear()
        self.store.habits = self.habits
        self.store.told = self.subjects.told
        self.store.watch, self.store.epoch = self.watch, max(self.begun, self.store.epoch)

    def committing(self) -> MemoryWork:
        """Nothing to wait for: `finish` commits."""
        return self

    def fileno(self) -> int:
        return -1

    def finish(self) -> None:
        self.commit()


@dataclass
class MemoryStore:
    """A control database in memory. It is out of order, or its disk full, when told."""

    epoch: int = 1
    broken: bool = False
    full: bool = False
    budgets: MemoryBudgets = field(default_factory=MemoryBudgets)
    answers: MemoryAnswers = field(default_factory=MemoryAnswers)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    watch: MemoryWatch = field(default_factory=lambda: MemoryWatch(lambda: 0))
    checks: CheckBook = field(default_factory=CheckBook)
    outcomes: OutcomeBook = field(default_factory=OutcomeBook)
    tallies: dict[str, Tally] = field(default_factory=dict)
    habits: HabitBook = field(default_factory=HabitBook)
    told: dict[bytes, int] = field(default_factory=dict)

    def close(self) -> None:
        """Has nothing open."""

    @contextmanager
    def begin(self) -> Iterator[MemoryWork]:
        if self.broken:
            raise DownError("the control database is gone")
        yield MemoryWork(
            self,
            MemoryBudgets({place: [*counts] for place, counts in self.budgets.counts.items()}, dict(self.budgets.days)),
            MemoryAnswers(dict(self.answers.kept)),
            self._ledger(),
        )

    def _ledger(self) -> MemoryLedger:
        kept = self.ledger
        return MemoryLedger([*kept.rows], kept.stored_head, dict(kept.partners), dict(kept.tiles))


class MemoryRegister:
    """An index in memory that a test fills with plain facts. A look-up of a spoiled subject raises."""

    def __init__(self, version: DataVersion = VERSION, key: SealingKey = KEY) -> None:
        self.version = version
        self.sealers = {
            kind: Sealer(key, CATALOGUE, kind, version.generation, CountingEntropy()) for kind in CATALOGUE.kinds
        }
        self.records: dict[bytes, bytes] = {}
        self.spoiled: set[bytes] = set()
        self.units_known: dict[int, UnitFact] = {}
        self.decoys: set[bytes] = set()
        self.protected: set[bytes] = set()
        self.moved: dict[bytes, int] = {}
        self.since: int | None = None
        self.found = 0
        self.broken = False

    def put(self, number: str, *facts: Facts, kind: str = "person") -> None:
        """Seals records of a subject, behind those that are there."""
        sealer = self.sealers[kind]
        subject = self.subject(number, kind)
        added = b"".join(sealer.record(subject, each) for each in facts)
        self.records[subject] = self.records.get(subject, b"") + added

    def spoil(self, number: str) -> None:
        """Plants an exception that only this subject raises."""
        self.spoiled.add(self.subject(number))

    def subject(self, number: str, kind: str = "person") -> bytes:
        sealer = self.sealers[kind]
        return sealer.subject(sealer.link(CATALOGUE.identifier(kind, number)))

    def unit(self, token: int) -> UnitFact | None:
        return self.units_known.get(token)

    def units(self) -> Iterable[UnitFact]:
        """See `gateway.ports.Index`."""
        return self.units_known.values()

    def is_decoy(self, link: bytes) -> bool:
        return link in self.decoys

    def is_protected(self, link: bytes) -> bool:
        return link in self.protected

    def moves_since(self) -> int | None:
        return self.since

    def moved_on(self, link: bytes) -> int:
        return self.moved.get(link, 0)

    def close(self) -> None:
        """Has nothing open."""

    def find(self, kind: str, look_ups: Sequence[LookUp]) -> list[bytes]:
        if self.broken:
            raise UnavailableError("the sealed index cannot be read")
        if not self.spoiled.isdisjoint(look_up.subject for look_up in look_ups):
            raise ValueError("planted")
        self.found += len(look_ups)
        return [self.records.get(look_up.subject, b"") for look_up in look_ups]


def a_desk(
    folder: Path,
    clock: Clock | None = None,
    *,
    key: SealingKey = KEY,
    foundation: Foundation = FOUNDATION,
    entropy: Entropy | None = None,
) -> SealingDesk:
    """The sealing process's judgement, without its process; its meter lies in the folder."""
    return SealingDesk(
        key=key,
        catalogue=CATALOGUE,
        foundation=foundation,
        marks=Marks(folder / "marks.journal"),
        meter=Meter(folder / "meter.journal"),
        clock=clock or DrivenClock(),
        entropy=entropy or CountingEntropy(),
    )


@dataclass(frozen=True)
class DeskSealing:
    """A batch that is sealed already: nobody has to wait for it."""

    items: list[Question | Withheld]

    def fileno(self) -> int:
        return -1

    def questions(self) -> list[Question | Withheld]:
        return self.items


@dataclass
class DeskSeal:
    """The seal port without a socket: hands every message to a desk. Notes what it is told; out of order on demand."""

    desk: SealingDesk
    deeds: Deeds = field(default_factory=Deeds)
    broken: bool = False
    asked: list[Plain] = field(default_factory=list)

    def close(self) -> None:
        """Has nothing open but the desk's files."""
        self.desk.close()

    def know(self, deeds: Deeds) -> None:
        """Replaces the deeds."""
        self.deeds = deeds

    def ask(self, generation: str, plains: Sequence[Plain]) -> DeskSealing:
        self.asked += plains
        for grant in sorted({plain.grant for plain in plains} & self.deeds.grants.keys()):
            self.units(generation, grant)
        reply = self._exchange(Ask(generation, list(plains)))
        if not isinstance(reply, Sealed):
            raise DownError("the sealing process gave no questions")
        return DeskSealing([Withheld(item) if isinstance(item, str) else item for item in reply.items])

    def units(self, generation: str, grant: str) -> frozenset[int]:
        if self.broken:
            raise DownError("the sealing process does not answer")
        if grant not in self.deeds.grants:
            return frozenset()
        self._exchange(Know(list(self.deeds.known)))
        reply = self._exchange(Admit(generation, self.deeds.grants[grant]))
        return frozenset(reply.units) if isinstance(reply, Admitted) else frozenset()

    def _exchange(self, message: Request) -> object:
        if self.broken:
            raise DownError("the sealing process does not answer")
        return self.desk.answer(msgspec.msgpack.encode(message))


@dataclass
class StandingRights:
    """Rights that change when a test changes them; `epoch` is asked of the store they belong to."""

    snapshot: Snapshot
    epoch: Callable[[], int]
    grants: dict[str, Grant] = field(default_factory=dict)
    cohorts: dict[str, Members] = field(default_factory=dict)
    stops: Callable[[], Mapping[str, Stop]] = dict
    exempt: dict[str, Exemption] = field(default_factory=dict)
    loads: int = 0

    def load(self) -> Rights:
        self.loads += 1
        stops = self.stops().values()
        return Rights(
            self.epoch(),
            self.snapshot,
            dict(self.grants),
            frozen=frozenset(each.target for each in stops if each.is_frozen),
            held=frozenset(each.target for each in stops if not each.is_frozen),
            cohorts=dict(self.cohorts),
            exempt=dict(self.exempt),
        )
