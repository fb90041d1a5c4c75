"""Looks after incidents: a hold that nobody handled in time becomes a freeze; what officers decided, or what ended by
itself, is kept with the incident and told anew.

Each change is a transaction that reads everything once more under the lock of the control epoch, so that a release that
came meanwhile wins, and of two nodes only one acts. A clock that steps back only makes it wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec.structs import replace

from audit.ledger import Ledger, LedgerStore
from audit.watch_events import watch_escalated
from gateway.deeds.calendar import due, is_overdue
from gateway.deeds.keeping import DeedStore
from gateway.deeds.parameters import Parameters
from gateway.domain.incident import Detector, Incident, State
from gateway.domain.standing import Kept, Stop
from gateway.ports import Clock
from gateway.watch.board import Board, state_of, target_of
from gateway.watch.released import ResponseStore, lies_on, releases_of

LOOKED_BACK: Final = timedelta(days=400)
"""Older incidents stand as they stand."""


class TendedStore(ResponseStore, Protocol):
    """Responses and incidents, to be changed."""

    def keep(self, kept: Kept) -> None: ...
    def lay(self, stops: Sequence[Stop]) -> None: ...


class TendedWork(Protocol):
    """One transaction."""

    @property
    def deeds(self) -> DeedStore: ...

    @property
    def watch(self) -> TendedStore: ...

    @property
    def ledger(self) -> LedgerStore: ...

    def commit(self) -> None: ...


class Store(Protocol):
    """The control database."""

    def begin(self) -> AbstractContextManager[TendedWork]: ...


class Unsettled(Protocol):
    """Reads incidents beside every transaction."""

    def unsettled(self, since: int) -> Sequence[Incident]: ...


@dataclass(frozen=True, kw_only=True)
class Tending:
    """One round at a time, in a thread."""

    board: Board
    incidents: Unsettled
    parameters: Callable[[], Parameters]
    store: Store
    ledger: Ledger
    clock: Clock
    disputing: Callable[[], Set[str]]
    """Partners with a dispute that is open."""

    def run_once(self) -> list[Incident]:
        """What changed. Raises `UnavailableError`."""
        now, parameters = self.clock.now(), self.parameters()
        lies, releases = self.board.lying(), self.board.releases()
        changed = list[Incident]()
        for each in self.incidents.unsettled(int((now - LOOKED_BACK).timestamp())):
            stop = lies.get(target_of(each))
            if stop is not None and is_late(each, stop, parameters, now):
                changed += self._escalate(each, parameters, now)
            elif each.finding.detector is Detector.DISPUTE or state_of(each, lies, releases, now) is not each.state:
                changed += self._settle(each, now)
        return changed

    def _escalate(self, seen: Incident, parameters: Parameters, now: datetime) -> Iterator[Incident]:
        target = target_of(seen)
        with self.store.begin() as work:
            work.deeds.lock()
            stop, incident = lies_on(target, work.watch, work.deeds), work.watch.incident(seen.number)
            if stop is None or incident is None or not is_late(incident, stop, parameters, now):
                return
            draft = watch_escalated(
                incident=incident.number, target=target, stopped=stop.entry, days=parameters.hold_days
            )
            (recorded,) = self.ledger.append(work.ledger, [draft], now)
            escalated = replace(incident, state=State.ESCALATED)
            work.watch.keep(_of(escalated))
            work.watch.lay([replace(stop, is_frozen=True, entry=recorded.index)])
            work.deeds.advance()
            work.commit()
        yield escalated

    def _settle(self, seen: Incident, now: datetime) -> Iterator[Incident]:
        with self.store.begin() as work:
            work.deeds.lock()
            incident = work.watch.incident(seen.number)
            if incident is None:
                return
            state = self._state_in(work, incident, now)
            if state is incident.state:
                return
            settled = replace(incident, state=state)
            work.watch.keep(_of(settled))
            work.commit()
        yield settled

    def _state_in(self, work: TendedWork, incident: Incident, now: datetime) -> State:
        if incident.finding.detector is Detector.DISPUTE:
            return State.OPEN if incident.finding.partner in self.disputing() else State.RELEASED
        target = target_of(incident)
        stop, releases = lies_on(target, work.watch, work.deeds), releases_of(target, work.deeds)
        return state_of(incident, {target: stop} if stop else {}, releases, now)


def is_late(incident: Incident, stop: Stop, parameters: Parameters, now: datetime) -> bool:
    """Whether a hold of this incident should have been handled by now."""
    is_held = not stop.is_frozen and stop.incident == incident.number
    return is_held and is_overdue(due(incident.last, parameters.hold_days, parameters.calendar), now)


def _of(incident: Incident) -> Kept:
    return Kept(day=0, scores={}, counts={}, cells={}, questions={}, incidents=[incident])
