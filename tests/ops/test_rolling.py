"""A log is closed and another one goes on: as two people signed, whole or not at all, and proven from both ends."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from typer.testing import CliRunner

from adapters.checkpoints import FileCheckpoints
from adapters.sql.check_reader import SqlCheckReader
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from adapters.undecided import FileMark, Mark
from audit.checkpoint import peek
from audit.entry import JsonValue
from audit.errors import LedgerError
from audit.events import log_opened
from audit.report import Exit
from audit.rollback import Fate
from audit.rotation import differences
from audit.trail_events import trail_read
from audit.verify import verify_log
from audit.verify_receipt import verify_receipt
from gateway.deeds.document import Kind
from gateway.deeds.steps import RELEASE
from gateway.domain.errors import ConflictError, DownError
from gateway.domain.grant import local_day
from gateway.domain.people import Duty
from gateway.domain.spot_check import UNTOLD
from gateway.domain.standing import Kept, Stop
from ops import rolling, succession
from ops.chain import link_of, proof_of, verify_closed
from ops.cli.main import app
from ops.closed import closed_home, closed_homes, database_of, trust_of
from ops.demo.office import SyntheticOffice, found_home, rehearse
from ops.doctor.history import examine_history
from ops.erasing import open_custody
from ops.foundation import read_home_foundation
from ops.installing import migrate
from ops.log_keys import make_ledger, make_signer, read_log_keys
from ops.office import open_office
from ops.prove.homes import FINANCE, Stage
from ops.rebuilding import count, differing_of
from ops.rights import RightsDesk
from ops.rolling import roll, rollover_content
from ops.rotation import OVERLAP
from ops.settings import Home, Mode, ServeSettings, SettingsError, load
from ops.wiring import wire
from tests.checks import a_check
from tests.fakes import DrivenClock
from tests.homes import a_home, edit
from tests.make import CATALOGUE, ORIGIN
from tests.ops.test_rotation import Log
from tests.ops.test_serve import Wired, a_wired

NEW, NEXT = "demo.bidui.example/audit/2026-2", "demo.bidui.example/audit/2026-3"
RUN = CliRunner()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return a_home(tmp_path / "home", clock=DrivenClock())


@pytest.fixture
def wired(staged: Stage, tmp_path: Path) -> Iterator[Wired]:
    with a_wired(staged, tmp_path) as made:
        yield made


def decide(home: Home, origin: str = NEW, **changes: JsonValue) -> None:
    content = rollover_content(home, origin) | changes
    with closing(SyntheticOffice(home)) as office:
        name = f"to-{origin[-6:]}"
        office.put_in_force(Kind.ROLLOVER, name, content, Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)


def reader_of(home: Home) -> SqlLedgerReader:
    return SqlLedgerReader.open(home.database_url(load(home, "serve.toml", ServeSettings)))


def verdict(home: Home) -> Exit:
    with closing(reader_of(home)) as reader:
        report = verify_log(reader, FileCheckpoints(home.checkpoints).history(), trust_of(home))
        link = link_of(home, reader, trust_of(home).origin)
    assert report.problems == ()
    assert link is not None
    assert link.is_checked
    assert link.problems == ()
    return report.verdict


def append(home: Home) -> None:
    """Somebody who knows nothing of it writes."""
    office = open_office(home)
    with closing(office.store), office.store.begin() as work:
        draft = trail_read(person="bb-shenji", duty="audit_admin", use="explanation", first=0, last=0)
        office.ledger.append(work.ledger, [draft], home.clock.now())
        work.commit()


def yesterday_is_stated(home: Home) -> None:
    yesterday = local_day(home.clock.now()) - timedelta(days=1)
    with closing(sqlite3.connect(home.path / "data" / "control.sqlite")) as connection, connection:
        connection.execute("INSERT INTO statement_day VALUES (?, 0)", [yesterday.isoformat()])


def test_without_a_deed_in_force_nothing_is_closed(home: Home) -> None:
    size = peek(FileCheckpoints(home.checkpoints).latest() or b"").size

    with pytest.raises(ConflictError, match="rollover"):
        roll(home)
    decide(home, vkeys=["demo+00000000+AAAA"])
    with pytest.raises(ConflictError, match="rollover"):
        roll(home)

    assert trust_of(home).origin == ORIGIN
    assert peek(FileCheckpoints(home.checkpoints).latest() or b"").size > size
    append(home)


def test_the_successor_carries_the_last_checkpoint_and_both_are_proven(home: Home) -> None:
    decide(home)

    done = roll(home)

    assert (done.origin, done.closed) == (NEW, ORIGIN)
    assert verdict(home) is Exit.PROVEN
    report = verify_closed(home, ORIGIN, [])
    assert (report.verdict, report.size) == (Exit.PROVEN, done.entries)
    assert examine_history(home).fate is Fate.WHOLE
    with closing(reader_of(home)) as reader:
        assert differences(trust_of(home), [content for _, content in reader.of_type("key.trusted")]) == []
    append(home)
    with closing(SyntheticOffice(home)) as office:
        assert office.office.standing().content(Kind.ROLLOVER, f"to-{NEW[-6:]}")


def test_a_log_is_rolled_again_and_again(home: Home) -> None:
    decide(home)
    roll(home)
    with pytest.raises(ConflictError, match="rollover"):
        roll(home)
    with pytest.raises(LedgerError, match="同名"):
        rollover_content(home, ORIGIN)
    decide(home, NEXT)

    roll(home)

    assert verdict(home) is Exit.PROVEN
    assert [trust_of(each).origin for each in closed_homes(home)] == [ORIGIN, NEW]
    assert [verify_closed(home, name, []).verdict for name in (ORIGIN, NEW)] == [Exit.PROVEN] * 2


def test_keys_that_came_later_go_on_and_two_of_one_make_do_not(tmp_path: Path) -> None:
    log = Log(tmp_path / "home")
    log.decide(*log.make_all())
    log.rotation().switch()
    with pytest.raises(LedgerError, match="key end"):
        rollover_content(log.home, NEW)
    log.sign()
    log.clock.pass_by(seconds=OVERLAP.total_seconds() + 60)
    log.rotation().end()
    log.close()
    decide(log.home)

    with pytest.raises(ConflictError, match="对账单"):
        roll(log.home)
    yesterday_is_stated(log.home)
    roll(log.home)

    assert verdict(log.home) is Exit.PROVEN
    assert {each.first for each in trust_of(log.home).keys} == {0}


STEPS = {
    "before the log is closed": ("ops.rolling.log_closed", True),
    "before the final checkpoint": ("ops.rolling.Closing", False),
    "before anything new is made": ("ops.rolling.open_successor", False),
    "while the database is filled": ("ops.succession._copy", False),
    "while deeds are carried": ("ops.succession.log_opened", False),
    "before the new log is complete": ("ops.succession.write_new", False),
    "before anything is moved": ("ops.succession.finish", False),
}


class PlugError(Exception):
    """The power is gone."""


def pull_the_plug(*_: object, **__: object) -> None:
    raise PlugError


@pytest.mark.parametrize("step", STEPS)
def test_whoever_is_interrupted_goes_on_with_the_same_command(
    home: Home, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, is_open = STEPS[step]
    decide(home)
    monkeypatch.setattr(place, pull_the_plug)

    with pytest.raises(PlugError):
        roll(home)
    monkeypatch.undo()

    if is_open:
        append(home)
    else:
        with pytest.raises((DownError, SettingsError)):
            append(home)
    assert roll(home).origin == NEW
    assert verdict(home) is Exit.PROVEN
    assert verify_closed(home, ORIGIN, []).verdict is Exit.PROVEN
    append(home)


@pytest.mark.parametrize("renames", range(8))
def test_interrupted_while_things_are_moved_nobody_writes_until_it_is_finished(
    home: Home, renames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, left = Path.rename, iter(range(renames))

    def rename_some(path: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise PlugError
        return rename(path, target)

    decide(home)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename_some)
        with suppress(PlugError):
            roll(home)
            assert renames == 7, "there are seven of them"
    if renames < 7:
        with pytest.raises(SettingsError, match="log roll"):
            append(home)
        with pytest.raises(SettingsError, match="log roll"):
            migrate(home)
        roll(home)

    assert verdict(home) is Exit.PROVEN
    assert verify_closed(home, ORIGIN, []).verdict is Exit.PROVEN
    assert not (home.path / "next").exists()
    append(home)


def counted(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as connection:
        days = connection.execute("SELECT * FROM budget_day ORDER BY 1, 2").fetchall()
        return [days, connection.execute("SELECT count(*) FROM seen_subject").fetchall()]


def test_budgets_answers_and_receipts_keep_their_worth_and_who_still_runs_is_refused(wired: Wired) -> None:
    home = wired.home
    first, other = wired.ask(first_request := wired.comparison(0), wired.comparison(1))
    assert [first.status_code, other.status_code] == [200, 200]
    receipt = json.dumps(first.json()["receipt"]).encode()
    index, before = first.json()["receipt"]["body"]["index"], counted(home.path / "data" / "control.sqlite")
    with closing(SyntheticOffice(home)) as office:
        content = rollover_content(home, NEW)
        office.put_in_force(Kind.ROLLOVER, "to-2", content, Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)
    with pytest.raises(ConflictError, match="今日已有比对"):
        roll(home)

    done = roll(home, at_once=True)

    with pytest.raises(DownError), wired.gateway.pipeline.store.begin():
        pytest.fail("it would write")
    wired.gateway.close()
    assert counted(home.path / "data" / "control.sqlite") == before
    assert differing_of(home, count(home)) == 0
    wired.gateway = wire(home)
    wired.gateway.watchman.look()
    assert wired.gateway.watchman.standing.whys == ()
    again, known, new = wired.ask(first_request, wired.comparison(0), wired.comparison(3))
    assert again.json() == first.json()
    assert [known.status_code, new.status_code] == [200, 200]
    assert known.json()["receipt"]["body"]["index"] < done.entries
    wired.gateway.watchman.look()
    wired.gateway.close()
    assert verdict(home) is Exit.PROVEN
    closed = closed_home(home, done.closed)
    report = verify_receipt(receipt, trust_of(closed), proof=proof_of(home, done.closed, index))
    assert report.verdict is Exit.PROVEN
    assert verify_closed(home, done.closed, []).size == done.entries


def test_entries_behind_the_closing_one_are_tampering(home: Home) -> None:
    decide(home)
    entries = roll(home).entries
    closed = closed_home(home, ORIGIN)
    behind(closed, home)

    report = verify_closed(home, ORIGIN, [])

    assert (report.verdict, report.first_bad) == (Exit.TAMPERED, 0)
    assert any(each.index == entries and "closed the log" in each.cause for each in report.problems)
    with closing(reader_of(home)) as reader:
        link = link_of(home, reader, NEW)
    assert link is not None
    assert [each.verdict for each in link.problems] == [Exit.TAMPERED]
    with pytest.raises(LedgerError, match="--closed"):
        count(home)


def behind(closed: Home, home: Home) -> None:
    """Whoever has the keys takes the guard off, writes, and signs."""
    with closing(sqlite3.connect(closed.path / "control.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER ledger_entry_closed")
    settings, old = load(closed, "serve.toml", ServeSettings), replace(closed, path=closed.path.parent / "forger")
    old.path.mkdir()
    old.keys.symlink_to(home.keys)
    for name in ("serve.toml", "trust.json"):
        shutil.copy(closed.path / name, old.path / name)
    draft = trail_read(person="bb-shenji", duty="audit_admin", use="explanation", first=0, last=0)
    with closing(SqlStore(database_of(closed))) as store, store.begin() as work:
        make_ledger(old, settings, None).append(work.ledger, [draft], home.clock.now())
        work.commit()
    with closing(SqlLedgerReader.open(database_of(closed))) as reader:
        keys = read_log_keys(old, settings, None)
        make_signer(old, settings, keys, reader, FileCheckpoints(closed.path / "checkpoints")).run_once()


def test_a_successor_that_carries_another_checkpoint_is_tampering(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(home)
    older = (FileCheckpoints(home.checkpoints).latest() or b"").decode()
    opened = log_opened
    monkeypatch.setattr(succession, "log_opened", lambda **told: opened(**{**told, "previous": older}))

    roll(home)

    with closing(reader_of(home)) as reader:
        link = link_of(home, reader, NEW)
    assert link is not None
    assert [(each.verdict, each.index) for each in link.problems] == [(Exit.TAMPERED, 0)]
    assert verify_closed(home, ORIGIN, []).verdict is Exit.TAMPERED


def test_a_log_that_was_closed_for_another_one_is_tampering(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(home)
    monkeypatch.setattr(
        rolling, "open_successor", lambda home, _, made, key: succession.open_successor(home, NEXT, made, key)
    )

    roll(home)

    with closing(reader_of(home)) as reader:
        link = link_of(home, reader, NEXT)
    assert link is not None
    assert ["names this log" in each.cause for each in link.problems] == [True]


def test_a_closed_log_that_is_not_here_is_not_checked_and_its_budgets_cannot_be_counted(home: Home) -> None:
    decide(home)
    roll(home)
    shutil.rmtree(home.path / "closed")

    with closing(reader_of(home)) as reader:
        link = link_of(home, reader, NEW)

    assert link is not None
    assert (link.previous.origin, link.is_checked, link.problems) == (ORIGIN, False, ())
    with pytest.raises(LedgerError, match="closed"):
        verify_closed(home, ORIGIN, [])
    with pytest.raises(LedgerError, match="前一本账"):
        count(home)


def test_what_people_must_decide_about_is_not_left_behind(home: Home) -> None:
    decide(home)
    FileMark(home.checkpoints).write(Mark("seal-1", "rolled_back", "", 3, "2026-06-30T00:00:00Z"))
    with pytest.raises(ConflictError, match="unseal"):
        roll(home)


def test_a_deed_of_erasure_reaches_no_further_than_when_it_was_signed(tmp_path: Path) -> None:
    clock = DrivenClock()
    home = a_home(tmp_path / "home", clock=clock)
    month, content = clock.now().month, {"subject": "ab" * 16, "basis": "本人申请"}
    with closing(SyntheticOffice(home)) as office:
        office.put_in_force(Kind.ERASURE, "E-1", content, Duty.AUDIT_ADMIN, Duty.LEADER, reason="本人申请")
    decide(home)
    clock.pass_by(seconds=40 * 31 * 86400)
    yesterday_is_stated(home)

    roll(home)

    with closing(open_custody(home)) as custody:
        assert custody.erasing.erase("E-1").before == f"2026-{month + 1:02}"


def test_while_serve_still_listens_nothing_is_closed(home: Home) -> None:
    decide(home)
    with socket.create_server(("127.0.0.1", 0)) as serve:
        edit(home.path / "serve.toml", "port = 0", f"port = {serve.getsockname()[1]}")
        with pytest.raises(ConflictError, match="serve"):
            roll(home)
    assert roll(home).origin == NEW


def test_under_the_suite_gm(tmp_path: Path) -> None:
    home = Home(path=tmp_path / "home", mode=Mode.TEST, clock=DrivenClock())
    found_home(home, origin=ORIGIN, issuer="https://gateway.example", suite="gm", port=0, metrics_port=0)
    rehearse(home)
    decide(home)

    roll(home)

    assert verdict(home) is Exit.PROVEN
    assert verify_closed(home, ORIGIN, []).verdict is Exit.PROVEN


def bidui(home: Home, *arguments: str) -> dict[str, Any]:
    done = RUN.invoke(app, [*arguments, "--home", str(home.path), "--json"])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_commands(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDUI_MODE", "test")
    clock = tmp_path / "clock"
    clock.write_text(home.clock.now().isoformat())
    monkeypatch.setenv("BIDUI_CLOCK", f"file:{clock}")
    content = bidui(home, "log", "successor", NEW)
    with closing(SyntheticOffice(home)) as office:
        office.put_in_force(Kind.ROLLOVER, "to-2", content, Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)

    done = bidui(home, "log", "roll")

    assert done["origin"] == NEW
    now, old = bidui(home, "audit", "verify"), bidui(home, "audit", "verify", "--closed", ORIGIN)
    assert now["previous"] == {"origin": ORIGIN, "entries": done["entries"], "checked": True, "lost": False}
    assert (old["verdict"], old["entries"]) == ("proven", done["entries"])
    assert bidui(home, "audit", "proof", "3", "--closed", ORIGIN)["tlog_proof"].startswith("c2sp.org/tlog-proof@v1")
    said = RUN.invoke(app, ["audit", "verify", "--home", str(home.path)]).stdout
    assert f"前一本账：{ORIGIN}" in said


def test_what_the_watch_stopped_stays_stopped_and_what_was_released_does_not_come_back(wired: Wired) -> None:
    home, grant = wired.home, f"2026-{FINANCE.code}-001"
    stopped, released = f"grant.{grant}", f"system.{FINANCE.client}"
    duties = Duty.SECURITY_ADMIN, Duty.LEADER
    lay(wired, released)
    with closing(SyntheticOffice(home)) as office:
        office.put_in_force(Kind.FREEZE, released, RELEASED, *duties, path=RELEASE, reason="已核实")
        content = rollover_content(home, NEW)
        office.put_in_force(Kind.ROLLOVER, "to-2", content, Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)
    lay(wired, stopped)
    with closing(SyntheticOffice(home)) as office:
        office.put_in_force(Kind.FREEZE, stopped, {"frozen": True}, Duty.SECURITY_ADMIN, reason="同时核查")
    wired.gateway.watchman.look()

    roll(home, at_once=True)
    wired.gateway.close()

    assert held(home) == {stopped}
    with closing(SyntheticOffice(home)) as office:
        office.put_in_force(Kind.FREEZE, stopped, RELEASED, *duties, path=RELEASE, reason="已核实")
    assert held(home) == set()


def test_a_spot_check_goes_on_and_speaks_of_no_entry_of_another_log(wired: Wired) -> None:
    check = a_check("cd" * 8, grant=f"2026-{FINANCE.code}-001", partner=FINANCE.code, entry=7)
    with wired.gateway.desk.begin() as work:
        work.checks.put([check])
        work.commit()
    with closing(SyntheticOffice(wired.home)) as office:
        content = rollover_content(wired.home, NEW)
        office.put_in_force(Kind.ROLLOVER, "to-2", content, Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)
    wired.gateway.watchman.look()

    roll(wired.home, at_once=True)
    wired.gateway.close()

    url = wired.home.database_url(load(wired.home, "serve.toml", ServeSettings))
    assert SqlCheckReader.open(url).check(check.number) == structs.replace(check, entry=UNTOLD)


RELEASED: dict[str, JsonValue] = {"frozen": False, "incident": "ab" * 8}


def lay(wired: Wired, target: str) -> None:
    """The watch puts something on hold."""
    with wired.gateway.desk.begin() as work:
        work.watch.keep(Kept(day=1, scores={}, counts={}, cells={}, questions={}, stopped=[target]))
        work.watch.lay([Stop(target, False, "ab" * 8, work.ledger.lock_head().size)])
        work.commit()


def held(home: Home) -> frozenset[str]:
    """What is on hold for whoever loads the rights now."""
    url = home.database_url(load(home, "serve.toml", ServeSettings))
    desk = RightsDesk(
        foundation=read_home_foundation(home),
        database=url,
        catalogue=CATALOGUE,
        clock=home.clock,
        changed=lambda *_: None,
    )
    return desk.load().held
