"""A small register of made-up people, as rows, and as each kind of source that can hold them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from sqlalchemy import create_engine, text

from adapters.sources.mapping import SourceMapping, load_mapping
from ops.demo.numbers import with_check
from policies.catalogue import Catalogue, load_catalogue

Cells = Mapping[str, object]

CATALOGUE: Catalogue = load_catalogue()
HEADER = ("人员编号", "身份证号", "姓名", "性别", "单位", "任职", "免职", "主职", "更新时间", "删除")
UNITS = {"L": "", "L01": "L", "L0101": "L01", "L02": "L"}
MAPPING = """
kind = "person"
[source]
table = "人员"
key = ["人员编号"]
identifier = ["身份证号"]
[unit]
column = "单位"
parents = { table = "单位", code = "编码", parent = "上级" }
[period]
start = "任职"
until = "免职"
[main]
column = "主职"
values = ["1", "是"]
[deleted]
column = "删除"
values = ["1"]
[watermark]
columns = ["更新时间"]
type = "timestamp"
[fields]
name = "姓名"
sex = { column = "性别", codes = "sex" }
quota_type = { value = "行政编制" }
[codes.sex]
M = "男"
F = "女"
"""


def number_of(n: int) -> str:
    """The id number of the n-th made-up person; no real person has one of this place."""
    return with_check(f"159801{date(1970 + n % 30, 1 + n % 12, 1 + n % 28):%Y%m%d}{n % 1000:03}")


def a_row(n: int = 1, **cells: object) -> dict[str, object]:
    """A row of the n-th person that reads without complaint."""
    row: dict[str, object] = {
        "人员编号": str(n),
        "身份证号": number_of(n),
        "姓名": f"巴雅尔{'甲乙丙丁戊己庚辛壬癸'[n % 10]}",
        "性别": "M",
        "单位": "L0101",
        "任职": "2010-07-01",
        "免职": None,
        "主职": "1",
        "更新时间": f"2026-10-{1 + n % 28:02} 08:00:00",
        "删除": None,
    }
    return row | cells


def a_mapping(tmp_path: Path, content: str = MAPPING, **changes: str) -> SourceMapping:
    """A mapping read from a file. `changes` replace a line that begins with the key."""
    path = tmp_path / "mapping.toml"
    path.write_text(changed(content, changes), encoding="utf-8")
    return load_mapping(path, CATALOGUE)


def changed(content: str, changes: Mapping[str, str]) -> str:
    """The text with the first line that begins with each key replaced."""
    for key, line in changes.items():
        old = next(found for found in content.splitlines() if found.startswith(key))
        content = content.replace(old, line, 1)
    return content


def as_csv(path: Path, rows: Sequence[Cells], encoding: str = "utf-8-sig", header: Sequence[str] = HEADER) -> Path:
    """The rows as CSV, and the units as another beside it."""
    for name, columns, content in (
        (path, header, [list(row.values()) for row in rows]),
        (path.with_name("单位"), ("编码", "上级"), [list(pair) for pair in UNITS.items()]),
    ):
        target = name if name.suffix else name.with_suffix(".csv")
        with target.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows([columns, *content])
    return path


def as_workbook(path: Path, rows: Sequence[Cells], *, above: int = 0) -> Path:
    """The rows as a sheet 人员, the units as another; `above` lines of a title stand over the header."""
    book = xlsxwriter.Workbook(str(path))
    try:
        sheet, units = book.add_worksheet("人员"), book.add_worksheet("单位")
        if above:
            sheet.merge_range(0, 0, 0, len(HEADER) - 1, "在编人员花名册")
        for place, row in enumerate([HEADER, *(list(row.values()) for row in rows)], above):
            for column, cell in enumerate(row):
                sheet.write(place, column, cell)
        for place, pair in enumerate([("编码", "上级"), *UNITS.items()]):
            units.write_row(place, 0, pair)
    finally:
        book.close()
    return path


def as_parquet(path: Path, rows: Sequence[Cells]) -> Path:
    """The rows as a Parquet file, and the units as another beside it."""
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
    pairs = [{"编码": code, "上级": parent} for code, parent in UNITS.items()]
    pq.write_table(pa.Table.from_pylist(pairs), path.with_name("单位.parquet"))
    return path


def as_database(url: str, rows: Sequence[Cells]) -> str:
    """The rows as a table 人员, the units as another; all columns are text."""
    engine = create_engine(url)
    columns = ", ".join(f'"{name}" text' for name in HEADER)
    names = ", ".join(f":c{place}" for place in range(len(HEADER)))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE 人员 ({columns})"))
        connection.execute(text("CREATE TABLE 单位 (编码 text, 上级 text)"))
        for code, parent in UNITS.items():
            connection.execute(text("INSERT INTO 单位 VALUES (:c, :p)"), {"c": code, "p": parent or None})
        for row in rows:
            values = {f"c{place}": cell for place, cell in enumerate(row.values())}
            connection.execute(text(f"INSERT INTO 人员 VALUES ({names})"), values)
    engine.dispose()
    return url


FILES: Mapping[str, Callable[[Path, Sequence[Cells]], Path]] = {
    "csv": as_csv,
    "xlsx": as_workbook,
    "parquet": as_parquet,
}
