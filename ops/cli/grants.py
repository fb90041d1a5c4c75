"""`bidui grant`: grants from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.console import (
    Exit,
    HomeOption,
    JsonOption,
    PassphraseOption,
    fail,
    home_of,
    passphrase_of,
    say,
    say_json,
    told,
)
from ops.demo.office import RehearsalError, load_grant

app = typer.Typer(help="签批单", no_args_is_help=True)


@app.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="签批单 TOML 文件")],
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """载入签批单（仅限演示与测试模式；生产模式须经签批流程）。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        try:
            grant = load_grant(place, file, passphrase)
        except RehearsalError as refused:
            fail(str(refused), Exit.REFUSED)
    if as_json:
        say_json({"grant": grant.number, "partner": grant.partner})
    else:
        say(f"签批单 {grant.number} 已载入，自下一次比对起生效")
