"""A record of several days: honest traffic, harvests that trip, releases; on a database, and read back from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.erased import Erased
from gateway.domain.cohort import Members
from gateway.domain.grant import Grant
from gateway.domain.reply import Request
from gateway.ports import Rights, UnitFact
from gateway.replaying.acting import Actor, Epochs
from gateway.replaying.comparing import Compared, Comparing
from gateway.replaying.records import Records
from gateway.replaying.turns import Laid, Turn
from gateway.watch.thresholds import Thresholds
from gateway.watching import Watch
from ops.simulate.watchbook import WatchBook
from policies.identifiers import id_check_character
from tests.gateways import WATCH_KEY, Assembled, a_gateway, code_of, some_facts
from tests.make import CATALOGUE, a_claim, a_grant, a_request, a_snapshot, an_id
from tests.make import limits as budgets

KNOWN, ASKED = 60, 40
SURE = a_grant(hit_rate=99)
LOOSE = a_grant(number="G-2", hit_rate=60)
UNSCOPED = a_grant(number="G-3", **{"class": "open", "hit_rate": 99})
NARROW = a_grant(number="G-4", limits=budgets(day=3), **{"class": "open", "hit_rate": 99})
GRANTS = (SURE, LOOSE, UNSCOPED, NARROW)
LIMITS = Thresholds(least_misses=8, least_outside=3, check_share=0.0)


class Standing:
    """Rights that are the same all the time but for their epoch."""

    def __init__(self, grants: Sequence[Grant], cohorts: dict[str, Members] | None = None) -> None:
        self._grants, self._cohorts = {each.number: each for each in grants}, cohorts or {}

    def rights(self, entry: int, epoch: int) -> Rights:
        return Rights(epoch, a_snapshot(), self._grants, cohorts=self._cohorts)


def recorded(folder: Path, url: str, grants: Sequence[Grant] = GRANTS, limits: Thresholds = LIMITS) -> Assembled:
    """A gateway over a register with people in it."""
    gateway = a_gateway(folder, *grants, url=url, limits=limits)
    for number in range(1, KNOWN + 1):
        gateway.person(number)
    return gateway


def unknown(start: int, count: int, grant: str = "G-1") -> list[Request]:
    return [a_request(number, grant=grant) for number in range(start, start + count)]


def of_one_birthday(count: int, grant: str = "G-1") -> list[Request]:
    first17 = [f"15292119800101{number:03}" for number in range(1, count + 1)]
    numbers = [each + id_check_character(each) for each in first17]
    return [a_request(subject={"kind": "person", "id": each, "name": "张三"}, grant=grant) for each in numbers]


def of_unit(gateway: Assembled, start: int, count: int, grant: str = "G-1") -> list[Request]:
    token = gateway.register.sealers["person"].unit("u-9")
    gateway.register.units_known[token] = UnitFact(b"unit-9  ", b"region  ", 40, 4000)
    for number in range(start, start + count):
        gateway.person(number, some_facts(units=("u-9", "root")))
    return [a_request(number, grant=grant) for number in range(start, start + count)]


def one_by_one(gateway: Assembled, requests: Sequence[Request]) -> list[str]:
    return [code_of(reply) for each in requests for reply in gateway.ask(each)]


def release(gateway: Assembled, url: str) -> None:
    """Two officers let everything go on."""
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM watch_stop"))
        connection.execute(text("UPDATE control SET epoch = epoch + 1"))
    engine.dispose()


def some_days(gateway: Assembled, url: str) -> list[str]:
    """What was told on four days, in codes."""
    gateway.register.protected.add(gateway.register.sealers["person"].link(an_id(1)))
    told = list[str]()
    wrong = [a_request(n, claims=[a_claim("person_status", "退休")]) for n in range(ASKED + 1, ASKED + 12)]
    asked = [a_request(7, claims=[a_claim("unit", f"某单位{n}")]) for n in range(5)]
    days: list[Callable[[], list[str]]] = [
        lambda: one_by_one(gateway, [a_request(n) for n in range(1, ASKED + 1)] + unknown(100, 8)),
        lambda: one_by_one(gateway, [*of_one_birthday(6, grant="G-2"), a_request(1), a_request(2, grant="G-2")]),
        lambda: one_by_one(gateway, of_unit(gateway, 300, 10, grant="G-3") + unknown(200, 3)),
        lambda: one_by_one(gateway, [*wrong, *unknown(100, 7), *unknown(400, 3, grant="G-3")]),
        lambda: one_by_one(gateway, asked),
        lambda: one_by_one(gateway, [a_request(n, grant="G-4") for n in range(20, 26)]),
        lambda: [code_of(each) for each in gateway.ask(a_request(5), *unknown(500, 9), a_request(6, grant="G-3"))],
    ]
    for day in days:
        told += day()
        release(gateway, url)
        gateway.clock.pass_by(days=1)
    return told


@contextmanager
def reading(url: str) -> Iterator[SqlLedgerReader]:
    reader = SqlLedgerReader.open(url)
    try:
        yield reader
    finally:
        reader.close()


def watched_again(
    gateway: Assembled,
    reader: SqlLedgerReader,
    *,
    grants: Sequence[Grant] = GRANTS,
    limits: Thresholds = LIMITS,
    since: int = 0,
    change: Callable[[Turn | Laid], Turn | Laid] = lambda each: each,
    erased: Sequence[Erased] = (),
) -> tuple[Compared, WatchBook]:
    """A replay of everything."""
    epochs = Epochs()
    book = WatchBook(epochs.advance)
    actor = Actor(Watch(WATCH_KEY, CATALOGUE, limits), book, Standing(grants), epochs)
    records = Records(reader, gateway.keys, lambda: erased)
    found = Comparing(actor, book, records.met, since).run(map(change, records.read(0, reader.head().size)))
    return found, book


def stored(url: str) -> dict[str, bytes]:
    """The incidents as they stand in their table, by number."""
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT number, incident FROM watch_incident")).all()
    engine.dispose()
    return {str(number): bytes(incident) for number, incident in rows}
