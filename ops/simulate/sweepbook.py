"""What sweeps keep, in memory: the promises of `gateway.ports.SweepStore`, taken back by an undo list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.tally import Tally
from ops.simulate.watchbook import Undo

Days = Mapping[str, Mapping[int, tuple[int, int]]]


@dataclass
class SweepBook:
    """Keeps tallies; asks the others of its store for what turns have counted."""

    counted: Callable[[Sequence[str], int], Days]
    raised: Callable[[Sequence[str], int], None]
    undo: Undo = field(default_factory=list[Callable[[], object]])
    kept: dict[str, Tally] = field(default_factory=dict[str, Tally])

    def claim(self) -> None:
        """Nobody else is there."""

    def days(self, accounts: Sequence[str], since: int) -> Days:
        """See `gateway.ports.SweepStore`."""
        return self.counted(accounts, since)

    def tallies(self, accounts: Sequence[str]) -> Mapping[str, Tally]:
        """See `gateway.ports.SweepStore`."""
        return {name: self.kept[name] for name in accounts if name in self.kept}

    def put(self, tallies: Mapping[str, Tally]) -> None:
        """See `gateway.ports.SweepStore`."""
        before = self.kept
        self.kept = {**before, **tallies}
        self.undo.append(lambda: setattr(self, "kept", before))

    def raise_checks(self, purposes: Sequence[str], day: int) -> None:
        """See `gateway.ports.SweepStore`."""
        self.raised(purposes, day)
