"""What the watch knows of an account between two turns: counts of a window, and scores. All of it are columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from gateway.domain.incident import Incident


class Scores(msgspec.Struct, frozen=True, gc=False):
    """What sequential tests of an account stand at. Nobody earns credit: a score never falls below zero."""

    misses: float = 0.0
    mismatches: float = 0.0
    firsts: int = 0
    hits: int = 0
    """Of the first subjects, how many were there; from these an open grant's own rate of hits is learned."""


class Standing(msgspec.Struct, frozen=True, gc=False):
    """An account as a turn finds it: its scores, and of the last 30 days how many were unknown or outside its scope."""

    scores: Scores = Scores()
    misses: int = 0
    outside: int = 0
    stopped: int = 0
    """The control epoch that began when a response was laid on it; 0 when none lies there. Whoever is heard although
    the rights in force are as new as that was released, and begins anew."""


NEW = Standing()


class Stop(msgspec.Struct, frozen=True):
    """A response that lies on something: `target` as `kind.id`, `is_frozen` or else held."""

    target: str
    is_frozen: bool
    incident: str
    entry: int
    """The ledger entry that tells of it: a release in a later one ends it. Times would not do, clocks stand still."""


class Kept(msgspec.Struct, frozen=True):
    """What a turn changes of all that the watch knows."""

    day: int
    scores: Mapping[str, Scores]
    counts: Mapping[str, tuple[int, int]]
    """Unknown and outside, added to the day, by account."""
    cells: Mapping[tuple[str, bytes], int]
    """Unknown numbers added to the day, by account and cell."""
    questions: Mapping[tuple[str, bytes], bytes]
    """All questions of a window, by account and link."""
    cleared: Sequence[str] = ()
    """Accounts that begin anew; before anything else is added."""
    stopped: Sequence[str] = ()
    """Accounts on which responses are laid. A new control epoch begins."""
    incidents: Sequence[Incident] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be written."""
        counted = self.scores or self.counts or self.cells or self.questions
        return not (counted or self.cleared or self.stopped or self.incidents)
