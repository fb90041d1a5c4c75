"""A row is read whole by the standard, or refused whole with a cause that holds no value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources import cells
from adapters.sources.reading import Reading, RefusedRow, RowReader
from gateway.seal import END_OF_DAYS, day_number
from tests.adapters.make_sources import CATALOGUE, MAPPING, UNITS, a_mapping, a_row, number_of


def _read(tmp_path: Path, row: Mapping[str, object], mapping: str = MAPPING, **changes: str) -> Reading | RefusedRow:
    return RowReader(a_mapping(tmp_path, mapping, **changes), CATALOGUE, UNITS).read(row)


def _good(tmp_path: Path, row: Mapping[str, object], mapping: str = MAPPING, **changes: str) -> Reading:
    found = _read(tmp_path, row, mapping, **changes)
    assert isinstance(found, Reading)
    return found


def test_a_row_says_whom_it_is_about_and_what(tmp_path: Path) -> None:
    reading = _good(tmp_path, a_row(3))

    assert (reading.key, reading.numbers, reading.private_use) == ("3", (number_of(3),), 0)
    assert reading.facts is not None
    assert dict(reading.facts.values) == {"name": "巴雅尔丁", "sex": "1", "quota_type": "1"}
    assert reading.facts.units == ("L0101", "L01", "L")
    assert reading.facts.effective == (day_number(date(2010, 7, 1)), END_OF_DAYS)
    assert reading.facts.main


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "a float for an id": ({"身份证号": 159801199003072316.0}, "identifier_as_number"),
    "a wrong check digit": ({"身份证号": number_of(1)[:17] + "%"}, "identifier"),
    "no id": ({"身份证号": None}, "identifier"),
    "no key": ({"人员编号": " "}, "key"),
    "a key that lost digits": ({"人员编号": 1e17}, "key"),
    "no name": ({"姓名": "　"}, "field:name"),
    "a garbled name": ({"姓名": "张\ufffd"}, "field:name"),
    "a code that the mapping does not have": ({"性别": "X"}, "field:sex"),
    "an endless cell": ({"姓名": "张" * 30_000}, "too_long"),
    "no such day": ({"任职": "2010-02-30"}, "period"),
    "an end before the beginning": ({"免职": "2010-06-30"}, "period"),
    "an end on the first day": ({"免职": "2010-07-01"}, "period"),
    "a unit nobody knows": ({"单位": "M99"}, "unit"),
    "no unit": ({"单位": ""}, "unit"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_row_that_cannot_be_read_is_refused_with_its_cause(case: str, tmp_path: Path) -> None:
    changes, cause = REFUSED[case]

    found = _read(tmp_path, a_row(1, **changes))

    assert isinstance(found, RefusedRow)
    assert found.cause == cause
    assert number_of(1) not in repr(found) + found.hint
    assert "巴雅尔" not in repr(found) + found.hint


def test_a_row_that_does_not_fit_the_header_is_refused(tmp_path: Path) -> None:
    found = _read(tmp_path, {})

    assert isinstance(found, RefusedRow)
    assert found.cause == "row"


def test_the_key_of_a_refused_row_is_kept_for_its_token(tmp_path: Path) -> None:
    found = _read(tmp_path, a_row(7, 身份证号="x"))

    assert isinstance(found, RefusedRow)
    assert found.key == "7"


def test_a_row_marked_as_deleted_has_no_facts(tmp_path: Path) -> None:
    reading = _good(tmp_path, a_row(1, 删除="1", 姓名=None))

    assert reading.facts is None


def test_a_word_for_nothing_is_nothing(tmp_path: Path) -> None:
    mapping = 'blank = ["-", "无"]\n' + MAPPING

    reading = _good(tmp_path, a_row(1, 性别=" - ", 免职="无"), mapping)

    assert reading.facts is not None
    assert "sex" not in reading.facts.values


def test_private_use_characters_are_counted(tmp_path: Path) -> None:
    assert _good(tmp_path, a_row(1, 姓名="张\ue000\ue001")).private_use == 2


def test_a_subject_may_have_two_numbers(tmp_path: Path) -> None:
    organisation = """
kind = "organisation"
[source]
key = ["编码"]
identifier = ["信用代码", "编码"]
[fields]
org_name = "名称"
"""
    codes = ("11152500MB0000017M", "152500000001")
    row = {"编码": codes[1], "信用代码": None, "名称": "财政局"}

    assert _good(tmp_path, row, organisation).numbers == codes[1:]
    assert _good(tmp_path, row | {"信用代码": codes[0]}, organisation).numbers == codes


PERIODS: dict[str, tuple[dict[str, object], dict[str, str], tuple[int, int]]] = {
    "dates": (
        {"任职": date(2010, 7, 1), "免职": datetime(2012, 1, 1, 8, tzinfo=UTC)},
        {},
        (day_number(date(2010, 7, 1)), day_number(date(2012, 1, 1))),
    ),
    "the last day is still one": (
        {"免职": "2012-01-01"},
        {"until =": 'until = "免职"\nuntil_included = true'},
        (day_number(date(2010, 7, 1)), day_number(date(2012, 1, 2))),
    ),
    "the last month is still one": (
        {"免职": "2012.12"},
        {"until =": 'until = "免职"\nuntil_included = true'},
        (day_number(date(2010, 7, 1)), day_number(date(2013, 1, 1))),
    ),
    "a month without a mark": ({"任职": "201011"}, {}, (day_number(date(2010, 11, 1)), END_OF_DAYS)),
    "a day without a mark": ({"任职": 20101101.0}, {}, (day_number(date(2010, 11, 1)), END_OF_DAYS)),
    "a day in words": ({"任职": "2010年11月1日"}, {}, (day_number(date(2010, 11, 1)), END_OF_DAYS)),
    "for ever, without marks": ({"免职": "99991231"}, {}, (day_number(date(2010, 7, 1)), END_OF_DAYS)),
    "for ever": ({"免职": "9999-12-31"}, {}, (day_number(date(2010, 7, 1)), END_OF_DAYS)),
    "since ever": ({"任职": "1800-01-01"}, {}, (0, END_OF_DAYS)),
    "no dates at all": ({"任职": None}, {}, (0, END_OF_DAYS)),
    "a format of their own": (
        {"任职": "01/07/2010"},
        {"until =": 'until = "免职"\nformat = "%d/%m/%Y"'},
        (day_number(date(2010, 7, 1)), END_OF_DAYS),
    ),
    "spreadsheet numbers": (
        {"任职": 40360.0, "免职": "40361"},
        {"until =": 'until = "免职"\nformat = "excel"'},
        (day_number(date(2010, 7, 1)), day_number(date(2010, 7, 2))),
    ),
}


@pytest.mark.parametrize("case", PERIODS)
def test_periods_are_read(case: str, tmp_path: Path) -> None:
    row, changes, effective = PERIODS[case]

    reading = _good(tmp_path, a_row(1, **row), MAPPING, **changes)

    assert reading.facts is not None
    assert reading.facts.effective == effective


CHAINS = {
    "above itself": {"L0101": "L01", "L01": "L0101"},
    "nine deep": {f"L{n}": f"L{n + 1}" for n in range(8)} | {"L8": "", "L0101": "L0"},
    "under a unit nobody knows": {"L0101": "L01"},
}


@pytest.mark.parametrize("case", CHAINS)
def test_a_unit_without_a_proper_place_refuses_its_rows(case: str, tmp_path: Path) -> None:
    found = RowReader(a_mapping(tmp_path), CATALOGUE, CHAINS[case]).read(a_row())

    assert isinstance(found, RefusedRow)
    assert found.cause == "unit"


def test_eight_levels_of_units_are_not_too_many(tmp_path: Path) -> None:
    parents = {f"L{n}": f"L{n + 1}" for n in range(6)} | {"L6": "", "L0101": "L0"}

    reading = RowReader(a_mapping(tmp_path), CATALOGUE, parents).read(a_row())

    assert isinstance(reading, Reading)
    assert reading.facts is not None
    assert len(reading.facts.units) == 8


KEYS: dict[str, tuple[object, str]] = {
    "text": (" 00７ ", "007"),
    "an integer": (7, "7"),
    "a float from a spreadsheet": (7.0, "7"),
    "a decimal": (Decimal("7.00"), "7"),
    "a fraction": (7.5, "7.5"),
    "a bool": (True, "1"),
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_has_one_spelling_whatever_its_type(case: str) -> None:
    raw, key = KEYS[case]

    assert cells.as_key(raw) == key


numbers = st.integers() | st.floats() | st.decimals()
cell = st.none() | st.text(max_size=40) | st.booleans() | st.dates() | st.datetimes() | numbers


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> RowReader:
    """One reader for many rows."""
    return RowReader(a_mapping(tmp_path_factory.mktemp("mapping")), CATALOGUE, UNITS)


@given(row=st.fixed_dictionaries(dict.fromkeys(a_row(), cell)))
def test_no_row_is_so_strange_that_reading_it_breaks(reader: RowReader, row: dict[str, object]) -> None:
    assert isinstance(reader.read(row), Reading | RefusedRow)


@given(column=st.sampled_from(list(a_row())), raw=cell)
def test_one_strange_cell_never_breaks_reading(reader: RowReader, column: str, raw: object) -> None:
    assert isinstance(reader.read(a_row() | {column: raw}), Reading | RefusedRow)
