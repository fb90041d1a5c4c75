"""The officers' search, put together: the index of a home, its keys, and the desk behind the doors."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from adapters.keys.files import Passphrase
from adapters.keys.tokens import TokenKeyFiles
from adapters.sql.store import SqlStore
from adapters.sql.trail_reader import SqlTrailReader
from audit.entry import leaf_hash
from audit.reader import LedgerReader
from audit.tokens import Tokens
from gateway.deeds.lapse import parameters_in
from gateway.office import Office
from gateway.review.bygone import DeedHistory
from gateway.trail.desk import TrailDesk
from gateway.trail.indexing import PORTION, Indexer
from gateway.trail.opening import Opener
from gateway.trail.recording import Recording
from gateway.trail.searching import Searcher
from gateway.trail.secrecy import Secrecy
from ops.log_keys import disclosure_keys
from ops.settings import Home, ServeSettings, load

REST_SECONDS = 0.005
"""How long the indexer leaves database and interpreter to the turns, after each portion of entries."""


@dataclass(frozen=True, kw_only=True)
class TrailParts:
    """What the search has of its own in a home."""

    store: SqlStore
    reader: SqlTrailReader
    tokens: Tokens
    opener: Opener

    def indexer(self, log: LedgerReader, rest_seconds: float = REST_SECONDS, portion: int = PORTION) -> Indexer:
        """Keeps the index of this home at the head of its ledger."""
        return Indexer(
            ledger=log,
            reader=self.reader,
            store=self.store,
            opener=self.opener,
            seconds=time.monotonic,
            rest=lambda: time.sleep(rest_seconds),
            portion=portion,
        )

    def close(self) -> None:
        self.reader.close()
        self.store.close()


def open_trail(home: Home, passphrase: Passphrase | None) -> TrailParts:
    """Connections and keys of the search. Raises `KeyFileError`."""
    url = home.database_url(load(home, "serve.toml", ServeSettings))
    tokens = open_tokens(home, passphrase)
    keys = disclosure_keys(home, passphrase)
    opener = Opener(keys, tokens)
    return TrailParts(store=SqlStore(url), reader=SqlTrailReader.open(url), tokens=tokens, opener=opener)


def open_tokens(home: Home, passphrase: Passphrase | None) -> Tokens:
    """What makes points and search tokens here. Raises `KeyFileError`."""
    return Tokens(TokenKeyFiles(home.keys / "serve" / "search", passphrase, os.urandom))


def trail_desk(parts: TrailParts, office: Office, log: LedgerReader, deeds: DeedHistory) -> TrailDesk:
    """The desk of a home."""
    return TrailDesk(
        indexer=parts.indexer(log),
        searcher=Searcher(
            reader=parts.reader,
            opener=parts.opener,
            floor=log.floor,
            seconds=time.monotonic,
            hashed=lambda content: leaf_hash(content, office.ledger.digest),
        ),
        recording=Recording(
            store=parts.store,
            ledger=office.ledger,
            tokens=parts.tokens,
            clock=office.clock,
            per_day=lambda: parameters_in(office.standing()).person_searches_per_day,
        ),
        reader=parts.reader,
        store=parts.store,
        log=log,
        tokens=parts.tokens,
        secrecy=Secrecy(deeds),
    )
