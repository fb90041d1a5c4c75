"""A closed grant answers about the list that people signed, and about nobody else, whatever SQL writes there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import Engine, delete, insert, select, update
from structlog.testing import capture_logs

from adapters.sql.cohort_tables import cohort_list
from adapters.sql.engine import open_engine
from adapters.sql.schema import create
from adapters.sql.tables import control, metadata
from gateway.deeds.errors import DeedError
from gateway.deeds.steps import ADDITION
from gateway.domain.cohort import leaf_of, root_of
from ops.cohorts import Cohorts
from ops.demo.office import RehearsalError, SyntheticOffice
from ops.doctor.cohorts import cohorts as examined
from ops.doctor.finding import State
from ops.doctor.installation import Installation
from ops.settings import ServeSettings, load
from tests.cohorts import commit_list, file_list, follow, head, salt_of
from tests.invariants.searching import Searcher, files_of
from tests.invariants.world import World
from tests.make import limits

CLOSED: dict[str, object] = {"class": "closed", "additions_per_month": 2, "limits": limits(month=50)}


def ids(world: World, *places: int) -> list[str]:
    return [world.plain_person(place).id_number for place in places]


def told(world: World, number: str, place: int) -> object:
    person = world.plain_person(place)
    return world.one(world.compare(world.body(person, grant=number))).codes[0]


def test_from_a_list_to_the_first_answer(world: World) -> None:
    number = world.grant(**CLOSED)
    assert [told(world, number, place) for place in (0, 1)] == ["not_confirmed"] * 2

    filed = file_list(world, number, ids(world, 0, 1))
    assert (filed.rows, filed.malformed) == (2, 0)
    assert filed.root == root_of(leaf_of(salt_of(each), each) for each in ids(world, 0, 1))
    assert told(world, number, 0) == "not_confirmed"

    commit_list(world, number, ids(world, 0, 1))
    assert [told(world, number, place) for place in (0, 1, 2)] == ["confirmed", "confirmed", "not_confirmed"]


def test_additions_replacements_and_removals(world: World) -> None:
    number = world.grant(**CLOSED)
    commit_list(world, number, ids(world, 0))

    commit_list(world, number, ids(world, 0, 1, 2), ADDITION)
    assert [told(world, number, place) for place in (0, 1, 2, 3)] == ["confirmed"] * 3 + ["not_confirmed"]
    assert ADDITION not in file_list(world, number, ids(world, 0, 1, 2, 3)).deeds

    commit_list(world, number, ids(world, 2, 3))
    assert [told(world, number, place) for place in (0, 1, 2, 3)] == ["not_confirmed"] * 2 + ["confirmed"] * 2


def test_a_list_that_was_replaced_while_it_waited_is_not_signed(world: World) -> None:
    number = world.grant(**CLOSED)
    first = file_list(world, number, ids(world, 0))
    file_list(world, number, ids(world, 1))

    with closing(SyntheticOffice(world.home)) as office, pytest.raises((DeedError, RehearsalError)):
        office.cohort(first.deeds["usual"])
    assert told(world, number, 0) == "not_confirmed"


def test_only_the_last_list_is_kept_beside_the_one_in_force(world: World) -> None:
    number = world.grant(**CLOSED)
    commit_list(world, number, ids(world, 0))
    for place in (1, 2, 3):
        file_list(world, number, ids(world, place))

    engine = database(world)
    with engine.connect() as connection:
        rows = connection.execute(select(cohort_list.c.root).where(cohort_list.c.granted == number)).all()
    engine.dispose()
    assert len(rows) == 2
    assert told(world, number, 0) == "confirmed"


def with_one_more(links: bytes, leaves: bytes) -> dict[str, bytes]:
    return {"links": b"".join(sorted([links[:16], links[16:], b"\x77" * 16])), "leaves": leaves}


Forge = Callable[[bytes, bytes], dict[str, bytes] | None]
FORGERIES: dict[str, Forge] = {
    "somebody added": with_one_more,
    "somebody put in another's place": lambda links, leaves: {"links": b"\0" * 16 + links[16:]},
    "somebody taken off": lambda links, leaves: {"links": links[16:]},
    "everybody taken off": lambda links, leaves: {"links": b""},
    "the list taken away": lambda links, leaves: None,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_list_that_was_altered_by_sql_is_nobodys_and_loud(world: World, forge: Forge) -> None:
    number = world.grant(**CLOSED)
    filed = commit_list(world, number, ids(world, 0, 1))
    altered(world, number, filed.root, forge)

    with capture_logs() as events:
        load_anew(world)
        answers = [told(world, number, place) for place in (0, 1, 2)]

    assert answers == ["not_confirmed"] * 3
    assert {"event": "cohort_tampered", "log_level": "error", "grants": number} in events
    assert any(each.state is State.FAIL and number in each.detail for each in examined(installation(world)))
    commit_list(world, number, ids(world, 0, 1, 2))
    assert told(world, number, 0) == "confirmed"


def test_leaves_altered_by_sql_are_found_by_the_doctor(world: World) -> None:
    number = world.grant(**CLOSED)
    filed = commit_list(world, number, ids(world, 0, 1))
    altered(world, number, filed.root, lambda links, leaves: {"leaves": b"\0" * 32 + leaves[32:]})

    findings = [each for each in examined(installation(world)) if number in each.detail]
    assert [each.state for each in findings] == [State.FAIL]
    commit_list(world, number, ids(world, 0, 1, 2))


def test_a_list_inserted_by_sql_answers_nothing(world: World) -> None:
    number, other = world.grant(**CLOSED), world.grant(**CLOSED)
    filed = commit_list(world, number, ids(world, 0))
    engine = database(world)
    with engine.begin() as connection:
        row = connection.execute(select(cohort_list).where(cohort_list.c.granted == number)).one()
        connection.execute(insert(cohort_list).values({**row._mapping, "granted": other}))
        connection.execute(update(control).values(epoch=control.c.epoch + 1))
    engine.dispose()

    assert filed.root
    assert told(world, other, 0) == "not_confirmed"


def test_another_departments_head_files_nothing_and_learns_nothing(world: World) -> None:
    number = world.grant(**CLOSED)
    desk, stranger = world.gateway.people.cohorts(), None
    for person in world.gateway.people.office.standing().roll.people():
        if person.partner not in {None, head(world, number).partner}:
            stranger = person
    assert stranger is not None

    said = set()
    for named in (number, "no-such-grant", world.grant()):
        with pytest.raises(DeedError) as refused:
            desk.begin(stranger, named)
        said.add(str(refused.value))
    assert len(said) == 1


def test_nothing_of_a_number_is_anywhere_after_filing(world: World) -> None:
    number = world.grant(**CLOSED)
    people = [world.plain_person(place) for place in range(4)]
    commit_list(world, number, [each.id_number for each in people])
    searcher = Searcher.of(people)

    for name, content in files_of(world.home.path, but=("source/", "keys/clients/", "receipts/")):
        assert not searcher.find(content), name
    engine = database(world)
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                assert not searcher.find(b"\n".join(_bytes(each) for each in row)), table.name
    engine.dispose()


def test_a_list_is_read_and_checked_once_and_not_with_every_change_of_rights(world: World) -> None:
    number = world.grant(**CLOSED)
    commit_list(world, number, ids(world, 0))
    follow(world)
    before = world.gateway.pipeline._rights.cohorts[number]

    world.grant()
    follow(world)

    assert world.gateway.pipeline._rights.cohorts[number] is before


def database(world: World) -> Engine:
    engine = open_engine(world.home.database_url(load(world.home, "serve.toml", ServeSettings)))
    create(engine)
    return engine


def altered(world: World, number: str, root: str, forge: Forge) -> None:
    engine = database(world)
    is_list = (cohort_list.c.granted == number, cohort_list.c.root == root)
    with engine.begin() as connection:
        row = connection.execute(select(cohort_list).where(*is_list)).one()
        values = forge(row.links, row.leaves)
        if values is None:
            connection.execute(delete(cohort_list).where(*is_list))
        else:
            connection.execute(update(cohort_list).where(*is_list).values(values))
    engine.dispose()


def load_anew(world: World) -> None:
    """As a node does that starts."""
    world.gateway.rights._cohorts = Cohorts()
    world.gateway.pipeline.follow(-1)


def installation(world: World) -> Installation:
    return Installation(world.home, world.home.clock.now())


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
