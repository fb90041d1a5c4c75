"""What the desk of spot checks is told, and what it needs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from gateway.deeds.keeping import DeedStore
from gateway.domain.spot_check import CheckState, SpotCheck
from gateway.ports import WatchStore, Work
from gateway.watch.released import ResponseStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """What a partner names: the document, the SHA-256 of its scan or nothing, and who names it."""

    document: str
    sha256: str
    operator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What somebody of the office judged. `filing` is the digest of what they looked at."""

    is_accepted: bool
    reason: str
    filing: str


class Responses(WatchStore, ResponseStore, Protocol):
    """Responses, as they are laid and as they lie."""


class CheckWork(Work, Protocol):
    """One transaction: what a turn has, and the deeds."""

    @property
    def watch(self) -> Responses: ...

    @property
    def deeds(self) -> DeedStore: ...


class CheckWorkStore(Protocol):
    """The control database, as spot checks change in it."""

    def begin(self) -> AbstractContextManager[CheckWork]: ...


class CheckReader(Protocol):
    """Spot checks as they stand, read beside every transaction."""

    def open_of(self, partner: str, most: int) -> Sequence[SpotCheck]:
        """Those of a partner that are not judged, first those that wait for it, the oldest first."""
        ...

    def listed(self, state: CheckState | None, most: int, hidden: Set[str]) -> Sequence[SpotCheck]:
        """The newest first, but for those of hidden purposes; of one state, or all."""
        ...

    def check(self, number: str) -> SpotCheck | None: ...

    def waiting(self, day: int, most: int) -> Sequence[SpotCheck]:
        """Those that somebody has to judge, and those that are overdue on that day; the oldest first."""
        ...

    def late(self, day: int) -> Sequence[str]:
        """The numbers of those whose document has not come by that day."""
        ...

    def counts(self) -> Mapping[CheckState, int]:
        """How many are in each state; those of which there is none may be left out."""
        ...
