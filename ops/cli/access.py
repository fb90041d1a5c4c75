"""`bidui audit about`, `bidui audit sealed`: who compared somebody, and how much is sealed.

Whose number it is about is asked for or read from a private file; no argument holds it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.console import Exit, JsonOption, say, say_json
from ops.cli.office.client import at_office, rows
from ops.cli.office.options import SessionOption, secret

REPORTS, SEALED = "/v1/office/access-reports", "/v1/office/sealed-entries"


def about(
    matter: Annotated[str, typer.Option("--matter", help="事由，如申请编号")],
    organisation: Annotated[bool, typer.Option("--organisation", help="对象是机构；不给则是个人")] = False,
    number_file: Annotated[Path | None, typer.Option("--number-file", help="号码所在文件（0600），代替输入")] = None,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """查询情况报告：谁、何时、依据什么比对过此人，结果如何；先记入账中。号码当场输入。5 有条目与存证账不符。"""
    kind = "organisation" if organisation else "person"
    with at_office(session, as_json=as_json) as office:
        number = secret(number_file, "统一社会信用代码或机构编码" if organisation else "身份证号")
        told = office.post(REPORTS, {"kind": kind, "id": number, "matter": matter})
    say_json(told) if as_json else say(str(told["text"]).rstrip("\n"))
    if told["unverified"]:
        raise typer.Exit(Exit.INTEGRITY)


def sealed(session: SessionOption = None, as_json: JsonOption = False) -> None:
    """每月涉密用途的比对数，不分人；查看先记入账中。只供审计管理员使用。"""
    with at_office(session, as_json=as_json) as office:
        told = office.get(SEALED)
    lines = [f"{each['month']}：{each['entries']} 次" for each in rows(told, "months")]
    say_json(told) if as_json else say("\n".join(lines) or "没有涉密用途的比对")
