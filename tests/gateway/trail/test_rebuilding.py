"""Hours and index against the ledger: they agree, and what somebody changed there is found and mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.tallies import recount
from gateway.trail.ports import Span
from gateway.trail.rebuilding import Hours, differing_entries
from ops.settings import ServeSettings, load
from ops.trail import TrailParts, open_trail
from tests.bygones import DISCIPLINE, Bygones, bygones


class Indexed:
    """A world whose ledger is indexed."""

    def __init__(self, folder: Path) -> None:
        self.world: Bygones = bygones(folder / "home")
        self.parts: TrailParts = open_trail(self.world.home, None)
        self.log: SqlLedgerReader = self.world.ledger
        self.indexer = self.parts.indexer(self.log, rest_seconds=0.0)
        self.hours = Hours(log=self.log, reader=self.parts.reader, store=self.parts.store)
        self.world.ask("unit")
        self.world.clock.pass_by(hours=1)
        self.world.ask(grant="G-9")
        self.world.ask("unit", client=DISCIPLINE, matter="M-1")
        self.indexer.catch_up()

    def close(self) -> None:
        self.parts.close()
        self.world.close()

    def sql(self, statement: str) -> None:
        """Somebody writes in the database."""
        engine = open_engine(self.world.home.database_url(load(self.world.home, "serve.toml", ServeSettings)))
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def kept(self) -> list[list[tuple[int | bytes, int]]]:
        """Everything the index holds."""
        return [sorted(each) for each in self.parts.reader.kept(Span(0, self.log.head().size))]


@pytest.fixture
def indexed(tmp_path: Path) -> Iterator[Indexed]:
    with closing(Indexed(tmp_path)) as made:
        yield made


def test_what_a_gateway_wrote_agrees_with_its_ledger(indexed: Indexed) -> None:
    counts = recount(indexed.log.entries(0, indexed.log.head().size))

    assert indexed.parts.reader.hours(0, 2**31 - 1) == counts
    assert {place.told for place in counts} == {"confirmed", "not_permitted"}
    assert len({place.hour for place in counts}) == 2
    assert indexed.hours.differing() == []
    assert list(differing_entries(indexed.indexer)) == []


HOURS = {
    "more than there were": "UPDATE trail_hour SET entries = entries + 1 WHERE partner = 'jijian'",
    "fewer claims": "UPDATE trail_hour SET claims = 0 WHERE partner = 'jijian'",
    "none": "DELETE FROM trail_hour WHERE partner = 'jijian'",
    "of an hour that never was": "INSERT INTO trail_hour VALUES (7, 'jijian', 'J-1', 'confirmed', 1, 1)",
}


@pytest.mark.parametrize("change", HOURS.values(), ids=HOURS)
def test_hours_that_were_changed_are_found_and_mended(indexed: Indexed, change: str) -> None:
    indexed.sql(change)

    assert [place.partner for place in indexed.hours.differing()] == ["jijian"]
    assert [place.partner for place in indexed.hours.rebuild()] == ["jijian"]
    assert indexed.hours.differing() == []


WORDS = {
    "an entry taken out": 'DELETE FROM trail_place WHERE "index" = {at}',
    "a person taken out": 'DELETE FROM trail_token WHERE "index" = {at}',
    "a word put in": "INSERT INTO trail_place VALUES (7, {at})",
    "a person put in": "INSERT INTO trail_token VALUES (x'00112233445566778899aabbccddeeff', {at})",
}


@pytest.mark.parametrize("change", WORDS.values(), ids=WORDS)
def test_an_index_that_was_changed_is_found_and_mended(indexed: Indexed, change: str) -> None:
    at = indexed.log.head().size - 2
    indexed.sql(change.format(at=at))

    assert list(differing_entries(indexed.indexer)) == [at]
    indexed.indexer.rebuild()
    assert list(differing_entries(indexed.indexer)) == []


def test_an_index_made_anew_is_the_one_that_grew(indexed: Indexed) -> None:
    grown = indexed.kept()

    indexed.indexer.rebuild()

    assert indexed.kept() == grown
