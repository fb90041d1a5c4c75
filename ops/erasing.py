"""Erasing and revealing, put together: a store, a reader and keys of their own, so that no turn waits for them."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.keys.files import Passphrase
from adapters.newest_rights import FileNewest
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from audit.tokens import Tokens
from gateway.deeds.reading import DeedsReader
from gateway.erasing import ErasureDesk
from gateway.revealing import RevealDesk
from gateway.trail.opening import Opener
from ops.foundation import read_home_foundation
from ops.log_keys import disclosure_keys, make_ledger
from ops.settings import Home, ServeSettings, load
from ops.trail import open_tokens


@dataclass(frozen=True, kw_only=True)
class CustodyDesks:
    """Who destroys, and who shows, what entries hide."""

    erasing: ErasureDesk
    revealing: RevealDesk
    tokens: Tokens
    store: SqlStore
    reader: SqlLedgerReader

    def close(self) -> None:
        """Gives back what it holds open."""
        self.store.close()
        self.reader.close()


def open_custody(home: Home, passphrase: Passphrase | None = None) -> CustodyDesks:
    """Both desks of a home; whoever opens them closes them. Raises `SettingsError`, `KeyFileError`."""
    settings = load(home, "serve.toml", ServeSettings)
    keys = disclosure_keys(home, passphrase)
    tokens = open_tokens(home, passphrase)
    store, reader = SqlStore(home.database_url(settings)), SqlLedgerReader.open(home.database_url(settings))
    deeds = DeedsReader(read_home_foundation(home), FileNewest(home.checkpoints))
    ledger = make_ledger(home, settings, passphrase)
    return CustodyDesks(
        erasing=ErasureDesk(
            store=store,
            deeds=deeds,
            ledger=ledger,
            reader=reader,
            keys=keys,
            finder=Opener(keys, tokens),
            clock=home.clock,
        ),
        revealing=RevealDesk(store=store, deeds=deeds, ledger=ledger, reader=reader, keys=keys, clock=home.clock),
        tokens=tokens,
        store=store,
        reader=reader,
    )
