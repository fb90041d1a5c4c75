"""Every kind of source gives the same rows, says what it cannot read, and dies without a trace."""

from __future__ import annotations

import gc
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest
import xlsxwriter
from msgspec.structs import replace
from sqlalchemy import create_engine, text

from adapters.sources import workbooks
from adapters.sources.files import open_file
from adapters.sources.mapping import SourceMapping
from adapters.sources.pushed import PushedSource
from adapters.sources.reading import Reading, RowReader
from adapters.sources.source import BROKEN, Source, SourceError
from adapters.sources.sql import open_sql
from tests.adapters.make_sources import (
    CATALOGUE,
    FILES,
    HEADER,
    MAPPING,
    UNITS,
    Cells,
    a_mapping,
    a_row,
    as_csv,
    as_database,
    as_parquet,
    as_workbook,
)
from tests.backends import END_OTHERS

Open: TypeAlias = Callable[[list[dict[str, object]], SourceMapping], AbstractContextManager[Source]]

ROWS = [a_row(n) for n in range(1, 30)] + [a_row(3, 主职="0", 单位="L02")]
SINCE = datetime(2026, 10, 26, 8, 0, tzinfo=UTC)
"""Later, by Beijing time, than the changes of the 26th; those of the 27th and 28th are newer."""


@pytest.fixture(params=["csv", "xlsx", "parquet", "sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of source in turn."""
    name: str = request.param
    return name


@pytest.fixture
def opened(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> Open:
    """Writes rows as the kind of source and opens it."""

    def write(rows: list[dict[str, object]], mapping: SourceMapping) -> AbstractContextManager[Source]:
        if kind in FILES:
            return open_file(FILES[kind](tmp_path / f"人员.{kind}", rows), fits(mapping, kind))
        url = request.getfixturevalue("sqlite_url" if kind == "sqlite" else "postgres_url")
        return open_sql(as_database(url, rows), mapping)

    def fits(mapping: SourceMapping, kind: str) -> SourceMapping:
        if kind == "xlsx" or mapping.unit is None or mapping.unit.parents is None:
            return mapping
        beside = replace(mapping.unit.parents, table=f"单位.{kind}")
        return replace(mapping, unit=replace(mapping.unit, parents=beside))

    return write


def _readings(rows: Iterable[Cells], mapping: SourceMapping, parents: Mapping[str, str]) -> list[Reading]:
    reader = RowReader(mapping, CATALOGUE, parents)
    found = [reading for row in rows if isinstance(reading := reader.read(row), Reading)]
    return sorted(found, key=lambda reading: (reading.key, reading.facts is not None and reading.facts.main))


def test_all_kinds_read_alike(opened: Open, tmp_path: Path) -> None:
    mapping = a_mapping(tmp_path)

    with opened(ROWS, mapping) as source:
        found = _readings((row for _, row in source.rows()), mapping, source.parents())

    assert len(found) == len(ROWS)
    assert found == _readings(ROWS, mapping, UNITS)


def test_the_newest_change_is_known_when_all_is_read(opened: Open, tmp_path: Path) -> None:
    with opened(ROWS, a_mapping(tmp_path)) as source:
        list(source.rows())

        assert source.watermark == datetime(2026, 10, 28, 0, 0, tzinfo=UTC)


def test_only_subjects_that_changed_are_read_again_and_those_whole(opened: Open, tmp_path: Path) -> None:
    rows = [*ROWS, a_row(26, 主职="0", 更新时间="2020-01-01 00:00:00")]
    with opened(rows, a_mapping(tmp_path)) as source:
        keys = sorted(str(row["人员编号"]) for _, row in source.rows(SINCE))

    assert keys == ["26", "26", "27"]


def test_a_column_that_is_missing_is_named(opened: Open, tmp_path: Path) -> None:
    mapping = a_mapping(tmp_path, MAPPING, name='name = "名字"')

    with pytest.raises(SourceError, match="名字"), opened(ROWS, mapping) as source:
        list(source.rows())


def test_a_table_that_is_missing_is_named(kind: str, opened: Open, tmp_path: Path) -> None:
    if kind in {"csv", "parquet"}:
        pytest.skip("a file of one table has no names of tables")
    mapping = a_mapping(tmp_path, MAPPING, table='table = "职工"')

    with pytest.raises(SourceError, match="职工"), opened(ROWS, mapping) as source:
        list(source.rows())


def test_a_source_that_is_missing_says_so(tmp_path: Path) -> None:
    mapping = a_mapping(tmp_path)

    with pytest.raises(SourceError, match="absent"), open_file(tmp_path / "absent.csv", mapping) as source:
        list(source.rows())
    with pytest.raises(SourceError, match=r"sync\.toml"), open_sql(f"sqlite:///{tmp_path}/absent.sqlite", mapping):
        pass
    with pytest.raises(SourceError, match="not read"), open_file(tmp_path / "list.pdf", mapping):
        pass
    assert not (tmp_path / "absent.sqlite").exists()


def test_a_database_is_never_written(sqlite_url: str, tmp_path: Path) -> None:
    with (
        open_sql(as_database(sqlite_url, ROWS), a_mapping(tmp_path)) as source,
        pytest.raises(Exception, match="readonly"),
    ):
        source._connection.exec_driver_sql("DELETE FROM 人员")


def test_a_database_is_read_at_one_instant(engine_url: str, tmp_path: Path) -> None:
    url = _let_readers_and_writers_meet(as_database(engine_url, ROWS[:5]))
    with open_sql(url, a_mapping(tmp_path)) as source:
        units = source.parents()
        as_more = _insert(engine_url)
        rows = list(source.rows())

    assert (len(units), len(rows), as_more) == (len(UNITS), 5, 6)


def _insert(url: str) -> int:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO 人员 (人员编号) VALUES ('99')"))
        count = connection.scalar(text("SELECT count(*) FROM 人员"))
    engine.dispose()
    return int(count or 0)


def _let_readers_and_writers_meet(url: str) -> str:
    """In its older journal SQLite makes writers wait for readers."""
    if url.startswith("sqlite"):
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.execute(text("PRAGMA journal_mode = WAL"))
        engine.dispose()
    return url


def test_a_database_reads_tables_joined_by_a_key(engine_url: str, tmp_path: Path) -> None:
    engine = create_engine(as_database(engine_url, ROWS[:3]))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE 工资 (编号 text, 状态 text)"))
        connection.execute(text("INSERT INTO 工资 VALUES ('1', '停发')"))
    engine.dispose()
    mapping = a_mapping(
        tmp_path,
        MAPPING,
        table='table = "人员"\njoin = [{ table = "工资", on = { "人员编号" = "编号" } }]',
        quota_type='pay_status = "工资.状态"',
    )

    with open_sql(engine_url, mapping) as source:
        rows = {str(row["人员编号"]): row["工资.状态"] for _, row in source.rows()}

    assert rows == {"1": "停发", "2": None, "3": None}


def test_a_key_may_have_several_columns(engine_url: str, tmp_path: Path) -> None:
    mapping = a_mapping(tmp_path, MAPPING, key='key = ["人员编号", "单位"]')
    rows = [*ROWS, a_row(27, 主职="0"), a_row(27, 单位="L02")]

    with open_sql(as_database(engine_url, rows), mapping) as source:
        found = [(row["人员编号"], row["单位"], row["主职"]) for _, row in source.rows(SINCE)]

    assert sorted(found) == [
        ("26", "L0101", "1"),
        ("27", "L0101", "0"),
        ("27", "L0101", "1"),
        ("27", "L02", "1"),
    ]


def test_a_database_reads_a_query(engine_url: str, tmp_path: Path) -> None:
    query = "select p.*, '男' as 性别词 from 人员 p where p.人员编号 < '3'"
    mapping = a_mapping(
        tmp_path, MAPPING, table=f'query = "{query}"', sex='sex = "性别词"', **{"[codes": "", "M =": "", "F =": ""}
    )

    with open_sql(as_database(engine_url, ROWS), mapping) as source:
        assert [str(row["人员编号"]) for _, row in source.rows()] == sorted(str(n) for n in (1, *range(10, 30), 2))
    wrong = a_mapping(tmp_path, MAPPING, table='query = "select 1 as 一"')
    with pytest.raises(SourceError, match="the query has no column"), open_sql(engine_url, wrong):
        pass


ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "gb18030": "GB 18030", "utf-16": "UTF-16"}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_csv_says_in_which_encoding_it_was(encoding: str, tmp_path: Path) -> None:
    path = as_csv(tmp_path / "人员.csv", [a_row(1, 姓名="乌兰·𠮷")], encoding)

    with open_file(path, a_mapping(tmp_path)) as source:
        rows = [row for _, row in source.rows()]

        assert rows[0]["姓名"] == "乌兰·𠮷"
        assert ENCODINGS[encoding] in source.note


def test_csv_in_no_known_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "人员.csv"
    path.write_bytes(b"\x81\x20\xff\xff")

    with pytest.raises(SourceError, match="GB 18030"), open_file(path, a_mapping(tmp_path)) as source:
        list(source.rows())


def test_rows_that_do_not_fit_the_header(tmp_path: Path) -> None:
    good = ",".join(str(cell or "") for cell in a_row(1).values())
    path = tmp_path / "人员.csv"
    path.write_text(",".join(HEADER) + f"\n{good},一格\n\n,,,\n{good},,\n2,x\n", encoding="utf-8")

    with open_file(path, a_mapping(tmp_path)) as source:
        rows = list(source.rows())

    assert [number for number, _ in rows] == [2, 5, 6]
    assert rows[0][1] is BROKEN
    assert rows[2][1]["姓名"] is None


def test_a_sheet_may_have_a_title_over_its_header(tmp_path: Path) -> None:
    path = as_workbook(tmp_path / "人员.xlsx", ROWS, above=2)
    mapping = a_mapping(tmp_path, MAPPING, table='table = "人员"\nheader_row = 3')

    with open_file(path, mapping) as source:
        numbers = [number for number, _ in source.rows()]

    assert numbers == list(range(4, 4 + len(ROWS)))


def test_a_sheet_without_a_name_must_be_the_only_one(tmp_path: Path) -> None:
    mapping = a_mapping(tmp_path, MAPPING, table="")

    with (
        pytest.raises(SourceError, match="several sheets"),
        open_file(as_workbook(tmp_path / "人员.xlsx", ROWS), mapping) as source,
    ):
        list(source.rows())


def test_an_id_that_a_spreadsheet_kept_as_a_number_is_refused(tmp_path: Path) -> None:
    path = as_workbook(tmp_path / "人员.xlsx", [a_row(1, 身份证号=159801199003072316), a_row(2)])
    reader = RowReader(a_mapping(tmp_path), CATALOGUE, UNITS)

    with open_file(path, a_mapping(tmp_path)) as source:
        found = [reader.read(row) for _, row in source.rows()]

    assert [getattr(row, "cause", "read") for row in found] == ["identifier_as_number", "read"]


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "人员.csv", ROWS, header=[*HEADER[:-1], "姓名"])

    with pytest.raises(SourceError, match="several columns"), open_file(path, a_mapping(tmp_path)) as source:
        list(source.rows())


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 4_000_000)


def _liar(path: Path) -> None:
    """Declares less than it unpacks to."""
    _bomb(path)
    content = path.read_bytes().replace((4_000_000).to_bytes(4, "little"), (40).to_bytes(4, "little"))
    path.write_bytes(content)


def _no_zip(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04 not really")


BAD_WORKBOOKS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a bomb": (_bomb, "unpacks to more"),
    "a bomb that lies": (_liar, "damaged"),
    "no workbook": (_no_zip, "cannot be read as a workbook"),
}


@pytest.mark.parametrize("case", BAD_WORKBOOKS)
def test_a_workbook_that_would_hurt_is_not_opened(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, says = BAD_WORKBOOKS[case]
    monkeypatch.setattr(workbooks, "MAX_UNPACKED", 1_000_000)
    make(tmp_path / "人员.xlsx")

    with pytest.raises(SourceError, match=says), open_file(tmp_path / "人员.xlsx", a_mapping(tmp_path)) as source:
        list(source.rows())


LIMITS = {"MAX_BYTES": "is larger", "MAX_ENTRIES": "unpacks to more", "MAX_ROWS": "more than"}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_workbook_beyond_a_limit_is_not_read(limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, limit, 3)
    path = as_workbook(tmp_path / "人员.xlsx", ROWS)

    with pytest.raises(SourceError, match=LIMITS[limit]), open_file(path, a_mapping(tmp_path)) as source:
        list(source.rows())


def test_a_sheet_without_a_header_says_so(tmp_path: Path) -> None:
    path = as_workbook(tmp_path / "人员.xlsx", ROWS[:2])
    mapping = a_mapping(tmp_path, MAPPING, table='table = "人员"\nheader_row = 40')

    with pytest.raises(SourceError, match="header_row"), open_file(path, mapping) as source:
        list(source.rows())


def test_a_file_has_no_queries(tmp_path: Path) -> None:
    mapping = a_mapping(tmp_path, MAPPING, table='query = "select 1"')

    with pytest.raises(SourceError, match="no query"), open_file(as_csv(tmp_path / "人员.csv", ROWS), mapping):
        pass


def test_only_a_mapping_with_a_watermark_can_go_on(sqlite_url: str, tmp_path: Path) -> None:
    mapping = replace(a_mapping(tmp_path), watermark=None, unit=None)
    path = as_csv(tmp_path / "人员.csv", ROWS)

    with pytest.raises(SourceError, match="no watermark"), open_file(path, mapping) as source:
        list(source.rows(SINCE))
    with pytest.raises(SourceError, match="no watermark"), open_sql(as_database(sqlite_url, ROWS), mapping) as database:
        list(database.rows(SINCE))
    with open_file(path, mapping) as source:
        assert source.parents() == {}


def test_a_mapping_of_a_database_names_a_table(sqlite_url: str, tmp_path: Path) -> None:
    mapping = a_mapping(tmp_path, MAPPING, table="")

    with pytest.raises(SourceError, match=r"source\.table"), open_sql(as_database(sqlite_url, ROWS), mapping):
        pass


# The driver cannot close a cursor whose server is gone, and says so when the cursor is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_database_that_goes_away_while_it_is_read_is_an_error(postgres_url: str, tmp_path: Path) -> None:
    many = [a_row(n) for n in range(1, 60)]
    with open_sql(as_database(postgres_url, many), a_mapping(tmp_path)) as source:
        engine = create_engine(postgres_url)
        with engine.begin() as connection:
            connection.execute(END_OTHERS)
        engine.dispose()
        with pytest.raises(SourceError, match="stopped answering"):
            list(source.rows())
    gc.collect()


def test_a_csv_file_with_a_null_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "人员.csv"
    path.write_bytes((",".join(HEADER) + '\n"1').encode() + b"\n" * 2 + b'"' + b"x" * 200_000)

    with pytest.raises(SourceError, match="no proper CSV"), open_file(path, a_mapping(tmp_path)) as source:
        list(source.rows())


def test_a_sheet_too_wide_is_not_read(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "人员.xlsx"))
    book.add_worksheet("人员").write_row(0, 0, ["x"] * 2_000)
    book.close()

    with pytest.raises(SourceError, match="columns"), open_file(tmp_path / "人员.xlsx", a_mapping(tmp_path)) as source:
        list(source.rows())


def test_a_file_that_changes_while_it_is_read_proves_nothing(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "人员.csv", ROWS)

    with open_file(path, a_mapping(tmp_path)) as source:
        rows = source.rows()
        next(rows)
        as_csv(path, ROWS[:20])
        with pytest.raises(SourceError, match="changed while it was read"):
            list(rows)


def test_a_parquet_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = as_parquet(tmp_path / "人员.parquet", ROWS)
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(SourceError, match="Parquet"), open_file(path, a_mapping(tmp_path)) as source:
        list(source.rows())


def _lines(*rows: Cells) -> Iterator[bytes]:
    return (msgspec.json.encode(dict(row)) for row in rows)


def test_pushed_rows_are_read_by_the_same_mapping(tmp_path: Path) -> None:
    short = {name: cell for name, cell in a_row(2).items() if name != "姓名"}

    source = PushedSource(_lines(a_row(1), short), a_mapping(tmp_path), UNITS)
    rows = list(source.rows())

    assert [number for number, _ in rows] == [1, 2]
    assert rows[0][1] == a_row(1)
    assert rows[1][1] is BROKEN


BAD_LINES = {
    "no JSON": b"{",
    "no object": b"[1]",
    "nested": b'{"a": {"b": 1}}',
    "a column that the mapping does not name": b'{"a": 1}',
    "too long": b'{"a": "' + b"x" * 2_000_000 + b'"}',
    "no UTF-8": b'{"\xff": 1}',
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_line_that_is_no_row_refuses_the_push(case: str, tmp_path: Path) -> None:
    source = PushedSource([BAD_LINES[case]], a_mapping(tmp_path), UNITS)

    with pytest.raises(SourceError, match="line 1"):
        list(source.rows())


INTEGERS = MAPPING.replace('type = "timestamp"', 'type = "integer"').replace('"更新时间"', '"主职"')


def test_a_watermark_may_be_an_integer(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "人员.csv", [a_row(n, 主职=str(n)) for n in range(8, 12)])

    with open_file(path, a_mapping(tmp_path, INTEGERS)) as source:
        assert [row["人员编号"] for _, row in source.rows(9)] == ["10", "11"]
        assert source.watermark == 11


WRONG_MARKS = {"no time": "yesterday", "a word for an integer": "x"}


@pytest.mark.parametrize("case", WRONG_MARKS)
def test_a_watermark_that_is_none_is_an_error(case: str, tmp_path: Path) -> None:
    path = as_csv(tmp_path / "人员.csv", [a_row(1, 更新时间=WRONG_MARKS[case])])
    mapping = MAPPING if case == "no time" else MAPPING.replace('"timestamp"', '"integer"')

    with pytest.raises(SourceError, match="do not hold"):
        _newest(path, a_mapping(tmp_path, mapping))


def _newest(path: Path, mapping: SourceMapping) -> object:
    with open_file(path, mapping) as source:
        list(source.rows())
        return source.watermark
