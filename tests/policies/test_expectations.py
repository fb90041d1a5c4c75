"""Expectation tables: the shipped rulebooks meet theirs, and a table notices every change that matters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from policies.expectations import SHIPPED_EXPECTATIONS, check
from policies.expected import read_expectations
from policies.files import read_folder
from policies.loader import SHIPPED_RULEBOOKS, load_rulebooks
from policies.publication import run
from policies.rulebook import Effect
from policies.snapshot import compile_rules
from policies.stock import Stock
from tests.policies.rules import BOOK, CATALOGUE, UNITS, load

TABLE = """
department = "dept:caizheng"
client = "client:caizheng-pay-01"
zh = "财政局"
at = 2026-03-02T10:00:00+08:00
address = "10.8.0.5"
unit = "org:bureau-1"

[[may]]
purpose = "payroll-check"
fields = ["name", "unit"]
operators = ["equals"]

[[cases]]
zh = "休息日不办理"
purpose = "payroll-check"
fields = ["name"]
operators = ["equals"]
at = 2026-03-07T10:00:00+08:00
"""


def folders(base: Path, book: str, table: str) -> tuple[Path, Path]:
    books, expectations = base / "rulebooks", base / "expectations"
    for folder, text in ((books, book), (expectations, table)):
        folder.mkdir(exist_ok=True)
        (folder / "a.toml").write_text(text, "utf-8")
    return books, expectations


def test_the_shipped_rulebooks_meet_the_shipped_expectations() -> None:
    report = run(SHIPPED_RULEBOOKS, SHIPPED_EXPECTATIONS, CATALOGUE)

    assert report.lines == ()
    assert report.ok
    assert report.rules == 32
    assert report.checked > 4 * 9 * len(CATALOGUE.fields)
    assert report.compared > 150


def test_a_table_is_met(tmp_path: Path) -> None:
    report = run(*folders(tmp_path, BOOK, TABLE), CATALOGUE, UNITS)

    assert (report.lines, report.ok, report.rules) == ((), True, 2)


# What is changed in the rulebook or in the table, and a part of the line that reports it.
NOTICED = {
    "a field more": (
        BOOK.replace('"name", "unit"]', '"name", "unit", "sex"]'),
        TABLE,
        "sex equals：应拒绝，实为准许（CZ-001）",
    ),
    "a field less": (
        BOOK.replace('["name", "unit"]', '["name"]'),
        TABLE,
        "unit equals：应准许，实为拒绝（no_rule，无规则）",
    ),
    "longer hours": (BOOK.replace("mon-fri", "mon-sun"), TABLE, "休息日不办理 · payroll-check · name equals：应拒绝"),
    "shorter hours": (BOOK.replace("08:30-17:30", "08:30-09:00"), TABLE, "实为拒绝（window，CZ-001）"),
    "another network": (BOOK.replace("10.0.0.0/8", "10.9.0.0/16"), TABLE, "实为拒绝（net，CZ-001）"),
    "a deny more": (
        BOOK.replace('classes = ["sensitivity-sensitive"]', 'classes = ["any"]'),
        TABLE,
        "实为拒绝（deny_rule，CZ-002）",
    ),
    "a rule nobody expects anything of": (
        BOOK
        + BOOK[BOOK.rindex("[[rules]]") :].replace("CZ-002", "CZ-003").replace('"hours"', '"night"')
        + '\n[[windows]]\nid = "night"\nzh = "夜间"\ntimes = ["sun 00:00-01:00"]\n',
        TABLE,
        "CZ-003：没有一条预期用到它",
    ),
    "an expected field that does not exist": (
        BOOK,
        TABLE.replace('"name", "unit"]', '"name", "unit", "nmae"]'),
        "nmae equals：应准许",
    ),
    "an expected client that is not registered": (
        BOOK,
        TABLE + 'client = "client:other"\nexpect = "allow"\n',
        "休息日不办理 · payroll-check · name equals：应准许",
    ),
    "a rulebook that cannot be loaded": (BOOK.replace('"deny"', '"Deny"'), TABLE, "effect 只能写 allow 或 deny"),
    "a table with an unknown key": (BOOK, TABLE.replace("address =", "adress ="), "不认识的键"),
    "a table without a zone": (BOOK, TABLE.replace("10:00:00+08:00\na", "10:00:00\na"), "值的类型不对"),
    "a table with half an address": (BOOK, TABLE.replace("10.8.0.5", "10.8"), "10.8："),
    "an expectation that is none": (BOOK, TABLE + 'expect = "yes"\n', "effect 只能写 allow 或 deny"),
}


@pytest.mark.parametrize(("book", "table", "line"), NOTICED.values(), ids=NOTICED)
def test_a_table_notices(tmp_path: Path, book: str, table: str, line: str) -> None:
    report = run(*folders(tmp_path, book, table), CATALOGUE, UNITS)

    assert any(line in one for one in report.lines)
    assert not report.ok


def test_a_run_over_nothing_proves_nothing(tmp_path: Path) -> None:
    books, expectations = folders(tmp_path, BOOK, TABLE)
    (expectations / "a.toml").unlink()

    assert not run(books, expectations, CATALOGUE, UNITS).ok
    (books / "a.toml").unlink()
    assert not run(books, expectations, CATALOGUE, UNITS).ok


def test_one_client_has_one_department(tmp_path: Path) -> None:
    books, expectations = folders(tmp_path, BOOK, TABLE)
    (expectations / "b.toml").write_text(TABLE.replace("dept:caizheng", "dept:renshe"), "utf-8")

    assert "client:caizheng-pay-01" in run(books, expectations, CATALOGUE, UNITS).lines[0]


def test_a_version_that_casbin_decides_otherwise_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stock, "permitted", lambda *asked: frozenset())

    report = run(*folders(tmp_path, BOOK, TABLE), CATALOGUE, UNITS)

    assert len(report.lines) == 2
    assert all("不得发布" in line for line in report.lines)


def test_expectations_are_checked_against_any_snapshot(tmp_path: Path) -> None:
    _, expectations = folders(tmp_path, BOOK, TABLE)
    tables = read_expectations(read_folder(expectations))

    assert check(tables, compile_rules(load(tmp_path, BOOK))) == []
    failures = check(tables, compile_rules(load(tmp_path, BOOK, clients={"client:other": "dept:caizheng"})))
    assert {one.cell.field for one in failures} == {"name", "unit"}


def test_no_shipped_allow_can_be_lost_unnoticed() -> None:
    tables = read_expectations(read_folder(SHIPPED_EXPECTATIONS))
    clients = {table.situation.client: table.department for table in tables}
    rules = load_rulebooks(SHIPPED_RULEBOOKS, CATALOGUE, clients=clients, units={})
    held = {table.file: [table] for table in tables}
    allows = {rule.id: held[book.file] for book in rules.books for rule in book.rules if rule.effect is Effect.ALLOW}

    for lost, table in allows.items():
        without = replace(rules, policy=tuple(row for row in rules.policy if row.id != lost))
        assert check(table, compile_rules(without)), lost
