"""Responses of the watch as they lay when an entry was written, held against the entries that tell of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from audit.reader import LedgerReader
from audit.watch_kinds import WATCH_ESCALATED, WATCH_STOPPED
from gateway.deeds.keeping import Kept
from gateway.deeds.parameters import Parameters
from gateway.deeds.releasing import release_in
from gateway.domain.errors import UnavailableError
from gateway.domain.incident import Incident
from gateway.domain.standing import Stop
from gateway.watch.lying import lying
from gateway.watch.stopped import Stopped, stopped

_TYPES = frozenset({WATCH_STOPPED.type, WATCH_ESCALATED.type})


class ResponseHistory(Protocol):
    """What the watch laid and found, read outside every transaction. All of it raises `UnavailableError`."""

    def laid(self) -> Sequence[Stop]:
        """Every response that was ever laid in this log."""
        ...

    def stops(self) -> Sequence[Stop]:
        """What was laid on something last; also what an earlier log of this installation tells of."""
        ...

    def incident(self, number: str) -> Incident | None: ...


@dataclass(frozen=True, kw_only=True)
class Responses:
    """Finds what lay. An entry that does not say what was laid makes the past unusable: somebody wrote there."""

    history: ResponseHistory
    ledger: LedgerReader

    def before(self, deeds: Sequence[Kept], entry: int | None) -> Mapping[str, Stop]:
        """By target, what lay when an entry was written, the deeds until then being these; None: what lies now."""
        laid = {(each.entry, each.target): each for each in self.history.stops()}
        told = {(each.entry, each.target): each for each in self.history.laid()}
        releases = [found for each in deeds if (found := release_in(each)) is not None]
        lay = lying((laid | told).values(), releases, entry)
        for stop in lay.values():
            if (stop.entry, stop.target) in told:
                self._check(stop)
        return lay

    def tripped(self, number: str, entry: int) -> Stop | None:
        """The response of an incident that was laid behind an entry: it withheld the requests that bear its number."""
        found = [each for each in self.history.laid() if each.incident == number and each.entry > entry]
        return min(found, key=lambda stop: stop.entry, default=None)

    def tell(self, stop: Stop, parameters: Parameters) -> Stopped:
        """One of them in words, for officers."""
        return stopped(stop, self.history.incident(stop.incident), parameters)

    def _check(self, stop: Stop) -> None:
        if stop.entry < self.ledger.floor():
            return
        kind, body = _opened(next(iter(self.ledger.entries(stop.entry, stop.entry + 1)), b""))
        wanted = {"incident": stop.incident, "target": stop.target, "response": "frozen" if stop.is_frozen else "held"}
        if kind not in _TYPES or any(body.get(name) != value for name, value in wanted.items()):
            raise UnavailableError("a response of the watch is not what the ledger tells; `bidui doctor` helps")


def _opened(content: bytes) -> tuple[str, Mapping[str, object]]:
    try:
        entry = _entries.decode(content)
    except (msgspec.DecodeError, ValueError):
        return "", {}
    return entry.type, entry.body


class _Entry(msgspec.Struct, frozen=True):
    type: str
    body: dict[str, object]


_entries = msgspec.json.Decoder(_Entry)
