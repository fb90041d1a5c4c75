"""Statements put together: the desk behind their doors."""

from __future__ import annotations

from typing import cast

from adapters.keys.files import Passphrase
from adapters.sql.day_statements import SqlStatementReader
from audit.reader import LedgerReader
from audit.suite import suite_of
from gateway.office import Office
from gateway.statements.desk import StatementDesk
from gateway.statements.keeping import StatementsStore
from ops.log_keys import disclosure_keys
from ops.settings import Home, ServeSettings, load


def statement_desk(home: Home, office: Office, reader: LedgerReader, passphrase: Passphrase | None) -> StatementDesk:
    """The desk of a home; what it writes goes through the office's store, one at a time."""
    settings = load(home, "serve.toml", ServeSettings)
    return StatementDesk(
        origin=settings.origin,
        statements=SqlStatementReader.open(home.database_url(settings)),
        reader=reader,
        store=cast("StatementsStore", office.store),
        ledger=office.ledger,
        keys=disclosure_keys(home, passphrase),
        clock=home.clock,
        digest=suite_of(settings.suite).digest,
    )
