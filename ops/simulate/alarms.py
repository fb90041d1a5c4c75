"""False alarms: where an honest grant was stopped, in the line or beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.domain.incident import Action, Incident
from ops.simulate.asking import day_at
from ops.simulate.partners import Kind, Member

INCIDENT_DAYS = 7
"""What stops a grant by one detector within so many days is one incident."""


class FalseAlarm(NamedTuple):
    """An honest partner was stopped."""

    seed: int
    day: int
    member: int
    kind: Kind
    reason: str
    detector: str


def false_alarms(seed: int, incidents: Iterable[Incident], members: Sequence[Member]) -> list[FalseAlarm]:
    """In order of time; what comes back within seven days is the same."""
    by_grant = {each.grant.number: each for each in members}
    found = list[FalseAlarm]()
    last: dict[tuple[str, str], int] = {}
    for each in sorted(incidents, key=lambda each: each.last):
        place, day = (each.finding.grant, each.finding.detector.value), day_at(each.last)
        if each.finding.action >= Action.HOLD and day >= last.get(place, -INCIDENT_DAYS) + INCIDENT_DAYS:
            last[place] = day
            found.append(_alarm(seed, day, each, by_grant[place[0]]))
    return found


def _alarm(seed: int, day: int, incident: Incident, member: Member) -> FalseAlarm:
    reason = "held" if incident.finding.action < Action.FREEZE_CREDENTIAL else "frozen"
    return FalseAlarm(seed, day, member.place, member.kind, reason, incident.finding.detector.value)
