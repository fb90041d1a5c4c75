"""Whether the watch would do once more what it did: incidents held against each other, byte by byte.

What it laid in the line stands right behind the turn that tripped. What stands elsewhere was laid beside the line, by
whatever sweeps over accounts: a replay of turns does not make it, and takes it as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from audit.disclosure import Secret
from audit.entry import encode
from audit.events import Draft
from gateway.domain.incident import HABITS
from gateway.domain.standing import Kept
from gateway.ports import WatchStore
from gateway.replaying.acting import Actor
from gateway.replaying.turns import Laid, Met, Turn


class Verdict(StrEnum):
    """What a replay came to."""

    IDENTICAL = "identical"
    DIFFERS = "differs"
    CUT = "cut"
    """It differs, and what was recorded before the first entry that is there is not there any more: nobody can tell."""
    ERASED = "erased"
    """It differs, and of that grant something was erased before: nobody can tell any more."""


class Difference(msgspec.Struct, frozen=True):
    """Where replay and ledger part: `entry` is that of the response, or the one behind the turn that made another."""

    entry: int
    grant: str
    what: str
    recorded: str
    replayed: str


class Compared(msgspec.Struct, kw_only=True):
    """What a replay found."""

    met: Met
    turns: int = 0
    identical: int = 0
    """Incidents of the line that came out byte by byte as they stand in the ledger."""
    beside: int = 0
    """Responses laid beside the line, which are taken as they stand."""
    missing: int = 0
    last: datetime = datetime.min.replace(tzinfo=UTC)
    """When the last turn was that was read."""
    first: Difference | None = None
    different: int = 0

    @property
    def verdict(self) -> Verdict:
        """In one word."""
        if self.met.altered:
            return Verdict.DIFFERS
        if self.first is None:
            return Verdict.IDENTICAL
        return Verdict.ERASED if self.first.grant in self.met.erased_of else Verdict.DIFFERS


class Comparing:
    """Goes through a record; `since` is the first entry that counts, what stands before it only makes the state."""

    def __init__(self, actor: Actor, store: WatchStore, met: Met, since: int) -> None:
        self._actor, self._store, self._since = actor, store, since
        self.found = Compared(met=met)
        self._turn: Turn | None = None
        self._made: dict[str, Draft] = {}

    def run(self, records: Iterable[Turn | Laid]) -> Compared:
        """Everything at once."""
        for each in records:
            if isinstance(each, Turn):
                self._settle()
                self._act(each)
            else:
                self._hold(each)
        self._settle()
        self.found.missing = self._actor.missing
        return self.found

    def _act(self, turn: Turn) -> None:
        told, _ = self._actor.act(turn)
        self._turn, self._made = turn, {_incident(each): each for each in told}
        self.found.turns += turn.end > self._since
        self.found.last = max(self.found.last, turn.at)

    def _hold(self, laid: Laid) -> None:
        turn = self._turn
        is_of_line = turn is not None and (laid.at, laid.node) == (turn.at, turn.node) and not _is_of_habits(laid)
        made = self._made.pop(laid.incident, None) if is_of_line else None
        if made is None and laid.is_stop:
            self._lay(laid)
        if made is not None and _texts(made) == _texts_of(laid):
            self.found.identical += laid.entry >= self._since
        elif made is not None:
            self._differ(laid.entry, laid.target, "incident", _shown(_texts_of(laid)), _shown(_texts(made)))
        elif is_of_line:
            self._differ(laid.entry, laid.target, "response", _shown(_texts_of(laid)), "")
        else:
            self.found.beside += laid.entry >= self._since

    def _settle(self) -> None:
        """Whatever the turn made and the ledger does not tell of."""
        if self._turn is not None:
            for draft in self._made.values():
                self._differ(self._turn.end, _target(draft), "response", "", _shown(_texts(draft)))
        self._made = {}

    def _lay(self, laid: Laid) -> None:
        """What the replay did not make lay there all the same, and ended as it did."""
        account = laid.target.removeprefix("grant.")
        day = laid.at.toordinal()
        self._store.keep(Kept(day=day, scores={}, counts={}, cells={}, questions={}, stopped=[account]))

    def _differ(self, entry: int, target: str, what: str, recorded: str, replayed: str) -> None:
        if entry < self._since:
            return
        self.found.different += 1
        found = Difference(entry, target.removeprefix("grant."), what, recorded, replayed)
        self.found.first = self.found.first or found


def _is_of_habits(laid: Laid) -> bool:
    """Whether it tells of a network or an hour, looked at before any outcome: nothing replays addresses."""
    return isinstance(laid.finding, Mapping) and laid.finding.get("detector") in HABITS


def _texts(draft: Draft) -> tuple[bytes, ...]:
    """The clear part and what is hidden, as they are written."""
    return (draft.body, *(value for each in draft.secrets for value in _values(each)))


def _values(hidden: Secret) -> Sequence[bytes]:
    return hidden.values


def _texts_of(laid: Laid) -> tuple[bytes, ...]:
    return laid.body, encode(laid.finding)


def _shown(texts: Sequence[bytes]) -> str:
    """Both parts of a response: a finding is about nobody."""
    return " ".join(each.decode() for each in texts)


def _incident(draft: Draft) -> str:
    return str(_told(draft)["incident"])


def _target(draft: Draft) -> str:
    return str(_told(draft)["target"])


def _told(draft: Draft) -> Mapping[str, object]:
    return msgspec.json.decode(draft.body, type=dict[str, object])
