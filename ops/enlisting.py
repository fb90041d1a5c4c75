"""Links for the list of a closed grant, in the sealing process: who may have them, of how many, and by whose count.

A link says who somebody is to whoever tries all numbers against it, so links are metered like answers are: of each
closed grant twice as many people in 30 days as it may ask about, counted apart from its questions, in the same file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from adapters.sealing.meter import ENLISTING, Meter
from adapters.sealing.wire import Enlist, Enlisted, Refused
from gateway.deeds.cohorts import largest
from gateway.domain.budget import Limits
from gateway.domain.grant import Grant, GrantClass
from gateway.seal import Sealer
from policies.catalogue import Catalogue
from policies.invalid import InvalidValueError

PORTION = 1000
"""Numbers in one message; the desk answers one message at a time, and a turn must not wait long."""
FILINGS = 5
"""How often a day a list of full length may be filed."""


@dataclass(frozen=True)
class EnlistingDesk:
    """Answers one message. Everything it is told is doubted."""

    grants: Mapping[str, Grant]
    catalogue: Catalogue
    sealers: Mapping[str, Sealer]
    meter: Meter

    def enlist(self, message: Enlist, today: date) -> Enlisted | Refused:
        """All links, or none and the cause."""
        cause = self._fault(message, today)
        if cause:
            return Refused(cause)
        links = [self.sealers[kind].link(number) for kind, number in message.numbers]
        name = ENLISTING + message.grant
        limits = {name: limits_of(self.grants[message.grant])}
        room = self.meter.take(limits, today.toordinal(), [(name, link) for link in links])
        return Enlisted(links) if all(room) else Refused("limit")

    def _fault(self, message: Enlist, today: date) -> str:
        grant = self.grants.get(message.grant)
        if grant is None:
            return "unknown_grant"
        if grant.grant_class is not GrantClass.CLOSED or today > grant.valid_until:
            return "not_granted"
        if not 0 < len(message.numbers) <= PORTION:
            return "malformed"
        return "" if all(self._is_well_formed(kind, number) for kind, number in message.numbers) else "malformed"

    def _is_well_formed(self, kind: str, number: str) -> bool:
        try:
            return self.catalogue.identifier(kind, number) == number
        except InvalidValueError:
            return False


def limits_of(grant: Grant) -> Limits:
    """What the sealing process gives for the lists of a grant: twice its largest list in 30 days."""
    people = 2 * largest(grant)
    return Limits(people, people, people, FILINGS * people)
