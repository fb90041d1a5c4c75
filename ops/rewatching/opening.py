"""The logs of a home as a replay reads them: ledger, keys of disclosures, deeds, and what was erased."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial

from adapters.keys.files import Passphrase, read_secret
from adapters.sql.deed_reader import SqlDeedReader
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.watch_reader import SqlWatchReader
from audit.disclosure import DisclosureKeys
from audit.entry import decode
from audit.erased import Erased, read_tombstone
from audit.errors import LedgerError
from gateway.domain.incident import Incident
from gateway.replaying.records import Records
from gateway.review.bygone import Bygone
from gateway.watch.cells import watch_key
from ops.chain import logs_since
from ops.foundation import read_home_foundation
from ops.log_keys import disclosure_keys
from ops.rewatching.pasts import HomePasts
from ops.settings import Home, ServeSettings, load
from ops.simulate.watchbook import Undo, WatchBook
from policies.catalogue import Catalogue, load_catalogue


@dataclass(frozen=True, kw_only=True)
class Log:
    """One log, open for reading."""

    reader: SqlLedgerReader
    deeds: SqlDeedReader
    bygone: Bygone
    records: Records
    pasts: HomePasts


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a replay needs of a home. `logs` are the databases of its logs, the oldest first, ours the last.

    `is_cut` says that what was before the first of them is not there any more.
    """

    home: Home
    catalogue: Catalogue
    keys: DisclosureKeys
    key: bytes
    logs: Sequence[str]
    is_cut: bool

    @contextmanager
    def open(self, url: str) -> Iterator[Log]:
        """One of the logs."""
        with closing(SqlLedgerReader.open(url)) as reader, closing(SqlDeedReader.open(url)) as deeds:
            bygone = Bygone(
                foundation=read_home_foundation(self.home),
                deeds=deeds,
                responses=SqlWatchReader.open(url),
                ledger=reader,
                catalogue=self.catalogue,
                clock=self.home.clock,
            )
            records = Records(reader, self.keys, partial(erased_in, reader))
            pasts = HomePasts(bygone, self.catalogue)
            yield Log(reader=reader, deeds=deeds, bygone=bygone, records=records, pasts=pasts)

    def incident(self) -> Callable[[str], Incident | None]:
        """Finds incidents as they stand now."""
        return SqlWatchReader.open(self.logs[-1]).incident


def open_past(home: Home, passphrase: Passphrase | None = None) -> Past:
    """The record of a home, back to its first entry. Raises what keys and logs raise."""
    settings = load(home, "serve.toml", ServeSettings)
    secret = read_secret(home.keys / "serve" / "idempotency.secret", passphrase)
    logs, is_cut = _logs(home, settings)
    return Past(
        home=home,
        catalogue=load_catalogue(),
        keys=disclosure_keys(home, passphrase),
        key=watch_key(secret),
        logs=logs,
        is_cut=is_cut,
    )


def _logs(home: Home, settings: ServeSettings) -> tuple[Sequence[str], bool]:
    """All logs of the home; where closed ones are kept elsewhere, ours alone."""
    try:
        return logs_since(home, date.min), False
    except LedgerError:
        return [home.database_url(settings)], True


def erased_in(reader: SqlLedgerReader) -> list[Erased]:
    """What the log says was erased."""
    opened = [(by, decode(next(iter(reader.entries(by, by + 1)), b"{}"))) for by in reader.tombstones()]
    found = (read_tombstone(by, entry.get("body")) for by, entry in opened if isinstance(entry, dict))
    return [each for each in found if each is not None]


class _Never(list[Callable[[], object]]):
    """An undo list that keeps nothing: what a replay has seen is never taken back."""

    def append(self, each: Callable[[], object]) -> None:
        """See `list`."""


def a_book(advance: Callable[[], int]) -> WatchBook:
    """A store of a replay's own."""
    kept: Undo = _Never()
    return WatchBook(advance, kept)
