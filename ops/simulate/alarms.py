"""False alarms: where a detector stopped an honest grant."""

from __future__ import annotations

from typing import NamedTuple

from ops.simulate.partners import Kind
from ops.simulate.running import SeedRun

WATCH = "watch:"
"""How the cause begins where a detector stopped a grant; what is refused because it is stopped has another."""
INCIDENT_DAYS = 7
"""What a grant is refused for by one cause within so many days is one incident."""


class FalseAlarm(NamedTuple):
    """An incident of an honest partner."""

    seed: int
    day: int
    member: int
    kind: Kind
    reason: str
    cause: str


def incidents(run: SeedRun) -> list[FalseAlarm]:
    """Where a detector stopped an honest grant; what comes back within seven days is the same incident."""
    last: dict[tuple[int, str], int] = {}
    found: list[FalseAlarm] = []
    for each in sorted(run.honest.refused):
        place = each.member, each.cause
        if each.cause.startswith(WATCH) and each.day >= last.get(place, -INCIDENT_DAYS) + INCIDENT_DAYS:
            last[place] = each.day
            found.append(FalseAlarm(run.seed, each.day, each.member, each.kind, each.reason, each.cause))
    return found
