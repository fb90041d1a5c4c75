"""`bidui watch replay` over a home that was asked over HTTP: the same once more, and what was altered is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from adapters.sql.engine import open_engine
from audit.entry import encode
from gateway.deeds.document import Kind
from gateway.domain.people import Duty
from gateway.watch.threshold_deeds import Shadow
from gateway.watch.threshold_file import content_of, digest_of, read_file
from gateway.watch.thresholds import DEFAULTS
from ops.cli.main import app
from ops.cli.office.problems import OfficeError
from ops.cli.watch_shadow import adopted
from ops.demo.office import SyntheticOffice
from ops.prove.homes import Stage
from ops.rolling import roll, rollover_content
from ops.wiring import wire
from tests.ops.test_serve import Wired, a_wired
from tests.ops.test_watch import harvest


@pytest.fixture
def wired(staged: Stage, tmp_path: Path) -> Iterator[Wired]:
    with a_wired(staged, tmp_path) as made:
        yield made


def run(wired: Wired, *words: str) -> tuple[int, dict[str, object]]:
    day = f"{wired.home.clock.now():%Y-%m-%d}"
    told = CliRunner().invoke(app, ["watch", *words, "--home", str(wired.home.path), "--json"])
    assert told.output, (day, told)
    found: dict[str, object] = json.loads(told.output)
    return told.exit_code, found


def today(wired: Wired) -> list[str]:
    day = f"{wired.home.clock.now():%Y-%m-%d}"
    return ["--from", day, "--to", day]


def test_what_was_recorded_over_http_is_replayed_while_serve_goes_on(wired: Wired) -> None:
    harvest(wired)

    code, found = run(wired, "replay", *today(wired))

    assert (code, found["verdict"]) == (0, "identical"), found
    assert found["incidents"] == {"identical": 1, "different": 0, "beside": 0, "table": 1}
    assert wired.ask(wired.comparison())[0].status_code == 403


def test_an_incident_that_somebody_rewrote_is_told(wired: Wired) -> None:
    harvest(wired)
    engine = open_engine(wired.gateway.home.database_url(wired.gateway.settings))
    with engine.begin() as connection:
        connection.execute(text("UPDATE watch_incident SET incident = CAST(replace(incident, '13.8', '99.9') AS BLOB)"))
    engine.dispose()

    code, found = run(wired, "replay", *today(wired))

    assert (code, found["verdict"]) == (5, "differs")
    assert isinstance(first := found["first_difference"], dict)
    assert first["what"] == "table"


BAD = {
    "days the wrong way round": ["--from", "2026-03-02", "--to", "2026-03-01"],
    "no day": ["--from", "yesterday"],
}


@pytest.mark.parametrize("case", BAD)
def test_days_are_days(case: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["watch", "replay", *BAD[case], "--home", str(tmp_path)])

    assert told.exit_code == 2


# ------------------------------------------------------------------------------------------------ what if


def test_what_other_thresholds_would_do_is_told_and_written_down(wired: Wired, tmp_path: Path) -> None:
    harvest(wired)
    (tmp_path / "loose.toml").write_text("alarm = 35.0\nquestions = [1, 2, 4]\n", encoding="utf-8")
    words = ["what-if", str(tmp_path / "loose.toml"), "--days", "1", "--out", str(tmp_path / "report.json")]

    code, found = run(wired, *words)
    again = CliRunner().invoke(app, ["watch", *words[:-1], str(tmp_path / "b"), "--home", str(wired.home.path)])

    assert code == 0
    assert found["not_replayed"] == ["questions"]
    assert isinstance(by := found["by"], list)
    assert [(each["detector"], each["in_force"], each["only_in_force"]) for each in by] == [("miss_rate", 1, 1)]
    assert sha256((tmp_path / "report.json").read_bytes()).hexdigest() == found["sha256"]
    assert (tmp_path / "b").read_bytes() == (tmp_path / "report.json").read_bytes()
    assert "不再阻断 1" in again.output
    assert "可能放宽" in again.output
    assert "questions" in again.output


def test_a_report_is_never_written_over_another(wired: Wired, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("alarm = 12.0", encoding="utf-8")
    (tmp_path / "there").write_text("kept", encoding="utf-8")
    words = ["watch", "what-if", str(tmp_path / "other.toml"), "--out", str(tmp_path / "there")]

    told = CliRunner().invoke(app, [*words, "--home", str(wired.home.path)])

    assert told.exit_code == 1
    assert (tmp_path / "there").read_text(encoding="utf-8") == "kept"


def test_the_thresholds_in_force_are_a_whole_file(wired: Wired, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["watch", "thresholds", "--home", str(wired.home.path)])
    (tmp_path / "same.toml").write_text(told.output, encoding="utf-8")

    assert read_file(told.output.encode()) == DEFAULTS
    assert run(wired, "what-if", str(tmp_path / "same.toml"))[1]["changes"] == {}


FILES = {"nan": "alarm = nan", "inf": "alarm = inf", "negative": "decoys = -1", "unknown": "alarms = 9.0"}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_wrong_is_refused_before_anything_is_read(case: str, wired: Wired, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(FILES[case], encoding="utf-8")

    told = CliRunner().invoke(app, ["watch", "what-if", str(tmp_path / "wrong.toml"), "--home", str(wired.home.path)])

    assert told.exit_code == 2, told.output


def test_without_a_shadow_there_is_nothing_to_report(wired: Wired) -> None:
    told = CliRunner().invoke(app, ["watch", "shadow-report", "--home", str(wired.home.path)])

    assert told.exit_code == 1
    assert "bidui watch shadow" in told.output


# ------------------------------------------------------------------------------------------------ what is adopted

RUNNING = Shadow(replace(DEFAULTS, alarm=35.0), "ab" * 32)


def a_report(**changes: object) -> dict[str, object]:
    whole = {"candidate": digest_of(RUNNING.thresholds), "entries": {"first": 3, "until": 9}, "gone": {"altered": 0}}
    return whole | changes


REPORTS: dict[str, tuple[bytes, str]] = {
    "of other thresholds": (encode(a_report(candidate="cd" * 32)), "不是关于正在影子运行的"),  # type: ignore[arg-type]  # a table
    "over a record that was altered": (encode(a_report(gone={"altered": 1})), "不可采信"),  # type: ignore[arg-type]  # a table
    "not canonical": (json.dumps(a_report()).encode(), "不是影子报告"),
    "of another form": (b"[]", "不是影子报告"),
    "empty": (b"", "不是影子报告"),
}


@pytest.mark.parametrize("case", REPORTS)
def test_only_a_report_about_what_runs_is_adopted(case: str, tmp_path: Path) -> None:
    content, hint = REPORTS[case]
    (tmp_path / "report.json").write_bytes(content)

    with pytest.raises(OfficeError, match=hint):
        adopted(tmp_path / "report.json", RUNNING)


def test_what_is_adopted_names_the_report_by_the_digest_of_its_file(tmp_path: Path) -> None:
    content = encode(a_report())  # type: ignore[arg-type]  # a table
    (tmp_path / "report.json").write_bytes(content)

    made = adopted(tmp_path / "report.json", RUNNING)

    assert (made["report"], made["first"], made["until"]) == (sha256(content).hexdigest(), 3, 9)
    assert made["values"] == content_of(RUNNING.thresholds)


# ------------------------------------------------------------------------------------------------ a log behind another


def test_what_a_closed_log_recorded_makes_the_state_of_the_next(wired: Wired) -> None:
    """Three unknown before the log was closed, and the alarm behind it: the incident needs both."""
    harvest(wired, 0, 3)
    with closing(SyntheticOffice(wired.home)) as office:
        content = rollover_content(wired.home, "demo.bidui.example/audit/2026-2")
        office.put_in_force(Kind.ROLLOVER, "to-2", content, Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)
    roll(wired.home, at_once=True)
    wired.gateway.close()
    wired.gateway = wire(wired.home)
    told = harvest(wired, 3, 40)
    assert 403 in {each.status_code for each in told}
    wired.gateway.close()

    code, found = run(wired, "replay", *today(wired))
    alone = wired.home.path / "closed"
    alone.rename(wired.home.path / "elsewhere")
    cut_code, cut = run(wired, "replay", *today(wired))

    assert (code, found["verdict"], found["cut"]) == (0, "identical", False), found
    assert (cut_code, cut["verdict"], cut["cut"]) == (1, "cut", True), "what was before is not there, and it says so"
