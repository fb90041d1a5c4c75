"""A store of deeds in memory; `tests/contracts/test_deeds.py` holds it and the real ones to one promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from audit.entry import decode
from gateway.deeds.keeping import Kept, State
from gateway.domain.incident import Incident
from gateway.domain.standing import Stop
from tests.fakes_audit import MemoryLedger
from tests.fakes_cohorts import MemoryCohorts


@dataclass
class MemoryDeeds:
    """Keeps attempts in a dict, in the order in which they first came."""

    ledger: Callable[[], MemoryLedger]
    rows: dict[tuple[str, str, int, int], Kept] = field(default_factory=dict)
    epoch: int = 1

    def lock(self) -> None:
        """Nobody else is here."""

    def pending(self) -> Sequence[Kept]:
        waiting = [kept for kept in self.rows.values() if kept.state is State.PENDING]
        return sorted(waiting, key=lambda kept: (kept.changed, kept.id))

    def attempts(self, kind: str, deed_id: str) -> Sequence[Kept]:
        found = [kept for kept in self.rows.values() if (kept.kind, kept.id) == (kind, deed_id)]
        return sorted(found, key=lambda kept: (kept.serial, kept.attempt))

    def in_force(self, after: int) -> Sequence[Kept]:
        return sorted((kept for kept in self.rows.values() if kept.entry > after), key=lambda kept: kept.entry)

    def put(self, kept: Kept) -> None:
        name = (kept.kind, kept.id, kept.serial, kept.attempt)
        if name not in self.rows or self.rows[name].state is State.PENDING:
            self.rows[name] = kept

    def last_change(self) -> bytes:
        changes = (row.entry for row in reversed(self.ledger().rows) if _type(row.entry) == "deed.in_force")
        return next(changes, b"")

    def advance(self) -> None:
        self.epoch += 1


class NoResponses:
    """A watch that never stopped anything."""

    def stop(self, target: str) -> Stop | None:
        return None

    def incident(self, number: str) -> Incident | None:
        return None


@dataclass
class DeedWork:
    """A transaction over copies; `commit` puts them in place of the originals."""

    store: MemoryOfficeStore
    deeds: MemoryDeeds
    cohorts: MemoryCohorts
    ledger: MemoryLedger
    watch: NoResponses = field(default_factory=NoResponses)

    def commit(self) -> None:
        self.store.deeds, self.store.cohorts, self.store.ledger = self.deeds, self.cohorts, self.ledger

    def epoch(self) -> int:
        return self.deeds.epoch


@dataclass
class MemoryOfficeStore:
    """A control database of deeds, lists and ledger in memory."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    cohorts: MemoryCohorts = field(default_factory=MemoryCohorts)
    deeds: MemoryDeeds = field(init=False)

    def __post_init__(self) -> None:
        self.deeds = MemoryDeeds(lambda: self.ledger)

    def close(self) -> None:
        """Has nothing open."""

    @contextmanager
    def begin(self) -> Iterator[DeedWork]:
        kept = self.ledger
        ledger = MemoryLedger([*kept.rows], kept.stored_head, dict(kept.partners), dict(kept.tiles))
        deeds = MemoryDeeds(lambda: ledger, dict(self.deeds.rows), self.deeds.epoch)
        yield DeedWork(self, deeds, MemoryCohorts(dict(self.cohorts.lists)), ledger)


def _type(entry: bytes) -> str:
    opened = decode(entry)
    return str(opened["type"]) if isinstance(opened, dict) else ""
