"""`bidui doctor`: what is not well here, and how to mend it. Reads only."""

from __future__ import annotations

import msgspec
import typer

from ops.cli.console import Exit, HomeOption, JsonOption, home_of, say, say_json
from ops.doctor import examine


def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """体检：逐项检查安装，只读不改；不合格的给出处理办法。有不合格项时退出码为 1。"""
    report = examine(home_of(home))
    if as_json:
        say_json({"ok": report.is_well, "groups": msgspec.to_builtins(report.groups)})
    else:
        for line in report.lines():
            say(line)
    raise typer.Exit(Exit.OK if report.is_well else Exit.FAILED)
