"""`bidui grant leak`: what a grant leaks at worst, worked out offline before anybody draws it up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from gateway.domain.grant import Grant, GrantError
from gateway.domain.leak import Leak
from gateway.watch.leak import Leaks
from gateway.watch.leak_ground import part_of_units
from gateway.watch.leak_signed import round_down
from ops.cli.console import Exit, JsonOption, fail, say, say_json, told
from ops.cli.office.leaking import lines
from ops.demo.office import read_grant_file
from ops.leaking import NoPlaceError, table, with_table
from ops.rights import load_units
from policies.catalogue import load_catalogue
from policies.publication import Texts


def leak(
    files: Annotated[list[Path] | None, typer.Argument(help="签批单 TOML 文件，格式见 docs/office.md")] = None,
    register: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="名册约有多少对象；0 为不明，按较坏算")] = 0,
    units: Annotated[Path | None, typer.Option(help="机构树 units.toml，算范围占多大用")] = None,
    presets: Annotated[bool, typer.Option("--presets", help="常见签批单各一行的表（Markdown）")] = False,
    into: Annotated[Path | None, typer.Option(help="把 --presets 的表写进该文件的标记之间，如 docs/leak.md")] = None,
    as_json: JsonOption = False,
) -> None:
    """最坏泄露：一张签批单在凭证被盗、经办人不实时最多泄露多少；离线推演，不需登录。"""
    leaks = Leaks(catalogue=load_catalogue())
    if not files and not presets:
        fail("请写明签批单文件，或加 --presets", Exit.USAGE)
    tree = _tree(units)
    figures = [
        (grant, leaks.of(grant, round_down(register), part_of_units(grant.scope, tree)))
        for grant in map(_read, files or ())
    ]
    if as_json:
        say_json({"grants": [{"number": grant.number, **figure.content()} for grant, figure in figures]})
        return
    for grant, figure in figures:
        say("\n".join([f"签批单 {grant.number}", *_told(figure, leaks)]))
    if presets:
        _write(table(leaks), into)


def _told(figure: Leak, leaks: Leaks) -> list[str]:
    return [f"  {line}" for line in lines(figure, leaks.catalogue)]


def _read(path: Path) -> Grant:
    try:
        return read_grant_file(path)
    except GrantError as error:
        fail(f"{path.name}：{error}", Exit.USAGE)


def _tree(path: Path | None) -> Mapping[str, str]:
    with told():
        content = Texts({}, {}, load_units(path)).as_content() if path else {}
    return content.get("units", {})


def _write(made: str, path: Path | None) -> None:
    if path is None:
        say(made)
        return
    try:
        path.write_text(with_table(path.read_text(encoding="utf-8"), made), encoding="utf-8")
    except (NoPlaceError, OSError) as error:
        fail(str(error))
