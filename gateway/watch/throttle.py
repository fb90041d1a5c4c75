"""The throttle (限速): how fast a system may use a grant. It stops nobody: who is too fast is told when to come back.

A grant gives so many comparisons a day; all of them may be used within ten minutes, and no faster, beyond a burst. What
is kept is one number for each (system, grant): the time up to which its requests would have come, had they come evenly
(GCRA, the theoretical arrival time). Each node keeps its own; budgets, which are exact, are kept in the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.domain.caller import Caller
from gateway.domain.errors import TooFastError
from gateway.ports import Clock, Rights
from gateway.watch.threshold_deeds import in_force
from gateway.watch.thresholds import DEFAULTS, Thresholds

NO_GRANT: Final = ""
"""What counts for all that names no grant of the caller's: what cannot be read, and what is somebody else's."""
_STEP_BACK: Final = 1.0
"""Seconds: by less a clock is set right, by more it was put back."""
_OF_A_DAY: Final = 60
"""A burst is this part of a day's comparisons, where that is more than `pace_burst`."""
Name = tuple[str, str]
"""A system, and a grant of its partner's."""


class Pace(NamedTuple):
    """How fast: the seconds that stand for one request, and by how many a system may be ahead of the clock."""

    step: float
    ahead: float


def pace_of(a_day: int, limits: Thresholds) -> Pace:
    """The pace of a grant with so many comparisons a day.

    Half a step is added to what one may be ahead, so that rounding takes nobody's last request.
    """
    step = limits.pace_seconds / max(1, a_day)
    burst = max(limits.pace_burst, a_day // _OF_A_DAY)
    return Pace(step, (burst + 0.5) * step)


@dataclass
class Throttle:
    """Paces callers. `rights` gives those of the last turn; what it says here is no right, a turn judges again."""

    clock: Clock
    rights: Callable[[], Rights]
    refused: Callable[[], None]
    """Told of each request that comes too early."""
    limits: Thresholds = DEFAULTS
    _due: dict[Name, float] = field(default_factory=dict[Name, float])
    _paces: dict[Name, Pace] = field(default_factory=dict[Name, Pace])
    _late: Counter[Name] = field(default_factory=Counter[Name])
    _epoch: int = -1
    _now: float = 0.0

    def take(self, caller: Caller, grant: str) -> None:
        """Counts a request under a grant, or under none. Raises `TooFastError` for one that comes too early."""
        rights, now = self.rights(), self.clock.now().timestamp()
        if rights.epoch != self._epoch:
            self._learn(rights, now)
        name = caller.client_id, grant
        pace = self._paces.get(name)
        if pace is None:
            name, pace = self._pace(caller, grant, rights)
        if wait := self.wait(name, pace, now):
            self._late[caller.partner, name[1]] += 1
            self.refused()
            raise TooFastError(int(wait) + 1)

    def wait(self, name: Name, pace: Pace, now: float) -> float:
        """Seconds until a request may come; 0 for one that may now, and then it counts.

        Nobody is ever ahead of the clock by more than a burst. Where the clock was put back everybody begins anew.
        """
        if now < self._now - _STEP_BACK:
            self._due = {}
        self._now = now
        step, ahead = pace
        latest, due = now + ahead, self._due.get(name, now)
        if due < now:
            due = now
        elif due > latest:
            due = latest
        self._due[name] = due if due + step > latest else due + step
        return max(due + step - latest, 0.0)

    def late(self) -> Mapping[Name, int]:
        """How many requests came too early, by partner and grant, that nobody was told of yet."""
        return dict(self._late)

    def told(self, late: Mapping[Name, int]) -> None:
        """Somebody was told of these."""
        self._late -= Counter(late)

    def _learn(self, rights: Rights, now: float) -> None:
        """Grants may have another pace now, and who has paused is as good as new."""
        self.limits, self._epoch = in_force(rights.thresholds, self.limits), rights.epoch
        self._paces = {}
        self._due = {name: due for name, due in self._due.items() if due > now}

    def _pace(self, caller: Caller, grant: str, rights: Rights) -> tuple[Name, Pace]:
        """Only grants that are the caller's get a number of their own: names cost nothing to invent."""
        known = rights.grants.get(grant)
        if known is not None and known.partner == caller.partner:
            name, a_day = (caller.client_id, grant), known.limits.comparisons_per_day
        else:
            name, a_day = (caller.client_id, NO_GRANT), None
        pace = self._paces.get(name)
        if pace is None:
            a_day = self._widest(caller.partner, rights) if a_day is None else a_day
            pace = self._paces[name] = pace_of(a_day, self.limits)
        return name, pace

    def _widest(self, partner: str, rights: Rights) -> int:
        """Of a partner's grants the most comparisons a day: typing errors come as fast as right numbers do."""
        own = (each.limits.comparisons_per_day for each in rights.grants.values() if each.partner == partner)
        return max(own, default=self.limits.pace_burst)
