"""Promise 2, no_plaintext: beside the register itself nothing holds a number or a name of it, nor part of one.

The world is kept busy with right, wrong and hostile requests; then everything it wrote is searched, in every spelling.
What sync and the partners keep for themselves is their own: the source, its lists, receipts, keys of clients.
"""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_bytes
from urllib.parse import quote

import psycopg
import pyarrow.parquet as pq
import pytest
from prometheus_client import generate_latest
from psycopg.sql import SQL, Identifier
from sqlalchemy import create_engine, insert, make_url
from structlog.testing import capture_logs

from adapters.keys.ring import sync_keys
from adapters.logs import scrub
from gateway.domain.answer import Outcome
from gateway.domain.comparison import Comparison
from ops.demo.numbers import with_wrong_check
from ops.demo.person import Person
from ops.demo.postgres import Postgres
from ops.demo.register import change_some
from ops.demo.rows import person_row, post_row
from ops.demo.tables import PERSONS, POSTS
from ops.prove.crashes import Crashes
from ops.settings import ServeSettings, SettingsError, load
from ops.sync import SyncSettings, run
from policies.catalogue import load_catalogue
from tests.invariants.doors import ROWS
from tests.invariants.searching import ASKED, Searcher, files_of
from tests.invariants.world import NOW, Asking, Told, World, a_scope

OWN = ("source/", "keys/clients/", "receipts/")
"""What of a home is not the gateway's: the register and its lists, and what partners keep."""

EVERY = 100
"""Draws of sync between two looks at the disk."""

SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "in clear": lambda text: text.encode(),
    "UTF-16, little end first": lambda text: text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: text.encode("utf-16-be"),
    "hex": lambda text: text.encode().hex().encode(),
    "upper hex, one off": lambda text: b"0" + text.encode().hex().upper().encode(),
    "base64": lambda text: b64encode(text.encode()),
    "base64, one off": lambda text: b64encode(b"=" + text.encode()),
    "base64, two off": lambda text: b64encode(b"==" + text.encode()),
    "URL": lambda text: quote(text, safe="").encode(),
    "in the middle of something": lambda text: b"\x00{" + text.encode() + b"}\xff",
}


@pytest.fixture(scope="module")
def searcher(worlds: dict[str, World]) -> Searcher:
    world = worlds["sqlite"]
    return Searcher.of([*world.people, *spoilt(world)], world.stage.league.organisations)


@pytest.fixture(scope="session")
def busy(worlds: dict[str, World]) -> dict[str, World]:
    """Both worlds, after a day of work and a new state of the register; and what they logged, as it is written.

    Of the session, because pytest may leave this module and come back, and a day is not worked twice.
    """
    for world in worlds.values():
        with capture_logs() as events:
            keep_busy(world)
        lines = [repr(scrub(None, "", dict(event))).encode() for event in events]
        world.heard.append(Told("its log", 0, (), b"\n".join(lines)))
    return worlds


@pytest.fixture
def busy_world(world: World, busy: dict[str, World]) -> World:
    return busy[world.engine]


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_the_search_finds_what_is_there(searcher: Searcher, world: World, spell: Callable[[str], bytes]) -> None:
    person = world.plain_person()
    number = person.id_number
    old = number[:6] + number[8:17]
    long_name = next(each.name for each in world.people[:ASKED] if len(each.name) > 2)

    for text in (number, number.lower(), old, number[3:15], long_name):
        assert searcher.find(token_bytes(99) + spell(text) + token_bytes(99)), text
    assert not searcher.find(token_bytes(100_000))


def test_no_file_of_a_busy_home_holds_a_person(busy_world: World, searcher: Searcher) -> None:
    found = {
        name: hits for name, content in files_of(busy_world.home.path, but=OWN) if (hits := searcher.find(content))
    }

    assert found == {}


@pytest.mark.slow
def test_no_file_of_processes_that_were_killed_holds_a_person(crashed: Crashes, searcher: Searcher) -> None:
    assert people_in(files_of(crashed.home.path, but=OWN), searcher) == {}


def test_no_table_of_the_database_holds_a_person(busy_world: World, searcher: Searcher) -> None:
    url = busy_world.home.database_url(busy_world.gateway.settings)

    assert people_in(dump(url), searcher) == {}


def test_no_response_metric_or_log_line_holds_a_person(
    busy_world: World, searcher: Searcher, postgres: Postgres
) -> None:
    said = [told.body + repr(told.headers).encode() for told in busy_world.heard]
    said.append(generate_latest(busy_world.gateway.metrics.registry))
    said += [log.read_bytes() for log in (busy_world.seal.log, postgres.socket_directory / "server.log")]

    assert [hits for content in said if (hits := searcher.find(content))] == []


def test_sealed_columns_are_numbers_and_nothing_else(busy_world: World) -> None:
    for path in busy_world.home.index.rglob("*.parquet"):
        assert {str(column.type) for column in pq.read_schema(path)} <= {"int64", "int16"}, path.name


def test_what_sync_writes_in_between_holds_no_person(world: World, searcher: Searcher) -> None:
    """Sync draws random bytes all the time; at each draw this looks at the disk, as a power cut would leave it."""
    looks: list[dict[str, set[str]]] = []
    draws = 0

    def look(size: int) -> bytes:
        nonlocal draws
        draws += 1
        if draws % EVERY == 0:
            looks.append(people_in(files_of(world.home.path / "data", but=before), searcher))
        return token_bytes(size)

    settings = load(world.home, "sync.toml", SyncSettings)
    before = [name for name, _ in files_of(world.home.path / "data")]
    serial = SyncSettings(sources=settings.sources, workers=1)
    run(serial, world.home, sync_keys(world.home.path), load_catalogue(), full=True, entropy=look)

    assert len(looks) > 3
    assert looks == [{}] * len(looks)


def test_serve_has_no_word_for_a_source(world: World) -> None:
    path = world.home.path / "serve.toml"
    before = path.read_text()
    try:
        for key in ("source", "sources", "register", "mapping", "sealing_key"):
            path.write_text(f'{key} = "sqlite:///register.sqlite"\n{before}')
            with pytest.raises(SettingsError, match=key):
                load(world.home, "serve.toml", ServeSettings)
    finally:
        path.write_text(before)


def keep_busy(world: World) -> None:
    """Every row of every door, many people under many spellings, a new state of the register, a checkpoint."""
    for row in ROWS:
        row.told(world)
    _ask_about_many(world)
    _look_for_people_by_path(world)
    _take_a_new_state(world, NOW + timedelta(hours=1))
    _ask_about_many(world)
    _break_a_turn(world)
    world.sign()


def _ask_about_many(world: World) -> None:
    for start in (0, 20):
        people = world.people[start : start + 20]
        world.ask(*(world.question(each, ("unit", each.name), ("person_status", "在职")) for each in people))
        world.ask(*(world.question(each, id=_wide(each.id_number.lower())) for each in people))
        world.ask(*(world.question(each, id=each.id_number[:6] + each.id_number[8:17]) for each in people))
        for member in ("grant", "purpose", "operator", "matter", "as_of"):
            hidden = [world.body(each, **{member: text}) for each in people[:2] for text in _hidden(each)]
            world.ask(*(world.compare(body) for body in hidden))
        for each in people[:2]:
            world.ask(*_in_odd_places(world, each))


def _wide(text: str) -> str:
    """Full-width, as input methods write it."""
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


def _hidden(person: Person) -> list[str]:
    """A number or a name where a paper's number or a code belongs, as a careless clerk would type it."""
    number, name = person.id_number, person.name
    split = f"{number[:6]}-{number[6:14]}-{number[14:]}"
    return [number, split, split.replace("-", " "), number[2:13], f"{name}1", f"关于{name}的查询2026", _wide(number)]


def _in_odd_places(world: World, person: Person) -> list[Asking]:
    """Numbers in the path, the query, a header, the key, a member's name, a field's name, a broken body."""
    number = person.id_number
    return [
        Asking(a_scope("GET", f"/v1/comparisons/{number}?id={number}", world.credentials())),
        Asking(a_scope("GET", f"/v1/catalogue/?id={number}", world.credentials())),
        Asking(a_scope("GET", f"/v1/log/proofs/inclusion?index={number}")),
        Asking(a_scope("GET", "/v1/catalogue", [*world.credentials()[1:], ("authorization", f"Bearer {number}")])),
        Asking(a_scope(number, "/v1/comparisons", world.credentials())),
        Asking(a_scope("POST", "/oauth/token", world.credentials()), (f"client_assertion={number}".encode(),)),
        world.question(person, key=number),
        world.compare(world.body(person, **{number: number})),
        world.question(person, (number, number)),
        world.question(person, ("post", number), ("unit", number)),
        world.compare(number.encode() + b"{"),
        world.compare(world.body(person)[:-9]),
    ]


def _look_for_people_by_path(world: World) -> None:
    """Addresses that nobody has: what a careless caller writes into one must not become the label of a metric."""
    for person in world.people[:20]:
        world.get(f"/v1/persons/{person.id_number}")
        world.get(f"/v1/catalogue/{quote(person.name)}?id={person.id_number}")


def _take_a_new_state(world: World, at: datetime) -> None:
    """A day in the office, a sync, and a gateway that answers from it."""
    world.move_to(at)
    settings = load(world.home, "sync.toml", SyncSettings)
    change_some(settings.sources[0].url, share=0.1, at=at.replace(tzinfo=None), seed=7)
    _add(settings.sources[0].url, spoilt(world), at)
    report = run(settings, world.home, sync_keys(world.home.path), load_catalogue())
    assert report.refused_rows >= len(spoilt(world))
    world.adopt()


def spoilt(world: World) -> list[Person]:
    """Rows that a register should not have: people of their own with numbers that are none."""
    spoil: list[Callable[[str], str]] = [
        with_wrong_check,
        lambda number: number[:11],
        lambda number: f"{number}X",
        lambda number: f"{number[:17]}?",
    ]
    return [
        replace(
            each, number=100_000 + place, id_number=spoil[place % 4](each.id_number), name=f"{each.name}{each.name}"
        )
        for place, each in enumerate(each for each in world.people[:40] if len(each.id_number) == 18)
    ]


def _add(url: str, people: Sequence[Person], at: datetime) -> None:
    """Puts them into the source, each with a post."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for person in people:
            changed = replace(person, updated=at.replace(tzinfo=None))
            for table, row in (
                (PERSONS, person_row(changed)),
                (POSTS, post_row(person.number, changed, person.main_post)),
            ):
                connection.execute(insert(table), dict(zip(table.c.keys(), row, strict=True)))
    engine.dispose()


def _break_a_turn(world: World) -> None:
    """An exception with a number in its text, in the middle of a turn."""
    person = world.plain_person()
    pipeline, number = world.gateway.pipeline, person.id_number

    class Breaking(Comparison):
        def __init__(self) -> None:
            """Compares nothing."""

        def compare(self, *_: object) -> Outcome:
            raise RuntimeError(f"{number} {person.name}")

    whole, pipeline.comparisons = pipeline.comparisons, {kind: Breaking() for kind in pipeline.comparisons}
    try:
        world.ask(world.question(person), world.question(person))
    finally:
        pipeline.comparisons = whole
    assert [told.status for told in world.heard[-2:]] == [503, 503]


def people_in(contents: Iterable[tuple[str, bytes]], searcher: Searcher) -> dict[str, set[str]]:
    """What holds somebody, and whom."""
    return {name: hits for name, content in contents if (hits := searcher.find(content))}


def dump(url: str) -> Iterator[tuple[str, bytes]]:
    """Every table of a database, whole, byte for byte."""
    if url.startswith("sqlite"):
        yield from _dump_sqlite(make_url(url).database or "")
        return
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            statement = SQL("COPY {table} TO STDOUT (FORMAT BINARY)").format(table=Identifier(table))
            with connection.cursor() as cursor, cursor.copy(statement) as copy:
                yield table, b"".join(bytes(part) for part in copy)


def _dump_sqlite(path: str) -> Iterator[tuple[str, bytes]]:
    """Through the engine: in the file itself a long value may be broken in two by the end of a page."""
    with closing(sqlite3.connect(path)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
            cells = (cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row)
            yield table, b"\n".join(cells)
