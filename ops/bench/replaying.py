"""What a replay costs: how many entries a second are read and opened, looked at again, and weighed under two sets.

The ledger is written by the product's own ledger from made-up comparisons, in turns, and kept in the work folder. Most
are of people whom a grant asks about for the first time, because these cost most; one in fifty is unknown.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tracemalloc import get_traced_memory, start, stop

from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.schema import create
from adapters.sql.store import SqlStore
from audit.events import Asked, DataRef, Draft, Inner, PolicyRef, answered, log_opened, outcome, terms
from audit.ledger import Ledger
from gateway.domain.answer import Cause
from gateway.domain.grant import Grant, parse_grant
from gateway.in_force import rules_of
from gateway.ports import Rights
from gateway.replaying.acting import Actor, Epochs
from gateway.replaying.comparing import Comparing
from gateway.replaying.records import Records
from gateway.replaying.supposing import OwnEpochs, World
from gateway.replaying.weighing import Weighing
from gateway.watch.recorded import Seen
from gateway.watch.thresholds import DEFAULTS
from gateway.watching import Watch
from ops.bench.figures import Check, Figure, Report
from ops.rewatching.opening import a_book
from policies.catalogue import Catalogue, load_catalogue
from policies.snapshot import compile_rules

LEAST_A_SECOND = 2_000.0
GRANTS, OPERATORS, TURN = 20, 50, 32
UNKNOWN, REPEATED = 0.02, 0.1
_KEY = bytes(32)
_BEGIN = datetime(2026, 1, 5, 1, tzinfo=UTC)
_POLICY, _DATA = PolicyRef(7, "ab" * 32), DataRef("cd" * 32, "2026-01-01T00:00:00Z")
_STEP = timedelta(seconds=20)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many entries."""

    entries: int


class _Always:
    """Rights that never change."""

    def __init__(self, catalogue: Catalogue) -> None:
        grants = {each.number: each for each in map(_grant, range(GRANTS))}
        self._rights = Rights(1, compile_rules(rules_of(None, {}, catalogue)), grants)

    def rights(self, entry: int, epoch: int) -> Rights:
        """See `gateway.replaying.acting.Pasts`."""
        return self._rights


def measure(work: Path, sizes: Sizes) -> Report:
    """A ledger of that size, gone through three times."""
    folder, catalogue = work / f"replay-{sizes.entries}", load_catalogue()
    url = f"sqlite:///{folder / 'control.sqlite'}"
    keys = _fill(folder, url, sizes)
    pasts = _Always(catalogue)
    with closing(SqlLedgerReader.open(url)) as reader:

        def records() -> Records:
            return Records(reader, keys, tuple)

        def replayed(found: Records) -> None:
            epochs = Epochs()
            book = a_book(epochs.advance)
            actor = Actor(Watch(_KEY, catalogue, DEFAULTS), book, pasts, epochs)
            Comparing(actor, book, found.met, 0).run(found.read(0, sizes.entries))

        def weighed(found: Records) -> None:
            worlds = [_world(catalogue, pasts, alarm) for alarm in (DEFAULTS.alarm, 9.0)]
            weighing = Weighing(worlds[0], worlds[1], 0)
            weighing.run(found.read(0, sizes.entries))

        times = {
            "read and opened": _seconds(lambda: sum(1 for _ in records().read(0, sizes.entries))),
            "replayed": _seconds(lambda: replayed(records())),
            "weighed under two sets": _seconds(lambda: weighed(records())),
        }
        peak = _peak(lambda: replayed(records()))
    speed = {name: Figure.once(sizes.entries / seconds) for name, seconds in times.items()}
    tables = {"entries a second": speed, "MB at most": {"replayed": Figure.once(peak / 1e6)}}
    checks = [Check("entries replayed a second", speed["replayed"].median, least=LEAST_A_SECOND)]
    return Report(part="replay", sizes=asdict(sizes), tables=tables, checks=checks)


def _world(catalogue: Catalogue, pasts: _Always, alarm: float) -> World:
    epochs = Epochs()
    watch = Watch(_KEY, catalogue, replace(DEFAULTS, alarm=alarm))
    return World(Actor(watch, a_book(epochs.advance), OwnEpochs(pasts, epochs), epochs))


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _peak(act: Callable[[], object]) -> float:
    """The most memory that Python held meanwhile, in bytes: a log of any length is read in portions."""
    start()
    act()
    most = get_traced_memory()[1]
    stop()
    return float(most)


# ---------------------------------------------------------------------------------------- a made-up ledger


def _fill(folder: Path, url: str, sizes: Sizes) -> DisclosureKeyFiles:
    """Writes what is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_engine(url)
    create(engine)
    engine.dispose()
    keys = DisclosureKeyFiles(folder / "disclosure", None, os.urandom)
    ledger = Ledger(node="bench", keys=keys, entropy=os.urandom)
    with closing(SqlStore(url)) as store, closing(SqlLedgerReader.open(url)) as reader:
        for first in range(reader.head().size, sizes.entries, TURN):
            drafts = [_draft(number, number - first) for number in range(first, min(first + TURN, sizes.entries))]
            with store.begin() as work:
                ledger.append(work.ledger, drafts, _BEGIN + _STEP * (first // TURN))
                work.commit()
    return keys


def _draft(number: int, place: int) -> Draft:
    if number == 0:
        return log_opened(origin="bench", vkeys=["bench"])
    draw = random.Random(number)
    is_known, is_first = draw.random() >= UNKNOWN, draw.random() >= REPEATED
    cause = Cause.CONFIRMED if is_known else Cause.ABSENT
    grant = f"2026-{draw.randrange(GRANTS):03}"
    seen = Seen(1, place, cause, is_known, is_decoy=False, is_first=is_first, is_mismatched=draw.random() < UNKNOWN)
    used = dict.fromkeys(("day", "days_30", "year", "comparisons"), (number % 500, number % 500 + is_first))
    asked = Asked(
        partner="p-1",
        client="p-1-sys",
        grant=grant,
        purpose="purpose",
        kind="person",
        fields=(("unit", "equals"),),
        as_of=None,
        network="gov_extranet",
        request_sha256="12" * 32,
        subject=f"{152900 + draw.randrange(100)}{1960 + draw.randrange(45)}{draw.randrange(10**8):08}",
        operator=f"op-{draw.randrange(OPERATORS)}",
        matter=None,
    )
    return answered(
        terms(asked, rules=("r-1",), policy=_POLICY, data=_DATA, counts={"claims": 1}),
        Inner(cause=cause.value, budgets=used, seen=seen.text()),
        subject=asked.subject,
        operator=asked.operator,
        matter=None,
        told="confirmed" if is_known else "not_confirmed",
        outcome=outcome("confirmed" if is_known else "not_confirmed", {"unit": "match"}),
        request_sha256="12" * 32,
        response_sha256="34" * 32,
    )


def _grant(number: int) -> Grant:
    return parse_grant(
        {
            "number": f"2026-{number:03}",
            "partner": "p-1",
            "purpose": "purpose",
            "legal_basis": "某办法",
            "class": "scoped",
            "scope": ["root"],
            "fields": {"unit": "核对"},
            "limits": dict.fromkeys(
                ("subjects_per_day", "subjects_per_30_days", "subjects_per_year", "comparisons_per_day"), 1_000_000
            ),
            "networks": ["10.0.0.0/8"],
            "hours": ["00:00-24:00"],
            "valid_from": date(2026, 1, 1),
            "valid_until": date(2026, 12, 31),
            "max_data_age_days": 30,
            "tells_not_found": False,
            "hit_rate": 90,
            "contact": "某联系人",
        }
    )
