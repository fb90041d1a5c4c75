"""Whose record began or moved to another unit: kept by sync for some months, and told to serve by tokens of links.

Whoever asks about people because they are to be employed can be held to it: some months later most of them have a
record that began or moved. Serve is told that much and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.index.directory import write_stored
from adapters.index.movers import MOVED_DAYS, write_movers
from adapters.keys.files import DECOY_PUBLIC
from gateway.generation import Stored
from ops.sync.decoys.wanted import require_serve_key
from ops.sync.planning import Job, Plan
from ops.sync.state import Moves, State

MOST_AT_ONCE, FEW = 0.25, 50
"""People do not move by quarters of a register within a day: their units were given other codes, or the rows were
mapped otherwise. Then nothing is known of anybody, and counting begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """The movers of one sync, on a local day (as an ordinal)."""

    job: Job
    plan: Plan
    day: int

    def keep(self, state: State) -> Moves:
        """Has the state remember who moved, and since when that is known."""
        oldest = self.day - MOVED_DAYS + 1
        if self.plan.current is None:
            state.follow(self.day)
        state.forget_moves(oldest)
        since = state.moves_since()
        if since is None or self._are_too_many(state):
            state.forget_moves(self.day + 1)
            since = self.day
        state.keep_moves_since(max(since, oldest))
        return state.moves()

    def _are_too_many(self, state: State) -> bool:
        """Whether these are no people that moved. Only then all are counted, which takes its time."""
        moved = state.moved_at(self.day)
        return moved > FEW and moved > MOST_AT_ONCE * state.tracked()

    def finish(self, work: Path, moves: Moves, *, is_changed: bool) -> Stored | None:
        """Writes the file for serve; gives what the manifest is to name. Without serve's key there is none."""
        keys, current = self.job.home.keys, self.plan.current.manifest if self.plan.current else None
        if not (keys / DECOY_PUBLIC).exists():
            return None
        if current is not None and current.movers is not None and not is_changed:
            return current.movers
        content = write_movers(moves.since, moves.days, require_serve_key(keys), self.job.entropy)
        return write_stored(work, f"movers-{current.number + 1 if current else 0:04d}", content)
