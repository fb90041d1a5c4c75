"""`bidui log` and `bidui audit proof` as people run them: from an old log to a pruned one, and from old keys to new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.note import parse_vkey
from gateway.deeds.document import Kind
from gateway.domain.people import Duty
from ops.cli import log
from ops.cli.console import Exit
from ops.cli.main import app
from ops.retention import Retention
from ops.rotation import OVERLAP
from tests.ops.test_retention import Old

RUN = CliRunner()
KEPT = (Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN)


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Old]:
    made = Old(tmp_path / "home")
    monkeypatch.setenv("BIDUI_MODE", "test")
    clock = tmp_path / "clock"
    clock.write_text(made.clock.now().isoformat())
    monkeypatch.setenv("BIDUI_CLOCK", f"file:{clock}")
    yield made
    made.close()


def bidui(old: Old, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = RUN.invoke(app, ["log", *arguments, "--home", str(old.home.path), "--json"])
    assert done.exit_code == code, done.output
    told: dict[str, Any] = json.loads(done.stdout) if code == 0 else {}
    return told


def in_words(old: Old, *arguments: str) -> str:
    done = RUN.invoke(app, ["log", *arguments, "--home", str(old.home.path)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_log_is_archived_and_pruned(old: Old, tmp_path: Path) -> None:
    assert "第 512 条之前可以归档" in in_words(old, "show")
    archived = bidui(old, "archive", str(tmp_path / "archives"))
    bidui(old, "prune", archived["file"], code=Exit.FAILED)

    content = {"before": archived["before"], "archive": archived["archive"]}
    old.put(Kind.RETENTION, "before-512", content, *KEPT)
    old.sign()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(log, "Retention", partial(Retention, pause=lambda _: old.sign()))
        pruned = bidui(old, "prune", archived["file"], "--vacuum")

    assert pruned["before"] == 512
    assert bidui(old, "show")["floor"] == 512
    assert old.verified().first_bad is None


def test_keys_are_made_brought_in_and_ended(old: Old) -> None:
    made = bidui(old, "key", "new", "--purpose", "receipt")
    assert "尚未启用" in in_words(old, "key", "list")
    bidui(old, "key", "switch", code=Exit.FAILED)
    old.put(Kind.LOG_KEY, f"receipt-{parse_vkey(made['vkey']).key_id.hex()}", made, *KEPT)

    came = bidui(old, "key", "switch")
    bidui(old, "key", "end", code=Exit.FAILED)
    went = bidui(old, "key", "end", "--at-once")

    assert [each["vkey"] for each in came["keys"]] == [made["vkey"]]
    assert [each["purpose"] for each in went["keys"]] == ["receipt"]
    assert "已停用" in in_words(old, "key", "list")
    assert OVERLAP.total_seconds() == 86_400


def test_what_is_no_key_is_refused(old: Old) -> None:
    assert RUN.invoke(app, ["log", "key", "new", "--purpose", "receipt", "--make", "rsa"]).exit_code == Exit.USAGE
    bidui(old, "key", "new", "--purpose", "receipt", "--make", "ml-dsa-44", code=Exit.INTEGRITY)
