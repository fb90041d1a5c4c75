"""A gateway put together in this process, on any store, with a fake behind every other port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adapters.sealing.client import Deeds
from adapters.sql.deeds import DeedTable
from adapters.sql.engine import driver_connection, open_engine
from adapters.sql.schema import create
from adapters.sql.store import SqlStore, SqlWork
from adapters.sql.watch_reader import SqlWatchReader
from audit.disclosure import unpack, unseal
from audit.entry import JsonValue, decode
from audit.events import log_opened
from audit.ledger import Ledger
from gateway.checking import SpotChecks
from gateway.deeds.deed import Deed
from gateway.deeds.keeping import Kept, State
from gateway.domain.comparison import Comparison
from gateway.domain.grant import Grant
from gateway.domain.reply import Answered, Failed, Refused, Reply, Request
from gateway.domain.standing import Stop
from gateway.habits import Habits
from gateway.idempotency import Idempotency
from gateway.pipeline import Pipeline
from gateway.record import Recorder
from gateway.seal import Facts, Layout
from gateway.watch.cells import watch_key
from gateway.watch.thresholds import Thresholds
from gateway.watching import Watch
from tests.audit.make import RECEIPT_SIGNER
from tests.fakes import DeskSeal, DrivenClock, MemoryRegister, MemoryStore, StandingRights, a_desk
from tests.fakes_audit import CountingEntropy, MemoryKeys
from tests.make import CATALOGUE, MEMBERS, ORIGIN, a_grant, a_snapshot, an_id, told
from tests.people import granted, known

SECRET = b"i" * 32
WATCH_KEY = watch_key(SECRET)
LENIENT = Thresholds(
    alarm=1e9,
    least_misses=10**9,
    least_outside=10**9,
    cell_misses=10**9,
    unit_odds=-1e9,
    run_outs=10**9,
    drift_alarm=1e9,
    fan_in=10**9,
    overlap_least=10**9,
    decoys=10**9,
    questions=(99, 99, 99),
    bounds=99,
    other_questions=10**9,
    small_values=0,
    contradictions=99,
    locks=10**9,
    pace_burst=10**9,
    habit_days=10**9,
    check_share=0.0,
    check_open_share=0.0,
    check_accept_share=0.0,
)
"""A watch that lets everything pass, for tests that are about something else."""


@dataclass(kw_only=True)
class Assembled:
    """The parts, and short ways to use them."""

    clock: DrivenClock
    store: MemoryStore | SqlStore
    register: MemoryRegister
    seal: DeskSeal
    rights: StandingRights
    pipeline: Pipeline
    keys: MemoryKeys
    broken: list[tuple[int, str]] = field(default_factory=list)
    _serials: dict[str, int] = field(default_factory=dict)

    def close(self) -> None:
        """Gives back what it holds open."""
        self.seal.close()
        self.store.close()

    def grant(self, *grants: Grant) -> None:
        """Brings grants into force, on every node from its next turn on."""
        for grant in grants:
            self.rights.grants[grant.number] = grant
            self._serials[grant.number] = self._serials.get(grant.number, 0) + 1
            if isinstance(self.store, MemoryStore):
                self.store.epoch += 1
                continue
            with self.store.begin() as work:
                put_grant(work, grant, self._serials[grant.number])
                work.commit()
        self._tell()

    def withdraw(self, grant: Grant) -> None:
        """Takes a grant out of force."""
        self.grant(grant)
        del self.rights.grants[grant.number]
        self._tell()

    def _tell(self) -> None:
        grants = {n: a_deed(grant, self._serials[n]).encode() for n, grant in self.rights.grants.items()}
        self.seal.know(Deeds(known(), grants))

    def person(self, number: int = 1, *facts: Facts, **values: str) -> None:
        """Puts a person into the register, the usual one unless the test says more."""
        self.register.put(an_id(number), *(facts or [some_facts(values)]))

    def ask(self, *requests: Request) -> list[Reply]:
        """One turn."""
        return self.pipeline.answer(requests)

    def ask_one(self, request: Request) -> Mapping[str, object]:
        """One turn of one request, which must be answered."""
        (reply,) = self.pipeline.answer([request])
        assert isinstance(reply, Answered)
        return told(reply.json)


def a_deed(grant: Grant, serial: int = 1) -> Deed:
    """A grant's deed; of a later serial it follows something."""
    return granted(grant) if serial == 1 else granted(grant, serial=serial, previous="0" * 64)


def put_grant(work: SqlWork, grant: Grant, serial: int = 1) -> None:
    """Keeps a grant's deed as if it had just come into force, without the ledger's word for it."""
    entries = [each.entry for each in work.deeds.in_force(0)]
    kept = Kept(
        kind="grant",
        id=grant.number,
        serial=serial,
        attempt=1,
        state=State.IN_FORCE,
        deed=a_deed(grant, serial).encode(),
        author="author",
        partner=grant.partner,
        entry=max(entries, default=0) + 1,
        changed=0,
    )
    work.deeds.put(kept)
    work.deeds.advance()


def some_facts(
    values: Mapping[str, str | None] | None = None,
    *,
    units: tuple[str, ...] = ("root", "u-1"),
    effective: tuple[int, int] = (0, 1 << 16),
    main: bool = True,
) -> Facts:
    """One record of a person; values are normalised here, `None` leaves a member out."""
    members = {key: value for key, value in {**MEMBERS, **(values or {})}.items() if value is not None}
    normalised = {key: CATALOGUE.fields[key].normalise(value) for key, value in members.items()}
    return Facts(values=normalised, units=units, effective=effective, main=main)


def open_store(url: str) -> SqlStore:
    """A control database on this engine, its tables made and its log opened, if they were not."""
    engine = open_engine(url)
    create(engine)
    engine.dispose()
    store = SqlStore(url)
    open_log(store)
    return store


def open_log(store: SqlStore | MemoryStore) -> None:
    """Writes entry 0, if there is none."""
    with store.begin() as work:
        if work.ledger.lock_head().size == 0:
            opening = log_opened(origin=ORIGIN, vkeys=[RECEIPT_SIGNER.vkey])
            a_ledger(seed="opening").append(work.ledger, [opening], DrivenClock().now())
            work.commit()


def a_ledger(keys: MemoryKeys | None = None, seed: str = "ledger") -> Ledger:
    """A node's ledger; two nodes need two seeds, or their entries would have the same ids."""
    return Ledger(node=seed, keys=keys or MemoryKeys(), entropy=CountingEntropy(seed))


def a_gateway(
    folder: Path,
    *grants: Grant,
    url: str = "",
    clock: DrivenClock | None = None,
    register: MemoryRegister | None = None,
    seed: str = "gateway",
    limits: Thresholds = LENIENT,
) -> Assembled:
    """A gateway on a database, or in memory; with these grants, or with `G-1` over everything.

    `seed` tells nodes apart, so that no two draw the same random bytes.
    """
    clock, register = clock or DrivenClock(), register or MemoryRegister()
    store = open_store(url) if url else MemoryStore()
    open_log(store)
    keys, broken = MemoryKeys(), list[tuple[int, str]]()
    seal = DeskSeal(a_desk(folder, clock, entropy=CountingEntropy(f"{seed} seal")))
    rights = StandingRights(a_snapshot(), lambda: epoch_of(store, url), stops=lambda: stops_of(store, url))
    pipeline = Pipeline(
        clock=clock,
        store=store,
        rights=rights,
        seal=seal,
        index=register,
        comparisons={kind: Comparison(Layout(CATALOGUE, kind), CountingEntropy(kind)) for kind in CATALOGUE.kinds},
        recorder=Recorder(
            origin=ORIGIN,
            ledger=a_ledger(keys, f"{seed} ledger"),
            signer=RECEIPT_SIGNER,
            entropy=CountingEntropy(f"{seed} recorder"),
        ),
        watch=Watch(WATCH_KEY, CATALOGUE, limits),
        spot_checks=SpotChecks(WATCH_KEY, limits),
        habits=Habits(WATCH_KEY, limits),
        idempotency=Idempotency(SECRET, CountingEntropy(f"{seed} answers")),
        broke=lambda requests, error: broken.append((requests, error)),
    )
    gateway = Assembled(
        clock=clock,
        store=store,
        register=register,
        seal=seal,
        rights=rights,
        pipeline=pipeline,
        keys=keys,
        broken=broken,
    )
    gateway.grant(*(grants or (a_grant(),)))
    return gateway


def stops_of(store: SqlStore | MemoryStore, url: str) -> Mapping[str, Stop]:
    """What the watch laid on something, read beside whatever transaction is open."""
    if isinstance(store, MemoryStore):
        return store.watch.stops
    return {each.target: each for each in SqlWatchReader.open(url).stops()}


def epoch_of(store: SqlStore | MemoryStore, url: str) -> int:
    """The control epoch of a store, read beside whatever transaction is open."""
    if isinstance(store, MemoryStore):
        return store.epoch
    engine = open_engine(url)
    connection = driver_connection(engine)
    try:
        return DeedTable(engine, connection.cursor()).epoch()
    finally:
        connection.close()
        engine.dispose()


def entries(gateway: Assembled) -> list[Mapping[str, JsonValue]]:
    """What the ledger holds, opened; of a gateway in memory."""
    assert isinstance(gateway.store, MemoryStore)
    opened = [decode(row.entry) for row in gateway.store.ledger.rows]
    return [entry for entry in opened if isinstance(entry, dict)]


def secrets_of(gateway: Assembled, index: int) -> Mapping[str, JsonValue]:
    """The disclosures of an entry, as an officer would open them; of a gateway in memory."""
    assert isinstance(gateway.store, MemoryStore)
    row = gateway.store.ledger.rows[index]
    opened = [unseal(row.id, sealed, gateway.keys) for sealed in unpack(row.disclosures)]
    return {each.name: each.reveal() for each in opened if each is not None}


def code_of(reply: Reply) -> str:
    """A reply in one word, for tables: the subject's code, the reason of a refusal, or the error."""
    match reply:
        case Answered():
            return str(told(reply.json)["subject"])
        case Refused():
            return reply.reason.value
        case Failed():
            return type(reply.error).__name__
