"""`bidui audit entry`, `proof`: an entry as it stands in the ledger, and the file that proves an entry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ops.chain import proof_of
from ops.cli.console import Exit, HomeOption, JsonOption, home_of, say, say_json, told
from ops.cli.office.client import OfficeClient, Told, at_office, rows
from ops.cli.office.options import SessionOption
from ops.cli.office.problems import OfficeError

ENTRIES, INCLUSION = "/v1/office/entries", "/v1/log/proofs/inclusion"
_MISSING = {"pruned": "已按保存期归档清除", "withheld": "保密用途，仅审计管理员可看", "differs": "与存证账的哈希不符"}

EntryArgument = Annotated[int, typer.Argument(min=0, help="条目序号")]


def entry(
    first: EntryArgument,
    last: Annotated[int | None, typer.Option("--to", help="看到第几条，至多 256 条")] = None,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """逐字显示存证账的条目；先记入账中。只供安全管理员、审计管理员使用。5 有条目与哈希不符。"""
    path = f"{ENTRIES}/{first}" if last is None else f"{ENTRIES}?first={first}&last={last}"
    with at_office(session, as_json=as_json) as office:
        found = office.get(path)
        shown = rows(found, "entries")
    say_json(found) if as_json else say("\n".join(_lines(shown)))
    if any(each["missing"] == "differs" for each in shown):
        raise typer.Exit(Exit.INTEGRITY)


def proof(
    index: EntryArgument,
    out: Annotated[Path | None, typer.Option("--out", help="写入的文件，如 7.tlog-proof；不给则打印")] = None,
    closed: Annotated[str | None, typer.Option(help="在网关本机，取自 closed/ 中此名称的存证账")] = None,
    home: HomeOption = None,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """一个条目的入账证明（C2SP tlog-proof），供 bidui audit verify --proof 使用。"""
    if closed is not None:
        with told():
            found = proof_of(home_of(home), closed, index).decode()
            _write(found, out)
    else:
        with at_office(session, as_json=as_json) as office:
            found = _asked(office, index)
            _write(found, out)
    if as_json:
        say_json({"index": index, "tlog_proof": found})
    else:
        say(f"已写入 {out}" if out else found)


def _asked(office: OfficeClient, index: int) -> str:
    found = office.get(f"{INCLUSION}?index={index}").get("tlog_proof")
    if not isinstance(found, str):
        raise OfficeError("尚无检查点覆盖此条目，请稍后重试", kind="unavailable")
    return found


def _write(proof: str, out: Path | None) -> None:
    if out is not None:
        with out.open("x", encoding="utf-8", newline="") as file:
            file.write(proof)
            os.fsync(file.fileno())


def _lines(shown: list[Told]) -> Iterator[str]:
    for each in shown:
        if each["entry"] is not None:
            yield str(each["entry"])
        else:
            yield f"第 {each['index']} 条：{_MISSING.get(str(each['missing']), '不能显示')}，叶哈希 {each['leaf']}"
