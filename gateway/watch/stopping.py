"""Responses: what is laid on a grant, and what the ledger is told of it. In the line and beside it, the same.

Beside the line there is no turn that holds the grant: a turn that read the rights before a response was laid still
answers, and from the next one on nothing is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from audit.events import Draft
from audit.watch_events import Found, watch_stopped
from gateway.domain.grant import Grant, local_day
from gateway.domain.incident import Action, Finding, Incident
from gateway.domain.standing import Kept, Stop
from gateway.ports import Work
from gateway.watch.budgets import left_in
from gateway.watch.joining import joined

Note = Callable[[Sequence[Draft]], Sequence[int]]
"""Writes entries in the transaction at hand; by which numbers."""


def incident_of(key: bytes, finding: Finding, epoch: int, samples: Sequence[str]) -> Incident:
    """A new incident. `epoch` is the control epoch of those who found it; `samples` are pseudonyms.

    A response begins a control epoch, so no two incidents of a grant have the same; clocks may stand still. Of subjects
    several may be found at once.
    """
    # As whoever reads it finds it: a whole number that was written is read as a fraction, and written as one again.
    finding = replace(finding, observed=float(finding.observed), expected=float(finding.expected))
    whose = finding.grant or f"\n{finding.partner}"
    name = f"{whose}\n{finding.detector}\n{epoch}\n{finding.at.isoformat()}"
    number = hashlib.blake2b(name.encode(), key=key, digest_size=8).hexdigest()
    return Incident(number=number, finding=finding, last=finding.at, count=1, samples=tuple(samples))


def stop_of(incident: Incident, entry: int) -> Stop:
    """The response that an incident lays on its grant, told by that entry."""
    finding = incident.finding
    return Stop(f"grant.{finding.grant}", finding.action >= Action.FREEZE_CREDENTIAL, incident.number, entry)


def draft_of(incident: Incident) -> Draft:
    """What the ledger is told of a response."""
    finding, stop = incident.finding, stop_of(incident, 0)
    found = Found(
        detector=finding.detector.value,
        observed=str(finding.observed),
        expected=str(finding.expected),
        days=finding.days,
        samples=incident.samples,
    )
    response = "frozen" if stop.is_frozen else "held"
    return watch_stopped(incident=incident.number, target=stop.target, response=response, found=found)


def stop(
    work: Work, found: Sequence[Incident], note: Note, grants: Mapping[str, Grant] | None = None
) -> list[Incident]:
    """Lays the responses of these incidents, each on another grant, which are held meanwhile. None may be given.

    Each joins the one of its last seven days, if there is one, and tells what is left of the budgets of its grant,
    where that is among `grants`; they are returned as they were kept.
    """
    if not found:
        return []
    numbers = sorted(each.finding.grant for each in found)
    day = local_day(found[0].finding.at).toordinal()
    used, known = work.budgets.lock(numbers, day), grants or {}
    left = {number: left_in(known[number], used[number]) for number in numbers if number in known}
    whole = [replace(each, left=left.get(each.finding.grant, each.left)) for each in found]
    incidents = [joined(work.watch, each) for each in whole]
    work.watch.keep(Kept(day=day, scores={}, counts={}, cells={}, questions={}, stopped=numbers, incidents=incidents))
    entries = note([draft_of(each) for each in incidents])
    work.watch.lay([stop_of(each, entry) for each, entry in zip(incidents, entries, strict=True)])
    return incidents
