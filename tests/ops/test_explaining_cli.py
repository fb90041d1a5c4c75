"""What `bidui explain` and `bidui policy rehearse` say to people, from what the doors tell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from gateway.review.rehearsal import RulebookDraft
from ops.cli.console import Exit
from ops.cli.main import app
from ops.cli.office.client import Told
from ops.cli.office.explaining import exit_code, explained_lines, rehearsed_lines
from policies.publication import Texts
from tests.bygones import CLERKS, DISCIPLINE, FINANCE, Bygones, bygones, without

RUN = CliRunner()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bygones]:
    made = bygones(tmp_path_factory.mktemp("told") / "home")
    yield made
    made.close()


def recalled(world: Bygones, entry: int) -> Told:
    found = world.hindsight.recall(entry)
    assert found is not None
    return cast("Told", json.loads(json.dumps(found.as_document())))


def rehearsed(world: Bygones, content: Mapping[str, Any], *, shows_secret: bool = True) -> list[str]:
    draft = RulebookDraft(texts=Texts.of_content(content), number=3, digest="d" * 64)
    found = world.rehearsal.run(draft, world.rehearsal.span(30, world.clock.now()))
    document = found.as_document(shows_secret=shows_secret)
    return list(rehearsed_lines(cast("Told", json.loads(json.dumps(document)))))


def test_an_answer_is_told_line_by_line(world: Bygones) -> None:
    entry = world.ask("unit", "post")

    told = recalled(world, entry)
    lines = list(explained_lines(told))

    assert lines[0] == f"第 {entry} 条，2026-06-30T10:00:00+08:00：{FINANCE}，已答复"
    assert lines[1].startswith("规则册第 2 版")
    assert "✓ 签批单 G-1，范围：root" in lines
    assert any(line.startswith("？ 经办人") for line in lines)
    assert "  职务（post）：规则册 ✗ 签批单 ✗" in lines
    assert any("CZ-901（deny）" in line for line in lines)
    assert "与记录一致" in lines[-1]
    assert exit_code(told) == Exit.OK


def test_a_refusal_is_told_with_its_cause(world: Bygones) -> None:
    told = recalled(world, world.ask(grant="G-9"))
    lines = list(explained_lines(told))

    assert "拒绝（not_permitted），事件 " in lines[0]
    assert "✗ 当时没有此签批单，或它不属于该部门" in lines
    assert "结论：没有此签批单，或它不属于该部门" in lines


def test_what_differs_is_told_and_has_its_exit_code() -> None:
    told: Told = {
        "policy": {"number": 2, "digest": "a" * 64},
        "rights_as_of": 7,
        "verdict": {"zh": "准许", "reason": ""},
        "checks": [],
        "fields": [],
        "agrees": "differs",
        "zh": "解释与记录不同",
        "differences": ["比对了 post"],
    }

    assert list(explained_lines(told))[-2:] == ["解释与记录不同", "  比对了 post"]
    assert exit_code(told) == Exit.INTEGRITY


def test_a_rehearsal_is_told(world: Bygones) -> None:
    entry = world.ask("quota_type")
    lines = rehearsed(world, without(world.rulebooks(), "quota_type"))

    assert f"  第 {entry} 条 client:{FINANCE} purpose:payroll-check quota_type → 拒绝" in lines
    assert any(line.startswith("签批单 G-1") and "可考虑收回" in line for line in lines)
    assert any(line.startswith("未能重放") for line in lines)


def test_secret_flips_are_told_as_a_number(world: Bygones) -> None:
    world.ask(client=DISCIPLINE, matter="M-1")
    content = world.rulebooks()
    content["files"]["jijian.toml"] = content["files"]["jijian.toml"].replace(
        '["name", "unit", "section", ', '["name", "section", '
    )

    hidden = rehearsed(world, content, shows_secret=False)

    assert "  涉密用途的 1 项只计数，不列出" in hidden
    assert not any(DISCIPLINE in line for line in hidden)


USAGE = {
    "nothing asked": ["explain"],
    "half a request": ["explain", "--client", FINANCE, "--operator", CLERKS[FINANCE]],
    "nothing rehearsed": ["policy", "rehearse"],
    "two drafts": ["policy", "rehearse", "somewhere", "--digest", "a"],
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_whoever_is_not_signed_in_is_told_so(arguments: list[str], tmp_path: Path) -> None:
    done = RUN.invoke(app, [*arguments, "--session", str(tmp_path / "none.json")])

    assert done.exit_code == Exit.FAILED
    assert "bidui sign-in" in done.stderr
