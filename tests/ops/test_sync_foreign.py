"""Other people's schemas are read by a mapping file alone, and the same query is answered alike.

One made-up register is kept by three offices: as PostgreSQL tables with codes of their own, as a workbook with a
title and words for codes, and as CSV in GB 18030; with 15-digit numbers, and two rows in a hundred that are wrong.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import Connection, create_engine, text

from adapters.index.sqlite import SqliteIndex
from ops.sync import LoadReport, SourceSettings
from tests.adapters.make_sources import number_of
from tests.ops.make_sync import KEYS, NOT_CONFIRMED, TODAY, Office, answer

PEOPLE = 200
SURNAMES = "王李张刘包白乌韩䶮甯"
SECTIONS = {"0": "", "01": "0", "0101": "01", "0102": "01", "02": "0"}


@dataclass(frozen=True)
class Worker:
    """One person as everybody knows them; how they are written is each office's own affair."""

    n: int

    @property
    def number(self) -> str:
        return number_of(self.n)

    @property
    def old_number(self) -> str:
        return self.number[:6] + self.number[8:17]

    @property
    def name(self) -> str:
        return SURNAMES[self.n % 10] + "其木格"

    @property
    def birth(self) -> date:
        return date(int(self.number[6:10]), int(self.number[10:12]), int(self.number[12:14]))

    @property
    def is_man(self) -> bool:
        return int(self.number[16]) % 2 == 1

    @property
    def is_mongol(self) -> bool:
        return self.n % 3 == 0

    @property
    def section(self) -> str:
        return list(SECTIONS)[1 + self.n % 4]

    @property
    def since(self) -> date:
        return date(2000 + self.n % 20, 3, 1)

    @property
    def is_wrong(self) -> bool:
        return self.n % 50 == 47


DATABASE = """
kind = "person"
[source]
schema = "rsgl"
table = "职工信息"
key = ["职工号"]
identifier = ["证件号码"]
join = [{ schema = "rsgl", table = "岗位档案", on = { "职工号" = "职工" } }]
[unit]
column = "岗位档案.科室编号"
parents = { schema = "rsgl", table = "科室表", code = "科室编号", parent = "上级编号" }
[period]
start = "岗位档案.进岗日"
until = "岗位档案.离岗日"
until_included = true
[main]
column = "岗位档案.主岗"
values = ["1"]
[watermark]
columns = ["修改序号", "岗位档案.修改序号"]
type = "integer"
[fields]
name = "职工姓名"
sex = "性别代码"
ethnicity = "民族代码"
birth_date = "出生年月日"
birth_month = "出生年月日"
post_category = { column = "岗位档案.岗类", codes = "post" }
quota_type = { value = "事业编制" }
[codes.post]
GL = "管理岗位"
ZJ = "专业技术岗位"
"""
WORKBOOK = """
kind = "person"
blank = ["-", "无"]
[source]
table = "花名册"
header_row = 3
key = ["序号"]
identifier = ["身份证件号码"]
[unit]
column = "部门编码"
parents = { table = "部门", code = "编码", parent = "上级编码" }
[period]
start = "到岗"
until = "离岗"
format = "%Y.%m.%d"
[fields]
name = "姓名"
sex = "性别"
ethnicity = "族别"
birth_date = "生日"
birth_month = "生日"
post_category = "岗位性质"
quota_type = { value = "事业" }
"""


def _fill_database(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in (
            "CREATE SCHEMA rsgl",
            "CREATE TABLE rsgl.科室表 (科室编号 varchar(10) PRIMARY KEY, 上级编号 varchar(10), 名称 text)",
            "CREATE TABLE rsgl.职工信息 (职工号 integer PRIMARY KEY, 证件号码 char(18), 职工姓名 varchar(40),"
            " 性别代码 smallint, 民族代码 varchar(2), 出生年月日 varchar(8), 修改序号 bigint)",
            "CREATE TABLE rsgl.岗位档案 (职工 integer, 科室编号 varchar(10), 岗类 varchar(2), 进岗日 date, 离岗日 date,"
            " 主岗 boolean, 修改序号 bigint)",
        ):
            connection.execute(text(statement))
        for code, parent in SECTIONS.items():
            connection.execute(text("INSERT INTO rsgl.科室表 VALUES (:c, :p, NULL)"), {"c": code, "p": parent or None})
        for n in range(PEOPLE):
            _insert(connection, Worker(n))
    engine.dispose()


def _insert(connection: Connection, worker: Worker) -> None:
    person = {
        "n": worker.n,
        "id": "无" if worker.is_wrong else worker.old_number if worker.n % 7 == 0 else worker.number.lower(),
        "name": worker.name,
        "sex": 1 if worker.is_man else 2,
        "nation": "02" if worker.is_mongol else "01",
        "birth": f"{worker.birth:%Y%m%d}",
    }
    connection.execute(text("INSERT INTO rsgl.职工信息 VALUES (:n, :id, :name, :sex, :nation, :birth, :n)"), person)
    post = {"n": worker.n, "section": worker.section, "kind": "GL" if worker.n % 2 else "ZJ", "since": worker.since}
    connection.execute(text("INSERT INTO rsgl.岗位档案 VALUES (:n, :section, :kind, :since, NULL, true, :n)"), post)
    if worker.n % 11 == 0:
        connection.execute(
            text("INSERT INTO rsgl.岗位档案 VALUES (:n, :section, :kind, '1999-01-01', :since - 1, true, :n)"), post
        )


def _sheet_rows() -> Iterator[list[object]]:
    for n in range(PEOPLE):
        worker = Worker(n)
        yield [
            n + 1,
            "１" if worker.is_wrong else worker.old_number if n % 5 == 0 else worker.number,
            f"{worker.name[0]}　{worker.name[1:]}".replace("䶮", "\ue863"),
            "男" if worker.is_man else "女",
            "蒙古族" if worker.is_mongol else "汉",
            f"{worker.birth.year}年{worker.birth.month}月{worker.birth.day}日",
            worker.section,
            "管理" if n % 2 else "专技",
            f"{worker.since:%Y.%m.%d}",
            "-",
        ]


HEADER: list[object] = [
    "序号",
    "身份证件号码",
    "姓 名",
    "性 别",
    "族别",
    "生日",
    "部门编码",
    "岗位性质",
    "到岗",
    "离岗",
]


def _fill_workbook(path: Path) -> None:
    book = xlsxwriter.Workbook(str(path))
    roll, sections = book.add_worksheet("花名册"), book.add_worksheet("部门")
    roll.merge_range(0, 0, 0, 9, "某单位在编人员花名册")
    roll.write(1, 0, "填报日期：2026年11月1日")
    for place, row in enumerate([HEADER, *_sheet_rows()], 2):
        roll.write_row(place, 0, row)
    for place, pair in enumerate([("编码", "上级编码"), *SECTIONS.items()]):
        sections.write_row(place, 0, pair)
    book.close()


def _fill_csv(path: Path) -> None:
    sections: list[list[object]] = [["编码", "上级编码"]]
    sections += [[code, parent] for code, parent in SECTIONS.items()]
    files: dict[Path, list[list[object]]] = {
        path: [HEADER, *_sheet_rows()],
        path.with_name("部门.csv"): sections,
    }
    for file, rows in files.items():
        with file.open("w", encoding="gb18030", newline="") as opened:
            csv.writer(opened, delimiter="\t").writerows(rows)


@pytest.fixture
def offices(tmp_path: Path, postgres_url: str) -> Mapping[str, Office]:
    """Three homes over one register, each with a source and a mapping of its own."""
    _fill_database(postgres_url)
    (tmp_path / "password").write_text("any, for this server asks for none\n", encoding="utf-8")
    (tmp_path / "password").chmod(0o600)
    _fill_workbook(tmp_path / "册.xlsx")
    _fill_csv(tmp_path / "册.csv")
    as_csv = WORKBOOK.replace("header_row = 3\n", "").replace('"部门"', '"部门.csv"')
    sources = {
        "database": (SourceSettings(mapping="person.toml", url=postgres_url, password_file="../password"), DATABASE),
        "workbook": (SourceSettings(mapping="person.toml", file="../册.xlsx"), WORKBOOK),
        "csv": (SourceSettings(mapping="person.toml", file="../册.csv"), as_csv),
    }
    offices = {}
    for name, (source, mapping) in sources.items():
        (tmp_path / name).mkdir()
        offices[name] = Office(tmp_path / name).told(sources=(source,))
        offices[name].map(mapping)
    return offices


QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "right": {"sex": "男", "ethnicity": "蒙古族", "quota_type": "事业编制", "post_category": "专业技术"},
    "wrong": {"sex": "2", "ethnicity": "汉族", "quota_type": "行政编制"},
    "bounds": {"birth_month": "at_least:1985-06"},
    "more bounds": {"birth_month": "at_most:1985-06"},
    "unmapped": {"degree": "博士"},
}


def _answers(office: Office) -> dict[tuple[int, str], Mapping[str, str]]:
    found: dict[tuple[int, str], Mapping[str, str]] = {}
    with closing(SqliteIndex.open(office.home.index, KEYS.sync.public_key())) as index:
        for n in range(PEOPLE + 5):
            worker = Worker(n)
            for case, claims in QUESTIONS.items():
                found[n, case] = answer(index, worker.number, worker.name, claims, units=["01"])
            found[n, "in 2001"] = answer(
                index, worker.number, worker.name, {"sex": "男"}, units=["0"], day=date(2001, 1, 1)
            )
            found[n, "another name"] = answer(index, worker.number, "其木格", {"sex": "男"}, units=["0"])
    return found


def test_the_same_query_is_answered_alike_whatever_the_schema(offices: Mapping[str, Office]) -> None:
    reports = {name: office.sync() for name, office in offices.items()}

    answers = {name: _answers(office) for name, office in offices.items()}

    assert answers["database"].keys() == answers["workbook"].keys()
    late = {n for n in range(PEOPLE) if n % 11 == 0}
    for question, wanted in answers["database"].items():
        if question[0] in late and question[1] == "in 2001":
            continue  # the workbook keeps no history
        assert answers["workbook"][question] == wanted, question
        assert answers["csv"][question] == wanted, question
    _check_reports(reports)
    _check_answers(answers["database"])


def _check_reports(reports: Mapping[str, LoadReport]) -> None:
    wrong = sum(Worker(n).is_wrong for n in range(PEOPLE))
    for name, report in reports.items():
        kind = report.kinds["person"]
        assert dict(kind.refused) == {"identifier": wrong}, name
        assert report.subjects == {"person": PEOPLE - wrong}, name
        assert kind.completeness.keys() == {
            "name", "sex", "ethnicity", "birth_date", "birth_month", "post_category", "quota_type"
        }  # fmt: skip
        assert set(kind.completeness.values()) == {1.0}, name
    assert wrong * 100 == PEOPLE * 2
    assert reports["csv"].kinds["person"].note.endswith("GB 18030")


def _check_answers(answers: Mapping[tuple[int, str], Mapping[str, str]]) -> None:
    """Against what everybody knows, not only against each other."""
    for n in range(PEOPLE + 5):
        worker = Worker(n)
        found = answers[n, "right"]
        if n >= PEOPLE or worker.is_wrong or not worker.section.startswith("01"):
            assert found == NOT_CONFIRMED
            continue
        assert found["sex"] == ("match" if worker.is_man else "mismatch")
        assert found["ethnicity"] == ("match" if worker.is_mongol else "mismatch")
        assert found["quota_type"] == "match"
        assert found["post_category"] == ("mismatch" if n % 2 else "match")
        assert answers[n, "bounds"] == {"birth_month": "match" if worker.birth >= date(1985, 6, 1) else "mismatch"}
        assert answers[n, "unmapped"] == {"degree": "not_compared"}
        assert answers[n, "another name"] == NOT_CONFIRMED


def test_a_changed_row_of_a_joined_table_reaches_the_index(offices: Mapping[str, Office], postgres_url: str) -> None:
    office = offices["database"]
    office.sync()
    worker = Worker(4)
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE rsgl.岗位档案 SET 岗类 = 'GL', 修改序号 = 900 WHERE 职工 = 4"))
    engine.dispose()

    report = office.sync()

    assert (report.mode, report.changed, report.kinds["person"].rows_read) == ("delta", 1, 1)
    with closing(SqliteIndex.open(office.home.index, KEYS.sync.public_key())) as index:
        asked = (index, worker.number, worker.name, {"post_category": "管理"})
        assert answer(*asked, units=["0"], day=TODAY) == {"post_category": "match"}
