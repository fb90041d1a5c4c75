"""The state of the ledger: OK, DEGRADED (somebody must look), SEALED (no comparison is answered; reading goes on).

Here are the rules alone: `judge` takes what somebody else has looked up and names every cause that holds. Nothing here
reads a file, a clock or a database. A full queue is no cause: whoever has more than a share of it is told to come back.
"""

import errno
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from audit.causes import RULES, Cause, Recovery, State
from audit.signer import Run
from audit.signer import State as Outcome
from audit.stamps import microseconds

MIB = 1 << 20


class Place(StrEnum):
    """Where the file of the database is."""

    THERE = "there"
    LOST = "lost"
    REPLACED = "replaced"


class Witnessed(Struct, frozen=True):
    """How far witnesses have followed; `cause` is None where that is far enough."""

    cause: Cause | None = None
    detail: str = ""


class Limits(Struct, frozen=True, kw_only=True):
    """How much is tolerated."""

    clock: timedelta = timedelta(seconds=10)
    stands: float = 5.0
    """Seconds that the clock may stand still."""
    waits: float = 3.0
    """Seconds that the database may keep somebody waiting."""
    least_free: int = 256 * MIB
    low_free: int = 1024 * MIB
    signer_late: float = 10.0
    signer_stopped: float = 900.0


class Facts(Struct, frozen=True, kw_only=True):
    """What was looked up. What could not be, is left as it is here."""

    now: datetime
    log_time: int = 0
    """Of the last entry, in microseconds since 1970."""
    drift: timedelta = timedelta()
    """By how much the clock leapt against one that cannot be set."""
    stands: float = 0.0
    """Seconds for which the clock has stood still."""
    free: int | None = None
    """Bytes left where the database lies."""
    trial: int = 0
    """The error number of a trial to write beside the database and the checkpoints."""
    commit: str = ""
    """The name of what the last commit raised."""
    waits: float = 0.0
    """Seconds for which the database has kept somebody waiting, who waits still."""
    place: Place = Place.THERE
    is_readable: bool = True
    run: Run | None = None
    """What the signer came to last."""
    signed_ago: float = 0.0
    """Seconds since the signer last came to anything."""
    has_checkpoints: bool = True
    witnessed: Witnessed = Witnessed()
    is_undecided: bool = False
    """Whether people still have to decide about something that was found before, and is gone."""


class Why(Struct, frozen=True):
    """A cause that holds, with what is known of it. `index` is the first entry that differs."""

    cause: Cause
    detail: str = ""
    index: int | None = None


class Standing(Struct, frozen=True):
    """The state, and all causes for it."""

    state: State = State.OK
    whys: tuple[Why, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether comparisons are answered."""
        return self.state is not State.SEALED

    @property
    def may_write(self) -> bool:
        """Whether the office may write entries."""
        return all(RULES[why.cause].may_write for why in self.whys)

    @property
    def to_decide(self) -> tuple[Why, ...]:
        """What people will have to decide about, also when it is gone."""
        return tuple(why for why in self.whys if RULES[why.cause].recovery is Recovery.PEOPLE)


def standing(whys: Iterable[Why]) -> Standing:
    """The worst of the causes decides."""
    held = tuple(whys)
    states = {RULES[why.cause].state for why in held}
    worst = next((state for state in (State.SEALED, State.DEGRADED) if state in states), State.OK)
    return Standing(worst, held)


def judge(facts: Facts, limits: Limits) -> Standing:
    """Every cause that holds."""
    return standing(
        (
            *_database(facts, limits),
            *_disk(facts, limits),
            *_log(facts, limits),
            *_clock(facts, limits),
            *_others(facts),
        )
    )


def _database(facts: Facts, limits: Limits) -> Iterator[Why]:
    if facts.place is not Place.THERE:
        yield Why(Cause.LOST if facts.place is Place.LOST else Cause.REPLACED)
    if facts.waits > limits.waits:
        yield Why(Cause.STALLED, f"{int(facts.waits)} s")
    elif not facts.is_readable:
        yield Why(Cause.DOWN)
    if facts.commit:
        yield Why(Cause.COMMIT, facts.commit)


_TRIALS = {
    errno.ENOSPC: Cause.DISK_FULL,
    errno.EDQUOT: Cause.DISK_FULL,
    errno.EFBIG: Cause.DISK_FULL,
    errno.EIO: Cause.DISK_BROKEN,
    errno.EROFS: Cause.READ_ONLY,
    errno.ENOENT: Cause.FORBIDDEN,
}


def _disk(facts: Facts, limits: Limits) -> Iterator[Why]:
    cause = _TRIALS.get(facts.trial, Cause.FORBIDDEN) if facts.trial else None
    if facts.free is not None and facts.free < limits.least_free:
        cause = cause or Cause.DISK_FULL
    elif facts.free is not None and facts.free < limits.low_free and cause is None:
        cause = Cause.DISK_LOW
    if cause:
        left = "" if facts.free is None else f"{facts.free // MIB} MiB"
        yield Why(cause, " ".join(part for part in (errno.errorcode.get(facts.trial, ""), left) if part))


def _log(facts: Facts, limits: Limits) -> Iterator[Why]:
    run = facts.run
    if not facts.has_checkpoints:
        yield Why(Cause.CHECKPOINTS)
    elif run and run.state is Outcome.SEALED:
        yield Why(Cause.ROLLED_BACK if run.is_shorter else Cause.MISMATCH, run.cause, run.index)
    if facts.signed_ago > limits.signer_stopped:
        yield Why(Cause.SIGNER_STOPPED, f"{int(facts.signed_ago)} s")
    elif facts.signed_ago > limits.signer_late:
        yield Why(Cause.SIGNER_LATE, f"{int(facts.signed_ago)} s")


def _clock(facts: Facts, limits: Limits) -> Iterator[Why]:
    behind = timedelta(microseconds=facts.log_time - microseconds(facts.now)) if facts.log_time else timedelta()
    if behind > limits.clock or facts.drift < -limits.clock:
        yield Why(Cause.CLOCK_BACK, f"{int(max(behind, -facts.drift).total_seconds())} s")
    if facts.drift > limits.clock:
        yield Why(Cause.CLOCK_LEAPT, f"{int(facts.drift.total_seconds())} s")
    if facts.stands > limits.stands:
        yield Why(Cause.CLOCK_STANDS, f"{int(facts.stands)} s")


def _others(facts: Facts) -> Iterator[Why]:
    if facts.witnessed.cause:
        yield Why(facts.witnessed.cause, facts.witnessed.detail)
    if facts.is_undecided and not (facts.run and facts.run.state is Outcome.SEALED):
        yield Why(Cause.UNDECIDED)
