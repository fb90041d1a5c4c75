"""A log that lost entries is succeeded by another one, in the same installation: `bidui audit rebuild --origin`.

Its checkpoints speak of entries that are no more, so it cannot go on. The successor begins with entry 0, which carries
the last checkpoint of the old log; then comes what was counted, and every deed in force, in their order.

    1. everything new is made in `next/`, down to the first checkpoint
    2. `next/complete` says that it is whole
    3. what was there goes into `closed/<name>/`, what is new into its place, rename by rename

Nothing is deleted. Whoever was interrupted before 2 begins anew; after 2 the same command goes on with the renames.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine, Table, delete, insert, make_url, select, update

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import Passphrase
from adapters.newest_rights import FileNewest
from adapters.sql.deed_tables import deed
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.recounting import replace_counts
from adapters.sql.schema import create
from adapters.sql.store import SqlStore
from adapters.sql.tables import control, metadata
from audit.errors import LedgerError
from audit.events import Draft, log_opened
from audit.state_events import log_rebuilt
from gateway.deeds.document import Document
from gateway.deeds.keeping import Kept
from gateway.deeds.reading import Newest
from gateway.deeds.standing import Standing
from gateway.minutes import in_force
from ops.installing import check_origin
from ops.log_keys import TRUST_FILE, make_ledger, make_signer, read_log_keys
from ops.rebuilding import Rebuilt, count
from ops.rights import FOUNDATION_FILE, read_home_foundation
from ops.settings import Home, ServeSettings, load

NEXT, CLOSED, COMPLETE = "next", "closed", "complete"
DATABASE, SETTINGS = "data/control.sqlite", "serve.toml"
MOVED = (DATABASE, "checkpoints", TRUST_FILE, SETTINGS)
CARRIED = frozenset(
    {
        *("control", "budget_lock", "budget_day", "seen_subject", "answer", "deed", "cohort_list"),
        *("account", "account_key", "account_recovery", "account_session", "account_attempt", "account_place"),
        *("account_once", "account_binding", "used_once", "revoked_token", "trail_view", "trail_day"),
    }
)
"""Tables whose rows go on. All others follow from entries, and begin anew."""
_FIRST_DEED = 2
_FAR = 1 << 40


def succeed(home: Home, origin: str, passphrase: Passphrase | None = None) -> Rebuilt | None:
    """Opens the successor of this name; None when an interrupted one was only put in its place.

    Raises `LedgerError` where there is nothing to succeed, or it cannot be.
    """
    beside = replace(home, path=home.path / NEXT)
    if (beside.path / COMPLETE).exists():
        _take_over(home, beside)
        return None
    settings = load(home, SETTINGS, ServeSettings)
    _check(home, settings, origin)
    made = count(home, passphrase)
    _prepare(home, beside, settings.origin, origin)
    _fill(home, beside, made)
    _begin(home, beside, settings.origin, made, passphrase)
    (beside.path / COMPLETE).touch()
    _take_over(home, beside)
    return made


def _check(home: Home, settings: ServeSettings, origin: str) -> None:
    check_origin(origin)
    if origin == settings.origin:
        raise LedgerError("后继存证账须另取名称，如把末尾的序号加一")
    if make_url(home.database_url(settings)).get_backend_name() != "sqlite" or settings.database:
        raise LedgerError("控制库不是安装目录中的 SQLite 文件：请另建安装与数据库，见 docs/operations.md 第 6 节")


def _prepare(home: Home, beside: Home, old: str, new: str) -> None:
    """A home beside the home, with the same keys and the other name."""
    shutil.rmtree(beside.path, ignore_errors=True)
    (beside.path / "data").mkdir(parents=True, mode=0o750)
    beside.keys.symlink_to(home.keys, target_is_directory=True)
    shutil.copyfile(home.path / FOUNDATION_FILE, beside.path / FOUNDATION_FILE)
    text = (home.path / SETTINGS).read_text(encoding="utf-8")
    renamed = re.sub(rf'^origin = "{re.escape(old)}"', lambda _: f'origin = "{new}"', text, count=1, flags=re.MULTILINE)
    (beside.path / SETTINGS).write_text(renamed, encoding="utf-8")
    if load(beside, SETTINGS, ServeSettings).origin != new:
        raise LedgerError('serve.toml 中没有 origin = "…" 一行，请先改为此写法')


def _fill(home: Home, beside: Home, made: Rebuilt) -> None:
    """A database with every row that goes on, and its counters as they were counted."""
    old, new = open_engine(f"sqlite:///{home.path / DATABASE}"), open_engine(f"sqlite:///{beside.path / DATABASE}")
    try:
        create(new)
        with old.connect() as source, new.begin() as target:
            target.execute(delete(control))
            for table in (each for each in metadata.sorted_tables if each.name in CARRIED):
                _copy(source, target, table)
            _renumber(target)
        replace_counts(new, made.counts, made.known)
        _settle(old)
    finally:
        old.dispose()
        new.dispose()


def _copy(source: Connection, target: Connection, table: Table) -> None:
    names = table.columns.keys()
    for row in source.execute(select(*table.columns)):
        target.execute(insert(table).values(dict(zip(names, row, strict=True))))


def _renumber(target: Connection) -> None:
    """The deeds in force are told by the entries behind the first two, in their order."""
    entries = list(target.execute(select(deed.c.entry).where(deed.c.entry > 0).order_by(deed.c.entry)).scalars())
    for index, entry in enumerate(entries, _FIRST_DEED):
        target.execute(update(deed).where(deed.c.entry == entry).values(entry=index + _FAR))
    target.execute(update(deed).where(deed.c.entry > _FAR).values(entry=deed.c.entry - _FAR))


def _settle(engine: Engine) -> None:
    """Moves everything from the write-ahead log into the file itself."""
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _begin(home: Home, beside: Home, old: str, made: Rebuilt, passphrase: Passphrase | None) -> None:
    """Entry 0, what was counted, the deeds; and the first checkpoint over them."""
    settings = load(beside, SETTINGS, ServeSettings)
    keys, foundation = read_log_keys(beside, settings, passphrase), read_home_foundation(beside)
    (beside.path / TRUST_FILE).write_bytes(keys.trust.encode())
    last = (FileCheckpoints(home.checkpoints).latest() or b"").decode()
    founders = foundation.members()
    opening = log_opened(origin=settings.origin, vkeys=keys.vkeys, founders=founders, previous=last)
    ledger, now = make_ledger(beside, settings, passphrase), home.clock.now()
    with closing(SqlStore(beside.database_url(settings))) as store, store.begin() as work:
        carried = list(_carried(work.deeds.in_force(0), Standing(foundation), now))
        drafts = [opening, _told(old, made), *(draft for draft, _ in carried)]
        recorded = ledger.append(work.ledger, drafts, now)
        work.commit()
    if carried:
        FileNewest(beside.checkpoints).raise_to(Newest(recorded[-1].index, carried[-1][1]))
    with closing(SqlLedgerReader.open(beside.database_url(settings))) as reader:
        make_signer(beside, settings, keys, reader, FileCheckpoints(beside.checkpoints)).run_once()


def _told(old: str, made: Rebuilt) -> Draft:
    spent = (made.spent[0].isoformat(), made.spent[1].isoformat()) if made.spent else None
    found = made.diagnosis
    return log_rebuilt(
        origin=old, entries=found.entries, signed=found.claimed, spent=spent, grants=made.grants, differing=0
    )


def _carried(kept: Sequence[Kept], standing: Standing, now: datetime) -> Iterator[tuple[Draft, str]]:
    """An entry for each deed, as when it came into force, and the digest over all rights behind it."""
    before: dict[tuple[str, str], Document] = {}
    for each in kept:
        opened = each.opened()
        document = standing.add(opened, opened.seen_at(now))
        rights = standing.digest()
        yield in_force(each, before.get((each.kind, each.id)), rights), rights
        before[each.kind, each.id] = document


def _take_over(home: Home, beside: Home) -> None:
    """Puts what is new in its place and keeps what was there; may be repeated."""
    for left in (home.path / "data").glob("control.sqlite-*"):
        left.unlink()
    # The settings are moved last: until then they name the old log.
    closed = home.path / CLOSED / re.sub(r"\W", "_", load(home, SETTINGS, ServeSettings).origin)
    closed.mkdir(parents=True, exist_ok=True, mode=0o750)
    for name in MOVED:
        made, place = beside.path / name, home.path / name
        if not made.exists():
            continue
        if place.exists():
            place.rename(closed / place.name)
        made.rename(place)
    shutil.rmtree(beside.path)
