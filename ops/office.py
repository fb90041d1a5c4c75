"""The office of a home: put together for serve, and for commands that work on the database themselves."""

from __future__ import annotations

from functools import partial

from adapters.identity.registry import Registry
from adapters.index.directory import read_current
from adapters.keys.files import KeyFileError, Passphrase, read_ed25519_public
from adapters.newest_rights import FileNewest
from adapters.sql.day_statements import SqlStatementReader
from adapters.sql.store import SqlStore
from gateway.deeds.errors import DeedError
from gateway.deeds.reading import DeedsReader
from gateway.deeds.standing import Standing
from gateway.domain.partner_file import PartnerFileError
from gateway.examining import Examiner
from gateway.generation import GenerationError, Manifest
from gateway.office import Office
from gateway.partners import partners
from gateway.statements.acknowledging import check_acknowledgement
from gateway.watch.leak_signed import LeakDesk
from ops.examining import HERE
from ops.foundation import read_home_foundation
from ops.log_keys import make_ledger
from ops.settings import Home, ServeSettings, load
from policies.catalogue import load_catalogue


def open_office(home: Home, passphrase: Passphrase | None = None, examiner: Examiner = HERE) -> Office:
    """An office with a store of its own; whoever opens it closes `office.store`. Raises `SettingsError`."""
    settings, foundation = load(home, "serve.toml", ServeSettings), read_home_foundation(home)
    catalogue = load_catalogue()
    return Office(
        log=foundation.log,
        store=SqlStore(home.database_url(settings)),
        ledger=make_ledger(home, settings, passphrase),
        reader=DeedsReader(foundation, FileNewest(home.checkpoints)),
        catalogue=catalogue,
        clock=home.clock,
        examiner=examiner,
        leaks=LeakDesk(catalogue=catalogue, register=partial(_subjects, home)),
        fits=_check_partners,
        acknowledges=partial(check_acknowledgement, reader=SqlStatementReader.open(home.database_url(settings))),
    )


def subjects_in(manifest: Manifest | None) -> int:
    """How many subjects a register has, by the kind of which there are most; 0 where nothing is sealed yet."""
    return max((kind.subjects for kind in manifest.kinds.values()), default=0) if manifest else 0


def _subjects(home: Home) -> int:
    """By the index that lies in the home; what cannot be read, or lies elsewhere, is not known."""
    try:
        return subjects_in(read_current(home.index, read_ed25519_public(home.keys / "sync.pub")).manifest)
    except (GenerationError, KeyFileError, OSError):
        return 0


def _check_partners(standing: Standing) -> None:
    """Each key belongs to one system, each operator has one name, and whatever else one deed alone does not show."""
    try:
        Registry(partners(standing))
    except PartnerFileError as error:
        raise DeedError(str(error)) from None
