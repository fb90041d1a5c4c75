"""The synthetic league is plausible, always the same, readable by the data standard, and honest about its lists."""

import csv
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import create_engine, text

from ops import demo
from ops.demo.awkward import CASES
from ops.demo.codes import SOURCE_CODES
from ops.demo.flaws import ID, MEANINGS, NAME, UNIT, Difference
from ops.demo.league import League
from ops.demo.lists import PAYROLL, PERSONNEL
from ops.demo.names import VARIANTS
from ops.demo.numbers import Numbers, as_old, with_check, with_wrong_check
from ops.demo.organisations import Sort
from ops.demo.person import TODAY, Person
from ops.demo.register import change_some, write_register
from ops.demo.sheets import write_lists
from ops.demo.spoil import Spoiler
from policies.catalogue import Catalogue, InvalidValueError, load_catalogue
from policies.identifiers import parse_id_number, parse_uscc, place_known

SMALL = 3_000


@cache
def a_league() -> League:
    return League.of(seed=1, persons=SMALL)


@cache
def people() -> tuple[Person, ...]:
    return tuple(a_league().people())


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_the_same_seed_gives_the_same_league_and_another_another() -> None:
    assert tuple(islice(League.of(seed=1, persons=SMALL).people(), 500)) == people()[:500]
    assert next(iter(League.of(seed=2, persons=SMALL).people())) != people()[0]


def test_the_league_has_its_organisations_in_one_tree() -> None:
    organisations = a_league().organisations
    codes = [organisation.code for organisation in organisations]
    above = {organisation.code: organisation.parent for organisation in organisations}

    assert len(set(codes)) == len({organisation.uscc for organisation in organisations}) == 461
    assert [code for code in codes if above[code] is None] == [codes[0]]
    banners = [one for one in organisations if one.parent == codes[0] and one.name.endswith("人民政府")]
    assert len(banners) == 14
    assert a_league().path("159914000024") == "159900000000/159914000000/159914000007/159914000024"
    for place, organisation in enumerate(organisations):
        assert organisation.parent is None or organisation.parent in codes[:place]


def test_organisations_have_numbers_that_the_standard_accepts(catalogue: Catalogue) -> None:
    for organisation in a_league().organisations:
        assert parse_uscc(organisation.uscc) == organisation.uscc
        assert organisation.uscc[:2] in set(Sort)
        assert catalogue.identifier("organisation", organisation.code) == organisation.code
    assert any(organisation.uscc.endswith("0") for organisation in a_league().organisations)


def test_every_person_has_a_valid_number_of_their_own(catalogue: Catalogue) -> None:
    numbers = Counter(catalogue.identifier("person", person.id_number) for person in people())

    assert len(people()) == len(numbers) == SMALL
    assert all(place_known(number) for number in numbers)
    for person in people():
        number = parse_id_number(person.id_number)
        assert number[6:14] == f"{person.birth:%Y%m%d}"
        assert int(number[16]) % 2 == person.male


def test_nobody_bears_the_number_of_a_real_person() -> None:
    for person in people():
        number = parse_id_number(person.id_number)
        assert number.startswith(("1598", "1599")) or (number[14:16] == "99" and number[:2] in {"81", "82", "83"})


def test_lives_run_in_order() -> None:
    for person in people():
        main = person.main_post
        assert person.birth < person.work_start <= person.entry_date <= main.since <= TODAY
        assert all(post.until is None or post.since <= post.until for post in person.posts)
        assert (main.until is None) == (person.left is None)
        assert sum(post.main for post in person.posts) == 1
        assert 18 <= (person.work_start - person.birth).days / 365.25 < 30


def test_the_numbers_of_posts_are_those_of_the_people() -> None:
    on_quota = Counter(p.main_post.organisation for p in people() if p.active and p.quota_since)
    off_quota = Counter(p.main_post.organisation for p in people() if p.active and not p.quota_since)

    for staff in a_league().staffs:
        assert staff.active == on_quota[staff.organisation.code]
        assert staff.off_quota == off_quota[staff.organisation.code]
    assert any(staff.approved < staff.active for staff in a_league().staffs)


@pytest.mark.parametrize("case", CASES)
def test_each_awkward_case_occurs(case: str) -> None:
    assert any(case in person.cases for person in people())


SHAPES = {
    "15 digits": lambda person: len(person.id_number) == 15,
    "a dot of another kind": lambda person: any(dot in person.name for dot in "•・‧．●"),
    "a name in variant characters": lambda person: set(person.name) & set(VARIANTS.values()),
    "private use": lambda person: any("\ue000" <= character <= "\uf8ff" for character in person.name),
    "supplementary plane": lambda person: any(character > "\uffff" for character in person.name),
    "resident's permit": lambda person: person.id_number[0] == "8",
    "two records at once": lambda person: sum(post.until is None for post in person.posts) == 2,
    "transferred": lambda person: any(post.until == person.main_post.since for post in person.posts),
    "double pay": lambda person: len(person.pays) == 2,
    "retired": lambda person: person.status == "退休" and not person.pays,
    "dead": lambda person: person.status == "去世" and not person.pays,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_awkward_people_look_it(shape: str) -> None:
    assert any(map(SHAPES[shape], people()))


def test_twins_stand_side_by_side() -> None:
    pairs = [(one, two) for one, two in zip(people(), people()[1:], strict=False) if "twin" in two.cases]

    assert pairs
    assert all(one.birth == two.birth and one.name[0] == two.name[0] for one, two in pairs)


@pytest.mark.parametrize("persons", [461, 1_000_000])
def test_the_plan_holds_at_every_scale(persons: int) -> None:
    staffs = League.of(persons=persons).staffs

    assert sum(staff.total for staff in staffs) == persons
    assert max(staff.approved for staff in staffs) < 4_096


def test_a_day_and_place_run_out_of_numbers() -> None:
    numbers = Numbers(Random(1))
    day = date(1980, 2, 29)
    drawn = {numbers.draw("159901", day, male=True) for _ in range(500)}

    assert len(drawn) == 500
    with pytest.raises(ValueError, match="ask for fewer"):
        numbers.draw("159901", day, male=True)


def test_a_league_refuses_more_people_than_it_holds() -> None:
    with pytest.raises(ValueError, match="ask for fewer"):
        League.of(persons=2_000_000)


# ---------------------------------------------------------------------------------------------- as a database

READ_AS = {
    "姓名": "name", "性别": "sex", "民族": "ethnicity", "出生日期": "birth_date", "政治面貌": "political_status",
    "学历": "education", "参加工作时间": "work_start", "进入时间": "entry_date", "入编时间": "quota_since",
    "公务员登记": "civil_servant", "职称": "title", "单位名称": "unit", "内设机构": "section", "职务": "post",
    "职务级别": "leader_rank", "职级": "rank", "发放单位": "pay_unit", "发放月份": "pay_month",
    "工资级别": "pay_grade", "基本工资": "pay_base", "应发合计": "pay_amount",
}  # fmt: skip


CODES_OF = {
    "学位": "degree", "人员状态": "person_status", "进入形式": "entry_mode", "编制类型": "quota_type",
    "人员分类": "person_category", "岗位类别": "post_category", "发放状态": "pay_status", "机构性质": "org_nature",
    "机构类别": "org_category", "经费形式": "org_funding",
}  # fmt: skip


@pytest.mark.parametrize("column", SOURCE_CODES)
def test_the_source_codes_stand_for_words_of_the_standard(column: str, catalogue: Catalogue) -> None:
    field = catalogue.fields[CODES_OF[column]]

    canonical = [field.normalise(word) for word in SOURCE_CODES[column].values()]

    assert len(set(canonical)) == len(canonical)


@pytest.mark.parametrize(
    "path", sorted((Path(demo.__file__).parent / "mappings").glob("*.toml")), ids=lambda path: path.stem
)
def test_the_mapping_files_carry_the_codes_of_the_source(path: Path) -> None:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["codes"]

    for name, codes in tables.items():
        assert codes in SOURCE_CODES.values(), f"[codes.{name}] of {path.name} differs from ops/demo/codes.py"


def _rows(url: str, statement: str) -> Sequence[dict[str, object]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(text(statement)).mappings()]
    engine.dispose()
    return rows


def test_the_standard_reads_the_register_without_a_refusal(engine_url: str, catalogue: Catalogue) -> None:
    write_register(League.of(persons=461), engine_url)

    rows = _rows(engine_url, "select * from 比对_人员")

    assert len({row["人员编号"] for row in rows}) == 461
    for row in rows:
        catalogue.identifier("person", row["身份证号"])
        for column, key in READ_AS.items():
            if row[column] is not None:
                canonical = catalogue.fields[key].normalise(row[column])
                if catalogue.fields[key].bits:
                    catalogue.fields[key].ordinal(canonical)


def test_organisations_add_up_in_the_database(sqlite_url: str) -> None:
    write_register(a_league(), sqlite_url)

    rows = _rows(sqlite_url, "select * from 比对_机构")
    actual = _rows(
        sqlite_url,
        "select 机构编码, count(*) as 人数 from 比对_人员 where 主职 = '1' and 人员状态 in ('ZZ', 'JD')"
        " and 编制类型 <> 'BW' group by 机构编码",
    )

    strength = {row["机构编码"]: row["人数"] for row in actual}
    assert len(rows) == 461
    assert all(row["实有人数"] == strength.get(row["机构编码"], 0) for row in rows)
    assert [row["机构全称"] for row in rows if row["上级机构"] is None] == ["呼和塔拉盟行政公署"]


def test_a_change_moves_the_watermark_of_the_changed_alone(engine_url: str) -> None:
    write_register(League.of(persons=1_000), engine_url)
    monday = datetime(2026, 11, 2, 9)  # noqa: DTZ001 - the source's watermark is local time without a zone

    changed = change_some(engine_url, share=0.01, at=monday, seed=7)

    newer = _rows(engine_url, "select distinct 人员编号 from 比对_人员 where 更新时间 > '2026-11-01'")
    assert changed == len(newer) == 10


def test_spoilt_rows_are_those_the_standard_refuses(sqlite_url: str, catalogue: Catalogue) -> None:
    spoiler = Spoiler(seed=3, share=0.1)
    write_register(League.of(persons=2_000), sqlite_url, spoil=spoiler)

    refused = 0
    seen: set[str] = set()
    for row in _rows(sqlite_url, "select 身份证号, 姓名 from 人员"):
        try:
            number = catalogue.identifier("person", row["身份证号"])
            catalogue.fields["name"].normalise(row["姓名"])
        except InvalidValueError:
            refused += 1
            continue
        refused += number in seen
        seen.add(number)

    assert 150 < refused == sum(spoiler.spoilt.values()) < 250


# ---------------------------------------------------------------------------------------------- as lists


def test_rows_without_a_difference_agree_with_the_register() -> None:
    units = {organisation.code: organisation.name for organisation in a_league().organisations}
    for wanted in (PERSONNEL, PAYROLL):
        for entry in wanted.entries(a_league()):
            if entry.difference is None:
                assert entry.row is not None
                assert entry.person is not None
                assert entry.row[NAME] == entry.person.name
                assert entry.row[ID] == parse_id_number(entry.person.id_number)
                paying = {pay.organisation for pay in entry.person.pays} | {entry.person.main_post.organisation}
                assert entry.row[UNIT] in {units[code] for code in paying}


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, str]]]:
    directory = tmp_path_factory.mktemp("lists")
    write_lists(a_league(), directory)
    return directory, _read(directory / "truth.csv")


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _as_texts(rows: Iterable[Iterable[object]]) -> list[list[str]]:
    return [[str(int(cell)) if isinstance(cell, float) else str(cell) for cell in row] for row in rows]


def test_the_truth_names_the_rows_that_differ(truth: tuple[Path, list[dict[str, str]]]) -> None:
    directory, differences = truth
    rows = {name: _read(directory / f"{name}.csv") for name in ("personnel", "payroll")}
    register = {str(person.number): person for person in people()}

    assert differences
    for line in differences:
        kind = Difference(line["差异类别"])
        assert line["说明"] == MEANINGS[kind]
        if line["序号"] == "0":
            assert kind in {Difference.NOT_LISTED, Difference.ON_QUOTA_NOT_PAID}
            continue
        row = rows[line["名单"]][int(line["序号"]) - 1]
        assert row["序号"] == line["序号"]
        if kind is Difference.GHOST:
            assert line["人员编号"] == ""
        elif kind in {Difference.NAME_VARIANT, Difference.NAME_WRONG}:
            assert row[NAME] != register[line["人员编号"]].name
        elif kind is Difference.OLD_ID:
            assert row[ID] == as_old(line["身份证号"])


def test_a_spreadsheet_holds_the_same_list(truth: tuple[Path, list[dict[str, str]]]) -> None:
    calamine = pytest.importorskip("python_calamine")
    directory, _ = truth

    sheet = calamine.load_workbook(str(directory / "payroll.xlsx")).get_sheet_by_index(0).to_python()

    lines = (directory / "payroll.csv").read_text(encoding="utf-8-sig").splitlines()
    assert _as_texts(sheet) == _as_texts(csv.reader(lines))


def test_lists_can_be_had_without_spreadsheets(tmp_path: Path) -> None:
    write_lists(League.of(persons=461), tmp_path, xlsx=False)

    assert {path.name for path in tmp_path.iterdir()} == {"personnel.csv", "payroll.csv", "truth.csv"}


def test_every_kind_of_difference_occurs() -> None:
    league = League.of(persons=12_000)
    found = Counter(entry.difference for entry in PAYROLL.entries(league))
    found += Counter(entry.difference for entry in PERSONNEL.entries(league))

    assert set(Difference) <= found.keys()


@pytest.mark.parametrize(("number", "old"), [("11010519491231002X", "110105491231002")])
def test_numbers_turn_into_their_awkward_forms(number: str, old: str) -> None:
    assert with_check(number[:17]) == number
    assert as_old(number) == old
    assert parse_id_number(old) == number
    with pytest.raises(InvalidValueError):
        parse_id_number(with_wrong_check(number))
