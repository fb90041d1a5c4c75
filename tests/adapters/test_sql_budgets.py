"""Budgets in a database: exact under many workers in many processes, and after any of them is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.entry import decode
from audit.tree import StoredTree, root, split
from gateway.domain.budget import Limits, Used
from tests.gateways import open_store, put_grant
from tests.make import a_grant, some_limits
from tests.workers import DAY, FRESH, answer, compare, compare_in_threads, spend_and_die

PROCESSES = 2


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Processes that are started once: to start one takes longer than what it is to do."""
    with ProcessPoolExecutor(PROCESSES, FRESH) as processes:
        yield processes


@pytest.fixture
def url(engine_url: str) -> str:
    """A control database with one grant."""
    with closing(open_store(engine_url)) as store, store.begin() as work:
        put_grant(work, a_grant())
        work.commit()
    return engine_url


def used(url: str) -> Used:
    with closing(open_store(url)) as store, store.begin() as work:
        return work.budgets.lock(["G-1"], DAY)["G-1"]


MANY: dict[str, tuple[Limits, list[list[int]], int, Used]] = {
    "each subject once, alone": (
        some_limits(day=37),
        [list(range(n, 100, 4)) for n in range(4)],
        1,
        Used(37, 37, 37, 37),
    ),
    "each subject once, in turns": (
        some_limits(month=41),
        [list(range(n, 100, 4)) for n in range(4)],
        7,
        Used(41, 41, 41, 41),
    ),
    "everybody the same subjects": (
        some_limits(comparisons=53),
        [list(range(25)) for _ in range(4)],
        5,
        Used(25, 25, 25, 53),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", MANY.values(), ids=MANY)
def test_exactly_so_many_are_paid_for_however_many_ask(
    url: str, pool: ProcessPoolExecutor, case: tuple[Limits, list[list[int]], int, Used]
) -> None:
    limit, shares, batch, expected = case
    halves = [shares[n::PROCESSES] for n in range(PROCESSES)]
    parts = [pool.submit(compare_in_threads, url, limit, half, batch) for half in halves]
    paid = [number for part in parts for number in part.result()]

    people = len(set(paid))
    assert used(url) == Used(people, people, people, len(paid))
    assert len(paid) == expected.comparisons_today
    assert people <= expected.subjects_today
    assert people == expected.subjects_today or expected.comparisons_today > expected.subjects_today


@pytest.mark.slow
@pytest.mark.parametrize("commits", [False, True], ids=["before the commit", "behind it"])
def test_a_killed_worker_has_spent_what_it_committed_and_blocks_nobody(url: str, commits: bool) -> None:
    worker = FRESH.Process(target=spend_and_die, args=(url, some_limits(), 1, commits))
    worker.start()
    worker.join()
    worker.close()

    assert used(url) == Used(*[int(commits)] * 4)
    assert compare(url, some_limits(day=2), [2, 3, 4], 1) == ([2] if commits else [2, 3])


@pytest.mark.slow
def test_whole_gateways_on_one_database_answer_exactly_so_many(
    engine_url: str, tmp_path: Path, pool: ProcessPoolExecutor
) -> None:
    open_store(engine_url).close()
    shares = [range(30), range(30, 60)]
    parts = [pool.submit(answer, tmp_path / f"node-{n}", engine_url, 20, share) for n, share in enumerate(shares)]

    assert sum((part.result() for part in parts), Counter()) == Counter({"not_confirmed": 20, "quota": 40})
    with closing(SqlLedgerReader(open_engine(engine_url))) as reader:
        head = reader.head()
        entries = [decode(entry) for entry in reader.entries(0, head.size)]
        assert head.size == 1 + 60
        assert [entry["seq"] for entry in entries if isinstance(entry, dict)] == list(range(61))
        assert [entry["pseq"] for entry in entries if isinstance(entry, dict) and "pseq" in entry] == list(range(60))
        assert root(split(head.frontier)) == StoredTree(head.size, reader.hashes).root()
