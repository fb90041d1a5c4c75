"""`bidui policy`: rulebooks against the tables of what officers expect of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.console import Exit, JsonOption, say, say_json
from policies.catalogue import load_catalogue
from policies.expectations import SHIPPED_EXPECTATIONS
from policies.loader import SHIPPED_RULEBOOKS
from policies.publication import run

app = typer.Typer(help="规则册", no_args_is_help=True)


@app.callback()
def group() -> None:
    """规则册"""


@app.command("test")
def test(
    rulebooks: Annotated[Path, typer.Option(help="规则册目录")] = SHIPPED_RULEBOOKS,
    expectations: Annotated[Path, typer.Option(help="预期表目录")] = SHIPPED_EXPECTATIONS,
    as_json: JsonOption = False,
) -> None:
    """按预期表核对规则册，并与标准 pycasbin 逐项比较。"""
    report = run(rulebooks, expectations, load_catalogue())
    if as_json:
        say_json({"ok": report.ok, "rules": report.rules, "checked": report.checked, "lines": list(report.lines)})
    else:
        for line in report.lines:
            say(line)
        say(f"{report.rules} 条规则，核对 {report.checked} 项，{'全部符合' if report.ok else '有不符，见上'}")
    raise typer.Exit(Exit.OK if report.ok else Exit.FAILED)
