"""After a restore: nothing is answered, the doctor says from where on entries are missing, what is lost is spent."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from audit.causes import Cause
from audit.errors import LedgerError
from audit.rollback import Fate
from gateway.deeds.document import Kind
from gateway.domain.people import Duty
from gateway.drafting import Proposal
from ops.demo.office import IDS, SyntheticOffice
from ops.doctor import examine
from ops.doctor.finding import State
from ops.doctor.history import examine_history, explain
from ops.prove.homes import Stage
from ops.rebuilding import count, rebuild
from ops.settings import Home
from ops.succession import succeed
from ops.wiring import wire
from tests.doors import problem_of
from tests.ops.test_serve import Wired, a_wired
from tests.test_docs import commands

NEW = "demo.bidui.example/audit/2026-2"

ACCOUNTS = 3
"""A comparison counts for its grant, for the purpose and for the operator."""


@pytest.fixture
def wired(staged: Stage, tmp_path: Path) -> Iterator[Wired]:
    with a_wired(staged, tmp_path) as made:
        yield made


def ask(wired: Wired, *places: int) -> list[httpx2.Response]:
    return wired.ask(*(wired.comparison(place) for place in places))


def backup(wired: Wired, name: str = "backup.sqlite") -> Path:
    """What an operator does: SQLite's own online backup."""
    path = wired.home.path / name
    with closing(sqlite3.connect(database(wired.home))) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
    return path


def database(home: Home) -> Path:
    return home.path / "data" / "control.sqlite"


def restore(wired: Wired, path: Path, *, is_closed: bool = False) -> None:
    """With serve stopped."""
    if not is_closed:
        wired.gateway.close()
    for left in database(wired.home).parent.glob("control.sqlite-*"):
        left.unlink()
    shutil.copy(path, database(wired.home))


@contextmanager
def served_again(wired: Wired) -> Iterator[None]:
    """Serve is started again on what is there now."""
    with closing(wire(wired.home)) as wired.gateway:
        wired.gateway.watchman.look()
        yield


def set_clock(wired: Wired, later: timedelta) -> None:
    path = wired.home.path.with_name("home.clock")
    path.write_text((datetime.fromisoformat(path.read_text()) + later).isoformat())


def test_a_database_that_was_restored_is_rebuilt_and_what_is_lost_is_spent(wired: Wired) -> None:
    assert [each.status_code for each in ask(wired, 0, 1)] == [200, 200]
    wired.gateway.watchman.look()
    kept, size = backup(wired), wired.gateway.reader.head().size
    assert [each.status_code for each in ask(wired, 2, 3, 4)] == [200] * 3
    lost = wired.gateway.reader.head().size - size
    wired.gateway.watchman.look()
    old = wired.gateway.checkpoints.latest() or b""

    restore(wired, kept)

    # Serve answers nothing and says why.
    with served_again(wired):
        assert {why.cause for why in wired.gateway.watchman.standing.whys} == {Cause.ROLLED_BACK}
        assert [each.status_code for each in ask(wired, 0)] == [503]

    # The doctor names the first entry that is missing.
    found = examine_history(wired.home)
    assert (found.fate, found.index, found.lost, found.agreed) == (Fate.RESTORED, size, lost, found.agreed)
    assert any(f"第 {size} 条" in line for line in explain(found))
    ill = [each for group in examine(wired.home).groups for each in group.findings if each.state is State.FAIL]
    assert any(f"第 {size} 条" in each.detail and "rebuild" in each.fix for each in ill)

    # The log cannot go on; its successor can.
    with pytest.raises(LedgerError, match="--origin"):
        rebuild(wired.home)
    made = succeed(wired.home, NEW)
    assert made is not None
    assert made.spent is not None
    assert examine_history(wired.home).fate is Fate.WHOLE

    # It answers again; today is spent, tomorrow is not.
    with served_again(wired):
        assert wired.gateway.watchman.standing.whys == ()
        today = ask(wired, 0, 5)
        assert [(each.status_code, problem_of(each)["reason"]) for each in today] == [(403, "quota")] * 2
        opening, told = wired.entries()[:2]
        assert isinstance(opening["body"], dict)
        assert isinstance(told["body"], dict)
        assert str(opening["body"]["previous"]).encode() == old
        assert (told["type"], told["body"]["entries"], told["body"]["signed"]) == ("log.rebuilt", size, size + lost)
    set_clock(wired, timedelta(days=1))
    with served_again(wired):
        answers = ask(wired, 0, 5)
        assert [each.status_code for each in answers] == [200, 200]

    closed = next((wired.home.path / "closed").iterdir())
    assert {each.name for each in closed.iterdir()} >= {"control.sqlite", "checkpoints", "trust.json", "serve.toml"}


def test_what_was_found_is_decided_by_two_people_although_it_agrees_again(wired: Wired) -> None:
    ask(wired, 0)
    wired.gateway.watchman.look()
    old = backup(wired)
    ask(wired, 1)
    wired.gateway.watchman.look()
    whole = backup(wired, "whole.sqlite")
    restore(wired, old)
    with served_again(wired):
        assert {why.cause for why in wired.gateway.watchman.standing.whys} == {Cause.ROLLED_BACK}
        assert [each.status_code for each in wired.ask(a_change())] == [503]

    restore(wired, whole, is_closed=True)

    with served_again(wired):
        watchman = wired.gateway.watchman
        assert {why.cause for why in watchman.look().whys} == {Cause.UNDECIDED}
        assert [each.status_code for each in ask(wired, 2)] == [503]
        mark = watchman.undecided
        assert mark is not None
        with closing(SyntheticOffice(wired.home)) as office:
            wanted = Proposal(kind=Kind.UNSEALING, id=mark.id, content={"cause": mark.cause}, reason="已找回完整备份")
            kept = office.sign(office.draw(IDS[Duty.AUDIT_ADMIN], wanted), IDS[Duty.AUDIT_ADMIN])
            assert {why.cause for why in watchman.look().whys} == {Cause.UNDECIDED}, "one is not two"
            office.sign(kept, IDS[Duty.LEADER])
        assert watchman.look().whys == ()
        assert [each.status_code for each in ask(wired, 2)] == [200]


def a_change() -> httpx2.Request:
    """Something that the office would write."""
    return httpx2.Request("POST", "http://gateway/v1/office/deeds", content=b"{}")


def test_an_interrupted_succession_goes_on_where_it_stopped(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(wired, 0)
    wired.gateway.watchman.look()
    kept = backup(wired)
    ask(wired, 1)
    wired.gateway.watchman.look()
    restore(wired, kept)

    rename, done = Path.rename, list[str]()

    def rename_some(path: Path, target: Path) -> Path:
        if len(done) == 3:
            raise OSError("pulled the plug")
        done.append(path.name)
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename_some)
        with pytest.raises(OSError, match="plug"):
            succeed(wired.home, NEW)
    assert succeed(wired.home, NEW) is None

    assert examine_history(wired.home).fate is Fate.WHOLE
    with served_again(wired):
        assert wired.gateway.watchman.standing.whys == ()


def test_where_nothing_is_lost_counting_anew_finds_what_somebody_changed(wired: Wired) -> None:
    ask(wired, 0, 1, 0)
    wired.gateway.watchman.look()
    wired.gateway.close()
    assert rebuild(wired.home)[1] == 0
    with closing(sqlite3.connect(database(wired.home))) as connection, connection:
        connection.execute("UPDATE budget_day SET subjects = 0, comparisons = 1")
        connection.execute("DELETE FROM seen_subject WHERE link IN (SELECT link FROM seen_subject LIMIT 1)")

    made, differing = rebuild(wired.home)

    assert differing == ACCOUNTS
    assert list(made.counts.values()) == [(2, 3)] * ACCOUNTS
    with closing(sqlite3.connect(database(wired.home))) as connection:
        assert connection.execute("SELECT subjects, comparisons FROM budget_day").fetchall() == [(2, 3)] * ACCOUNTS
        assert connection.execute("SELECT count(*) FROM seen_subject").fetchone() == (0,)
    with served_again(wired):
        assert [each.status_code for each in ask(wired, 0)] == [200]


def test_counting_changes_nothing(wired: Wired) -> None:
    ask(wired, 0)
    wired.gateway.watchman.look()
    before = wired.gateway.reader.head()

    counted = count(wired.home)

    assert list(counted.counts.values()) == [(1, 1)] * ACCOUNTS
    assert counted.spent is None
    assert wired.gateway.reader.head() == before


def test_a_log_that_was_altered_rebuilds_nothing(wired: Wired) -> None:
    ask(wired, 0)
    wired.gateway.watchman.look()
    wired.gateway.close()
    with closing(sqlite3.connect(database(wired.home))) as connection, connection:
        connection.execute("DROP TRIGGER ledger_entry_no_UPDATE")
        connection.execute('UPDATE ledger_entry SET leaf = zeroblob(32) WHERE "index" = 3')

    found = examine_history(wired.home)

    assert (found.fate, found.index) == (Fate.ALTERED, 3)
    with pytest.raises(LedgerError, match="doctor"):
        count(wired.home)


def test_a_standby_that_went_on_is_told_by_the_first_entry_of_its_own(wired: Wired) -> None:
    ask(wired, 0)
    wired.gateway.watchman.look()
    kept, size = backup(wired), wired.gateway.reader.head().size
    ask(wired, 1, 2)
    wired.gateway.watchman.look()
    restore(wired, kept)
    set_clock(wired, timedelta(minutes=5))
    with closing(wire(wired.home)) as wired.gateway:
        ask(wired, 3, 4, 5, 6)  # before anybody looked

    found = examine_history(wired.home)

    assert (found.fate, found.index, found.end) == (Fate.OVERTAKEN, size, size + 1)


def test_the_commands_are_there() -> None:
    assert {"audit state", "audit unseal", "audit doctor", "audit rebuild"} <= commands().keys()
