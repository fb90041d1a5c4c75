"""The promise of `gateway.ports.Index`, kept alike by memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.index.parts import Sealed
from adapters.index.postgres import PostgresIndex, mirror
from adapters.index.sqlite import SqliteIndex
from adapters.index.units import UnitRow
from gateway.domain.errors import UnavailableError
from gateway.generation import version_of
from gateway.ports import Index, UnitFact
from tests.fakes_index import DECOY_KEY, KEY, MemoryIndex, a_look_up, a_subject, digest_of, publish_parts

Parts: TypeAlias = Sequence[Sequence[Sealed]]
Movers: TypeAlias = tuple[int, Mapping[bytes, int]]
Build: TypeAlias = Callable[..., Index]


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Build]:
    """Makes an index of the parts given, oldest first, in one engine."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    with ExitStack() as stack:

        def make(
            parts: Parts,
            units: Sequence[UnitRow] = (),
            decoys: Sequence[bytes] = (),
            protected: Sequence[bytes] = (),
            movers: Movers | None = None,
        ) -> Index:
            root = Path(mkdtemp(dir=tmp_path))
            published = publish_parts(root, parts, units=units, decoys=decoys, protected=protected, movers=movers)
            if request.param == "fake":
                version = version_of(published.manifest, published.content)
                return MemoryIndex(version, parts, rows=units, decoys=decoys, protected=protected, movers=movers)
            if request.param == "sqlite":
                return stack.enter_context(closing(SqliteIndex.open(root, KEY.public_key(), None, DECOY_KEY)))
            mirror(url, published)
            return stack.enter_context(closing(PostgresIndex.open(url, KEY.public_key(), None, DECOY_KEY)))

        yield make


ONE, TWO, THREE, ORGANISATION = a_subject(1), a_subject(2, records=3), a_subject(3), a_subject(4, kind=1)
GONE = THREE._replace(rows=b"")
NEWER = ONE._replace(rows=a_subject(9, records=2).rows)
PARTS: Parts = [[ONE, TWO, THREE, ORGANISATION], [NEWER, a_subject(5)], [GONE]]


def test_a_subject_is_found_with_all_its_records(build: Build) -> None:
    index = build(PARTS)

    assert index.find("person", [a_look_up(TWO)]) == [TWO.rows]
    assert index.find("organisation", [a_look_up(ORGANISATION)]) == [ORGANISATION.rows]


def test_the_newest_part_that_knows_a_subject_speaks_for_it(build: Build) -> None:
    index = build(PARTS)

    assert index.find("person", [a_look_up(ONE), a_look_up(THREE)]) == [NEWER.rows, b""]


def test_answers_come_in_the_order_of_the_questions_and_as_often(build: Build) -> None:
    index = build(PARTS)
    asked = [TWO, a_subject(77), ONE, TWO, THREE]

    found = index.find("person", [a_look_up(subject) for subject in asked])

    assert found == [TWO.rows, b"", NEWER.rows, TWO.rows, b""]


def test_half_a_subject_is_none(build: Build) -> None:
    index = build(PARTS)

    assert index.find("person", [a_look_up(TWO._replace(tail=TWO.tail ^ 1))]) == [b""]
    assert index.find("person", [a_look_up(TWO._replace(head=TWO.head ^ 1))]) == [b""]


def test_no_look_ups_find_nothing(build: Build) -> None:
    assert build(PARTS).find("person", []) == []


def test_a_kind_that_was_never_loaded_is_no_answer(build: Build) -> None:
    with pytest.raises(UnavailableError):
        build(PARTS).find("vehicle", [a_look_up(ONE)])


def test_records_larger_than_a_page_come_whole(build: Build) -> None:
    large = a_subject(6, records=2_000)

    assert build([[large]]).find("person", [a_look_up(large)]) == [large.rows]


def test_the_version_is_that_of_the_manifest_wherever_the_rows_are(build: Build, tmp_path: Path) -> None:
    assert build(PARTS).version == publish_parts(tmp_path / "again", PARTS).version


UNITS = [
    UnitRow(-(2**63), b"root-key", b"root-key", 3, 3),
    UnitRow(2**63 - 1, b"bureau-1", b"region-1", 12, 4_000_000_000),
]


def test_a_unit_is_told_by_its_token(build: Build) -> None:
    index = build(PARTS, UNITS)

    assert index.unit(UNITS[1].token) == UnitFact(b"bureau-1", b"region-1", 12, 4_000_000_000)
    assert index.unit(UNITS[0].token) == UnitFact(b"root-key", b"root-key", 3, 3)
    assert index.unit(0) is None
    assert sorted(map(str, index.units())) == sorted(str(UnitFact(*row[1:])) for row in UNITS)


def test_a_generation_without_a_table_of_units_tells_of_none(build: Build) -> None:
    assert build(PARTS).unit(UNITS[0].token) is None


def test_a_decoy_is_known_by_its_link_and_found_like_anybody(build: Build) -> None:
    links = [digest_of(seed)[:16] for seed in range(20)]
    index = build(PARTS, UNITS, links[:10])

    assert [index.is_decoy(link) for link in links] == [True] * 10 + [False] * 10
    assert not index.is_decoy(b"")
    assert index.find("person", [a_look_up(TWO)]) == [TWO.rows]


def test_a_generation_without_decoys_knows_none(build: Build) -> None:
    index = build(PARTS)

    assert not any(index.is_decoy(link) for link in (b"", bytes(16), digest_of(1)[:16]))


def test_a_protected_person_is_known_by_the_link_and_is_no_decoy(build: Build) -> None:
    links = [digest_of(seed)[:16] for seed in range(20)]
    index = build(PARTS, UNITS, links[:5], links[5:10])

    assert [index.is_protected(link) for link in links] == [False] * 5 + [True] * 5 + [False] * 10
    assert [index.is_decoy(link) for link in links] == [True] * 5 + [False] * 15
    assert not build(PARTS).is_protected(links[5])


def test_who_moved_is_known_by_the_link_with_the_day(build: Build) -> None:
    links = [digest_of(seed)[:16] for seed in range(4)]
    index = build(PARTS, movers=(739_000, {links[0]: 739_005, links[1]: 739_001}))

    assert index.moves_since() == 739_000
    assert [index.moved_on(link) for link in links] == [739_005, 739_001, 0, 0]


def test_a_generation_that_tells_of_no_moves_says_so(build: Build) -> None:
    index = build(PARTS)

    assert index.moves_since() is None
    assert index.moved_on(digest_of(1)[:16]) == 0


seeds = st.integers(0, 40)
parts = st.lists(st.dictionaries(seeds, st.integers(0, 3), max_size=8), min_size=1, max_size=4)


@given(base=parts, asked=st.lists(seeds, max_size=12))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_engine_agrees_with_the_model(build: Build, base: list[dict[int, int]], asked: list[int]) -> None:
    written = [[a_subject(seed, records) for seed, records in part.items()] for part in base]
    newest = {seed: a_subject(seed, records).rows for part in base for seed, records in part.items()}

    found = build(written).find("person", [a_look_up(a_subject(seed)) for seed in asked])

    assert found == [newest.get(seed, b"") for seed in asked]
