"""Old bodies are deleted whole or not at all, the guards stay, and nobody else can do it. On both engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.pruning import PruningStore, PruningWork
from adapters.sql.store import SqlStore
from audit.events import Draft
from audit.retention import KEPT
from audit.tree import StoredTree
from gateway.domain.errors import DownError
from tests.audit.make import AT, a_ledger, an_answer
from tests.audit.test_retention import allowed
from tests.gateways import open_store

SIZE, BEFORE = 300, 256
DELETE = 'DELETE FROM ledger_entry WHERE "index" = 100'


@pytest.fixture
def url(engine_url: str) -> str:
    """A log of 300 entries; entry 100 is one that is kept."""
    with closing(open_store(engine_url)) as store, store.begin() as work:
        drafts: list[Draft] = [an_answer() for _ in range(SIZE - 1)]
        drafts[99] = allowed()
        a_ledger().append(work.ledger, drafts, AT + timedelta(days=1))
        work.commit()
    return engine_url


@pytest.fixture
def reader(url: str) -> Iterator[SqlLedgerReader]:
    with closing(SqlLedgerReader.open(url)) as found:
        yield found


def prune(url: str, before: int = BEFORE) -> int:
    with closing(PruningStore(url)) as store, store.pruning() as work:
        count = work.doomed(before, KEPT)
        work.prune(before, KEPT)
        work.commit()
    return count


def is_guarded(url: str) -> bool:
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text(DELETE))
    except SQLAlchemyError as error:
        return "only grows" in str(error)
    finally:
        engine.dispose()
    return False


def test_bodies_go_and_hashes_stay(url: str, reader: SqlLedgerReader) -> None:
    roots = {size: StoredTree(size, reader.hashes).root() for size in (1, 255, 256, 257, 300)}
    leaves = reader.hashes(0, 0, SIZE)

    assert prune(url) == BEFORE - 2

    assert reader.floor() == BEFORE
    assert [index for index, _ in reader.kept(BEFORE)] == [0, 100]
    assert reader.hashes(0, 0, SIZE) == leaves
    for start, end in ((0, 1), (3, 300), (250, 257), (255, 300), (256, 300), (100, 101)):
        assert reader.hashes(0, start, end) == leaves[start * 32 : end * 32]
    assert {size: StoredTree(size, reader.hashes).root() for size in roots} == roots
    assert list(reader.disclosures(0, BEFORE)) == []
    assert len(list(reader.disclosures(BEFORE, SIZE))) == SIZE - BEFORE
    assert list(reader.entries(0, 2)) == list(reader.entries(0, 1))


def test_the_guard_is_in_its_place_again(url: str) -> None:
    assert is_guarded(url)
    prune(url)
    assert is_guarded(url)


def test_the_log_grows_on_and_is_pruned_again(url: str, reader: SqlLedgerReader) -> None:
    prune(url)
    with closing(SqlStore(url)) as store, store.begin() as work:
        a_ledger("more").append(work.ledger, [an_answer() for _ in range(300)], AT + timedelta(days=2))
        work.commit()

    assert prune(url, 512) == 256
    assert reader.head().size == SIZE + 300
    assert StoredTree(SIZE + 300, reader.hashes).frontier() == [
        reader.head().frontier[at : at + 32] for at in range(0, len(reader.head().frontier), 32)
    ]


class PowerCutError(Exception):
    """The machine stops here."""


@pytest.mark.parametrize("cut", ["before the commit", "by the commit"])
def test_a_crash_leaves_everything_as_it_was(
    url: str, reader: SqlLedgerReader, cut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: PruningWork) -> None:
        raise PowerCutError

    if cut == "by the commit":
        monkeypatch.setattr(PruningWork, "commit", stop)

    def prune_and_stop() -> None:
        with closing(PruningStore(url)) as store, store.pruning() as work:
            work.prune(BEFORE, KEPT)
            stop(work)

    with pytest.raises(PowerCutError):
        prune(url) if cut == "by the commit" else prune_and_stop()

    assert reader.floor() == 0
    assert len(list(reader.entries(0, SIZE))) == SIZE
    assert is_guarded(url)


def test_the_store_of_everybody_else_cannot(url: str) -> None:
    with closing(SqlStore(url)) as store, store.begin() as work:
        assert not hasattr(work, "prune")
    assert is_guarded(url)


def test_what_was_deleted_is_nowhere_in_the_file(sqlite_url: str) -> None:
    with closing(open_store(sqlite_url)) as store, store.begin() as work:
        recorded = a_ledger().append(work.ledger, [an_answer() for _ in range(SIZE)], AT + timedelta(days=1))
        work.commit()
    secret, left = recorded[10].id.encode(), recorded[-1].id.encode()

    prune(sqlite_url)
    with closing(PruningStore(sqlite_url)) as store:
        store.vacuum()

    path = Path(sqlite_url.removeprefix("sqlite:///"))
    found = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    assert secret not in found
    assert left in found


def test_a_database_that_refuses_is_left_alone(url: str, reader: SqlLedgerReader) -> None:
    engine = open_engine(url)
    drop = "DROP TRIGGER ledger_entry_no_DELETE" if url.startswith("sqlite") else "DROP TABLE ledger_floor"
    with engine.begin() as connection:
        connection.execute(text(drop))
    engine.dispose()

    with pytest.raises(DownError):
        prune(url)

    assert len(list(reader.entries(0, SIZE))) == SIZE


def test_only_the_maintenance_command_has_this_store() -> None:
    root = Path(__file__).parents[2]
    sources = [path for room in ("gateway", "adapters", "ops") for path in (root / room).rglob("*.py")]

    users = {str(path.relative_to(root)) for path in sources if "adapters.sql.pruning" in path.read_text("utf-8")}
    off = {str(path.relative_to(root)) for path in sources if "delete_guard" in path.read_text("utf-8")}

    assert users - {"adapters/sql/tables.py"} == {"ops/retention.py"}
    assert off == {"adapters/sql/tables.py", "adapters/sql/pruning.py"}
