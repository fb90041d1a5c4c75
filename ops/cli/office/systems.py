"""`bidui system`: one system by itself; its keys and certificates rotate with overlap, or end at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, cast

import typer

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.domain.grant import SHANGHAI
from gateway.drafting import Proposal
from ops.cli.console import Exit, JsonOption
from ops.cli.office.client import at_office
from ops.cli.office.drawing import as_content, put_up, read_toml
from ops.cli.office.options import (
    FirstKeyOption,
    KeyPassphraseOption,
    MustReasonOption,
    ReasonOption,
    SessionOption,
    TotpOption,
    YesOption,
    signing_options,
)
from ops.cli.office.partners import system_content
from ops.cli.office.problems import OfficeError
from ops.cli.office.reading import content_in_force
from ops.settings import open_clock

app = typer.Typer(help="合作部门的系统：登记、换钥、吊销", no_args_is_help=True)

SystemArgument = Annotated[str, typer.Argument(help="系统编号，如 caizheng-pay-01")]
Content = dict[str, JsonValue]


@app.callback()
def group() -> None:
    """系统"""


@app.command("propose")
def propose(
    partner: Annotated[str, typer.Argument(help="合作部门代码")],
    file: Annotated[Path, typer.Argument(help="一个系统的 TOML 文件，即合作部门文件中的一张 systems 表")],
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """提请登记或整体变更一个系统（系统管理员），由安全管理员签署后生效。"""
    with at_office(session, as_json=as_json) as client:
        row = read_toml(file)
        if "client_id" not in row:
            raise OfficeError(f"{file.name} 没有 client_id", Exit.USAGE, "usage")
        proposal = _proposal(str(row["client_id"]), system_content(partner, row), reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


@app.command("rotate")
def rotate(
    system: SystemArgument,
    file: Annotated[Path, typer.Argument(help="TOML 文件：新的 [[jwks]] 与/或 certificates")],
    overlap_days: Annotated[int, typer.Option("--overlap-days", min=0, help="旧的还可再用几天")] = 14,
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """提请更换公钥、证书：新旧并用若干天，到期旧的自行失效；已失效的一并清除。"""
    with at_office(session, as_json=as_json) as client:
        content, now = content_in_force(client, Kind.SYSTEM, system), open_clock().now()
        proposal = _proposal(system, rotated(content, read_toml(file), now, now + timedelta(days=overlap_days)), reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


@app.command("revoke")
def revoke(
    system: SystemArgument,
    reason: MustReasonOption,
    credential: Annotated[
        str | None, typer.Option("--credential", help="只吊销这一把公钥（kid）或证书（指纹）；不给则注销整个系统")
    ] = None,
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """提请吊销公钥、证书，或注销系统。须立即停用时，安全管理员一人即可 bidui freeze system.编号。"""
    with at_office(session, as_json=as_json) as client:
        content = content_in_force(client, Kind.SYSTEM, system)
        after = revoked(content, credential, open_clock().now()) if credential else content | {"active": False}
        proposal = _proposal(system, after, reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def rotated(content: Content, added: Mapping[str, object], now: datetime, until: datetime) -> Content:
    """Where new ones come, the old ones end at `until`, and those that ended before are left out."""
    new = as_content(added)
    if not new or not new.keys() <= {"jwks", "certificates"}:
        raise OfficeError("文件中应有新的 [[jwks]] 或 certificates，不写别的", Exit.USAGE, "usage")
    after = dict(content)
    for name, rows in new.items():
        kept = [_ended(each, "not_after", until) for each in _tables(content, name) if not _has_ended(each, now)]
        after[name] = cast("JsonValue", [*kept, *_tables({name: rows}, name)])
    return after


def revoked(content: Content, credential: str, at: datetime) -> Content:
    """One key or certificate is good no more. Raises `OfficeError`."""
    after, found = dict(content), False
    for name, called in (("jwks", "kid"), ("certificates", "thumbprint")):
        tables = _tables(content, name)
        if any(each[called] == credential for each in tables):
            found = True
            ended = [_ended(each, "revoked_at", at) if each[called] == credential else each for each in tables]
            after[name] = cast("JsonValue", ended)
    if not found:
        raise OfficeError("该系统没有这把公钥或这张证书；见 bidui deed history system 编号 --json", Exit.USAGE, "usage")
    return after


def _tables(content: Mapping[str, JsonValue], name: str) -> list[Content]:
    """Keys, or certificates: a bare thumbprint is a table without times."""
    rows = cast("list[object]", content.get(name, []))
    return [cast("Content", each) if isinstance(each, dict) else {"thumbprint": str(each)} for each in rows]


def _ended(row: Content, name: str, at: datetime) -> Content:
    """With an end, unless it has an earlier one."""
    before = row.get(name)
    if isinstance(before, str) and datetime.fromisoformat(before) <= at:
        return row
    return row | {name: at.astimezone(SHANGHAI).replace(microsecond=0).isoformat()}


def _has_ended(row: Content, now: datetime) -> bool:
    ends = [row[name] for name in ("not_after", "revoked_at") if name in row]
    return any(datetime.fromisoformat(str(each)) <= now for each in ends)


def _proposal(system: str, content: Content, reason: str) -> Proposal:
    return Proposal(kind=Kind.SYSTEM, id=system, content=content, reason=reason)
