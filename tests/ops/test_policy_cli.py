"""`bidui policy`: exit codes for scripts, lines for officers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.policy import app
from policies.expectations import SHIPPED_EXPECTATIONS
from policies.loader import SHIPPED_RULEBOOKS

AT = "2026-03-02T10:00+08:00"
ASK = ("explain", "--client", "caizheng-pay-01", "--purpose", "budget-check", "--address", "10.8.0.5", "--at", AT)


def done(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Copies of what is shipped, to be spoilt."""
    for name, shipped in (("rulebooks", SHIPPED_RULEBOOKS), ("expectations", SHIPPED_EXPECTATIONS)):
        (tmp_path / name).mkdir()
        for file in shipped.glob("*.toml"):
            (tmp_path / name / file.name).write_bytes(file.read_bytes())
    return tmp_path


def spoil(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def checked(folders: Path, *more: str) -> tuple[int, str]:
    return done(
        "test", "--rulebooks", str(folders / "rulebooks"), "--expectations", str(folders / "expectations"), *more
    )


def test_what_is_shipped_passes(folders: Path) -> None:
    code, out = checked(folders, "--json")
    document = json.loads(out)

    assert (code, document["ok"], document["lines"]) == (0, True, [])
    assert document["seconds"].keys() == {"load", "compile", "check", "comparison"}


def test_an_expectation_that_is_not_met_fails(folders: Path) -> None:
    spoil(folders / "rulebooks" / "caizheng.toml", '"pay_unit", "pay_status"]', '"pay_unit"]')

    code, out = checked(folders)

    assert code == 1
    assert "caizheng.toml · 财政局 · payroll-check · pay_status equals：应准许" in out


def test_rulebooks_that_cannot_be_used_are_refused(folders: Path) -> None:
    spoil(folders / "rulebooks" / "caizheng.toml", '"deny"', '"Deny"')

    code, out = checked(folders)

    assert code == 3
    assert "caizheng.toml · CZ-901 · 'Deny'：effect 只能写 allow 或 deny" in out


def test_rules_over_units_need_the_tree(folders: Path) -> None:
    spoil(folders / "rulebooks" / "caizheng.toml", 'id = "CZ-004"', 'id = "CZ-004"\nunits = ["org:150100"]')
    spoil(folders / "expectations" / "caizheng.toml", 'unit = "org:all"', 'unit = "org:150102"')
    units = folders / "units.toml"
    units.write_text('150100 = ""\n150102 = "150100"\n', "utf-8")

    assert checked(folders)[0] == 3
    assert checked(folders, "--units", str(units)) == (0, "32 条规则，核对 2364 项，全部符合\n")


EXPLAINED = {
    "a yes": (("--field", "org_strength"), 0, ("实有人数（org_strength）：准许", "CZ-004", "《中华人民共和国预算法》")),
    "a no": (("--field", "leader_rank"), 3, ("领导职务级别（leader_rank）：拒绝，有禁止规则", "CZ-901")),
    "one of two": (("--field", "org_strength:at_least", "--field", "post"), 0, ("at_least · org:all", "post")),
    "at night": (("--field", "org_strength", "--at", "2026-03-02T20:00+08:00"), 3, ("CZ-004 只差一项", "工作时间")),
    "without a matter": (
        ("--client", "jijian-review-01", "--purpose", "discipline-review", "--field", "name"),
        3,
        ("✗ 此用途须写明事由",),
    ),
    "with a matter": (
        ("--client", "jijian-review-01", "--purpose", "discipline-review", "--field", "name", "--matter"),
        0,
        ("✓ 写明了事由",),
    ),
    "a client nobody knows": (("--client", "x-1", "--field", "org_strength"), 3, ("client:x-1 没有登记",)),
    "a client whose department is told": (
        ("--client", "x-1", "--department", "caizheng", "--field", "org_strength"),
        0,
        ("client:x-1 属于 财政局规则册",),
    ),
    "a time without a zone": (("--field", "name", "--at", "2026-03-02T10:00"), 2, ("时区",)),
    "a time that is none": (("--field", "name", "--at", "Monday"), 2, ("看不懂时刻",)),
}


@pytest.mark.parametrize(("arguments", "code", "parts"), EXPLAINED.values(), ids=EXPLAINED)
def test_a_decision_is_explained(arguments: tuple[str, ...], code: int, parts: tuple[str, ...]) -> None:
    found, out = done(*ASK, *arguments)

    assert found == code
    assert all(part in out for part in parts)


def test_a_decision_is_explained_to_machines() -> None:
    code, out = done(*ASK, "--field", "org_strength", "--json")

    assert (code, json.loads(out)["permitted"]) == (0, ["org_strength"])
