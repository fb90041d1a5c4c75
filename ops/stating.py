"""The chore of serve that makes statements after midnight, takes up what heads object to, and tells the metrics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date, datetime

import structlog

from adapters.keys.files import KeyFileError
from audit.errors import AuditError
from audit.statement import bounds
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.domain.errors import UnavailableError
from gateway.statements.making import StatementMaker
from ops.wiring import Gateway

log = structlog.get_logger()
REST_SECONDS = 0.002
"""How long the maker leaves the interpreter to the turns, after each portion of entries."""


class Stating:
    """What the chore does each time; knows which rights it has seen, so that nothing is read in vain."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._desk = gateway.people.statements
        self._epoch = -1
        self._maker = StatementMaker(
            origin=gateway.settings.origin,
            reader=gateway.reader,
            store=gateway.desk,
            ledger=gateway.pipeline.recorder.ledger,
            signer=gateway.pipeline.recorder.signer,
            keys=self._desk.keys,
            clock=gateway.home.clock,
            systems=self._systems,
            last_day=self._desk.statements.last_day,
            digest=self._desk.digest,
            rest=lambda: time.sleep(REST_SECONDS),
        )

    def run_once(self) -> None:
        """Makes what is due. A log that is sealed takes nothing in. Raises `GatewayError`."""
        if self._gateway.pipeline.is_sealed:
            return
        try:
            self._make_and_tell()
        except (AuditError, DeedError, KeyFileError) as error:
            # Whatever it is, the chore goes on trying: a day that is missing is an alarm of its own.
            raise UnavailableError("statements cannot be made") from error

    def _make_and_tell(self) -> None:
        for day in self._maker.run_once():
            log.info("statements_made", day=day.isoformat())
        epoch = self._gateway.rights.epoch()
        if epoch != self._epoch:
            for dispute in self._desk.raise_objections(self._gateway.people.office.standing()):
                log.warning("statement_disputed", dispute=dispute.id)
            self._epoch = epoch
        last = self._desk.statements.last_day()
        self._gateway.metrics.stated(_unix(bounds(date.fromisoformat(last))[1]) if last else 0.0)
        self._gateway.metrics.disputed(len(self._desk.open_disputes()))

    def _systems(self) -> Sequence[tuple[str, str]]:
        standing = self._gateway.people.office.standing()
        return [(str(each.content["partner"]), each.id) for each in standing.of(Kind.SYSTEM)]


def _unix(at: datetime) -> float:
    return at.timestamp()
