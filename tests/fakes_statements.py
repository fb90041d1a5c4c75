"""Statements kept in memory, in one transaction with a ledger in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field

from gateway.statements.keeping import Dispute, KeptStatement, PartnerMonth
from tests.fakes import MemoryWatch
from tests.fakes_audit import MemoryLedger


@dataclass
class MemoryStatements:
    """Keeps the promises of `StatementStore` and `StatementReader`."""

    kept: dict[tuple[str, str, str], KeptStatement] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)
    known: dict[str, Dispute] = field(default_factory=dict)

    def last_day(self) -> str | None:
        return max(self.days, default=None)

    def put(self, statements: Sequence[KeptStatement]) -> None:
        fresh = {(each.day, each.partner, each.system): each for each in statements}
        if fresh.keys() & self.kept.keys():
            raise KeyError("there already")
        self.kept |= fresh

    def close_day(self, day: str, entry: int) -> None:
        if day in self.days:
            raise KeyError("made already")
        self.days[day] = entry

    def dispute(self, dispute_id: str) -> Dispute | None:
        return self.known.get(dispute_id)

    def put_dispute(self, dispute: Dispute) -> None:
        self.known[dispute.id] = dispute

    def find(self, day: str, partner: str, system: str) -> KeptStatement | None:
        return self.kept.get((day, partner, system))

    def listed(self, first: str, last: str, partner: str | None) -> Sequence[KeptStatement]:
        return [
            each
            for (day, *_), each in sorted(self.kept.items())
            if first <= day <= last and partner in {None, each.partner}
        ]

    def months(self) -> Sequence[PartnerMonth]:
        found: dict[tuple[str, str], list[KeptStatement]] = {}
        for each in self.kept.values():
            found.setdefault((each.partner, each.day[:7]), []).append(each)
        counted = {key: sum(each.count for each in kept) for key, kept in found.items()}
        return [
            PartnerMonth(
                partner=partner, month=month, count=counted[partner, month], made=max(each.made for each in kept)
            )
            for (partner, month), kept in sorted(found.items())
            if counted[partner, month]
        ]

    def disputes(self, *, only_open: bool = True) -> Sequence[Dispute]:
        found = [each for each in self.known.values() if not (only_open and each.settled)]
        return sorted(found, key=lambda each: (each.raised, each.id))


@dataclass
class MemoryEpoch:
    """Counts."""

    epoch: int = 1

    def lock(self) -> None:
        pass

    def advance(self) -> None:
        self.epoch += 1


class CrashError(Exception):
    """The process died."""


@dataclass
class MemoryStatementWork:
    """One transaction."""

    statements: MemoryStatements
    ledger: MemoryLedger
    deeds: MemoryEpoch
    watch: MemoryWatch
    crashes: bool = False
    committed: bool = False

    def commit(self) -> None:
        if self.crashes:
            raise CrashError
        self.committed = True


@dataclass
class MemoryStatementStore:
    """Keeps the promise of `StatementsStore`: what is not committed is gone. `crashes` lets the next commit fail."""

    statements: MemoryStatements = field(default_factory=MemoryStatements)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    deeds: MemoryEpoch = field(default_factory=MemoryEpoch)
    watch: MemoryWatch = field(default_factory=lambda: MemoryWatch(lambda: 0))
    crashes: bool = False

    @contextmanager
    def begin(self) -> Iterator[MemoryStatementWork]:
        before = (copy(self.statements.kept), copy(self.statements.days), copy(self.statements.known))
        ledger = (copy(self.ledger.rows), self.ledger.stored_head, copy(self.ledger.partners), copy(self.ledger.tiles))
        epoch = self.deeds.epoch
        incidents = dict(self.watch.incidents)
        work = MemoryStatementWork(self.statements, self.ledger, self.deeds, self.watch, self.crashes)
        try:
            yield work
        finally:
            if not work.committed:
                self.statements.kept, self.statements.days, self.statements.known = before
                self.ledger.rows, self.ledger.stored_head, self.ledger.partners, self.ledger.tiles = ledger
                self.deeds.epoch, self.watch.incidents = epoch, incidents
