"""`bidui simulate`: what it prints, where it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.cli.console import Exit
from ops.cli.main import app
from ops.simulate.attacks import ATTACKS

SMALL = ("--seeds", "1", "--persons", "2000", "--days", "30")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *arguments])


def test_machines_get_one_document() -> None:
    result = run(*SMALL, "--attack", "A3a", "--json")

    assert result.exit_code == Exit.OK
    told = json.loads(result.stdout)
    assert (told["seeds"], told["persons"], told["days"]) == ([100], 2000, 30)
    assert [each["attack"] for each in told["assaults"]] == ["A3a"]
    assert told["us_a_record"] > told["us_a_record_of_the_watch"] > 0


def test_the_report_is_what_is_printed_and_finds_its_place(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("before\n<!-- begin blind -->\n<!-- end blind -->\nafter\n", encoding="utf-8")

    result = run(*SMALL, "--attack", "A3a", "--blind", "--report", str(path), "--section", "blind")

    assert result.exit_code == Exit.OK
    written = path.read_text(encoding="utf-8")
    assert written.startswith("before\n<!-- begin blind -->\nSeeds 100; 2,000 persons, 30 days")
    assert result.stdout.strip() in written
    assert written.endswith("<!-- end blind -->\nafter\n")


def test_an_attack_that_does_not_exist_is_refused_with_those_that_do() -> None:
    result = run("--attack", "A9")

    assert result.exit_code == Exit.USAGE
    assert all(name in result.output for name in ("A9", *ATTACKS))


def test_a_report_without_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("nothing here", encoding="utf-8")

    result = run(*SMALL, "--attack", "A3a", "--report", str(tmp_path / "report.md"), "--section", "blind")

    assert result.exit_code == Exit.FAILED
    assert "begin blind" in result.output


def test_what_was_kept_is_drawn_without_another_run(tmp_path: Path) -> None:
    kept, first, again = tmp_path / "kept.json", tmp_path / "first", tmp_path / "again"

    ran = run(*SMALL, "--attack", "A4", "--save", str(kept), "--pictures", str(first))
    drawn = run("--from", str(kept), "--pictures", str(again))

    assert (ran.exit_code, drawn.exit_code) == (Exit.OK, Exit.OK)
    assert sorted(each.name for each in again.iterdir()) == ["alarms.svg", "leaks.svg", "lists.svg"]
    assert all(each.read_bytes() == (first / each.name).read_bytes() for each in again.iterdir())


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--from", "kept.json"), Exit.USAGE, "--pictures"),
        (("--from", "kept.json", "--pictures", "."), Exit.FAILED, "cannot be read"),
        (("--http", "--blind"), Exit.USAGE, "--http 不能与"),
        (("--http", "--days", "200"), Exit.FAILED, "--http 至多"),
        (("--http", "--persons", "1000000"), Exit.FAILED, "--http 至多"),
    ],
)
def test_what_cannot_be_had_is_refused_and_why(options: tuple[str, ...], code: Exit, told: str) -> None:
    result = run(*options)

    assert result.exit_code == code
    assert told in result.output
