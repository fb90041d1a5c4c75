"""The point store in PostgreSQL is a copy that is held to the published files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, create_engine, inspect, text

from adapters.index.postgres import PostgresIndex, mirror
from gateway.domain.errors import UnavailableError
from gateway.generation import GenerationError
from tests.backends import END_OTHERS
from tests.fakes_index import GENERATION, KEY, a_look_up, a_subject, publish_parts

ONE, TWO, THREE = a_subject(1), a_subject(2), a_subject(3)


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """A way to look at the tables beside the index."""
    engine = create_engine(postgres_url)
    yield engine
    engine.dispose()


def _tables(engine: Engine) -> list[str]:
    return sorted(name for name in inspect(engine).get_table_names() if name.startswith("index_g"))


def _find(url: str) -> list[bytes]:
    with closing(PostgresIndex.open(url, KEY.public_key())) as index:
        return index.find("person", [a_look_up(subject) for subject in (ONE, TWO, THREE)])


def test_a_delta_adds_one_table(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    mirror(postgres_url, publish_parts(tmp_path, [[ONE]]))
    mirror(postgres_url, publish_parts(tmp_path, [[ONE], [TWO]], number=1))

    assert _tables(engine) == [f"index_{GENERATION}_0000", f"index_{GENERATION}_0001"]
    assert _find(postgres_url) == [ONE.rows, TWO.rows, b""]


def test_copying_again_changes_nothing(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    published = publish_parts(tmp_path, [[ONE], [TWO]])
    mirror(postgres_url, published)
    mirror(postgres_url, published)

    assert _find(postgres_url) == [ONE.rows, TWO.rows, b""]


def test_a_table_of_another_content_is_replaced(postgres_url: str, tmp_path: Path) -> None:
    mirror(postgres_url, publish_parts(tmp_path / "lost", [[THREE]]))
    mirror(postgres_url, publish_parts(tmp_path / "made again", [[ONE]]))

    assert _find(postgres_url) == [ONE.rows, b"", b""]


def test_an_older_generation_is_kept_for_those_who_still_read_it(
    postgres_url: str, engine: Engine, tmp_path: Path
) -> None:
    names = [f"g{year}0101000000abcd" for year in (2024, 2025, 2026)]
    for name in names:
        mirror(postgres_url, publish_parts(tmp_path, [[ONE]], name=name))

    assert _tables(engine) == [f"index_{name}_0000" for name in names[1:]]


def test_a_copy_that_fails_half_way_leaves_the_old_one(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    mirror(postgres_url, publish_parts(tmp_path, [[ONE]]))
    broken = publish_parts(tmp_path, [[TWO], [THREE]], number=1, name="g20270101000000abcd")
    (broken.directory / "delta-0001.sqlite").write_bytes(b"")

    with pytest.raises(GenerationError):
        mirror(postgres_url, broken)

    assert _tables(engine) == [f"index_{GENERATION}_0000"]
    assert _find(postgres_url) == [ONE.rows, b"", b""]


ALTERATIONS = {
    "a record": f"UPDATE index_{GENERATION}_0001 SET rows = set_byte(rows, 0, 7 # get_byte(rows, 0))",
    "a tail": f"UPDATE index_{GENERATION}_0001 SET tail = tail # 1",
    "a row less": f"DELETE FROM index_{GENERATION}_0001",
    "a row more": f"INSERT INTO index_{GENERATION}_0001 VALUES (1, 2, 0, '\\x00')",
}


@pytest.mark.parametrize("case", ALTERATIONS)
def test_a_table_that_was_altered_is_not_opened(case: str, postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    mirror(postgres_url, publish_parts(tmp_path, [[ONE], [TWO]]))
    with engine.begin() as connection:
        connection.execute(text(ALTERATIONS[case]))

    with pytest.raises(GenerationError, match="was altered"):
        PostgresIndex.open(postgres_url, KEY.public_key())


def test_another_key_opens_nothing(postgres_url: str, tmp_path: Path) -> None:
    mirror(postgres_url, publish_parts(tmp_path, [[ONE]]))

    with pytest.raises(GenerationError, match="not signed"):
        PostgresIndex.open(postgres_url, Ed25519PrivateKey.from_private_bytes(b"x" * 32).public_key())


def test_there_is_nothing_before_the_first_sync(postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(GenerationError):
        PostgresIndex.open(postgres_url, KEY.public_key())


def test_a_connection_that_broke_is_made_anew(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    mirror(postgres_url, publish_parts(tmp_path, [[ONE]]))
    with closing(PostgresIndex.open(postgres_url, KEY.public_key())) as index:
        with engine.begin() as connection:
            connection.execute(END_OTHERS)

        with pytest.raises(UnavailableError):
            index.find("person", [a_look_up(ONE)])
        assert index.find("person", [a_look_up(ONE)]) == [ONE.rows]


def test_parts_that_the_reader_before_had_checked_are_not_digested_again(
    postgres_url: str, engine: Engine, tmp_path: Path
) -> None:
    mirror(postgres_url, publish_parts(tmp_path, [[ONE]]))
    before = PostgresIndex.open(postgres_url, KEY.public_key())
    mirror(postgres_url, publish_parts(tmp_path, [[ONE], [TWO]], number=1))
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE index_{GENERATION}_0000 SET tail = tail # 1"))

    with closing(before), closing(PostgresIndex.open(postgres_url, KEY.public_key(), before)) as index:
        assert index.find("person", [a_look_up(TWO)]) == [TWO.rows]
