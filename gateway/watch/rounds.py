"""One round of a sweep: what those who look beside the line are given, and how they tell what they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from gateway.domain.budget import DAYS
from gateway.domain.grant import Grant, GrantClass, local_day
from gateway.domain.incident import Finding, Incident, Level, Principal
from gateway.ports import Rights, Work
from gateway.watch.detectors import Trip
from gateway.watch.profile import expects_hits
from gateway.watch.stopping import incident_of
from gateway.watch.thresholds import Thresholds


@dataclass(frozen=True, kw_only=True)
class Round:
    """What is looked at, within one transaction."""

    key: bytes = field(repr=False)
    limits: Thresholds
    work: Work
    rights: Rights
    at: datetime
    grants: Mapping[str, Grant]
    """Those that count together, by number."""
    stopped: Set[str]
    """Those among them on which something lies: they have done their part."""

    @property
    def day(self) -> int:
        """The local day."""
        return local_day(self.at).toordinal()

    def is_spared(self, grant: str, trip: Trip) -> bool:
        """Whether two officers excepted a grant from this for a time."""
        exemption = self.rights.exempt.get(grant)
        return exemption is not None and exemption.spares(trip.detector, trip.observed, self.at)

    def incident(
        self, grant: Grant, trip: Trip, level: Level, others: Sequence[str] = (), days: int = DAYS
    ) -> Incident:
        """What is told of a grant. `others` are those that did it together with it."""
        finding = Finding(
            detector=trip.detector,
            action=trip.action,
            principal=Principal(level, grant.number),
            partner=grant.partner,
            grant=grant.number,
            observed=round(trip.observed, 3),
            expected=round(trip.expected, 6),
            days=days,
            at=self.at,
        )
        return replace(incident_of(self.key, finding, self.rights.epoch, ()), others=tuple(others))


class Look(Protocol):
    """Looks at one thing beside the line."""

    def look(self, now: Round) -> list[Incident]:
        """What was found. Whoever is stopped by it is stopped by the sweep, once, whatever else was found; of whoever
        is stepped up the sweep has more documents asked for."""
        ...


def counts(grant: Grant) -> bool:
    """Whether what a grant does counts together with others: only need bounds it, and it expects to know whom it asks
    about. Lists of employers and of people at large share many by their nature; a matter is its own reason."""
    return grant.grant_class is GrantClass.OPEN and expects_hits(grant)
