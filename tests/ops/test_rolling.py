"""A log is closed and another one goes on: as two people signed, whole or not at all, and proven from both ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.checkpoints import FileCheckpoints
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.checkpoint import peek
from audit.entry import JsonValue
from audit.errors import LedgerError
from audit.report import Exit
from audit.rotation import differences
from audit.trail_events import trail_read
from audit.verify import verify_log
from gateway.deeds.document import Kind
from gateway.domain.errors import ConflictError
from gateway.domain.people import Duty
from ops.chain import link_of, verify_closed
from ops.closed import closed_homes, trust_of
from ops.demo.office import SyntheticOffice
from ops.doctor.history import examine_history
from ops.office import open_office
from ops.prove.homes import Stage
from ops.rolling import roll, rollover_content
from ops.rotation import OVERLAP
from ops.settings import Home, ServeSettings, load
from tests.fakes import DrivenClock
from tests.homes import a_home
from tests.make import ORIGIN
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
    with closing(sqlite3.connect(log.home.path / "data" / "control.sqlite")) as connection, connection:
        day = (log.clock.now().date()).isoformat()
        connection.execute("INSERT INTO statement_day VALUES (date(?, '-1 day'), 0)", [day])
    roll(log.home)

    assert verdict(log.home) is Exit.PROVEN
    assert {each.first for each in trust_of(log.home).keys} == {0}
