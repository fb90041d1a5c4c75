"""Looking back, put together: readers of their own for deeds and ledger, and the desk behind the officers' doors."""

from __future__ import annotations

import time

from adapters.sql.check_reader import SqlCheckReader
from adapters.sql.deed_reader import SqlDeedReader
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.watch_reader import SqlWatchReader
from gateway.office import Office
from gateway.review.bygone import Bygone
from gateway.review.desk import ReviewDesk
from gateway.review.explaining import Explaining
from gateway.review.hindsight import Hindsight
from gateway.review.passing import Pace
from gateway.review.rehearsal import Rehearsal
from ops.foundation import read_home_foundation
from ops.settings import Home, ServeSettings, load

REST_SECONDS = 0.002
"""How long a rehearsal leaves the interpreter to the turns, after each portion of entries."""


class Readers:
    """Connections that read beside every transaction."""

    def __init__(self, home: Home) -> None:
        url = home.database_url(load(home, "serve.toml", ServeSettings))
        self.deeds, self.ledger = SqlDeedReader.open(url), SqlLedgerReader.open(url)
        self.responses, self.checks = SqlWatchReader.open(url), SqlCheckReader.open(url)

    def close(self) -> None:
        self.deeds.close()
        self.ledger.close()


def review_desk(home: Home, readers: Readers, office: Office) -> ReviewDesk:
    """The desk of a home. What it records goes through the office's store, one at a time."""
    bygone = Bygone(
        foundation=read_home_foundation(home),
        deeds=readers.deeds,
        responses=readers.responses,
        ledger=readers.ledger,
        catalogue=office.catalogue,
        clock=home.clock,
    )
    explaining = Explaining(bygone=bygone, catalogue=office.catalogue)
    return ReviewDesk(
        bygone=bygone,
        reader=readers.ledger,
        explaining=explaining,
        hindsight=Hindsight(
            bygone=bygone,
            explaining=explaining,
            ledger=readers.ledger,
            tombstones=readers.ledger.tombstones,
            spot_check=readers.checks.check,
        ),
        rehearsal=Rehearsal(bygone=bygone, ledger=readers.ledger, catalogue=office.catalogue, pace=_pace()),
        store=office.store,
        ledger=office.ledger,
        clock=home.clock,
        pending=office.pending,
    )


def _pace() -> Pace:
    return Pace(seconds=time.monotonic, rest=lambda: time.sleep(REST_SECONDS))
