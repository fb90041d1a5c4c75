"""The office of a home: put together for serve, and for commands that work on the database themselves."""

from __future__ import annotations

from functools import partial

from adapters.identity.registry import Registry
from adapters.keys.files import Passphrase
from adapters.newest_rights import FileNewest
from adapters.sql.day_statements import SqlStatementReader
from adapters.sql.store import SqlStore
from gateway.deeds.errors import DeedError
from gateway.deeds.reading import DeedsReader
from gateway.deeds.standing import Standing
from gateway.domain.partner_file import PartnerFileError
from gateway.examining import Examiner
from gateway.office import Office
from gateway.partners import partners
from gateway.statements.acknowledging import check_acknowledgement
from ops.examining import HERE
from ops.foundation import read_home_foundation
from ops.log_keys import make_ledger
from ops.settings import Home, ServeSettings, load
from policies.catalogue import load_catalogue


def open_office(home: Home, passphrase: Passphrase | None = None, examiner: Examiner = HERE) -> Office:
    """An office with a store of its own; whoever opens it closes `office.store`. Raises `SettingsError`."""
    settings, foundation = load(home, "serve.toml", ServeSettings), read_home_foundation(home)
    return Office(
        log=foundation.log,
        store=SqlStore(home.database_url(settings)),
        ledger=make_ledger(home, settings, passphrase),
        reader=DeedsReader(foundation, FileNewest(home.checkpoints)),
        catalogue=load_catalogue(),
        clock=home.clock,
        examiner=examiner,
        fits=_check_partners,
        acknowledges=partial(check_acknowledgement, reader=SqlStatementReader.open(home.database_url(settings))),
    )


def _check_partners(standing: Standing) -> None:
    """Each key belongs to one system, each operator has one name, and whatever else one deed alone does not show."""
    try:
        Registry(partners(standing))
    except PartnerFileError as error:
        raise DeedError(str(error)) from None
