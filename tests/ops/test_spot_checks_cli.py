"""What `bidui watch spot-checks`, `spot-check` and `judge` say to people, and what they send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

import ops.cli.spot_checks
from gateway.api.office.spot_checks import told
from gateway.domain.spot_check import CheckState
from gateway.spot_checks.filing import filing_sha256
from ops.cli.console import Exit
from ops.cli.main import app
from tests.checks import FORM, a_check
from tests.make import TODAY
from tests.ops.test_statement_cli import FakeOffice, at

RUN = CliRunner()
DAY, NUMBER = TODAY.toordinal(), "ab" * 8
FILED = a_check(NUMBER, DAY, state=CheckState.FILED, document=FORM, operator="cz-liu", filed=DAY, filings=2, entry=41)
SEEN = filing_sha256(FILED)


def listed(*checks: dict[str, object], more: bool = False) -> dict[str, object]:
    return {"spot_checks": list(checks), "more": more}


def office(answer: Any, monkeypatch: pytest.MonkeyPatch) -> FakeOffice:
    made = FakeOffice(answer)
    at(made, monkeypatch, ops.cli.spot_checks)
    return made


def test_a_list_says_who_has_to_do_what(monkeypatch: pytest.MonkeyPatch) -> None:
    due = told(a_check("cd" * 8, DAY), is_overdue=True)
    asked = office(listed(told(FILED, is_overdue=False), due, more=True), monkeypatch)

    said = RUN.invoke(app, ["watch", "spot-checks"]).stdout

    assert f"{NUMBER}  2026-06-30  cz  2026-001  待审核：{FORM}" in said
    assert "待交，限 2026-07-01（已逾期）" in said
    assert "还有更多" in said
    assert asked.asked == [("/v1/office/spot-checks", None)]


def test_a_list_says_where_an_answer_waits_for_an_acceptance(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = replace(FILED, needs_acceptance=True)
    checks = [told(each, is_overdue=False) for each in (waits, replace(waits, state=CheckState.ACCEPTED))]
    office(listed(*checks), monkeypatch)

    said = RUN.invoke(app, ["watch", "spot-checks"]).stdout.splitlines()

    assert f"待审核，审核通过才答复：{FORM}" in said[0]
    assert "审核通过才答复" not in said[1]


def test_nothing_is_said_to_be_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = office(listed(), monkeypatch)

    assert "没有凭证抽查" in RUN.invoke(app, ["watch", "spot-checks", "--state", "filed"]).stdout
    assert asked.asked == [("/v1/office/spot-checks?state=filed", None)]
    assert RUN.invoke(app, ["watch", "spot-checks", "--state", "lost"]).exit_code == Exit.USAGE


def test_one_is_shown_with_its_document_and_the_entry_of_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    office(told(FILED, is_overdue=False), monkeypatch)

    said = RUN.invoke(app, ["watch", "spot-check", NUMBER]).stdout

    assert f"凭证：{FORM}（cz-liu 于 2026-06-30 提交，第 2 次提交）" in said
    assert "存证账第 41 条" in said
    assert SEEN in said


def test_nothing_of_a_partner_commands_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    office(told(FILED, is_overdue=False) | {"document": "\x1b[2J", "purpose": "\x07"}, monkeypatch)

    said = RUN.invoke(app, ["watch", "spot-check", NUMBER]).stdout

    assert "\x1b" not in said
    assert "\x07" not in said


def test_who_judges_is_shown_the_document_first_and_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = office(told(FILED, is_overdue=False), monkeypatch)
    command = ["watch", "judge", NUMBER, "failed", "--reason", "查无此函"]

    assert RUN.invoke(app, command, input="n\n").exit_code != 0
    assert [path for path, body in asked.asked if body] == []
    said = RUN.invoke(app, command, input="y\n")

    assert said.exit_code == 0
    assert said.stdout.index(FORM) < said.stdout.index("判为不合格？")
    sent = {"verdict": "failed", "reason": "查无此函", "filing_sha256": SEEN}
    assert asked.asked[-1] == (f"/v1/office/spot-checks/{NUMBER}/judge", sent)


def test_unattended_somebody_must_say_what_they_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = office(told(FILED, is_overdue=False), monkeypatch)
    command = ["watch", "judge", NUMBER, "accepted", "--reason", "已核对", "--json"]

    assert RUN.invoke(app, command).exit_code != 0
    done = RUN.invoke(app, [*command, "--filing", SEEN])

    assert json.loads(done.stdout)["number"] == NUMBER
    assert [body["filing_sha256"] for _, body in asked.asked if body] == [SEEN]


def test_what_was_not_filed_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = office(told(a_check(NUMBER, DAY), is_overdue=False), monkeypatch)

    assert RUN.invoke(app, ["watch", "judge", NUMBER, "accepted", "--reason", "好"], input="y\n").exit_code != 0
    assert [body for _, body in asked.asked if body] == []
