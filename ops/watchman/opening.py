"""The watchman of one home, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import make_url

from adapters.checkpoints import FileCheckpoints
from adapters.clock import SteadyClock, SystemClock
from adapters.metrics import Metrics
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from adapters.undecided import FileMark
from audit.causes import Cause
from audit.signer import CheckpointSigner
from audit.states import MIB, Limits, Standing, Witnessed
from audit.witnessing import Cause as Doubt
from audit.witnessing import Grade
from audit.witnessing import Standing as Witnessing
from gateway.api.office.state import LogState
from gateway.deeds.document import Kind
from gateway.office import Office
from gateway.pipeline import Pipeline
from ops.settings import Home, ServeSettings
from ops.watchman.checkpoints import KnownCheckpoints
from ops.watchman.disk import Disk
from ops.watchman.watchman import Watched, Watchman

PATIENCE_SECONDS = 3.0
"""How long a turn waits for the store: it waits on the loop, so that meanwhile nobody else is heard."""


def steady(home: Home, settings: ServeSettings) -> Home:
    """The home with a clock that follows the machine's in small steps only; a driven one stays as it is."""
    if not isinstance(home.clock, SystemClock):
        return home
    return replace(home, clock=SteadyClock(timedelta(seconds=settings.clock_tolerance_seconds)))


def open_watchman(
    home: Home,
    settings: ServeSettings,
    *,
    pipeline: Pipeline,
    stores: Sequence[SqlStore],
    reader: SqlLedgerReader,
    signer: CheckpointSigner,
    checkpoints: FileCheckpoints,
    office: Office,
    metrics: Metrics,
    log_state: LogState,
    witnessing: Callable[[datetime], Witnessing],
) -> Watchman:
    """Seals the pipeline where it must; nothing is started yet."""
    limits = limits_of(settings)

    def changed(standing: Standing, undecided: str) -> None:
        log_state.standing, log_state.undecided = standing, undecided
        pipeline.is_sealed = not standing.answers
        metrics.log_state(standing.state.value, [why.cause.value for why in standing.whys])

    watched = Watched(
        stores=stores,
        probe=SqlStore(home.database_url(settings)),
        reader=reader,
        database=file_of(home.database_url(settings)),
        signer=signer,
        checkpoints=KnownCheckpoints(home.checkpoints, checkpoints),
        mark=FileMark(home.checkpoints),
        disk=Disk(home.path / "data", home.checkpoints, settings.reserve_megabytes * MIB, limits.least_free),
        clock=home.clock,
        limits=limits,
        decided=lambda mark: office.standing().content(Kind.UNSEALING, mark) is not None,
        witnessed=lambda now: witnessed(witnessing(now)),
    )
    return Watchman(watched, changed, metrics.signed)


def limits_of(settings: ServeSettings) -> Limits:
    """How much is tolerated here."""
    return Limits(
        clock=timedelta(seconds=settings.clock_tolerance_seconds),
        least_free=settings.least_free_megabytes * MIB,
        low_free=4 * settings.least_free_megabytes * MIB,
    )


def file_of(url: str) -> Path | None:
    """The file of a SQLite database; None for PostgreSQL."""
    made = make_url(url)
    return Path(made.database) if made.get_backend_name() == "sqlite" and made.database else None


def witnessed(standing: Witnessing) -> Witnessed:
    """What the witnesses' standing is a cause of."""
    if standing.grade is Grade.OK:
        return Witnessed()
    hard = Cause.WITNESS_AHEAD if standing.cause is Doubt.AHEAD else Cause.WITNESS_LIMIT
    return Witnessed(hard if standing.grade is Grade.HARD else Cause.WITNESS_LATE, standing.detail)
