"""Parts merge as streams, and have one digest wherever they are stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.index import parquet, sqlite
from adapters.index.parquet import ParquetFiles
from adapters.index.parts import ContentPart, Sealed, join, merge, split
from gateway.generation import GenerationError
from tests.fakes_index import KEY, SHAPES, a_subject, publish_parts

generations = st.lists(st.dictionaries(st.integers(0, 30), st.integers(0, 2), max_size=12), min_size=1, max_size=5)


@given(written=generations)
def test_merging_is_the_same_as_asking_all(written: list[dict[int, int]]) -> None:
    parts = [sorted(a_subject(seed, records) for seed, records in part.items()) for part in written]
    newest = {seed: a_subject(seed, records) for part in written for seed, records in part.items()}

    assert list(merge(parts, keep_gone=True)) == sorted(newest.values())
    assert list(merge(parts)) == sorted(subject for subject in newest.values() if subject.rows)


def test_two_subjects_with_one_head_are_never_merged() -> None:
    one = a_subject(1)

    with pytest.raises(GenerationError, match="sync --full"):
        list(merge([[one], [one._replace(tail=one.tail ^ 1)]]))


@given(st.binary(min_size=16, max_size=16))
def test_a_subject_is_its_two_halves(subject: bytes) -> None:
    assert join(*split(subject)) == subject


def _content(subjects: list[Sealed]) -> str:
    part = ContentPart("base", 0)
    for subject in subjects:
        part.add([subject])
    return part.finish()[0].sha256


def test_the_content_digest_does_not_depend_on_how_rows_come() -> None:
    subjects = sorted(a_subject(seed) for seed in range(50))
    part = ContentPart("base", 0)
    part.add(subjects)

    assert part.finish()[0].sha256 == _content(subjects)


CHANGES = {
    "a record": lambda s: s._replace(rows=s.rows[:-1] + bytes([s.rows[-1] ^ 1])),
    "a tail": lambda s: s._replace(tail=s.tail ^ 1),
    "a kind": lambda s: s._replace(kind=1),
    "nothing left": lambda s: s._replace(rows=b""),
}


@pytest.mark.parametrize("case", CHANGES)
def test_the_content_digest_changes_with(case: str) -> None:
    subjects = sorted(a_subject(seed) for seed in range(5))

    assert _content([*subjects[:4], CHANGES[case](subjects[4])]) != _content(subjects)


@given(written=generations)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_columns_hold_what_the_point_store_holds(written: list[dict[int, int]], tmp_path: Path) -> None:
    published = publish_parts(
        tmp_path, [[a_subject(seed, records, seed % 2) for seed, records in part.items()] for part in written]
    )

    for shape in SHAPES:
        columns = ParquetFiles.open(tmp_path, KEY.public_key(), shape.key)
        assert columns.version == published.version
        for n, path in enumerate(columns.paths):
            points = sqlite.read_part(published.directory / f"{'delta' if n else 'base'}-{n:04d}.sqlite")
            wanted = [subject for subject in points if subject.kind == shape.number]
            assert sorted(parquet.read_part(path, shape.number)) == wanted


def test_columns_that_were_altered_are_not_opened(tmp_path: Path) -> None:
    published = publish_parts(tmp_path, [[a_subject(1)]])
    file = published.directory / "base-0000.person.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"!")

    with pytest.raises(GenerationError, match="was altered"):
        ParquetFiles.open(tmp_path, KEY.public_key(), "person")
    assert len(ParquetFiles.open(tmp_path, KEY.public_key(), "organisation").paths) == 1


def test_many_subjects_are_written_in_several_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 4)
    subjects = [a_subject(seed, records=3) for seed in range(20)]
    publish_parts(tmp_path, [subjects])

    path = ParquetFiles.open(tmp_path, KEY.public_key(), "person").paths[0]

    assert list(parquet.read_part(path, 0)) == sorted(subjects)
