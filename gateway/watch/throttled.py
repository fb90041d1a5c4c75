"""Officers are told once in seven days that somebody was throttled: the door remembers who, a chore tells it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway.domain.grant import local_day
from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal
from gateway.domain.standing import Kept
from gateway.ports import Work
from gateway.watch.accounts import partner_lock
from gateway.watch.joining import recent
from gateway.watch.noticing import noticed
from gateway.watch.stopping import Note, incident_of
from gateway.watch.throttle import Name


def tell_late(
    work: Work, late: Mapping[Name, int], *, key: bytes, epoch: int, at: datetime, note: Note
) -> list[Incident]:
    """What is new of those who came too early, by partner and grant, in this transaction.

    Their partners are held meanwhile, so of two nodes the second finds what the first has told.
    """
    work.budgets.lock(sorted({partner_lock(partner) for partner, _ in late}), local_day(at).toordinal())
    met = [incident_of(key, _finding(*name, count, at), epoch, ()) for name, count in sorted(late.items())]
    new = [each for each in met if recent(work.watch, each) is None]
    if new:
        work.watch.keep(Kept(day=0, scores={}, counts={}, cells={}, questions={}, incidents=new))
        note([noticed(each) for each in new])
    return new


def _finding(partner: str, grant: str, count: int, at: datetime) -> Finding:
    """What named no grant of the partner's is the partner's own."""
    principal = Principal(Level.GRANT, grant) if grant else Principal(Level.PARTNER, partner)
    return Finding(
        detector=Detector.THROTTLE,
        action=Action.THROTTLE,
        principal=principal,
        partner=partner,
        grant=grant,
        observed=count,
        expected=0,
        days=1,
        at=at,
    )
