"""Spot checks put together: the desk behind their doors, and the chore that fails what never came."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import structlog

from adapters.keys.files import Passphrase, read_secret
from adapters.metrics import Metrics
from adapters.sql.check_reader import SqlCheckReader
from gateway.office import Office
from gateway.spot_checks.desk import SpotCheckDesk
from gateway.spot_checks.keeping import CheckWorkStore
from gateway.watch.cells import watch_key
from ops.settings import Home, ServeSettings, load

log = structlog.get_logger()


def spot_check_desk(
    home: Home,
    office: Office,
    passphrase: Passphrase | None,
    secret: Callable[[], frozenset[str]] = frozenset,
) -> SpotCheckDesk:
    """The desk of a home; what it writes goes through the office's store, one at a time. `secret` are purposes."""
    settings = load(home, "serve.toml", ServeSettings)
    return SpotCheckDesk(
        store=cast("CheckWorkStore", office.store),
        reader=SqlCheckReader.open(home.database_url(settings)),
        deeds=office.reader,
        ledger=office.ledger,
        clock=home.clock,
        secret=secret,
        key=watch_key(read_secret(home.keys / "serve" / "idempotency.secret", passphrase)),
    )


def sweep(desk: SpotCheckDesk, metrics: Metrics) -> None:
    """Fails what is late, and tells the metrics. Any number of nodes may do so at once."""
    for failed in desk.fail_late():
        log.warning("spot_check_failed", check=failed.number)
    metrics.spot_checks({state.value: count for state, count in desk.reader.counts().items()})
