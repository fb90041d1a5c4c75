"""Writes the league as a real source database: SQLite, PostgreSQL, or whatever else SQLAlchemy speaks to.

    write_register(League.of(), "sqlite:///source.sqlite")
    change_some(url, share=0.001, at=datetime(2026, 11, 2, 9), seed=7)      # a day of work in the office

People stream through in batches, so a million of them need little more memory than a thousand.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random
from typing import Any

from sqlalchemy import Table, create_engine, func, insert, select, update
from sqlalchemy.engine import Connection

from ops.demo.league import League
from ops.demo.person import Person
from ops.demo.rows import Row, organisation_rows, pay_row, person_row, post_row, quota_row
from ops.demo.tables import ORGANISATIONS, PAYS, PERSONS, POSTS, QUOTAS, create_tables

BATCH = 5_000


def write_register(
    league: League, url: str, *, spoil: Callable[[Iterable[Person]], Iterable[Person]] | None = None
) -> None:
    """Create tables and views in an empty database and fill them, in one transaction; `spoil` may bend people first."""
    people = league.people()
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            create_tables(connection)
            _insert(connection, ORGANISATIONS, organisation_rows(league))
            _insert(connection, QUOTAS, [quota_row(staff) for staff in league.staffs])
            _write_people(connection, spoil(people) if spoil else people)
        _settle(url)
    finally:
        engine.dispose()


def change_some(url: str, *, share: float, at: datetime, seed: int) -> int:
    """Give a share of the people a new 职务 and the watermark `at`, as a day in the office would; return how many."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            newest = connection.scalar(select(func.max(PERSONS.c["人员编号"]))) or 0
            numbers = Random(seed).sample(range(1, newest + 1), round(newest * share))
            for start in range(0, len(numbers), 500):
                _change(connection, numbers[start : start + 500], at)
    finally:
        engine.dispose()
    return len(numbers)


def _change(connection: Connection, numbers: list[int], at: datetime) -> None:
    posts = update(POSTS).where(POSTS.c["人员编号"].in_(numbers), POSTS.c["主职"] == "1")
    connection.execute(posts.values({"职务": "调研员", "更新时间": at}))
    connection.execute(update(PERSONS).where(PERSONS.c["人员编号"].in_(numbers)).values({"更新时间": at}))


def _write_people(connection: Connection, people: Iterable[Person]) -> None:
    persons: list[Row] = []
    posts: list[Row] = []
    pays: list[Row] = []
    written = {"任职": 0, "工资": 0}
    for person in people:
        persons.append(person_row(person))
        posts += (post_row(written["任职"] + n, person, post) for n, post in enumerate(person.posts, start=1))
        pays += (pay_row(written["工资"] + n, person, pay) for n, pay in enumerate(person.pays, start=1))
        written["任职"] += len(person.posts)
        written["工资"] += len(person.pays)
        if len(persons) == BATCH:
            _flush(connection, persons, posts, pays)
    _flush(connection, persons, posts, pays)


def _flush(connection: Connection, persons: list[Row], posts: list[Row], pays: list[Row]) -> None:
    for table, rows in ((PERSONS, persons), (POSTS, posts), (PAYS, pays)):
        _insert(connection, table, rows)
        rows.clear()


def _insert(connection: Connection, table: Table, rows: list[Row]) -> None:
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, rows)
        return
    names = table.c.keys()
    connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def _copy(connection: Connection, table: Table, rows: list[Row]) -> None:
    """PostgreSQL's own way in: five times as fast as inserts."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


def _settle(url: str) -> None:
    """Let the planner know what is there; without it the first reading of the views guesses wrong."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            if connection.dialect.name in {"sqlite", "postgresql"}:
                connection.exec_driver_sql("ANALYZE")
    finally:
        engine.dispose()
