"""What works once, and what works no more, in SQL: for all nodes, after a restart, and also in many threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from adapters.identity.replay import MemoryReplayStore, NearAndFar
from adapters.sql.engine import open_engine
from adapters.sql.replay_tables import used_once
from adapters.sql.replays import SqlReplayStore, SqlRevocations
from adapters.sql.schema import create
from gateway.domain.errors import DownError
from ops.demo.postgres import Postgres
from tests.adapters.make_identity import NOW, StandingClock


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A control database of its own on each engine."""
    if request.param == "sqlite":
        made = f"sqlite:///{tmp_path / 'control.sqlite'}"
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        made = postgres.url(f"replays{abs(hash(tmp_path)) % 10**9}")
    engine = open_engine(made)
    create(engine)
    engine.dispose()
    return made


@pytest.fixture
def nodes(url: str) -> Iterator[tuple[SqlReplayStore, SqlReplayStore]]:
    """Two nodes over one database."""
    one, other = SqlReplayStore(url), SqlReplayStore(url)
    yield one, other
    one.close()
    other.close()


def test_an_id_works_once_at_all_nodes_together(nodes: tuple[SqlReplayStore, SqlReplayStore]) -> None:
    one, other = nodes

    assert one.first_use("hr", "id-1", NOW + 60)
    assert not one.first_use("hr", "id-1", NOW + 60)
    assert not other.first_use("hr", "id-1", NOW + 60)
    assert other.first_use("tax", "id-1", NOW + 60)
    assert other.first_use("hr", "id-2", NOW + 60)


def test_an_id_stays_used_after_a_restart(url: str) -> None:
    before = SqlReplayStore(url)
    assert before.first_use("hr", "id", NOW + 60)
    before.close()

    after = SqlReplayStore(url)
    assert not after.first_use("hr", "id", NOW + 60)
    after.close()


def test_of_many_threads_at_two_nodes_one_is_the_first(nodes: tuple[SqlReplayStore, SqlReplayStore]) -> None:
    asked = [(node, f"id-{number}") for number in range(20) for node in nodes * 3]
    with ThreadPoolExecutor(12) as pool:
        firsts = list(pool.map(lambda each: each[0].first_use("hr", each[1], NOW + 60), asked))

    for number in range(20):
        assert [first for (_, name), first in zip(asked, firsts, strict=True) if name == f"id-{number}"].count(
            True
        ) == 1


def test_what_expired_is_forgotten_and_nothing_else(url: str) -> None:
    store = SqlReplayStore(url)
    for number in range(10):
        assert store.first_use("hr", f"id-{number}", NOW + number)

    store.sweep(NOW + 5)

    engine = open_engine(url)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(used_once)).scalar() == 5
    engine.dispose()
    assert not store.first_use("hr", "id-5", NOW + 60)
    store.close()


def test_a_near_store_asks_the_far_one_once_and_never_the_other_way_round(url: str) -> None:
    far, clock = SqlReplayStore(url), StandingClock()
    one, other = (NearAndFar(MemoryReplayStore(clock=clock, per_client=2), far) for _ in range(2))

    assert one.first_use("hr", "id-1", NOW + 60)
    assert not other.first_use("hr", "id-1", NOW + 60)
    assert other.first_use("hr", "id-2", NOW + 60)
    assert not other.first_use("hr", "id-3", NOW + 60), "its share at this node is used up"
    far.close()


def test_nobody_is_the_first_when_nobody_can_know(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    store, revocations = SqlReplayStore(url), SqlRevocations(url)

    with pytest.raises(DownError):
        store.first_use("hr", "id", NOW + 60)
    with pytest.raises(DownError):
        revocations.all()
    store.close()
    revocations.close()


def test_revoked_tokens_are_known_at_all_nodes_until_they_would_have_ended(url: str) -> None:
    one, other = SqlRevocations(url), SqlRevocations(url)
    one.revoke("jti-1", NOW, NOW + 320)
    one.revoke("jti-1", NOW + 1, NOW + 321)
    other.revoke("jti-2", NOW + 2, NOW + 322)

    assert sorted(other.all()) == [("jti-1", NOW), ("jti-2", NOW + 2)]
    one.revoke("jti-3", NOW + 321, NOW + 641)
    assert sorted(other.all()) == [("jti-2", NOW + 2), ("jti-3", NOW + 321)]
    one.close()
    other.close()
