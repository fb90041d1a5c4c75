"""What sync tells of units: names that stay, regions, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from adapters.index.sqlite import SqliteIndex
from gateway.ports import UnitFact
from gateway.seal import Sealer, SealingKey
from ops.sync import workers
from tests.adapters.make_sources import a_row
from tests.ops.make_sync import CATALOGUE, KEYS, Office

YESTERDAY = "2026-11-02 00:00:00"


def facts(office: Office, *units: str) -> Mapping[str, UnitFact | None]:
    """What the current generation tells of each unit."""
    with closing(SqliteIndex.open(office.home.index, KEYS.sync.public_key())) as index:
        generation = index.version.generation
        sealer = Sealer(SealingKey(KEYS.sealing), CATALOGUE, "person", generation, bytes)
        return {unit: index.unit(sealer.unit(unit)) for unit in units}


def name(unit: str) -> bytes:
    return Sealer(SealingKey(KEYS.sealing), CATALOGUE, "person", "any", bytes).unit_name(unit)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_a_unit_has_its_name_its_region_and_their_sizes(office: Office) -> None:
    office.sync([a_row(1, 单位="L0101"), a_row(2, 单位="L0101"), a_row(3, 单位="L01"), a_row(4, 单位="L02")])

    told = facts(office, "L0101", "L01", "L02", "L")

    assert told["L0101"] == UnitFact(name("L0101"), name("L01"), 2, 2)
    assert told["L01"] == UnitFact(name("L01"), name("L"), 1, 2)
    assert told["L02"] == UnitFact(name("L02"), name("L"), 1, 2)
    assert told["L"] is None, "nobody's record lies in the root itself"


def test_the_root_has_nobody_beside_it(office: Office) -> None:
    office.sync([a_row(1, 单位="L"), a_row(2, 单位="L01")])

    assert facts(office, "L")["L"] == UnitFact(name("L"), name(""), 1, 1)


def test_without_parents_all_units_are_of_one_region(office: Office) -> None:
    office.write([a_row(1, 单位="X"), a_row(2, 单位="Y"), a_row(3, 单位="Y")])
    mapping = (office.path / "mappings" / "person.toml").read_text(encoding="utf-8")
    office.map("\n".join(line for line in mapping.splitlines() if not line.startswith("parents")))
    office.sync()

    assert facts(office, "Y")["Y"] == UnitFact(name("Y"), name(""), 2, 3)


def test_somebody_counts_once_where_the_newest_main_post_is(office: Office) -> None:
    office.sync(
        [
            a_row(1, 单位="L0101", 免职="2020-01-01"),
            a_row(1, 单位="L02", 任职="2020-01-01"),
            a_row(2, 单位="L0101", 主职="0", 任职="2024-01-01"),
            a_row(2, 单位="L02"),
        ]
    )

    told = facts(office, "L0101", "L02")
    assert [fact.staff for fact in told.values() if fact] == [0, 2]


def test_names_stay_and_tokens_do_not(office: Office) -> None:
    rows = [a_row(1, 单位="L0101")]
    first = office.sync(rows)
    before = facts(office, "L0101")
    second = office.sync(full=True)

    assert first.generation != second.generation
    assert facts(office, "L0101") == before


def test_a_delta_leaves_the_sizes_of_the_base(office: Office) -> None:
    rows = [a_row(1, 单位="L0101"), a_row(2, 单位="L0101")]
    office.sync(rows)
    before = facts(office, "L0101", "L02")
    report = office.sync([*rows, a_row(3, 单位="L0101", 更新时间=YESTERDAY), a_row(4, 单位="L02", 更新时间=YESTERDAY)])

    assert report.mode == "delta"
    assert facts(office, "L0101", "L02") == before
    assert before["L02"] is None


def test_a_table_outlives_folding(office: Office) -> None:
    rows = [a_row(n, 单位="L0101") for n in (1, 2)]
    office.sync(rows)
    for day in range(10):
        report = office.sync([a_row(1, 单位="L0101"), a_row(2, 单位="L0101", 更新时间=f"2026-11-02 0{day}:00:00")])
        assert report.mode == "delta"

    assert facts(office, "L0101")["L0101"] == UnitFact(name("L0101"), name("L01"), 2, 2)


def test_many_workers_tell_the_same(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CHUNKS_ALONE", 1)
    monkeypatch.setattr(workers, "_CHUNK_ROWS", 5)
    rows = [a_row(n, 单位=["L0101", "L01", "L02"][n % 3]) for n in range(1, 30)]
    office.sync(rows)
    alone = facts(office, "L0101", "L01", "L02")

    office.told(workers=2).sync(full=True)

    assert facts(office, "L0101", "L01", "L02") == alone
