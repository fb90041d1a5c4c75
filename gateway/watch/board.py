"""What lies now, and how incidents stand, for whoever looks: read beside every transaction, changed nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from gateway.deeds.parameters import Parameters
from gateway.deeds.releasing import Release
from gateway.domain.exemption import Exemption
from gateway.domain.incident import Action, Incident, State, wants_proof
from gateway.domain.standing import Stop
from gateway.watch.lying import lying
from gateway.watch.stopped import Stopped, all_stopped


class ResponseReader(Protocol):
    """Responses and incidents. All of it raises `UnavailableError`."""

    def stops(self) -> Sequence[Stop]:
        """What was laid on something last, whether it lies there still or not."""
        ...

    def laid(self) -> Sequence[Stop]:
        """Every response that the entries of this log tell of."""
        ...

    def incident(self, number: str) -> Incident | None: ...


@dataclass(frozen=True, kw_only=True)
class Board:
    """Asked in threads: it reads a database. `releases` are all that ever came into force."""

    reader: ResponseReader
    releases: Callable[[], Sequence[Release]]

    def lying(self) -> Mapping[str, Stop]:
        """What lies now, by what it lies on."""
        return lying([*self.reader.stops(), *self.reader.laid()], self.releases())

    def stopped(self, parameters: Parameters) -> list[Stopped]:
        """The same in words, as officers see it; the oldest first."""
        return all_stopped(list(self.lying().values()), self.reader.incident, parameters)

    def stand(self, incidents: Sequence[Incident], now: datetime) -> list[Incident]:
        """Incidents as they stand now, whatever was kept of them last."""
        lies, releases = self.lying(), self.releases()
        return [replace(each, state=state_of(each, lies, releases, now)) for each in incidents]


def target_of(incident: Incident) -> str:
    """What the response of an incident lies on."""
    return f"grant.{incident.finding.grant}"


def exemption_of(incident: Incident, releases: Sequence[Release]) -> Exemption | None:
    """The exception that the last release of its target gives from this incident, over or not."""
    on_it = [each for each in releases if each.target == target_of(incident)]
    last = max(on_it, key=lambda each: each.entry, default=None)
    return last.exemption if last and last.exemption and last.exemption.incident == incident.number else None


def state_of(incident: Incident, lies: Mapping[str, Stop], releases: Sequence[Release], now: datetime) -> State:
    """How an incident stands. What laid nothing stands as it was kept; what was released is over.

    Where another incident lies on the same thing by now, this one is over only if a release named it.
    """
    is_proof = wants_proof(incident.finding)
    if incident.finding.action < Action.HOLD and not (is_proof and _is_named(incident, releases)):
        return incident.state
    stop = None if is_proof else lies.get(target_of(incident))
    if stop is not None and (stop.incident == incident.number or not _is_named(incident, releases)):
        is_escalated = stop.is_frozen and incident.finding.action is Action.HOLD
        return State.ESCALATED if is_escalated and stop.incident == incident.number else State.OPEN
    exemption = exemption_of(incident, releases)
    return State.EXCEPTION if exemption and exemption.is_in_force(now) else State.RELEASED


def _is_named(incident: Incident, releases: Sequence[Release]) -> bool:
    return any(each.incident == incident.number for each in releases)
