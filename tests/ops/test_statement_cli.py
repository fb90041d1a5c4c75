"""What `bidui statement` and `bidui audit about` say to people; the commands there are, and what they want."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ops.cli.access
import ops.cli.statement
from bidui_client import Entry, StatementCheck
from ops.cli.console import Exit
from ops.cli.main import app

RUN = CliRunner()
MONTH = {
    "month": "2026-03",
    "made_until": "2026-03-31",
    "partners": [
        {
            "partner": "cz",
            "days": 31,
            "answered": 7,
            "refused": 1,
            "root": "ab" * 32,
            "whole": True,
            "agrees": None,
            "due": "2026-04-15",
            "stepped_up": False,
            "draw": {"kind": "acknowledgement", "id": "cz.2026-03", "content": {}},
            "statements": [
                {"day": "2026-03-02", "system": "cz-1", "answered": 7, "refused": 1, "sha256": "cd" * 32, "entry": 9}
            ],
        }
    ],
}
REPORT = {"text": "查询情况报告\n（完）\n", "unverified": [], "lines": []}


class FakeOffice:
    """Answers every door alike, and remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Any]] = []

    def get(self, path: str) -> Any:
        self.asked.append((path, None))
        return self.answer

    def post(self, path: str, body: Any) -> Any:
        self.asked.append((path, body))
        return self.answer


def at(office: FakeOffice, monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    @contextmanager
    def opened(*_: object, **__: object) -> Iterator[FakeOffice]:
        yield office

    monkeypatch.setattr(module, "at_office", opened)


def test_a_month_is_told_with_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    office = FakeOffice(MONTH)
    at(office, monkeypatch, ops.cli.statement)

    said = RUN.invoke(app, ["statement", "list", "2026-03"]).stdout

    assert "cz：已答复 7 次，已拒绝 1 次；限 2026-04-15 确认" in said
    assert "2026-03-02 cz-1" in said
    assert office.asked == [("/v1/office/statements?month=2026-03&partner=", None)]


STANDINGS = {
    "overdue": ({"stepped_up": True}, "每次比对须签名"),
    "acknowledged": ({"agrees": True}, "已确认"),
    "objected to": ({"agrees": False}, "已提出异议"),
    "empty": ({"due": None}, "无须确认"),
    "not over": ({"due": None, "whole": False}, "尚未全部出具"),
}


@pytest.mark.parametrize(("changes", "named"), STANDINGS.values(), ids=STANDINGS)
def test_how_a_month_stands(monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], named: str) -> None:
    at(FakeOffice({**MONTH, "partners": [{**MONTH["partners"][0], **changes}]}), monkeypatch, ops.cli.statement)  # type: ignore[dict-item]  # JSON

    assert named in RUN.invoke(app, ["statement", "list"]).stdout


def test_the_number_is_asked_for_and_is_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    office = FakeOffice(REPORT)
    at(office, monkeypatch, ops.cli.access)

    done = RUN.invoke(app, ["audit", "about", "--matter", "申-1"], input="11010519491231002X\n")

    assert done.exit_code == 0
    assert "查询情况报告" in done.stdout
    assert "11010519491231002X" not in done.stdout
    assert office.asked == [
        ("/v1/office/access-reports", {"kind": "person", "id": "11010519491231002X", "matter": "申-1"})
    ]
    assert RUN.invoke(app, ["audit", "about", "11010519491231002X", "--matter", "m"]).exit_code == Exit.USAGE


def test_entries_that_do_not_verify_have_their_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    at(FakeOffice({**REPORT, "unverified": [7]}), monkeypatch, ops.cli.access)

    assert RUN.invoke(app, ["audit", "about", "--matter", "m"], input="1\n").exit_code == Exit.INTEGRITY


def test_a_check_that_does_not_agree_says_where() -> None:
    found = StatementCheck(
        day=date(2026, 3, 2),
        system="cz-1",
        answered=2,
        refused=0,
        unknown=(Entry(index=7, time="2026-03-02T01:00:00.000000Z", leaf="ab" * 32),),
        missing=(9,),
        operators={"wang\x1b[2J": (2, 0)},
    )

    said = "\n".join(ops.cli.statement.check_lines(found, "d" * 32))
    told = json.loads(json.dumps(ops.cli.statement.check_told(found, "")))

    assert "不符" in said
    assert "不认识：第 7 条" in said
    assert "缺少：所存第 9 条" in said
    assert "\x1b" not in said
    assert (told["agrees"], told["dispute"], told["missing"]) == (False, None, [9])


def test_a_check_wants_a_day_and_a_key(tmp_path: Path) -> None:
    usual = ["--url", "http://localhost:1", "--client", "cz-1", "--receipts", str(tmp_path), "--receipt-key", "k"]

    done = RUN.invoke(app, ["statement", "check", "2026-13-01", *usual, "--key", str(tmp_path / "none.pem")])

    assert done.exit_code == Exit.USAGE
