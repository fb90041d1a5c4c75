"""The one place where everything is joined: settings and keys in, a gateway out."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import structlog

from adapters.checkpoints import FileCheckpoints
from adapters.identity.registry import Registry
from adapters.index.absent import AbsentIndex
from adapters.index.generations import GenerationFiles, Generations, GenerationTables, OpenIndex
from adapters.keys.files import Passphrase, read_ed25519_public, read_secret
from adapters.keys.ring import decoy_key
from adapters.metrics import Metrics
from adapters.newest_rights import FileNewest
from adapters.sealing.client import Deeds, SealClient
from adapters.sealing.enlisting import Enlisters
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from audit.signer import CheckpointSigner
from audit.witnessing import FINE
from gateway.checking import SpotChecks
from gateway.domain.budget import Used
from gateway.domain.caller import Caller
from gateway.domain.comparison import Comparison
from gateway.domain.grant import Grant, local_day
from gateway.examining import Examiner
from gateway.generation import GenerationError
from gateway.habits import Habits
from gateway.idempotency import Idempotency
from gateway.pipeline import Pipeline
from gateway.ports import Index
from gateway.record import Recorder
from gateway.seal import Layout
from gateway.watch.cells import watch_key
from gateway.watch.throttle import Throttle
from gateway.watching import Watch
from ops.channels import open_notifying
from ops.closed import check_open
from ops.examining import examine_apart
from ops.foundation import read_home_foundation
from ops.identity import Identity, build_identity
from ops.log_keys import LiveKeys, live_keys, make_ledger, make_signer
from ops.notifying import Notifying
from ops.office import open_office, subjects_in
from ops.people import PeopleDesk, open_desk
from ops.rights import RightsDesk
from ops.settings import Home, SealSettings, ServeSettings, load
from ops.watchman import Watchman
from ops.watchman.opening import PATIENCE_SECONDS, open_watchman, steady
from ops.witness_side import WitnessSide, open_witness
from policies.catalogue import Catalogue, load_catalogue

log = structlog.get_logger()


REST_SECONDS = 0.002
"""How long the signer leaves the interpreter to the turns, after each stretch of entries."""


@dataclass(kw_only=True)
class Gateway:
    """A gateway, put together and not yet listening."""

    home: Home
    settings: ServeSettings
    catalogue: Catalogue
    pipeline: Pipeline
    desk: SqlStore
    """For work outside turns; used in threads alone, because a turn may hold the lock while the loop goes on."""
    probe: SealClient
    """Asks the sealing process whether it is there, on a connection of its own: a turn's is never shared."""
    identity: Identity
    rights: RightsDesk
    people: PeopleDesk
    reader: SqlLedgerReader
    checkpoints: FileCheckpoints
    witness: WitnessSide
    """Who witnesses us, and whom we witness."""
    signer: CheckpointSigner
    log_keys: LiveKeys
    notifying: Notifying
    """Tells officers of incidents."""
    metrics: Metrics
    generations: Generations
    generation: OpenIndex | None
    """The one that is open at the start, if anything is sealed yet."""
    passphrase: Passphrase | None
    _retired: Index | None = None

    def __post_init__(self) -> None:
        self.throttle = Throttle(self.home.clock, self.pipeline.in_force, self.metrics.throttled)
        witnessing = self.witness.witnessing
        office, accounts = self.people.office, self.people.accounts
        stores = (self.pipeline.store, self.desk, office.store, accounts.store)
        office.leaks = replace(office.leaks, register=self._subjects)
        self.watchman: Watchman = open_watchman(
            self.home,
            self.settings,
            pipeline=self.pipeline,
            stores=[cast("SqlStore", each) for each in stores],
            reader=self.reader,
            signer=self.signer,
            checkpoints=self.checkpoints,
            office=office,
            metrics=self.metrics,
            log_state=self.people.log_state,
            witnessing=witnessing.state if witnessing else lambda _: FINE,
        )

    def _subjects(self) -> int:
        """How many subjects the register has, by the index that answers now."""
        return subjects_in(getattr(self.pipeline.index, "manifest", None))

    def adopt(self, index: OpenIndex) -> None:
        """Answers from it from the next turn on. A turn may still read the one before: that is closed at the next."""
        retired, self._retired = self._retired, self.pipeline.index
        self.pipeline.index = index
        if retired:
            retired.close()

    async def held(self, caller: Caller) -> Mapping[str, tuple[Grant, Used]]:
        """A caller's grants in force, and what each has used."""
        at = self.home.clock.now()
        grants = {n: g for n, g in self.pipeline.grants().items() if g.partner == caller.partner and g.covers(at)}
        used = await asyncio.to_thread(self._used, sorted(grants), local_day(at).toordinal())
        return {number: (grant, used[number]) for number, grant in grants.items()}

    def _used(self, grants: Sequence[str], day: int) -> Mapping[str, Used]:
        with self.desk.begin() as work:
            return work.budgets.lock(grants, day)

    def close(self) -> None:
        """Gives back what it holds open."""
        self.watchman.close()
        self.people.close()
        for each in (self.pipeline.store, self.desk, self.reader, self.pipeline.seal, self.probe, self.pipeline.index):
            each.close()
        self.identity.close()
        if self._retired:
            self._retired.close()


def generations_of(home: Home, settings: ServeSettings, passphrase: Passphrase | None = None) -> Generations:
    """The point store that the settings name."""
    key, decoys = read_ed25519_public(home.keys / "sync.pub"), partial(decoy_key, home.path, passphrase)
    if settings.index_database:
        return GenerationTables(settings.index_database, key, decoys)
    return GenerationFiles(home.index, key, decoys)


def open_generation(generations: Generations, catalogue: Catalogue, previous: Index | None = None) -> OpenIndex:
    """The newest generation. Raises `GenerationError`, also for one sealed under another data standard than ours."""
    index = generations.open(previous)
    if index.manifest.catalogue.digest != catalogue.digest:
        raise GenerationError("the index was sealed under another data standard; run `bidui sync --full`")
    return index


def wire(home: Home, passphrase: Passphrase | None = None) -> Gateway:
    """Reads settings and keys and joins the parts. Raises what the parts raise; nothing listens yet."""
    settings = load(home, "serve.toml", ServeSettings)
    home = steady(home, settings)
    catalogue, metrics, log_keys = load_catalogue(), Metrics(), live_keys(home, settings, passphrase, _keys_alarm)
    identity = build_identity(home, settings, Registry([]), passphrase)
    socket = home.seal_socket(load(home, "seal.toml", SealSettings))
    seal = SealClient(socket)
    enlisters = Enlisters(socket)
    rights = _rights(home, settings, metrics, identity, seal, enlisters)
    generations = generations_of(home, settings, passphrase)
    generation = open_generation(generations, catalogue) if generations.newest() else None
    reader = SqlLedgerReader(open_engine(home.database_url(settings)))
    check_open(reader)
    checkpoints = FileCheckpoints(home.checkpoints)
    secret = read_secret(home.keys / "serve" / "idempotency.secret", passphrase)
    return Gateway(
        home=home,
        settings=settings,
        catalogue=catalogue,
        pipeline=Pipeline(
            clock=home.clock,
            store=SqlStore(home.database_url(settings), PATIENCE_SECONDS),
            rights=rights,
            seal=seal,
            index=generation or AbsentIndex(),
            comparisons={kind: Comparison(Layout(catalogue, kind), os.urandom) for kind in catalogue.kinds},
            recorder=_recorder(home, settings, log_keys, passphrase),
            watch=Watch(watch_key(secret), catalogue),
            spot_checks=SpotChecks(watch_key(secret)),
            habits=Habits(watch_key(secret)),
            idempotency=Idempotency(secret, os.urandom),
            broke=_alarm(metrics),
        ),
        desk=(desk := SqlStore(home.database_url(settings))),
        probe=SealClient(socket),
        identity=identity,
        rights=rights,
        people=open_desk(
            home,
            open_office(home, passphrase, Examiner(examine_apart)),
            rights,
            passphrase,
            enlisters,
            is_frozen=rights.is_frozen,
        ),
        reader=reader,
        checkpoints=checkpoints,
        witness=open_witness(
            home, settings, passphrase, log_keys=log_keys, reader=reader, checkpoints=checkpoints, metrics=metrics
        ),
        signer=make_signer(home, settings, log_keys, reader, checkpoints, rest=lambda: time.sleep(REST_SECONDS)),
        log_keys=log_keys,
        notifying=open_notifying(home, settings, desk, metrics),
        metrics=metrics,
        generations=generations,
        generation=generation,
        passphrase=passphrase,
    )


def _recorder(home: Home, settings: ServeSettings, keys: LiveKeys, passphrase: Passphrase | None) -> Recorder:
    ledger = make_ledger(home, settings, passphrase)
    return Recorder(origin=settings.origin, ledger=ledger, signer=keys, entropy=os.urandom)


def _rights(
    home: Home, settings: ServeSettings, metrics: Metrics, identity: Identity, *told: SealClient | Enlisters
) -> RightsDesk:
    def changed(registry: Registry, deeds: Deeds) -> None:
        identity.swap(registry)
        for each in told:
            each.know(deeds)

    def loud() -> None:
        metrics.break_glass()
        log.critical("break_glass")

    return RightsDesk(
        foundation=read_home_foundation(home),
        database=home.database_url(settings),
        catalogue=load_catalogue(),
        clock=home.clock,
        changed=changed,
        newest=FileNewest(home.checkpoints),
        loud=loud,
    )


def _keys_alarm(error: str) -> None:
    log.error("log_keys_unreadable", error=error)


def _alarm(metrics: Metrics) -> Callable[[int, str], None]:
    def broke(requests: int, error: str) -> None:
        metrics.turn_broke()
        log.error("turn_broke", requests=requests, error=error)

    return broke
