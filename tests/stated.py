"""Comparisons and statements in the home of a life: what serve would have recorded and made, without serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from audit.events import Draft
from audit.ledger import Recorded
from gateway.statements.desk import StatementDesk
from gateway.statements.keeping import StatementsStore
from gateway.statements.making import StatementMaker
from ops.log_keys import read_log_keys
from ops.office import open_office
from ops.review import Readers
from ops.settings import Home, ServeSettings, load
from ops.statements import statement_desk
from tests.gateway.statements.make import an_answer


@dataclass
class StatedHome:
    """A home whose ledger takes comparisons in, and whose days are made."""

    home: Home
    systems: Sequence[tuple[str, str]] = (("cz", "cz-pay-01"),)

    def __post_init__(self) -> None:
        settings = load(self.home, "serve.toml", ServeSettings)
        self.office = open_office(self.home)
        self.readers = Readers(self.home)
        self.desk: StatementDesk = statement_desk(self.home, self.office, self.readers.ledger, None)
        self.vkey = read_log_keys(self.home, settings, None).receipts.vkey
        self.maker = StatementMaker(
            origin=settings.origin,
            reader=self.readers.ledger,
            store=cast("StatementsStore", self.office.store),
            ledger=self.office.ledger,
            signer=read_log_keys(self.home, settings, None).receipts,
            keys=self.desk.keys,
            clock=self.home.clock,
            systems=lambda: self.systems,
            last_day=self.desk.statements.last_day,
        )

    def record(self, *drafts: Draft) -> list[Recorded]:
        """Appends entries now."""
        with self.office.store.begin() as work:
            recorded = self.office.ledger.append(work.ledger, drafts, self.home.clock.now())
            work.commit()
        return recorded

    def compare(self, times: int = 1, operator: str = "cz-liu") -> list[Recorded]:
        """Comparisons of the first system."""
        partner, system = self.systems[0]
        return self.record(*(an_answer(partner, system, operator) for _ in range(times)))

    def make(self) -> list[date]:
        """Whatever is due."""
        return self.maker.run_once()

    def close(self) -> None:
        self.office.store.close()
        self.readers.close()
