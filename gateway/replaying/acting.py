"""The watch, acting once more on recorded turns: the very code of the line over a store of its own.

Nothing is looked up and nobody is told anything; so a hearing of the past has no permit, and whatever reached for one
would break.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol, cast

from audit.events import Draft
from gateway.domain.answer import FieldCode, Outcome
from gateway.domain.caller import Caller
from gateway.domain.grant import Grant
from gateway.domain.query import Query, Subject
from gateway.domain.reply import Request
from gateway.grants import Granted
from gateway.hearing import BUDGET, Hearing
from gateway.idempotency import Slot
from gateway.ports import Rights, WatchStore
from gateway.replaying.turns import Row, Turn
from gateway.seal import Question
from gateway.watch.accounts import accounts_of
from gateway.watch.budgets import Spent
from gateway.watching import Watch
from policies.decision import Reason, Refusal

_NOBODY: Final = Caller(partner="", client_id="", department="", operators={}, address="", network="")
_NO_SLOT: Final = Slot(b"", b"")
_NO_QUESTION: Final = Question(b"", b"", b"")
_NO_BUDGET: Final = Refusal(Reason.QUOTA, BUDGET)
_ERASED: Final = "erased"
"""Kind of a subject whose number is gone: its cell is nobody's any more."""


class Pasts(Protocol):
    """Rights as they stood."""

    def rights(self, entry: int, epoch: int) -> Rights:
        """Those by which a turn was heard that read this control epoch and whose first entry is this one."""
        ...


class Rehearing(Hearing):
    """A comparison of the past: nothing is refused any more, only seen what would be."""

    def refuse(self, reason: Reason, cause: str) -> None:
        """See `Hearing`."""
        self.granted = None


class Epochs:
    """The control epoch as far as it was met; a response of the replay begins another one, as it did then."""

    def __init__(self) -> None:
        self.last = 0

    def meet(self, epoch: int) -> None:
        """A turn read this one."""
        self.last = max(self.last, epoch)

    def advance(self) -> int:
        """A response was laid."""
        self.last += 1
        return self.last


class Actor:
    """Feeds turns to a watch. `missing` counts comparisons under grants that the rights of their turn do not have."""

    def __init__(self, watch: Watch, store: WatchStore, pasts: Pasts, epochs: Epochs) -> None:
        self._watch, self._store, self._pasts, self._epochs = watch, store, pasts, epochs
        self.missing = 0

    def act(self, turn: Turn) -> tuple[Sequence[Draft], Sequence[Row]]:
        """What the ledger would be told of a turn, responses first, and which of its comparisons would be withheld."""
        if not turn.rows:
            return (), ()
        epoch = turn.rows[0].seen.epoch
        self._epochs.meet(epoch)
        rights = self._pasts.rights(turn.rows[0].entry, epoch)
        heard = [(row, rehearing(row, grant)) for row in turn.rows if (grant := rights.grants.get(row.grant))]
        self.missing += len(turn.rows) - len(heard)
        hearings = [hearing for _, hearing in heard]
        watching = self._watch.begin(hearings, self._store, rights, turn.at)
        watching.look(hearings)
        told = watching.told()
        watching.lay(range(turn.end, turn.end + len(told)))
        withheld = [row for row, hearing in heard if row.seen.cause is not None and hearing.granted is None]
        return [*told, *watching.noticed()], withheld


def rehearing(row: Row, grant: Grant) -> Hearing:
    """A comparison as the watch heard it."""
    seen = row.seen
    if seen.cause is None:
        return Rehearing(Request(_NOBODY, _query(row), b"", ""), _NO_SLOT, grant, _NO_BUDGET, None)
    granted = _granted(grant)
    codes: Mapping[str, FieldCode] = {"": FieldCode.MISMATCH} if seen.is_mismatched else {}
    return Rehearing(
        request=Request(_NOBODY, _query(row), b"", ""),
        slot=_NO_SLOT,
        grant=grant,
        verdict=granted,
        granted=granted,
        accounts=accounts_of(grant, row.operator),
        question=_NO_QUESTION,
        spent=Spent(row.before, row.after, seen.is_first),
        outcome=Outcome(seen.cause, codes),
        is_known=seen.is_known,
        is_decoy=seen.is_decoy,
        is_protected=seen.is_protected,
        unit=seen.unit,
    )


def _query(row: Row) -> Query:
    subject = Subject(row.kind if row.number else _ERASED, row.number, ())
    return Query(row.grant, "", row.operator, None, None, subject, (), (), ())


class _Bygone(NamedTuple):
    """A yes of the past, as far as the watch asks: there is no permit in it."""

    grant: Grant


def _granted(grant: Grant) -> Granted:
    return cast("Granted", _Bygone(grant))
