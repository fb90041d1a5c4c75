"""`bidui watch replay` over a home that was asked over HTTP: the same once more, and what was altered is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from adapters.sql.engine import open_engine
from ops.cli.main import app
from ops.prove.homes import Stage
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
