"""Statements put together: the desk behind their doors."""

from __future__ import annotations

import os
from typing import cast

from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.keys.files import Passphrase
from adapters.sql.day_statements import SqlStatementReader
from audit.reader import LedgerReader
from gateway.office import Office
from gateway.statements.desk import StatementDesk
from gateway.statements.keeping import StatementsStore
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
        keys=DisclosureKeyFiles(home.keys / "serve" / "disclosure", passphrase, os.urandom),
        clock=home.clock,
    )
