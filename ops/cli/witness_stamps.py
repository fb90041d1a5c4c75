"""`bidui witness stamp` and `check-stamp`: RFC 3161 stamps of checkpoints, beside witnesses, never in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adapters.checkpoints import FileCheckpoints
from adapters.stamps import ask, check, read_authority
from adapters.witness_files import WitnessedFiles
from audit.checkpoint import peek
from audit.errors import NoteError
from ops.cli.console import Exit, HomeOption, JsonOption, fail, home_of, say, say_json, told
from ops.witness_side import witness_home

TsaOption = Annotated[Path | None, typer.Option("--tsa", help="时间戳机构证书（PEM，其后依次为上级，最后为根）")]


def stamp(
    url: Annotated[str, typer.Option(help="时间戳机构地址（RFC 3161）")],
    tsa: TsaOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """请时间戳机构为最新检查点盖时间戳，核验后存入 checkpoints/witnessed/stamps。"""
    place = home_of(home)
    with told():
        content = FileCheckpoints(place.checkpoints).latest()
        if content is None:
            fail("尚无已签名的检查点：先启动 bidui serve")
        authority = read_authority(tsa or witness_home(place).tsa)
        stamped = ask(url, content, authority)
        size, at = peek(content).size, check(stamped, content, authority)
        kept = WitnessedFiles(place.checkpoints).stamps
        kept.replace(f"{size:016d}.checkpoint", lambda _: content)
        kept.replace(f"{size:016d}.tsr", lambda _: stamped)
    if as_json:
        say_json({"size": size, "time": at.isoformat()})
        return
    say(f"{size} 条的检查点已盖时间戳：{at:%Y-%m-%d %H:%M:%S} UTC")


def check_stamp(
    checkpoint: Annotated[Path, typer.Argument(help="检查点文件，与盖时间戳时逐字节相同")],
    stamp: Annotated[Path, typer.Argument(help="时间戳（.tsr）")],
    tsa: Annotated[Path, typer.Option("--tsa", help="时间戳机构证书（PEM，其后依次为上级，最后为根）")],
    as_json: JsonOption = False,
) -> None:
    """离线核验一个时间戳：退出码 0 成立，5 不成立。"""
    with told():
        content = checkpoint.read_bytes()
        try:
            at = check(stamp.read_bytes(), content, read_authority(tsa))
        except NoteError as error:
            fail(f"时间戳不成立：{error}", Exit.INTEGRITY)
        size = peek(content).size
    if as_json:
        say_json({"size": size, "time": at.isoformat()})
        return
    say(f"时间戳成立：{size} 条的检查点不晚于 {at:%Y-%m-%d %H:%M:%S} UTC 已存在")
