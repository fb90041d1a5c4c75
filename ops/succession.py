"""A log is succeeded by another one, in the same installation: `bidui audit rebuild --origin`, `bidui log roll`.

A log that lost entries cannot go on: its checkpoints speak of entries that are no more. Another one was closed in
order (`ops.rolling`). The successor begins with entry 0, which carries the last checkpoint of the old log; then comes
what was counted, where entries are lost, and every deed in force, in their order.

    1. everything new is made in `next/`, down to the first checkpoint
    2. `next/complete` says that it is whole, and which log it succeeds
    3. what was there goes into `closed/<name>/`, what is new into its place, rename by rename

Nothing is deleted. Whoever was interrupted before 2 begins anew; after 2 the same command goes on with the renames, and
until then nobody writes (`ops.closed.check_settled`).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Table, delete, insert, make_url, select, update

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import Passphrase, sync_folder, write_new
from adapters.newest_rights import FileNewest
from adapters.sql.check_tables import spot_check
from adapters.sql.deed_tables import deed
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.recounting import replace_counts
from adapters.sql.schema import create
from adapters.sql.store import SqlStore
from adapters.sql.tables import control, metadata
from adapters.sql.watch_tables import watch_stop
from audit.errors import LedgerError
from audit.events import Draft, log_opened
from audit.rollover import successor_trust
from audit.state_events import log_rebuilt
from gateway.deeds.deed import read_deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.keeping import Kept
from gateway.deeds.reading import Newest
from gateway.deeds.releasing import released_by
from gateway.deeds.standing import Standing
from gateway.deeds.steps import RELEASE
from gateway.domain.spot_check import UNTOLD
from gateway.domain.standing import Stop
from gateway.minutes import in_force
from gateway.watch.lying import lying
from ops.closed import (
    COMPLETE,
    NEXT,
    SETTINGS,
    closed_homes,
    folder_name,
    is_unsettled,
    old_place,
    origin_of,
    trust_of,
)
from ops.foundation import FOUNDATION_FILE, read_home_foundation
from ops.installing import check_origin
from ops.log_keys import TRUST_FILE, make_ledger, make_signer, read_log_keys, write_trust
from ops.rebuilding import Rebuilt, count
from ops.settings import Home, ServeSettings, load

DATABASE = "data/control.sqlite"
MOVED = (DATABASE, "checkpoints", TRUST_FILE, SETTINGS)
CARRIED = frozenset(
    {
        *("control", "budget_lock", "budget_day", "seen_subject", "answer", "deed", "cohort_list"),
        *("account", "account_key", "account_recovery", "account_session", "account_attempt", "account_place"),
        *("account_once", "account_binding", "used_once", "revoked_token", "trail_view", "trail_day"),
        *("watch_score", "watch_day", "watch_cell", "watch_question", "watch_stop", "watch_incident", "watch_notice"),
        *("spot_check", "habit", "habit_network"),
    }
)
"""Tables whose rows go on. All others follow from entries, and begin anew."""
STATED = frozenset({"statement_day", "day_statement", "statement_dispute", "erasure"})
"""Those of what was done with a log's entries go on, too, where all of them are there."""
_FAR = 1 << 40


def succeed(home: Home, origin: str, passphrase: Passphrase | None = None) -> Rebuilt | None:
    """Opens the successor of this name; None when an interrupted one was only put in its place.

    Raises `LedgerError` where there is nothing to succeed, or it cannot be.
    """
    if is_unsettled(home):
        finish(home)
        return None
    check_place(home, origin)
    made = count(home, passphrase)
    if not made.diagnosis.lost:
        raise LedgerError("没有缺失的条目：这本账可以继续；例行换册用 bidui log roll")
    open_successor(home, origin, made, passphrase)
    return made


def open_successor(home: Home, origin: str, made: Rebuilt | None, passphrase: Passphrase | None) -> None:
    """Opens it; `made` is what was counted where entries are lost, None after a log that was closed in order."""
    beside, old = replace(home, path=home.path / NEXT), origin_of(home)
    _prepare(home, beside, old, origin)
    _fill(home, beside, made)
    _begin(home, beside, old, made, passphrase)
    _settle(beside)
    _sync(beside.path)
    write_new(beside.path / COMPLETE, old.encode())
    finish(home)


def check_place(home: Home, origin: str) -> None:
    """Raises `LedgerError` where no log of this name can follow here."""
    settings = load(home, SETTINGS, ServeSettings)
    check_origin(origin)
    if origin == settings.origin:
        raise LedgerError("后继存证账须另取名称，如把末尾的序号加一")
    taken = {folder_name(settings.origin), *(each.path.name for each in closed_homes(home))}
    if folder_name(origin) in taken or old_place(home, settings.origin).exists():
        raise LedgerError("closed/ 中已有同名的存证账：后继须另取名称，如把末尾的序号加一")
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


def _fill(home: Home, beside: Home, made: Rebuilt | None) -> None:
    """A database with every row that goes on, and its counters: as they were, or as they were counted."""
    old, new = open_engine(f"sqlite:///{home.path / DATABASE}"), open_engine(f"sqlite:///{beside.path / DATABASE}")
    try:
        create(new)
        with old.connect() as source, new.begin() as target:
            target.execute(delete(control))
            carried = CARRIED if made else CARRIED | STATED
            for table in (each for each in metadata.sorted_tables if each.name in carried):
                _copy(source, target, table)
            _drop_released(target)
            # What a spot check was about stands in the old log, which has another count.
            target.execute(update(spot_check).values(entry=UNTOLD))
            _renumber(target, 2 if made else 1)
        if made:
            replace_counts(new, made.counts, made.known)
    finally:
        old.dispose()
        new.dispose()
    _settle(home)


def _copy(source: Connection, target: Connection, table: Table) -> None:
    names = table.columns.keys()
    for row in source.execute(select(*table.columns)):
        target.execute(insert(table).values(dict(zip(names, row, strict=True))))


def _drop_released(target: Connection) -> None:
    """A response of the watch goes on unless a deed of a later entry released it; entries are numbered anew."""
    of = watch_stop.c
    stops = [Stop(*row) for row in target.execute(select(of.target, of.is_frozen, of.incident, of.entry))]
    rows = target.execute(select(deed.c.deed, deed.c.entry).where(deed.c.kind == Kind.FREEZE.value, deed.c.entry > 0))
    opened = [(read_deed(bytes(encoded)).document, entry) for encoded, entry in rows]
    releases = [released_by(document, entry) for document, entry in opened if document.path == RELEASE]
    target.execute(delete(watch_stop).where(of.target.not_in(list(lying(stops, releases)))))


def _renumber(target: Connection, first: int) -> None:
    """The deeds in force are told by the entries from this one on, in their order; what was stopped is behind them."""
    entries = list(target.execute(select(deed.c.entry).where(deed.c.entry > 0).order_by(deed.c.entry)).scalars())
    for index, entry in enumerate(entries, first):
        target.execute(update(deed).where(deed.c.entry == entry).values(entry=index + _FAR))
    target.execute(update(watch_stop).values(entry=first + len(entries) - 1))
    target.execute(update(deed).where(deed.c.entry > _FAR).values(entry=deed.c.entry - _FAR))


def _settle(home: Home) -> None:
    """Moves everything from the write-ahead log into the file itself, which alone is moved then."""
    engine = open_engine(f"sqlite:///{home.path / DATABASE}")
    try:
        with engine.connect() as connection:
            is_busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
    finally:
        engine.dispose()
    if is_busy:
        raise LedgerError("控制库仍有人在用：请先停 serve，再运行一次")


def _sync(folder: Path) -> None:
    """Everything made here is on the disk before it is called complete."""
    for path in (each for each in folder.rglob("*") if not each.is_symlink()):
        sync_folder(path)
    sync_folder(folder)


def _begin(home: Home, beside: Home, old: str, made: Rebuilt | None, passphrase: Passphrase | None) -> None:
    """Entry 0, what was counted, the deeds; and the first checkpoint over them."""
    settings = load(beside, SETTINGS, ServeSettings)
    write_trust(beside, successor_trust(trust_of(home), settings.origin))
    keys, foundation = read_log_keys(beside, settings, passphrase), read_home_foundation(beside)
    last = (FileCheckpoints(home.checkpoints).latest() or b"").decode()
    founders = foundation.members()
    opening = log_opened(origin=settings.origin, vkeys=keys.vkeys, founders=founders, previous=last)
    ledger, now = make_ledger(beside, settings, passphrase), home.clock.now()
    with closing(SqlStore(beside.database_url(settings))) as store, store.begin() as work:
        carried = list(_carried(work.deeds.in_force(0), Standing(foundation), now))
        told = [_told(old, made)] if made else []
        drafts = [opening, *told, *(draft for draft, _ in carried)]
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


def finish(home: Home) -> None:
    """Puts what is new in its place and keeps what was there; may be repeated, once `next/complete` is there."""
    beside = home.path / NEXT
    closed = old_place(home, (beside / COMPLETE).read_text(encoding="utf-8"))
    closed.mkdir(parents=True, exist_ok=True, mode=0o750)
    if (beside / DATABASE).exists():
        for left in (home.path / "data").glob("control.sqlite-*"):
            left.unlink()
    for name in MOVED:
        made, place, kept = beside / name, home.path / name, closed / Path(name).name
        if made.exists():
            _keep(place, kept)
            made.rename(place)
            sync_folder(place.parent)
    (beside / COMPLETE).unlink()
    shutil.rmtree(beside)


def _keep(place: Path, kept: Path) -> None:
    """Once. The settings are copied, because without them nobody could go on."""
    if not place.exists() or kept.exists():
        return
    if place.name == SETTINGS:
        draft = kept.with_name(f".{SETTINGS}.new")
        shutil.copyfile(place, draft)
        sync_folder(draft)
        draft.replace(kept)
    else:
        place.rename(kept)
    sync_folder(kept.parent)
