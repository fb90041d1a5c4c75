"""What the gateway needs from outside, as small promises. Adapters keep them; `ops.wiring` joins the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.budget import Reservation


class Clock(Protocol):
    """Tells the time. Outside production it can be driven, so that a year is replayed in minutes."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC. May step backwards; callers that need order make their own."""
        ...


@dataclass(frozen=True, slots=True)
class DataVersion:
    """Which state of the register an answer speaks of: the digest of a generation's manifest, and its time (UTC)."""

    digest: str
    generation: str
    time: datetime


@dataclass(frozen=True, slots=True)
class LookUp:
    """One look-up that was paid for. Without a reservation there is no way to ask the index."""

    subject: bytes
    reservation: Reservation


class Index(Protocol):
    """One adopted generation of the sealed index, read-only. Its content never changes under a reader."""

    @property
    def version(self) -> DataVersion: ...

    def find(self, kind: str, look_ups: Sequence[LookUp]) -> list[bytes]:
        """For each look-up the subject's sealed records, one behind the other; empty bytes when there is none.

        Every part of the generation is read for every look-up, found or not. Raises `UnavailableError`.
        """
        ...
