"""Outcomes in memory: the promises of `gateway.ports.OutcomeStore`, taken back by an undo list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.outcome import Outcome
from ops.simulate.watchbook import Undo


@dataclass
class OutcomeBook:
    """Keeps who was asked about first and when, and the tests."""

    undo: Undo = field(default_factory=list[Callable[[], object]])
    asked: dict[tuple[str, bytes], int] = field(default_factory=dict[tuple[str, bytes], int])
    kept: dict[str, Outcome] = field(default_factory=dict[str, Outcome])

    def ask(self, asked: Sequence[tuple[str, bytes]], day: int) -> None:
        """See `gateway.ports.OutcomeStore`."""
        new = {pair: day for pair in asked if pair not in self.asked}
        self.asked |= new
        self.undo.append(lambda: [self.asked.pop(pair) for pair in new])

    def ripe(self, grant: str, until: int) -> Sequence[tuple[int, bytes]]:
        """See `gateway.ports.OutcomeStore`."""
        return sorted((day, link) for (of, link), day in self.asked.items() if of == grant and day <= until)

    def forget(self, grant: str, until: int) -> None:
        """See `gateway.ports.OutcomeStore`."""
        gone = {(grant, link): day for day, link in self.ripe(grant, until)}
        for pair in gone:
            del self.asked[pair]
        self.undo.append(lambda: self.asked.update(gone))

    def outcomes(self, grants: Sequence[str]) -> Mapping[str, Outcome]:
        """See `gateway.ports.OutcomeStore`."""
        return {name: self.kept[name] for name in grants if name in self.kept}

    def put(self, outcomes: Mapping[str, Outcome]) -> None:
        """See `gateway.ports.OutcomeStore`."""
        before = self.kept
        self.kept = {**before, **outcomes}
        self.undo.append(lambda: setattr(self, "kept", before))
