"""One incident for each grant and detector and seven days (事件归并): what trips again after a release joins it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from gateway.domain.incident import Incident, State
from gateway.ports import WatchStore

WEEK: Final = timedelta(days=7)


def joined(store: WatchStore, new: Incident) -> Incident:
    """The incident that a new one belongs to, as it is from now on: open again, with the figures of the last finding.

    It keeps its number and the time of the first. Where a clock was put back, one of the future is still the same.
    """
    known = recent(store, new)
    return join(known, new) if known else new


def join(known: Incident, new: Incident) -> Incident:
    """Both as one."""
    before, now = known.finding, new.finding
    return replace(
        known,
        finding=replace(now, at=before.at, action=max(before.action, now.action)),
        last=max(known.last, new.last),
        count=known.count + 1,
        state=State.OPEN,
        samples=new.samples,
        others=tuple(sorted({*known.others, *new.others})),
        left=new.left,
    )


def recent(store: WatchStore, new: Incident) -> Incident | None:
    """The incident of the last seven days that a new one belongs to."""
    found = new.finding
    since = int((found.at - WEEK).timestamp())
    known = store.recent(found.partner, found.grant, found.detector.value, since)
    return known if known and known.finding.principal == found.principal else None
