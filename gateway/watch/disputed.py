"""A disputed statement is an incident: whoever uses a partner's credentials may be somebody else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from audit.events import Draft
from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal
from gateway.domain.standing import Kept
from gateway.watch.joining import WEEK
from gateway.watch.noticing import noticed


class IncidentStore(Protocol):
    """Incidents, inside one transaction."""

    def recent(self, partner: str, grant: str, detector: str, since: int) -> Incident | None: ...
    def keep(self, kept: Kept) -> None: ...


def raise_incident(store: IncidentStore, partner: str, dispute: str, entries: int, at: datetime) -> Sequence[Draft]:
    """Keeps the incident and gives what the ledger is told of it; nothing where one of seven days is there already.

    `entries` is how many entries are disputed; a whole month counts as one.
    """
    since = int((at - WEEK).timestamp())
    if store.recent(partner, "", Detector.DISPUTE.value, since) is not None:
        return ()
    principal = Principal(Level.PARTNER, partner)
    finding = Finding(
        detector=Detector.DISPUTE,
        action=Action.RECORD,
        principal=principal,
        partner=partner,
        grant="",
        observed=float(max(1, entries)),
        expected=0,
        days=1,
        at=at,
    )
    number = hashlib.sha256(f"dispute\n{dispute}".encode()).hexdigest()[:16]
    incident = Incident(number=number, finding=finding, last=at, count=1)
    store.keep(Kept(day=0, scores={}, counts={}, cells={}, questions={}, incidents=[incident]))
    return (noticed(incident),)
