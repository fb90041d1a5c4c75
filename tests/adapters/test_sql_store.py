"""The control database itself: its guards, its locks, and what it says when it cannot."""

from __future__ import annotations

import errno
import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from adapters.sql.engine import is_sqlite, make_file, open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.schema import create, missing_tables
from adapters.sql.store import SqlStore
from adapters.sql.tables import APPEND_ONLY, metadata
from audit.ledger import EMPTY_HEAD
from gateway.domain.budget import Used
from gateway.domain.errors import UnavailableError
from tests.audit.make import an_answer
from tests.backends import END_OTHERS, END_WORKING
from tests.fakes_audit import MemoryLedger
from tests.gateways import a_deed, a_ledger, open_store, put_grant
from tests.make import NOW, a_grant, limits


@pytest.fixture
def store(engine_url: str) -> Iterator[SqlStore]:
    with closing(open_store(engine_url)) as opened:
        yield opened


@contextmanager
def an_engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    make_file(engine)
    yield engine
    engine.dispose()


# ---------------------------------------------------------------------------------------- tables


def test_making_the_tables_again_changes_nothing(engine_url: str) -> None:
    with closing(open_store(engine_url)) as store, store.begin() as work:
        put_grant(work, a_grant())
        work.commit()

    with an_engine(engine_url) as engine:
        create(engine)
        assert missing_tables(engine) == []

    with closing(SqlStore(engine_url)) as store, store.begin() as work:
        assert work.epoch() == 2
        assert [kept.id for kept in work.deeds.in_force(0)] == ["G-1"]


def test_missing_tables_are_named(engine_url: str) -> None:
    with an_engine(engine_url) as engine:
        assert missing_tables(engine) == sorted(metadata.tables)


def test_a_database_without_tables_is_unavailable(engine_url: str) -> None:
    with closing(SqlStore(engine_url)) as store, pytest.raises(UnavailableError), store.begin() as work:
        work.epoch()


def test_a_database_without_an_epoch_says_what_to_run(engine_url: str) -> None:
    with an_engine(engine_url) as engine:
        metadata.create_all(engine)

    with (
        closing(SqlStore(engine_url)) as store,
        pytest.raises(UnavailableError, match="bidui migrate"),
        store.begin() as work,
    ):
        work.epoch()


def test_a_place_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "control.sqlite").write_bytes(b"this is no database" * 1_000)

    with (
        closing(SqlStore(f"sqlite:///{tmp_path / 'control.sqlite'}")) as store,
        pytest.raises(UnavailableError),
        store.begin() as work,
    ):
        work.epoch()


# ---------------------------------------------------------------------------------------- the ledger only grows

FORBIDDEN = {
    "an entry is changed": "UPDATE ledger_entry SET partner = 'somebody'",
    "an entry is deleted": "DELETE FROM ledger_entry",
    "a tile is changed": "UPDATE ledger_tile SET level = 1",
    "a tile is deleted": "DELETE FROM ledger_tile",
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_database_refuses_to_change_the_ledger(store: SqlStore, engine_url: str, statement: str) -> None:
    with store.begin() as work:
        a_ledger().append(work.ledger, [an_answer()] * 300, NOW)
        work.commit()

    with an_engine(engine_url) as engine:
        with pytest.raises(DBAPIError, match="the ledger only grows"), engine.begin() as connection:
            connection.execute(text(statement))
        with closing(SqlLedgerReader(engine)) as reader:
            assert len(list(reader.entries(0, 1_000))) == 301
            assert len(reader.hashes(1, 0, 1)) == 32


def test_postgresql_refuses_to_truncate_the_ledger(postgres_url: str) -> None:
    open_store(postgres_url).close()

    with an_engine(postgres_url) as engine:
        for table in APPEND_ONLY:
            with pytest.raises(DBAPIError, match="the ledger only grows"), engine.begin() as connection:
                connection.execute(text(f"TRUNCATE {table.name}"))


def test_an_entry_of_a_place_or_id_that_is_taken_is_refused(store: SqlStore) -> None:
    with store.begin() as work:
        (row,) = a_ledger().append(work.ledger, [an_answer()], NOW)
        work.commit()
    same_id = a_ledger()  # draws the same random bytes again

    def append_again() -> None:
        with store.begin() as work:
            same_id.append(work.ledger, [an_answer()], NOW)
            work.commit()

    with pytest.raises(UnavailableError):
        append_again()
    with store.begin() as work:
        assert work.ledger.lock_head().size == row.index + 1


def test_what_readers_see_is_what_was_appended(store: SqlStore, engine_url: str) -> None:
    memory, other = MemoryLedger(), a_ledger()
    with store.begin() as work:
        opening = work.ledger.hashes(0, 0, 1)
    for size in (1, 255, 20):
        with store.begin() as work:
            memory.rows += other.append(work.ledger, [an_answer(p) for p in ("payroll", "pension") * size][:size], NOW)
            work.commit()

    with an_engine(engine_url) as engine, closing(SqlLedgerReader(engine)) as reader:
        head = reader.head()
        assert head.size == 1 + len(memory.rows)
        assert list(reader.entries(1, head.size)) == list(memory.entries(1, head.size))
        assert list(reader.entries(5, 7)) == [row.entry for row in memory.rows[4:6]]
        assert list(reader.disclosures(1, head.size)) == list(memory.disclosures(1, head.size))
        assert reader.hashes(0, 0, head.size) == opening + memory.hashes(0, 1, head.size)
        assert reader.hashes(0, head.size, head.size + 5) == b""


def test_a_reader_of_a_new_log_sees_an_empty_one(engine_url: str) -> None:
    with an_engine(engine_url) as engine:
        create(engine)
        with closing(SqlLedgerReader(engine)) as reader:
            assert reader.head() == EMPTY_HEAD
            assert list(reader.entries(0, 10)) == []


READS: dict[str, Callable[[SqlLedgerReader], object]] = {
    "the head": lambda reader: reader.head(),
    "entries": lambda reader: list(reader.entries(0, 10)),
    "leaf hashes": lambda reader: reader.hashes(0, 0, 10),
    "tile roots": lambda reader: reader.hashes(1, 0, 1),
    "disclosures": lambda reader: list(reader.disclosures(0, 10)),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_reader_of_what_is_not_there_is_unavailable(
    engine_url: str, read: Callable[[SqlLedgerReader], object]
) -> None:
    """The signing task lives on errors of ours, and would die of any other: then nothing is signed any more."""
    with (
        an_engine(engine_url) as engine,
        closing(SqlLedgerReader(engine)) as reader,
        pytest.raises(UnavailableError),
    ):
        read(reader)


# ---------------------------------------------------------------------------------------- grants


def test_deeds_are_kept_as_they_were_signed_and_the_epoch_grows(store: SqlStore) -> None:
    second = a_grant(number="盟签〔2026〕7号")
    for grant, serial, epoch in ((a_grant(), 1, 2), (second, 1, 3), (a_grant(limits=limits(day=9)), 2, 4)):
        with store.begin() as work:
            put_grant(work, grant, serial)
            work.commit()
        with store.begin() as work:
            assert work.epoch() == epoch

    with store.begin() as work:
        kept = [(each.id, each.serial, each.deed) for each in work.deeds.in_force(0)]
    assert kept == [
        ("G-1", 1, a_deed(a_grant()).encode()),
        ("盟签〔2026〕7号", 1, a_deed(second).encode()),
        ("G-1", 2, a_deed(a_grant(limits=limits(day=9)), 2).encode()),
    ]


# ---------------------------------------------------------------------------------------- one at a time


def test_works_of_two_nodes_on_one_grant_never_overlap(engine_url: str) -> None:
    nodes = [open_store(engine_url) for _ in range(2)]
    with nodes[0].begin() as work:
        put_grant(work, a_grant())
        work.commit()
    first_is_in, order = threading.Event(), list[str]()

    def second() -> None:
        first_is_in.wait(5)
        with nodes[1].begin() as work:
            work.budgets.lock(["G-1"], 1)
            order.append("second")

    waiting = threading.Thread(target=second)
    waiting.start()
    with nodes[0].begin() as work:
        work.budgets.lock(["G-1"], 1)
        first_is_in.set()
        waiting.join(0.2)
        order.append("first")
    waiting.join(5)

    for node in nodes:
        node.close()
    assert order == ["first", "second"]


def test_one_store_used_by_two_threads_gives_each_its_turn(store: SqlStore) -> None:
    inside, most = 0, 0

    def work_a_little() -> None:
        nonlocal inside, most
        for _ in range(20):
            with store.begin() as work:
                inside += 1
                most = max(most, inside)
                work.epoch()
                inside -= 1

    threads = [threading.Thread(target=work_a_little) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert most == 1


# ---------------------------------------------------------------------------------------- it breaks


def test_an_error_that_somebody_still_holds_locks_nobody_out(store: SqlStore, engine_url: str) -> None:
    # The error keeps its frames alive, and they the cursor. Whoever told a caller of it holds it for a while.
    with pytest.raises(UnavailableError) as held:
        append_one_twice(store)
    with closing(open_store(engine_url)) as other:
        for node in (store, other):
            with node.begin() as work:
                assert work.ledger.lock_head().size == 1
    assert held.value.__traceback__ is not None


def test_who_raises_once_it_is_committed_is_no_trouble_of_the_store(store: SqlStore, engine_url: str) -> None:
    """As a wrong sign-in does: it is counted, and then refused."""

    def commit_and_refuse() -> None:
        with store.begin() as work:
            a_ledger().append(work.ledger, [an_answer()], NOW)
            work.commit()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        commit_and_refuse()

    assert not store.trouble
    if is_sqlite(open_engine(engine_url)):
        assert log_of(engine_url).exists(), "its connection stays open"
    with store.begin() as work:
        assert work.ledger.lock_head().size == 2


def test_the_log_that_a_closed_connection_took_with_it_is_not_missed(sqlite_url: str, tmp_path: Path) -> None:
    with closing(open_store(sqlite_url)) as store:
        with store.begin() as work:
            work.touch()
            work.commit()
        (tmp_path / "as another file has it").hardlink_to(log_of(sqlite_url))  # so that the next log is another one

        with pytest.raises(UnavailableError):
            append_one_twice(store)
        assert not log_of(sqlite_url).exists()

        with store.begin() as work:
            work.touch()
            work.commit()
        assert not store.trouble


def test_a_log_that_was_taken_away_stays_missed(sqlite_url: str) -> None:
    def commit(store: SqlStore) -> None:
        with store.begin() as work:
            work.touch()
            work.commit()

    with closing(open_store(sqlite_url)) as store:
        commit(store)
        log_of(sqlite_url).rename(log_of(sqlite_url).with_suffix(".away"))

        for _ in range(2):
            with pytest.raises(UnavailableError, match="taken away"):
                commit(store)
            assert store.trouble == "lost"


def append_one_twice(store: SqlStore) -> None:
    """What the database refuses: two entries with one id."""
    with store.begin() as work:
        work.answers.remember([], 0)
        a_ledger().append(work.ledger, [an_answer()], NOW)
        a_ledger().append(work.ledger, [an_answer()], NOW)
        work.commit()


def log_of(url: str) -> Path:
    """The write-ahead log of a SQLite database."""
    return Path(f"{url.removeprefix('sqlite:///')}-wal")


def test_a_connection_that_postgresql_ended_is_replaced(postgres_url: str) -> None:
    with closing(open_store(postgres_url)) as store, an_engine(postgres_url) as engine:
        with engine.connect() as connection:
            connection.execute(END_OTHERS)

        def look() -> int:
            with store.begin() as work:
                return work.epoch()

        with pytest.raises(UnavailableError):
            look()
        assert look() == 1


def test_a_connection_that_breaks_in_the_middle_leaves_nothing(postgres_url: str) -> None:
    with closing(open_store(postgres_url)) as store, an_engine(postgres_url) as engine:

        def work_and_break() -> None:
            with store.begin() as work:
                a_ledger().append(work.ledger, [an_answer()], NOW)
                with engine.connect() as connection:
                    connection.execute(END_WORKING)
                work.commit()

        with pytest.raises(UnavailableError):
            work_and_break()
        with store.begin() as work:
            assert work.ledger.lock_head().size == 1


def test_a_work_that_ends_badly_on_a_dead_connection_tells_its_own_error(postgres_url: str) -> None:
    with closing(open_store(postgres_url)) as store, an_engine(postgres_url) as engine:

        def break_both() -> None:
            with store.begin():
                with engine.connect() as connection:
                    connection.execute(END_WORKING)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            break_both()
        with store.begin() as work:
            assert work.epoch() == 1


def test_a_full_disk_is_unavailable_and_what_was_there_stays(sqlite_url: str) -> None:
    with closing(open_store(sqlite_url)) as store:
        with store.begin() as work:
            a_ledger().append(work.ledger, [an_answer()], NOW)
            work.commit()
            # SQLite's own way to be full: no page more than there are.
            work._cursor.execute("PRAGMA max_page_count = 1")

        def append_much() -> None:
            with store.begin() as work:
                a_ledger(seed="more").append(work.ledger, [an_answer()] * 500, NOW)
                work.commit()

        with pytest.raises(UnavailableError):
            append_much()
        with store.begin() as work:
            assert work.ledger.lock_head().size == 2
            assert work.budgets.lock(["G-1"], 1) == {"G-1": Used(0, 0, 0, 0)}
            append_one = a_ledger(seed="one").append(work.ledger, [an_answer()], NOW)
            work.commit()
        assert append_one[0].index == 2


def test_sqlite_keeps_what_a_power_cut_must_not_take(sqlite_url: str) -> None:
    open_store(sqlite_url).close()

    with an_engine(sqlite_url) as engine, engine.connect() as connection:
        settings = {name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")}

    assert settings == {"journal_mode": "wal", "synchronous": 2}


def test_an_unlock_that_failed_once_locks_nobody_out(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unlock, failed = fcntl.flock, list[int]()

    def flock(file: IO[bytes], how: int) -> None:
        if how == fcntl.LOCK_UN and not failed:
            failed.append(how)
            raise OSError(errno.EIO, "Input/output error")
        unlock(file, how)

    with closing(open_store(sqlite_url)) as store:
        monkeypatch.setattr(fcntl, "flock", flock)
        with store.begin() as work:
            a_ledger().append(work.ledger, [an_answer()], NOW)
            work.commit()
        with store.begin() as work:
            assert work.ledger.lock_head().size > 1

    assert failed
