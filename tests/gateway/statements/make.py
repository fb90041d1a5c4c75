"""Builders for the tests of statements: a ledger in memory, a clock, and a maker over both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from audit.events import Draft, Inner, comparison_refused
from audit.ledger import Recorded
from gateway.statements.making import StatementMaker
from tests.audit.make import DATA, ORIGIN, POLICY, RECEIPT_SIGNER, a_ledger, an_opening, asked, comparison_answered
from tests.fakes import DrivenClock
from tests.fakes_audit import MemoryKeys
from tests.fakes_statements import MemoryStatementStore

SYSTEMS = (("payroll", "payroll-1"), ("payroll", "payroll-2"), ("pension", "pension-1"))


def an_answer(partner: str, system: str, operator: str = "wang-01", digest: str = "12") -> Draft:
    """An answered comparison."""
    return comparison_answered(
        replace(asked(partner, operator=operator), client=system, request_sha256=digest * 32),
        Inner(cause="confirmed"),
        rules=("salary-01",),
        policy=POLICY,
        data=DATA,
        counts={"claims": 2},
        subject="confirmed",
        fields={"unit": "match"},
        response_sha256="34" * 32,
    )


def a_refusal(partner: str, system: str, operator: str = "wang-01", incident: str = "0123456789abcdef") -> Draft:
    """A refused one."""
    return comparison_refused(
        replace(asked(partner, operator=operator), client=system),
        Inner(cause="rate"),
        policy=POLICY,
        data=None,
        counts={"claims": 2},
        reason="held",
        incident=incident,
        response_sha256="34" * 32,
    )


@dataclass
class Bench:
    """A ledger in memory with a maker."""

    clock: DrivenClock
    store: MemoryStatementStore = field(default_factory=MemoryStatementStore)
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    systems: Sequence[tuple[str, str]] = SYSTEMS

    def __post_init__(self) -> None:
        self._ledger = a_ledger(keys=self.keys)
        self.maker = StatementMaker(
            origin=ORIGIN,
            reader=self.store.ledger,
            store=self.store,
            ledger=self._ledger,
            signer=RECEIPT_SIGNER,
            keys=self.keys,
            clock=self.clock,
            systems=lambda: self.systems,
            last_day=self.store.statements.last_day,
        )
        self.record(an_opening())

    def record(self, *drafts: Draft) -> list[Recorded]:
        """Appends entries now."""
        return self._ledger.append(self.store.ledger, drafts, self.clock.now())

    def answer(self, partner: str = "payroll", system: str = "payroll-1", operator: str = "wang-01") -> Recorded:
        return self.record(an_answer(partner, system, operator))[0]

    def refuse(self, partner: str = "payroll", system: str = "payroll-1", operator: str = "wang-01") -> Recorded:
        incident = f"{len(self.store.ledger.rows):016x}"
        return self.record(a_refusal(partner, system, operator, incident))[0]


def a_bench(at: str = "2026-03-01T10:00:00+08:00") -> Bench:
    """A bench whose log opens at this time."""
    return Bench(DrivenClock(datetime.fromisoformat(at)))
