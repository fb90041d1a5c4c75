"""One sync, from the source to the published index.

    1  plan: everything anew, or only what changed since the last sync     planning
    2  read and seal every row; count what is refused                      gathering, sealing
    3  bring the records of each subject together, refuse contradictions   spool, settling
    4  write the new part in a directory that no reader looks into         parts, decoys
    5  sign the manifest and make it current, the last by one rename       publishing
    6  remember who owns which subject; remove old generations             state

Whatever stops it before 5 leaves the old index serving. Between 5 and 6 the new one serves, and the next sync is full.
"""

from __future__ import annotations

import fcntl
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import datetime
from http.server import HTTPServer
from pathlib import Path
from time import monotonic

from adapters.index.directory import building, prune
from adapters.index.postgres import mirror
from adapters.keys.files import read_passphrase
from adapters.keys.ring import SyncKeys
from adapters.sources.mapping import SourceMapping
from adapters.sources.pushed import PushedSource
from adapters.sources.source import Source, Watermark
from gateway.domain.grant import local_day
from gateway.seal import Entropy
from ops.settings import Home
from ops.sync.errors import BusyError, SyncError
from ops.sync.gathering import Gathering
from ops.sync.hiding import Hiding
from ops.sync.listening import listener
from ops.sync.moving import Moving
from ops.sync.opening import open_source
from ops.sync.parts import Writers, standard_forms, writing
from ops.sync.planning import Job, Plan, plan, plan_push, prepare
from ops.sync.protecting import Protecting
from ops.sync.publishing import Beside, finish_parts, manifest_of, publish_signed, write_units_beside
from ops.sync.report import LoadReport, RefusedFile
from ops.sync.settings import SyncSettings
from ops.sync.spool import Spool
from ops.sync.staffing import Staffing
from ops.sync.state import Origin, State
from policies.catalogue import Catalogue

Feed = tuple[SourceMapping, AbstractContextManager[Source]]


def run(
    settings: SyncSettings,
    home: Home,
    keys: SyncKeys,
    catalogue: Catalogue,
    *,
    full: bool = False,
    entropy: Entropy = secrets.token_bytes,
) -> LoadReport:
    """Bring the index up to date with its sources.

    Rows that cannot be read are refused one by one and counted; a source that cannot be read stops the sync with
    `SyncError`, `SourceError`, `MappingError` or `GenerationError`, and nothing has changed.
    """
    job = prepare(settings, home, keys, catalogue, entropy)
    with _alone(job.folder):
        feeds = [(mapping, open_source(source, mapping, home.path)) for source, mapping in job.mappings.values()]
        return _load(job, plan(job, full=full), feeds)


def push(
    settings: SyncSettings,
    home: Home,
    keys: SyncKeys,
    catalogue: Catalogue,
    *,
    kind: str,
    lines: Iterable[bytes],
    entropy: Entropy = secrets.token_bytes,
) -> LoadReport:
    """Take changes the source sends: for each subject named, all its rows, one JSON object a line.

    Raises as `run` does; then nothing was changed.
    """
    job = prepare(settings, home, keys, catalogue, entropy)
    if kind not in job.mappings:
        raise SyncError(f"no mapping is for {kind}; sync.toml has {', '.join(job.mappings)}")
    source, mapping = job.mappings[kind]
    with _alone(job.folder), open_source(source, mapping, home.path) as live:
        pushed = PushedSource(lines, mapping, live.parents())
        return _load(job, plan_push(job), [(mapping, nullcontext(pushed))])


def listen(
    settings: SyncSettings,
    home: Home,
    keys: SyncKeys,
    catalogue: Catalogue,
    *,
    entropy: Entropy = secrets.token_bytes,
) -> HTTPServer:
    """A server for pushed changes, bound to this machine; the caller serves it. Raises `SyncError` without a secret."""
    if not settings.push_secret_file:
        raise SyncError("sync.toml: push_secret_file must name a private file with the secret that pushes come with")
    secret = read_passphrase(home.path / settings.push_secret_file).reveal()

    def take(kind: str, lines: list[bytes]) -> LoadReport:
        return push(settings, home, keys, catalogue, kind=kind, lines=lines, entropy=entropy)

    return listener(take, secret, settings.listen_port)


def _load(job: Job, plan: Plan, feeds: list[Feed]) -> LoadReport:
    forms = standard_forms(job.catalogue, job.mappings)
    started, ticks = job.home.clock.now(), monotonic()
    hiding, staffing = Hiding.of(job, plan, started), Staffing(job.catalogue)
    moving = Moving(job=job, plan=plan, day=local_day(started).toordinal())
    protecting = Protecting.of(job, plan)
    with (
        building(job.home.index) as work,
        building(job.folder) as spooled,
        RefusedFile(_report_path(job, started, "refused.csv")) as refused,
        closing(_state(job, plan, spooled)) as state,
        writing(forms, work, "delta" if plan.current else "base", plan.n) as writers,
    ):
        gathering = Gathering(
            job=job,
            plan=plan,
            spool=Spool(spooled, job.entropy),
            refused=refused,
            started=started,
            data_time=started,
            staffing=staffing,
            hiding=hiding,
        )
        for mapping, feed in feeds:
            with feed as source:
                gathering.read(mapping, source)
        _settle(gathering, writers, state, None if plan.current is None else moving.day)
        moves = moving.keep(state)
        parts = finish_parts(plan, forms, work, writers)
        beside = Beside(
            units=write_units_beside(plan, work, staffing),
            decoys=hiding.finish(work),
            protected=protecting.finish(work, state),
            movers=moving.finish(work, moves, is_changed=state.has_moved),
        )
        manifest = manifest_of(job, plan, gathering.data_time, state.counts(), parts, beside=beside)
        published = publish_signed(job, work, manifest)
        state.finish(_origin_after(job, plan, state, published.version.digest, gathering.marks), job.state_path)
    if job.settings.index_database:
        mirror(job.settings.index_database, published)
    prune(job.home.index, published)
    report = gathering.report(published, protecting.state, seconds=monotonic() - ticks)
    _report_path(job, started, "report.json").write_bytes(report.json())
    return report


def _state(job: Job, plan: Plan, spooled: Path) -> State:
    """What is remembered from now on: a delta adds to it, a full sync begins another."""
    return State(job.state_path) if plan.current else State.create(spooled / "state", job.followed())


def _settle(gathering: Gathering, writers: Writers, state: State, moved_on: int | None) -> None:
    settling = gathering.settling(state)
    state.begin()
    for bucket in gathering.spool.buckets():
        settled = list(settling.settle(bucket))
        writers.add([found.sealed for found in settled])
        gathering.take(settled)
        state.add(settled, gathering.staffing.unit, moved_on)
    gathering.refuse(settling.refused)
    gathering.hiding.drop(settling.dropped)
    gathering.hiding.keep(state)
    _require_subjects(gathering, state)


def _require_subjects(gathering: Gathering, state: State) -> None:
    """An empty index would say 未确认 of everybody; more likely the mapping is wrong."""
    counts = state.counts()
    for number, kind in enumerate(gathering.job.catalogue.kinds):
        if kind in gathering.job.mappings and number not in counts:
            read = gathering.kinds[kind]
            causes = ", ".join(f"{cause}: {count}" for cause, count in read.refused.items()) or "the source is empty"
            raise SyncError(f"no {kind} is left of {read.rows_read} rows ({causes}); the old index still serves")


def _origin_after(job: Job, plan: Plan, state: State, manifest: str, marks: Mapping[str, Watermark]) -> Origin:
    """The marks move on where something new was seen; a push moves none."""
    before = state.origin()
    kept = dict(before.marks) if before is not None else {}
    fresh = job.origin()
    seen = {} if plan.mode == "push" else marks
    return Origin(manifest=manifest, key=fresh.key, mappings=fresh.mappings, marks={**kept, **seen})


def _report_path(job: Job, started: datetime, name: str) -> Path:
    folder = job.home.path / "data" / "reports"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{started:%Y%m%dT%H%M%S.%fZ}-{name}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two syncs at once would build on the same past. Raises `SyncError`, also for a full disk or a lost worker."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("another sync is running; wait for it to end") from None
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise SyncError(f"sync cannot write or read its files ({error}); is the disk full?") from error
        except BrokenProcessPool as error:
            raise SyncError("a sealing worker was killed, perhaps for want of memory; set workers = 1") from error
