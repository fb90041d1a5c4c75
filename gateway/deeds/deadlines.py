"""Until when the next signature under a deed is due, in working days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

from gateway.deeds.calendar import due, is_overdue
from gateway.deeds.checking import next_step
from gateway.deeds.keeping import Kept, State
from gateway.deeds.parameters import Parameters


class Times(NamedTuple):
    """What deadlines follow from."""

    parameters: Parameters
    now: datetime


def deadline(kept: Kept, parameters: Parameters) -> date | None:
    """The last day for the next step, counted from the signature before it, or from when it was drawn up.

    None for a deed that waits for nobody. A reviewer who narrows a grant gains no time by it.
    """
    deed = kept.opened()
    step = next_step(deed) if kept.state is State.PENDING else None
    if step is None:
        return None
    signatures = deed.signatures
    since = signatures[-1].time() if signatures else datetime.fromtimestamp(kept.changed, UTC)
    return due(since, parameters.days_for(step.name), parameters.calendar)


def told(kept: Kept, times: Times) -> dict[str, object]:
    """The same as members of a document."""
    last = deadline(kept, times.parameters)
    return {
        "due": last.isoformat() if last else None,
        "overdue": last is not None and is_overdue(last, times.now),
    }
