"""The chore of serve that sweeps: what no single turn can see is looked at, several times a minute."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from audit.errors import AuditError
from gateway.deeds.errors import DeedError
from gateway.domain.errors import UnavailableError
from gateway.domain.incident import Action, Incident
from gateway.ports import Rights
from gateway.sweeping import Sweep
from ops.wiring import Gateway

SWEEP_SECONDS = 15.0
log = structlog.get_logger()


def write_log(found: Incident) -> None:
    """One line for whoever watches the logs."""
    told = {"incident": found.number, "detector": found.finding.detector.value}
    if found.finding.action >= Action.HOLD:
        log.warning("watch_stopped", **told)
    else:
        log.info("watch_noticed", **told)


class Sweeping:
    """What the chore does each time; keeps the rights it has seen, so that nothing is verified in vain."""

    def __init__(self, gateway: Gateway, tell: Callable[[Incident], None] = write_log) -> None:
        self._gateway, self._tell = gateway, tell
        self._sweep = Sweep(gateway.pipeline.watch.key, gateway.pipeline.watch.limits)
        self._rights: Rights | None = None

    def run_once(self) -> None:
        """Looks once. A log that is sealed takes nothing in. Raises `GatewayError`."""
        if self._gateway.pipeline.is_sealed:
            return
        try:
            self._look()
        except (AuditError, DeedError) as error:
            raise UnavailableError("what grants do together cannot be looked at") from error

    def _look(self) -> None:
        gateway, index = self._gateway, self._gateway.pipeline.index
        self._sweep.know(index.version.generation, index.units())
        self._sweep.follow(index)
        rights, at = self._newest(), gateway.home.clock.now()
        with gateway.desk.begin() as work:
            found = self._sweep.run(
                work, rights, at, lambda drafts: gateway.pipeline.recorder.note(drafts, work.ledger, at)
            )
            work.commit()
        for each in found:
            self._tell(each)

    def _newest(self) -> Rights:
        if self._rights is None or self._rights.epoch != self._gateway.rights.epoch():
            self._rights = self._gateway.rights.load()
        return self._rights
