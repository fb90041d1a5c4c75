"""Promise 3, record_before_reply: whatever was told stands in the log, durable, before its first byte leaves.

In this process the log is read on another connection at the moment a response begins. With the real processes serve
and seal are killed under load, and what callers had heard is held against the log (`make prove` does it fifty times);
a gateway of which single system calls fail is asked, and asked again (`make prove` breaks hundreds of them).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import cast

import psycopg
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlWork
from audit.entry import leaf_hash
from ops.prove.breakdowns import Breakdowns
from ops.prove.crashes import Crashes
from tests.invariants.doors import COMPARISONS, ROWS, Row
from tests.invariants.world import Asking, Told, World, ask_all

RECORDED = [row for row in ROWS if row.route == COMPARISONS and row.status in {200, 403}]

MANY = 20
_HANG_UP = """
CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER hang_up AFTER INSERT ON ledger_entry DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION hang_up()
"""


@dataclass
class Watched:
    """The application, and how many entries the log had when each response began."""

    app: ASGIApp
    reader: SqlLedgerReader
    sizes: dict[int, int] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def look(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.sizes[id(scope)] = self.reader.head().size
            await send(message)

        await self.app(scope, receive, look)

    def holds(self, asking: Asking, told: Told, before: int) -> bool:
        """Whether the entries that were there when the response began hold what it told."""
        entries = list(self.reader.entries(before, self.sizes[id(asking.scope)]))
        if told.status == 403:
            return any(str(told.json["incident"]).encode() in entry for entry in entries)
        body = cast("dict[str, dict[str, object]]", told.json["receipt"])["body"]
        place = cast("int", body["index"]) - before
        return place < len(entries) and leaf_hash(entries[place]).hex() == body["leaf"]


@pytest.mark.parametrize("row", RECORDED, ids=str)
def test_the_entry_is_durable_when_the_first_byte_leaves(world: World, row: Row) -> None:
    with row.during(world) if row.during else nullcontext(), reading(world) as watched:
        askings = row.ask(world)
        before = watched.reader.head().size

        told = world.loop.run_until_complete(ask_all(watched, askings))

        assert [each.status for each in told] == [row.status] * len(told)
        assert all(watched.holds(asking, each, before) for asking, each in zip(askings, told, strict=True))


def test_so_it_is_for_every_request_of_a_turn(world: World) -> None:
    with reading(world) as watched:
        askings = [asking for row in RECORDED if row.during is None for asking in row.ask(world)]
        before = watched.reader.head().size

        told = world.loop.run_until_complete(ask_all(watched, askings))

        assert {each.status for each in told} == {200, 403}
        assert all(watched.holds(asking, each, before) for asking, each in zip(askings, told, strict=True))


def test_when_the_commit_fails_nothing_is_told_and_nothing_spent(world: World) -> None:
    number = world.grant()
    with reading(world) as watched:
        before = watched.reader.head().size
        with no_commit(world):
            told = world.ask(*(world.question(each, grant=number) for each in world.people[:MANY]))
        between = watched.reader.head().size
    again = world.ask(*(world.question(each, grant=number) for each in world.people[:MANY]))

    assert [each.status for each in told] == [503] * MANY
    assert before == between
    assert [each.status for each in again] == [200] * MANY


def test_durable_means_on_disk(world: World) -> None:
    """What a kill cannot show and a power cut would: the database waits for the disk at each commit."""
    with world.gateway.pipeline.store.begin() as work:
        cursor = cast("SqlWork", work)._cursor
        if world.engine == "sqlite":
            cursor.execute("PRAGMA synchronous")
            assert cursor.fetchall() == [(2,)]
            return
        cursor.execute("SELECT setting, source FROM pg_settings WHERE name = 'synchronous_commit'")
        ((_, source),) = cursor.fetchall()
        assert source in {"default", "command line"}, "nobody of ours may turn it off"


@pytest.mark.slow
def test_no_answer_is_lost_when_serve_or_seal_is_killed(crashed: Crashes) -> None:
    assert crashed.verdict is not None
    assert crashed.verdict.answers > 10
    assert crashed.verdict.holds, crashed.verdict


@pytest.mark.slow
def test_no_broken_system_call_loses_an_answer_or_forks_the_log(broken: Breakdowns) -> None:
    """A few of the points that `make prove` breaks all of."""
    fired = [each for each in broken.points if each.broke.fired]

    assert len(fired) >= 5
    assert sum(each.killed for each in fired) >= 3
    assert [each for each in broken.points if not each.holds] == []


@contextmanager
def reading(world: World) -> Iterator[Watched]:
    """The application with a reader of the log beside it, on a connection of its own."""
    reader = SqlLedgerReader.open(world.home.database_url(world.gateway.settings))
    try:
        yield Watched(world.app, reader)
    finally:
        reader.close()


@contextmanager
def no_commit(world: World) -> Iterator[None]:
    """A database that does not commit: its disk is full, or it hangs up when it is told to."""
    if world.engine == "sqlite":
        with world.gateway.pipeline.store.begin() as work:
            cursor = cast("SqlWork", work)._cursor
        cursor.execute("PRAGMA max_page_count = 1")  # until the connection is replaced, which must happen by itself
        yield
        return
    with psycopg.connect(world.home.database_url(world.gateway.settings).replace("+psycopg", "")) as other:
        other.execute(_HANG_UP)
        other.commit()
        yield
        other.execute("DROP FUNCTION hang_up CASCADE")
