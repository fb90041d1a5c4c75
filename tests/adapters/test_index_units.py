"""The table of units: small, signed with the generation, read once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.index import directory
from adapters.index.postgres import PostgresIndex, mirror
from adapters.index.sqlite import SqliteIndex
from adapters.index.units import UNITS, UnitRow, read_units, write_units
from adapters.sql.engine import open_engine
from gateway.generation import GenerationError
from gateway.ports import UnitFact
from tests.fakes_index import KEY, a_subject, publish_parts

A_UNIT = UnitRow(7, b"bureau-1", b"region-1", 12, 300)
names = st.binary(min_size=8, max_size=8)
counts = st.integers(0, 2**32 - 1)
rows = st.lists(
    st.builds(UnitRow, st.integers(-(2**63), 2**63 - 1), names, names, counts, counts), unique_by=lambda row: row.token
)


@given(table=rows)
def test_a_table_is_read_as_it_was_written(table: list[UnitRow]) -> None:
    assert read_units(write_units(table)) == {row.token: UnitFact(*row[1:]) for row in table}


def test_the_order_of_the_rows_tells_nothing() -> None:
    other = A_UNIT._replace(token=-3)

    assert write_units([A_UNIT, other]) == write_units([other, A_UNIT])


@pytest.mark.parametrize("missing", range(1, 32))
def test_half_a_row_is_no_table(missing: int) -> None:
    with pytest.raises(GenerationError, match="sync --full"):
        read_units(write_units([A_UNIT])[:-missing])


def _swap(file: Path) -> None:
    file.write_bytes(write_units([A_UNIT._replace(staff=1)]))


def _empty(file: Path) -> None:
    file.write_bytes(b"")


ALTERATIONS: dict[str, tuple[Callable[[Path], None], str]] = {
    "another size": (_swap, "was altered"),
    "nothing in it": (_empty, "was altered"),
    "not there": (Path.unlink, "is missing"),
}


@pytest.mark.parametrize("case", ALTERATIONS)
def test_a_table_that_was_altered_is_not_adopted(case: str, tmp_path: Path) -> None:
    alter, says = ALTERATIONS[case]
    alter(publish_parts(tmp_path, [[a_subject(1)]], units=[A_UNIT]).directory / UNITS)

    with pytest.raises(GenerationError, match=says):
        SqliteIndex.open(tmp_path, KEY.public_key())


def test_a_table_that_was_altered_in_postgresql_is_not_adopted(tmp_path: Path, postgres_url: str) -> None:
    mirror(postgres_url, publish_parts(tmp_path, [[a_subject(1)]], units=[A_UNIT]))
    engine = open_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE index_files SET content = '\\x00'")
    engine.dispose()

    with pytest.raises(GenerationError, match="was altered"):
        PostgresIndex.open(postgres_url, KEY.public_key())


def test_files_of_generations_that_are_dropped_go_with_them(tmp_path: Path, postgres_url: str) -> None:
    for month in range(1, 5):
        name = f"g2027{month:02}01000000abcd"
        mirror(postgres_url, publish_parts(tmp_path, [[a_subject(1)]], units=[A_UNIT], number=month, name=name))

    engine = open_engine(postgres_url)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT generation, file FROM index_files ORDER BY 1").fetchall()
    engine.dispose()
    assert [tuple(row) for row in kept] == [("g20270301000000abcd", UNITS), ("g20270401000000abcd", UNITS)]


def test_a_table_that_the_reader_before_had_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = publish_parts(tmp_path, [[a_subject(1)]], units=[A_UNIT])
    before = SqliteIndex.open(tmp_path, KEY.public_key())
    publish_parts(tmp_path, [[a_subject(1)], [a_subject(2)]], number=1, units=[A_UNIT])
    directory.prune(tmp_path, published)
    monkeypatch.setattr(directory, "check_stored", pytest.fail)

    after = SqliteIndex.open(tmp_path, KEY.public_key(), before)

    assert after.unit(7) == UnitFact(b"bureau-1", b"region-1", 12, 300)
    before.close()
    after.close()


def test_fifty_thousand_units_are_read_in_a_moment() -> None:
    content = write_units(A_UNIT._replace(token=token) for token in range(50_000))

    started = time.process_time()
    found = read_units(content)

    assert time.process_time() - started < 1.0
    assert len(found) == 50_000
