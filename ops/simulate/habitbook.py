"""Habits in memory: the promises of `gateway.ports.HabitStore`, taken back by an undo list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from gateway.domain.habit import Habit
from ops.simulate.watchbook import Undo


@dataclass
class HabitBook:
    """Keeps habits by account, and the networks of all of them."""

    undo: Undo = field(default_factory=list[Callable[[], object]])
    known: dict[str, Habit] = field(default_factory=dict[str, Habit])
    met: frozenset[tuple[str, bytes]] = frozenset()

    def habits(self, accounts: Sequence[str]) -> Mapping[str, Habit]:
        """See `gateway.ports.HabitStore`."""
        return {account: self.known[account] for account in accounts if account in self.known}

    def networks(self, wanted: Sequence[tuple[str, bytes]]) -> Set[tuple[str, bytes]]:
        """See `gateway.ports.HabitStore`."""
        return self.met.intersection(wanted)

    def learn(self, habits: Mapping[str, Habit], networks: Sequence[tuple[str, bytes]], day: int) -> None:
        """See `gateway.ports.HabitStore`."""
        before = self.known, self.met
        self.known, self.met = self.known | dict(habits), self.met.union(networks)
        self.undo.append(lambda: self._put_back(*before))

    def _put_back(self, known: dict[str, Habit], met: frozenset[tuple[str, bytes]]) -> None:
        self.known, self.met = known, met
