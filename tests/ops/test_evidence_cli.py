"""Evidence at the command line: written, and verified with exit codes of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.standalone.joining import joined
from ops.cli.main import app
from tests.gateway.evidence import Evidence
from tests.lives import Life


@pytest.fixture
def evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Evidence]:
    monkeypatch.setenv("BIDUI_MODE", "test")
    with closing(Life(tmp_path)) as life, closing(Evidence(life)) as made:
        clock = tmp_path / "clock"
        clock.write_text(life.now.isoformat())
        monkeypatch.setenv("BIDUI_CLOCK", f"file:{clock}")
        monkeypatch.setenv("BIDUI_HOME", str(life.home.path))
        yield made


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["audit", *map(str, arguments)])
    return done.exit_code, done.stdout


def test_a_log_is_written_to_a_file_and_proven(evidence: Evidence, tmp_path: Path) -> None:
    evidence.sign()
    file, trust = tmp_path / "log.zip", evidence.life.home.path / "trust.json"

    code, told = run("export", file, "--json")

    assert code == 0
    assert json.loads(told)["end"] == evidence.reader.head().size
    assert run("verify", "--export", file, "--trust", trust)[0] == 0
    assert run("verify", "--export", file)[0] == 2
    assert run("verify", "--export", trust, "--trust", trust)[0] == 3
    assert run("export", file)[0] != 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clock", "home", "log.zip"]


def test_a_bundle_is_proven_and_an_altered_one_is_not(evidence: Evidence, tmp_path: Path) -> None:
    evidence.allow()
    evidence.sign()
    file, trust, content = tmp_path / "e.zip", evidence.life.home.path / "trust.json", evidence.take()

    file.write_bytes(content)
    assert run("verify", "--bundle", file, "--trust", trust)[0] == 0
    file.write_bytes(content.replace(b'"unit":"match"', b'"unit":"metch"'))
    code, told = run("verify", "--bundle", file, "--trust", trust, "--json")
    assert (code, json.loads(told)["first_bad"]) == (1, evidence.first)


def test_the_verifier_is_written_out_whole() -> None:
    assert run("verifier") == (0, joined())
