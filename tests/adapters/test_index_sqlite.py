"""The SQLite point store opens what sync signed, and nothing that was touched since."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.index import directory
from adapters.index.directory import Published
from adapters.index.parts import file_digest
from adapters.index.sqlite import SqliteIndex, read_part
from gateway.domain.errors import UnavailableError
from gateway.generation import GenerationError
from tests.fakes_index import KEY, a_look_up, a_subject, publish_parts

ONE, TWO = a_subject(1), a_subject(2)


def _change_a_row(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("UPDATE records SET rows = zeroblob(length(rows))")
    connection.commit()
    connection.close()


def _append_a_byte(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


ALTERATIONS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a row": (_change_a_row, "was altered"),
    "a byte at the end": (_append_a_byte, "was altered"),
    "the whole file": (Path.unlink, "is missing"),
}


@pytest.mark.parametrize("case", ALTERATIONS)
def test_a_part_that_was_altered_is_not_opened(case: str, tmp_path: Path) -> None:
    alter, says = ALTERATIONS[case]
    published = publish_parts(tmp_path, [[ONE], [TWO]])
    alter(published.directory / "delta-0001.sqlite")

    with pytest.raises(GenerationError, match=says):
        SqliteIndex.open(tmp_path, KEY.public_key())


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    publish_parts(tmp_path, [[ONE]])

    with pytest.raises(GenerationError, match="not signed"):
        SqliteIndex.open(tmp_path, Ed25519PrivateKey.from_private_bytes(b"x" * 32).public_key())


def test_a_base_and_eight_deltas_open_together(tmp_path: Path) -> None:
    subjects = [a_subject(seed) for seed in range(10)]
    publish_parts(tmp_path, [[subject] for subject in subjects])

    index = SqliteIndex.open(tmp_path, KEY.public_key())

    assert index.find("person", [a_look_up(s) for s in subjects]) == [s.rows for s in subjects]
    index.close()


def test_a_reader_keeps_its_generation_while_another_is_published(tmp_path: Path) -> None:
    old = publish_parts(tmp_path, [[ONE]])
    index = SqliteIndex.open(tmp_path, KEY.public_key())

    new = publish_parts(tmp_path, [[TWO]], number=1, name="g20270101000000abcd")
    directory.prune(tmp_path, publish_parts(tmp_path, [[TWO]], number=1, name="g20270201000000abcd"))

    assert not old.directory.exists()
    assert new.directory.exists()
    assert index.find("person", [a_look_up(ONE), a_look_up(TWO)]) == [ONE.rows, b""]
    assert index.version == old.version
    index.close()


def test_parts_that_the_reader_before_had_checked_are_not_digested_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_parts(tmp_path, [[ONE]])
    before = SqliteIndex.open(tmp_path, KEY.public_key())
    publish_parts(tmp_path, [[ONE], [TWO]], number=1)
    digested: list[str] = []

    def digest(path: Path) -> str:
        digested.append(path.name)
        return file_digest(path)

    monkeypatch.setattr(directory, "file_digest", digest)
    index = SqliteIndex.open(tmp_path, KEY.public_key(), before)

    assert digested == ["delta-0001.sqlite"]
    assert index.find("person", [a_look_up(TWO)]) == [TWO.rows]
    before.close()
    index.close()


def test_an_index_that_was_closed_is_unavailable(tmp_path: Path) -> None:
    publish_parts(tmp_path, [[ONE]])
    index = SqliteIndex.open(tmp_path, KEY.public_key())
    index.close()

    with pytest.raises(UnavailableError):
        index.find("person", [a_look_up(ONE)])


def test_nothing_can_be_written_through_a_reader(tmp_path: Path) -> None:
    published = publish_parts(tmp_path, [[ONE]])
    index = SqliteIndex.open(tmp_path, KEY.public_key())

    with pytest.raises(sqlite3.OperationalError):
        index._connection.execute("DELETE FROM records")
    index.close()
    assert list(read_part(published.directory / "base-0000.sqlite")) == [ONE]


def test_a_directory_may_have_any_name(tmp_path: Path) -> None:
    root = tmp_path / "比对 ?&#%"
    root.mkdir()
    published: Published = publish_parts(root, [[ONE], [TWO]])

    index = SqliteIndex.open(root, KEY.public_key())

    assert index.version == published.version
    assert index.find("person", [a_look_up(TWO)]) == [TWO.rows]
    index.close()
