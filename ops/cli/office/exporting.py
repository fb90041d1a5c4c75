"""A deed taken out of the gateway, and checked by anybody who holds the foundation: no gateway, no database.

An export is JSON: {"foundation": …, "people": [deed, …], "deed": …}, deeds as base64url of their stored bytes, people
in the order in which they were enrolled. It holds the names of those who sign.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec
import typer

from adapters.keys.files import write_new
from gateway.deeds.deed import Deed, read_deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import read_foundation
from gateway.deeds.roll import Roll
from ops.cli.console import Exit, JsonOption, say, say_json
from ops.cli.office.client import at_office, errors_told, from_text
from ops.cli.office.problems import OfficeError
from ops.cli.office.reading import DEEDS
from ops.cli.office.showing import KIND_ZH
from ops.settings import open_clock


class Export(msgspec.Struct, forbid_unknown_fields=True):
    """What the file holds."""

    foundation: dict[str, object]
    people: list[str]
    deed: str


def export(
    kind: Annotated[Kind, typer.Argument(help="文书种类")],
    deed_id: Annotated[str, typer.Argument(help="编号")],
    out: Annotated[Path, typer.Argument(help="写入的文件，不得已存在")],
    serial: Annotated[int, typer.Option("--serial", help="第几版；默认现行版本")] = 0,
    session: Annotated[Path | None, typer.Option("--session", help="会话文件；默认在 XDG_STATE_HOME 下")] = None,
    as_json: JsonOption = False,
) -> None:
    """导出一份已生效的文书和核验它所需的人员文书；文件含签署人姓名，限编办人员。"""
    with at_office(session, as_json=as_json) as client:
        path = f"{DEEDS}/{kind.value}/{quote(deed_id, safe='')}/export"
        told = client.get(f"{path}?serial={serial}" if serial else path)
        write_new(out, msgspec.json.encode(msgspec.convert(told, Export)) + b"\n")
    say_json({"file": str(out)}) if as_json else say(f"已导出到 {out}；核验：bidui deed verify {out} --foundation …")


def verify(
    file: Annotated[Path, typer.Argument(help="bidui deed export 写的文件")],
    foundation: Annotated[Path, typer.Option("--foundation", help="从可信途径取得的 foundation.json")],
    as_json: JsonOption = False,
) -> None:
    """离线核验一份文书：每个签名、每一步、每个签署人，直至三名首任管理员。0 属实，5 不属实。

    只证明签署属实；是否仍然有效，以存证账为准。
    """
    with errors_told(as_json=as_json):
        try:
            deed, document = _check(_read(file), foundation.read_bytes())
        except DeedError as error:
            raise OfficeError(f"不属实：{error}", Exit.INTEGRITY, "untrue") from None
    signed = [{"step": each.step, "person": each.person, "at": each.at} for each in deed.signatures]
    if as_json:
        say_json(
            {"verdict": "true", "kind": document.kind.value, "id": document.id, "digest": deed.digest}
            | {"signed": signed}
        )
        return
    say(f"属实：{KIND_ZH[document.kind]} {document.id}，第 {document.serial} 版，摘要 {deed.digest}")
    for each in deed.signatures:
        say(f"  {each.step}：{each.person}，{each.at}")


def _read(file: Path) -> Export:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Export)
    except msgspec.DecodeError:
        raise OfficeError(f"{file.name} 不是导出的文书", Exit.USAGE, "usage") from None


def _check(told: Export, foundation: bytes) -> tuple[Deed, Document]:
    """Raises `DeedError`. The foundation inside the export is only a reminder: trust starts at the one beside it."""
    now = open_clock().now()
    roll = Roll(read_foundation(foundation), [read_deed(from_text(each)) for each in told.people], now)
    deed = read_deed(from_text(told.deed))
    return deed, roll.open(deed, now)
