"""What is kept of statements, and what the database promises about it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from audit.ledger import LedgerStore
from gateway.watch.disputed import IncidentStore


class KeptStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A signed statement as it is kept. `operators` are the digests under it, joined; `made` is Unix time."""

    day: str
    partner: str
    system: str
    document: bytes
    answered: int
    refused: int
    operators: bytes = b""
    entry: int
    made: int

    @property
    def count(self) -> int:
        """How many comparisons there were."""
        return self.answered + self.refused


class PartnerMonth(msgspec.Struct, frozen=True, kw_only=True):
    """A month in which a partner's systems compared something. `made` is the Unix time of its last statement so far."""

    partner: str
    month: str
    count: int
    made: int


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A statement, or a month of them, that somebody does not agree with. Open until `settled` (Unix time) is set."""

    id: str
    partner: str
    system: str
    period: str
    by: str
    unknown: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    text: str = ""
    raised: int
    entry: int = -1
    settled: int = 0
    settled_by: str = ""
    finding: str = ""


class StatementStore(Protocol):
    """The writer's side, within a transaction that also holds the ledger."""

    def last_day(self) -> str | None:
        """The last day that has statements; days are made in order, each whole."""
        ...

    def put(self, statements: Sequence[KeptStatement]) -> None:
        """Keeps the statements of a day. One that is there already must fail, at the latest with the commit."""
        ...

    def close_day(self, day: str, entry: int) -> None:
        """Notes that the day is made, also where no system was there to have a statement."""
        ...

    def dispute(self, dispute_id: str) -> Dispute | None: ...

    def put_dispute(self, dispute: Dispute) -> None:
        """Keeps it; one of the same number is replaced."""
        ...


class Epoch(Protocol):
    """The control epoch."""

    def lock(self) -> None:
        """Before the head of the ledger is locked, as everybody else does it."""
        ...

    def advance(self) -> None:
        """Moves it on, so that every node loads the rights anew."""
        ...


class StatementWork(Protocol):
    """One transaction."""

    @property
    def statements(self) -> StatementStore: ...

    @property
    def ledger(self) -> LedgerStore: ...

    @property
    def deeds(self) -> Epoch: ...

    @property
    def watch(self) -> IncidentStore: ...

    def commit(self) -> None: ...


class StatementsStore(Protocol):
    """The control database, as those who write statements use it."""

    def begin(self) -> AbstractContextManager[StatementWork]: ...


class StatementReader(Protocol):
    """Reads what is committed. All of it raises `UnavailableError`."""

    def find(self, day: str, partner: str, system: str) -> KeptStatement | None: ...

    def listed(self, first: str, last: str, partner: str | None) -> Sequence[KeptStatement]:
        """Those from one day to another, both included, by day, partner and system; without partner of all of them."""
        ...

    def last_day(self) -> str | None: ...

    def months(self) -> Sequence[PartnerMonth]:
        """Months with comparisons, by partner and month."""
        ...

    def disputes(self, *, only_open: bool = True) -> Sequence[Dispute]:
        """By number."""
        ...
