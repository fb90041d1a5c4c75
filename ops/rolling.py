"""`bidui log roll`: the log is closed, and another one goes on in its place. Serve is stopped meanwhile.

    (deed)  ROLLOVER {origin, vkeys}, proposed by 系统管理员, approved by 审计管理员
    1. under the lock on the rights, `log.closed` is written and the database shut, in one transaction
    2. the final checkpoint covers it
    3. the successor is made beside it and put in its place (`ops.succession`); budgets go on as they are

After 1 nothing else gets into the old log; whoever was interrupted goes on with the same command. Nothing is lost, so
nothing counts as spent.
"""

from __future__ import annotations

import socket
from contextlib import closing, suppress
from datetime import date, timedelta
from typing import NamedTuple

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import Passphrase
from adapters.sql.closing import ClosingStore
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlWork
from adapters.undecided import FileMark
from audit.care_events import Decided, log_closed
from audit.checkpoint import peek
from audit.entry import JsonValue
from audit.errors import LedgerError
from audit.rollback import Fate
from audit.rollover import Closing, carried_checkpoint, closing_of, successor_trust
from audit.signer import State
from audit.stamps import microseconds, text
from audit.statement import bounds, read_comparison
from audit.suite import suite_of
from gateway.deeds.document import Document, Kind
from gateway.deeds.standing import Standing
from gateway.domain.errors import ConflictError
from gateway.domain.grant import local_day
from gateway.statements.making import first_since
from ops.chain import opened_on
from ops.closed import is_unsettled, origin_of, trust_of
from ops.doctor.history import examine_history
from ops.installing import check_origin
from ops.log_keys import make_signer, read_log_keys
from ops.office import open_office
from ops.settings import Home, ServeSettings, SettingsError, load
from ops.succession import check_place, finish, open_successor

_REACH_SECONDS = 1.0


class Rolled(NamedTuple):
    """The log of this name goes on now. `closed` is the name of the one before, `entries` how many it has."""

    origin: str
    closed: str
    entries: int


def rollover_content(home: Home, origin: str) -> dict[str, JsonValue]:
    """What a deed must say so that the log may be succeeded by one of this name. Raises `LedgerError`."""
    check_origin(origin)
    check_place(home, origin)
    vkeys = dict.fromkeys(each.vkey for each in successor_trust(trust_of(home), origin).keys)
    return {"origin": origin, "vkeys": list(vkeys)}


def roll(home: Home, origin: str = "", passphrase: Passphrase | None = None, *, at_once: bool = False) -> Rolled:
    """Closes the log as a deed in force allows, and opens its successor; `origin` chooses among several deeds.

    `at_once` does not wait for a day without comparisons. May be repeated. Raises `ConflictError`, `LedgerError`.
    """
    if is_unsettled(home):
        finish(home)
        return _done(home)
    settings = load(home, "serve.toml", ServeSettings)
    _check_stopped(settings)
    with closing(SqlLedgerReader.open(home.database_url(settings))) as reader:
        closed = closing_of(reader)
    if closed is None:
        _check_well(home, settings, passphrase)
        if not at_once:
            _check_day(home, settings)
        closed = _close(home, settings, origin, passphrase)
    check_place(home, closed.successor)
    _sign(home, settings, passphrase, closed.entry + 1)
    open_successor(home, closed.successor, None, passphrase)
    return _done(home)


def _done(home: Home) -> Rolled:
    with closing(SqlLedgerReader.open(home.database_url(load(home, "serve.toml", ServeSettings)))) as reader:
        previous = peek(carried_checkpoint(reader) or b"")
    return Rolled(origin_of(home), previous.origin, previous.size)


def _check_stopped(settings: ServeSettings) -> None:
    """A gateway that has not noticed would sign receipts of the new log under the old name, until it looks again."""
    with suppress(OSError), socket.create_connection((settings.host, settings.port), timeout=_REACH_SECONDS):
        raise ConflictError(f"端口 {settings.port} 仍有人在听：请先停 serve，再换册")


def _check_well(home: Home, settings: ServeSettings, passphrase: Passphrase | None) -> None:
    """A log that is not what was signed is evidence, and is not left behind; nor is what people must decide about."""
    if FileMark(home.checkpoints).read() is not None:
        raise ConflictError("有待两人决定的封账，不能换册：先运行 bidui audit unseal")
    _sign(home, settings, passphrase, 1)
    if examine_history(home).fate is not Fate.WHOLE:
        raise ConflictError("存证账与检查点不符，不能换册：先运行 bidui audit doctor")


def _check_day(home: Home, settings: ServeSettings) -> None:
    """A day's statements are made of one log: what was asked today would be missing from those of the successor."""
    since = text(microseconds(bounds(local_day(home.clock.now()))[0]))
    with closing(SqlLedgerReader.open(home.database_url(settings))) as reader:
        size = reader.head().size
        for content in reader.entries(first_since(reader, since, size), size):
            if read_comparison(content, settings.origin, suite_of(settings.suite).digest) is not None:
                raise ConflictError("今日已有比对，换册后今日对账单将不含它们：零点后、业务开始前换册，或加 --at-once")


def _check_stated(work: SqlWork, home: Home, opened: date) -> None:
    """Nor can the successor make the statements of days that are over."""
    today = local_day(home.clock.now())
    if opened < today and work.statements.last_day() != (today - timedelta(days=1)).isoformat():
        raise ConflictError("昨日的对账单尚未出具：运行 serve 片刻，停下后再换册")


def _close(home: Home, settings: ServeSettings, origin: str, passphrase: Passphrase | None) -> Closing:
    """The last entry, as a deed allows it, and nothing behind it."""
    office = open_office(home, passphrase)
    with closing(SqlLedgerReader.open(home.database_url(settings))) as reader:
        opened = opened_on(reader)
    with closing(office.store), closing(ClosingStore(home.database_url(settings))) as store, store.closing() as work:
        work.deeds.lock()
        now = home.clock.now()
        _check_stated(work, home, opened)
        found = _allowed(home, office.reader.refresh(work.deeds, now), origin)
        draft = log_closed(successor=found.successor, vkeys=sorted(found.vkeys), decided=found.decided)
        (recorded,) = office.ledger.append(work.ledger, [draft], now)
        work.shut()
        work.commit()
    return Closing(recorded.index, found.successor, found.vkeys)


class _Allowed(NamedTuple):
    successor: str
    vkeys: frozenset[str]
    decided: Decided


def _allowed(home: Home, standing: Standing, origin: str) -> _Allowed:
    """The one deed in force whose successor could be opened now."""
    found = [each for each in standing.of(Kind.ROLLOVER) if _fits(home, each, origin)]
    if len(found) > 1:
        names = "、".join(sorted(str(each.content["origin"]) for each in found))
        raise ConflictError(f"有几份换册文书生效，请写明后继的名称：{names}")
    deed = standing.deed(Kind.ROLLOVER, found[0].id) if found else None
    if deed is None:
        raise ConflictError("没有生效的 rollover 文书列有后继存证账的名称和现用各密钥：见 bidui log successor")
    successor = str(found[0].content["origin"])
    vkeys = frozenset(_vkeys(found[0]))
    return _Allowed(successor, vkeys, Decided(deed.digest, [each.person for each in deed.signatures]))


def _fits(home: Home, document: Document, origin: str) -> bool:
    """Deeds are kept for ever: those of earlier successors, or over keys of yesterday, fit no more."""
    if origin and document.content["origin"] != origin:
        return False
    try:
        wanted = rollover_content(home, str(document.content["origin"]))["vkeys"]
    except (LedgerError, SettingsError):
        return False
    return isinstance(wanted, list) and set(_vkeys(document)) == set(map(str, wanted))


def _vkeys(document: Document) -> list[str]:
    named = document.content["vkeys"]
    return [str(each) for each in named] if isinstance(named, list | tuple) else []


def _sign(home: Home, settings: ServeSettings, passphrase: Passphrase | None, size: int) -> None:
    """The checkpoint over everything that is there, at least so many entries. Raises `LedgerError`."""
    checkpoints = FileCheckpoints(home.checkpoints)
    with closing(SqlLedgerReader.open(home.database_url(settings))) as reader:
        keys = read_log_keys(home, settings, passphrase)
        run = make_signer(home, settings, keys, reader, checkpoints).run_once()
    latest = checkpoints.latest()
    if run.state is State.SEALED or latest is None or peek(latest).size < size:
        raise LedgerError(f"存证账不能签署，不换册：先运行 bidui audit doctor（{run.cause or '尚无检查点'}）")
