"""Responses of the watch as they lay when an entry was written, found by the entries that tell of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.deeds.keeping import Kept
from gateway.deeds.parameters import Parameters
from gateway.deeds.releasing import release_in
from gateway.domain.incident import Incident
from gateway.domain.standing import Stop
from gateway.watch.lying import lying
from gateway.watch.stopped import Stopped, stopped


class ResponseHistory(Protocol):
    """What the watch laid and found, read outside every transaction. All of it raises `UnavailableError`."""

    def laid(self) -> Sequence[Stop]:
        """Every response that the entries of this log tell of."""
        ...

    def stops(self) -> Sequence[Stop]:
        """What was laid on something last; also what an earlier log of this installation tells of."""
        ...

    def incident(self, number: str) -> Incident | None: ...


@dataclass(frozen=True, kw_only=True)
class Responses:
    """Finds what lay."""

    history: ResponseHistory

    def before(self, deeds: Sequence[Kept], entry: int | None) -> Mapping[str, Stop]:
        """By target, what lay when an entry was written, the deeds until then being these; None: what lies now."""
        laid = {(each.entry, each.target): each for each in self.history.stops()}
        told = {(each.entry, each.target): each for each in self.history.laid()}
        releases = [found for each in deeds if (found := release_in(each)) is not None]
        return lying((laid | told).values(), releases, entry)

    def tripped(self, number: str, entry: int) -> Stop | None:
        """The response of an incident that was laid behind an entry: it withheld the requests that bear its number."""
        found = [each for each in self.history.laid() if each.incident == number and each.entry > entry]
        return min(found, key=lambda stop: stop.entry, default=None)

    def tell(self, stop: Stop, parameters: Parameters) -> Stopped:
        """One of them in words, for officers."""
        return stopped(stop, self.history.incident(stop.incident), parameters)
