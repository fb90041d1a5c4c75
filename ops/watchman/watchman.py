"""Watches the ledger beside the turns, and says whether comparisons may be answered.

Four errands, each in a thread of its own: one signs, one tries the database, one looks at the disk, one puts together
what the others found and judges it by `audit.states`. The last never waits for anything: whichever of the others hangs
is one of the facts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from adapters.clock import SteadyClock, is_synchronised, steady_seconds
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.place import Inode, inode
from adapters.sql.store import WAITING, SqlStore
from adapters.undecided import FileMark, Mark
from audit.causes import Cause
from audit.signer import CheckpointSigner, Run
from audit.signer import State as Outcome
from audit.states import Facts, Limits, Place, Standing, Why, Witnessed, judge
from gateway.ports import Clock
from ops.watchman.checkpoints import KnownCheckpoints
from ops.watchman.disk import Disk
from ops.watchman.errand import Errand

SIGN_SECONDS = PROBE_SECONDS = 1.0
DISK_SECONDS = 2.0
WATCH_SECONDS = 0.5
SETTLED_SECONDS = 60.0
"""How long a leap must have lasted, and the kernel's clock be synchronised, before it is taken for right."""
FIRST_SECONDS = 10.0

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is watched. `stores[0]` is that of the turns; `probe` belongs to the watchman alone."""

    stores: Sequence[SqlStore]
    probe: SqlStore
    reader: SqlLedgerReader
    database: Path | None
    """The file of the control database; None for PostgreSQL."""
    signer: CheckpointSigner
    checkpoints: KnownCheckpoints
    mark: FileMark
    disk: Disk
    clock: Clock
    limits: Limits
    decided: Callable[[str], bool]
    """Whether people have signed that it may go on, although this mark was set."""
    witnessed: Callable[[datetime], Witnessed]


class Watchman:
    """`changed` is told each new standing, and what people must decide about, in one of its threads.

    `signed` is told how many entries are under a checkpoint.
    """

    def __init__(
        self, watched: Watched, changed: Callable[[Standing, str], None], signed: Callable[[int], None] = lambda _: None
    ) -> None:
        self._watched = watched
        self._changed, self._signed = changed, signed
        self.standing = Standing()
        self.undecided: Mark | None = None
        self._run: Run | None = None
        self._has_checkpoints = True
        self._log_time = self._entries = 0
        self._known = self._found()
        self._leapt: float | None = None
        self._wall: tuple[datetime, float] | None = None
        self.errands = {
            "signer": Errand("signer", self.sign, SIGN_SECONDS),
            "probe": Errand("probe", self.probe, PROBE_SECONDS),
            "disk": Errand("disk", watched.disk.look, DISK_SECONDS),
            "watch": Errand("watch", self.watch, WATCH_SECONDS),
        }

    @property
    def disk(self) -> Disk:
        """The disk it looks at."""
        return self._watched.disk

    def start(self) -> None:
        """Looks at everything once, waiting for some seconds at most, and goes on in its threads."""
        for name in ("probe", "disk", "signer"):
            self.errands[name].start()
        end = time.monotonic() + FIRST_SECONDS
        while time.monotonic() < end and self._run is None and self._has_checkpoints:
            time.sleep(0.01)
        self.errands["watch"].round()
        self.errands["watch"].start()

    def stop(self) -> None:
        """Ends the errands; one that hangs is left behind."""
        for each in self.errands.values():
            each.stop(1.0)

    def close(self) -> None:
        """Ends the errands, and gives back what belongs to the watchman alone."""
        self.stop()
        if not self.errands["probe"].waits:
            self._watched.probe.close()

    def sign_last(self) -> None:
        """What was written until now, unless the errand that signs hangs."""
        if not self.errands["signer"].waits:
            self.errands["signer"].round()

    def look(self) -> Standing:
        """Everything once, one after the other, in this thread."""
        for each in self.errands.values():
            each.round()
        return self.standing

    # -------------------------------------------------------------------------------- the errands

    def sign(self) -> None:
        """Signs what is new, if the store of checkpoints is as it should be. What was found is not forgotten."""
        watched, found = self._watched, self._found()
        self._has_checkpoints = watched.checkpoints.look(watched.reader.head().size)
        if not self._has_checkpoints:
            return
        run = watched.signer.run_once()
        self._run = run
        if run.state is not Outcome.SEALED:
            self._adopt(found)
        watched.checkpoints.know()
        if run.checkpoint:
            self._signed(run.checkpoint.size)
        self._remember(run)

    def probe(self) -> None:
        """Reads the head; and writes, when a turn could not."""
        watched = self._watched
        head = watched.reader.head()
        self._log_time, self._entries = head.log_time, head.size
        if watched.stores[0].trouble and self._place() is Place.THERE:
            with watched.probe.begin() as work:
                work.touch()
                work.commit()
            watched.stores[0].settle()

    def watch(self) -> None:
        """Judges, and tells what is new."""
        standing = judge(self._facts(), self._watched.limits)
        if standing != self.standing:
            self._tell(standing)
        self.standing = standing

    # -------------------------------------------------------------------------------- what they find

    def _facts(self) -> Facts:
        watched, disk = self._watched, self._watched.disk
        now, errands = watched.clock.now(), self.errands
        trouble = watched.stores[0].trouble
        probe, place = errands["probe"], self._place()
        return Facts(
            now=now,
            log_time=self._log_time,
            drift=self._drift(),
            stands=self._stands(),
            free=disk.free,
            trial=disk.trial,
            commit="" if trouble == WAITING or place is not Place.THERE else trouble,
            waits=max(probe.waits, errands["disk"].waits, watched.limits.waits + 1 if trouble == WAITING else 0.0),
            place=place,
            is_readable=not probe.error or bool(trouble) or place is not Place.THERE,
            run=self._run,
            signed_ago=errands["signer"].done_ago,
            has_checkpoints=self._has_checkpoints,
            witnessed=watched.witnessed(now),
            is_undecided=self.undecided is not None,
        )

    def _found(self) -> Inode | None:
        return inode(self._watched.database) if self._watched.database else None

    def _place(self) -> Place:
        if self._watched.database is None:
            return Place.THERE
        found = self._found()
        return Place.LOST if found is None else Place.THERE if found == self._known else Place.REPLACED

    def _adopt(self, found: Inode | None) -> None:
        """The log in this file is the one that was signed: everybody may work on it."""
        if found is None or found == self._known:
            return
        for store in (*self._watched.stores, self._watched.probe):
            store.trust_file()
        self._known = found
        log.warning("database_adopted")

    def _drift(self) -> timedelta:
        clock = self._watched.clock
        if not isinstance(clock, SteadyClock):
            return timedelta()
        drift = clock.drift()
        if not drift:
            self._leapt = None
            return drift
        self._leapt = self._leapt or time.monotonic()
        if time.monotonic() - self._leapt > SETTLED_SECONDS and is_synchronised():
            log.warning("clock_accepted")
            clock.accept()
            return timedelta()
        return drift

    def _stands(self) -> float:
        clock = self._watched.clock
        if not isinstance(clock, SteadyClock):
            return 0.0
        wall, steady = clock.machine(), steady_seconds()
        if self._wall is None or self._wall[0] != wall:
            self._wall = wall, steady
        return steady - self._wall[1]

    # -------------------------------------------------------------------------------- what is not forgotten

    def _remember(self, run: Run) -> None:
        """A rollback or a difference stays found until people have decided, also over a restart."""
        mark = self._watched.mark
        now = self._watched.clock.now()
        self.undecided = mark.read()
        if self.undecided is None:
            whys = judge(Facts(now=now, run=run, witnessed=self._watched.witnessed(now)), Limits()).to_decide
            if whys:
                self.undecided = _mark(whys[0], now)
                mark.write(self.undecided)
        elif run.state is not Outcome.SEALED and self._watched.decided(self.undecided.id):
            mark.clear()
            self.undecided = None

    def _tell(self, standing: Standing) -> None:
        before = {why.cause for why in self.standing.whys}
        for why in standing.whys:
            if why.cause not in before:
                self._tell_why(standing, why)
        if not standing.whys:
            log.info("log_state", state=standing.state.value, cause="")
        self._changed(standing, self.undecided.id if self.undecided else "")

    def _tell_why(self, standing: Standing, why: Why) -> None:
        index = -1 if why.index is None else why.index
        log.error("log_state", state=standing.state.value, cause=f"{why.cause} {why.detail}".strip(), index=index)


def _mark(why: Why, now: datetime) -> Mark:
    cause = why.cause if why.cause is not Cause.UNDECIDED else Cause.MISMATCH
    return Mark(f"seal-{now:%Y%m%dT%H%M%SZ}", cause.value, why.detail, why.index, now.isoformat(timespec="seconds"))
