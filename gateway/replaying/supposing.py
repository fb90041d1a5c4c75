"""What thresholds would have done over the recorded past: a watch of their own, over a store of their own.

Where such a watch stops a grant that the record shows answered, somebody would have had to release it: for so many
hours everything under that grant counts as withheld, and then it begins anew. Where the record was stopped as well, it
begins anew when the record goes on, because then it was released.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from audit.events import Draft
from audit.watch_kinds import WATCH_STOPPED
from gateway.domain.incident import Detector
from gateway.ports import Rights
from gateway.replaying.acting import Actor, Epochs, Pasts
from gateway.replaying.turns import Row, Turn

ONE_INCIDENT: Final = timedelta(days=7)
"""Whatever a detector finds about a grant within these days is one incident."""
HOLD: Final = timedelta(hours=24)
_BEFORE: Final = -1


class Blocked(msgspec.Struct):
    """One incident as it would have been. `withheld` are comparisons that would have told nothing."""

    grant: str
    partner: str
    detector: Detector
    opened: datetime
    last: datetime
    entry: int
    times: int = 1
    withheld: int = 0


class OwnEpochs:
    """Rights as they stood, at the control epochs of a supposed world: its own responses begin some, nothing else.

    The thresholds of then are left out: this world has its own.
    """

    def __init__(self, pasts: Pasts, epochs: Epochs) -> None:
        self._pasts, self._epochs = pasts, epochs
        self._known: tuple[tuple[int, int], Rights] | None = None

    def rights(self, entry: int, epoch: int) -> Rights:
        """See `Pasts`."""
        at = epoch, self._epochs.last
        if self._known is None or self._known[0] != at:
            self._known = at, replace(self._pasts.rights(entry, epoch), epoch=self._epochs.last, thresholds={})
        return self._known[1]


class World:
    """What one set of thresholds would have done. `actor` acts on rights of `OwnEpochs`."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._resting: dict[str, tuple[datetime, Blocked]] = {}
        self._latest: dict[tuple[str, Detector], Blocked] = {}
        self.blocked: list[Blocked] = []

    def forget_entries(self) -> None:
        """What was blocked so far was so in a log before the one that comes now: its entries are others."""
        for each in self.blocked:
            each.entry = _BEFORE

    def take(self, turn: Turn) -> None:
        """A turn as it was recorded."""
        rows = [row for row in turn.rows if not self._rests(row, turn.at)]
        told, withheld = self._actor.act(msgspec.structs.replace(turn, rows=rows))
        for draft in told:
            if draft.type != WATCH_STOPPED.type:
                continue
            grant, detector = stopped_by(draft)
            own = [row for row in withheld if row.grant == grant]
            about = own or [row for row in rows if row.grant == grant]
            blocked = self._block(grant, detector, about[0], turn.at)
            blocked.withheld += len(own)
            if not any(row.is_withheld for row in own):
                self._resting[grant] = turn.at + HOLD, blocked

    def _rests(self, row: Row, at: datetime) -> bool:
        """Whether nobody had released its grant by then."""
        until, blocked = self._resting.get(row.grant, (at, None))
        if blocked is None or at >= until:
            self._resting.pop(row.grant, None)
            return False
        blocked.withheld += 1
        return True

    def _block(self, grant: str, detector: Detector, row: Row, at: datetime) -> Blocked:
        latest = self._latest.get((grant, detector))
        if latest is not None and at - latest.opened < ONE_INCIDENT:
            latest.last, latest.times = at, latest.times + 1
            return latest
        made = Blocked(grant, row.partner, detector, at, at, row.entry)
        self._latest[grant, detector] = made
        self.blocked.append(made)
        return made


class _Target(msgspec.Struct):
    target: str


class _Finding(msgspec.Struct):
    detector: Detector


def stopped_by(draft: Draft) -> tuple[str, Detector]:
    """The grant that a response lies on, and what noticed."""
    target = msgspec.json.decode(draft.body, type=_Target).target
    return target.removeprefix("grant."), msgspec.json.decode(draft.secrets[0].values[0], type=_Finding).detector
