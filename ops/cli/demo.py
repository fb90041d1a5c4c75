"""`bidui demo`: the whole product from nothing, on a machine that has only Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from adapters import logs
from ops.cli.console import fail, home_of, say, told
from ops.demo.accounts import present_code
from ops.demo.league import PERSONS
from ops.demo.story import DemoError, tell
from ops.settings import Mode

DEMO_HOME = Path("demo-home")


def demo(
    home: Annotated[Path, typer.Option("--home", help="演示目录")] = DEMO_HOME,
    persons: Annotated[int, typer.Option(min=1000, help="合成人数")] = PERSONS,
    once: Annotated[bool, typer.Option("--once", help="演示一遍即退出")] = False,
    code: Annotated[str | None, typer.Option("--code", help="只打印某个合成账号此刻的动态口令")] = None,
) -> None:
    """建立合成盟市，启动网关，比对一次并核验回执。"""
    os.environ["BIDUI_MODE"] = Mode.DEMO
    logs.configure()
    with told():
        if code:
            say(present_code(home_of(home), code))
            return
        try:
            tell(home_of(home), persons=persons, once=once)
        except DemoError as error:
            fail(str(error))
