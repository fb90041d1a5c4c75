"""`bidui statement`: daily statements for heads and officers; `check` is for a partner's system, through the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import quote

import typer

from audit.entry import JsonValue
from bidui_client import Account, BiduiError, Client, StatementCheck
from gateway.deeds.document import Kind
from gateway.drafting import Proposal
from ops.cli.compare import UsageError, failed, read_headers, read_key, read_tls
from ops.cli.console import Exit, JsonOption, say, say_json
from ops.cli.office.client import Told, at_office, rows
from ops.cli.office.drawing import put_up
from ops.cli.office.options import (
    KeyOption,
    KeyPassphraseOption,
    SessionOption,
    TotpOption,
    YesOption,
    signing_options,
)
from ops.cli.office.problems import OfficeError
from ops.cli.office.showing import short

STATEMENTS, DISPUTES = "/v1/office/statements", "/v1/office/disputes"
LISTED = 20
app = typer.Typer(help="对账单：每个系统每日一份，按月由部门负责人确认。", no_args_is_help=True)
MonthArgument = Annotated[str, typer.Argument(help="月份，如 2026-03")]
PartnerOption = Annotated[str, typer.Option("--partner", help="合作部门；负责人只看本部门，不必写")]


@app.command("list")
def listed(
    month: Annotated[str, typer.Argument(help="月份，如 2026-03；默认本月")] = "",
    partner: PartnerOption = "",
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """一个月的对账单：各系统每日的比对数，是否已确认，何时逾期。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get(f"{STATEMENTS}?month={quote(month)}&partner={quote(partner)}")
        lines = list(_month_lines(told))
    say_json(told) if as_json else say("\n".join(lines))


@app.command("show")
def show(
    day: Annotated[str, typer.Argument(help="日期，如 2026-03-02")],
    system: Annotated[str, typer.Argument(help="系统，如 caizheng-pay-01")],
    partner: Annotated[str, typer.Option("--partner", help="合作部门")],
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """一份已签名的对账单；部门负责人同时看到本部门的经办人。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get(f"{STATEMENTS}/{quote(day)}/{quote(partner)}/{quote(system)}")
        lines = list(_statement_lines(told))
    say_json(told) if as_json else say("\n".join(lines))


@app.command("acknowledge")
def acknowledge(
    month: MonthArgument,
    key: KeyOption,
    objects: Annotated[bool, typer.Option("--objects", help="有异议；须写 --reason")] = False,
    reason: Annotated[str, typer.Option("--reason", help="异议的内容")] = "",
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """部门负责人确认一个月的对账单，或提出异议；逾期未确认的，每次比对须签名。"""
    with at_office(session, as_json=as_json) as client:
        found = rows(client.get(f"{STATEMENTS}?month={quote(month)}"), "partners")
        if len(found) != 1 or not found[0]["whole"]:
            raise OfficeError("该月没有本部门的对账单，或尚未全部出具", Exit.USAGE, "not-found")
        draw = cast("dict[str, JsonValue]", found[0]["draw"])
        content = {**cast("dict[str, JsonValue]", draw["content"]), "agrees": not objects}
        proposal = Proposal(kind=Kind.ACKNOWLEDGEMENT, id=str(draw["id"]), content=content, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


@app.command("disputes")
def disputes(session: SessionOption = None, as_json: JsonOption = False) -> None:
    """尚未处理的对账异议。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get(DISPUTES)
        lines = [_dispute_line(each) for each in rows(told, "disputes")]
    say_json(told) if as_json else say("\n".join(lines) or "没有对账异议")


@app.command("settle")
def settle(
    dispute: Annotated[str, typer.Argument(help="异议编号，见 bidui statement disputes")],
    finding: Annotated[str, typer.Option("--finding", help="处理结果；不要写入个人信息")],
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """安全管理员处理一项对账异议。"""
    with at_office(session, as_json=as_json) as client:
        told = client.post(f"{DISPUTES}/{quote(dispute)}/settle", {"finding": finding})
    say_json(told) if as_json else say(f"异议 {dispute} 已处理，存入存证账")


@app.command("check")
def check(
    day: Annotated[str, typer.Argument(help="日期，如 2026-03-02")],
    *,
    url: Annotated[str, typer.Option(help="网关地址，https://…；仅本机可用 http")],
    client: Annotated[str, typer.Option(help="本系统在网关登记的编号")],
    key: Annotated[Path, typer.Option(help="ES256 私钥文件（PEM）")],
    receipts: Annotated[Path, typer.Option(help="保存回执的目录，一个系统一个")],
    receipt_key: Annotated[str, typer.Option(help="网关回执公钥（name+id+key）")],
    kid: Annotated[str | None, typer.Option(help="私钥登记的名称；省略即 RFC 7638 指纹")] = None,
    audience: Annotated[str | None, typer.Option(help="网关的签发者名称；省略即网关地址")] = None,
    cert: Annotated[Path | None, typer.Option(help="客户端证书文件（PEM）")] = None,
    cert_key: Annotated[Path | None, typer.Option(help="客户端证书的私钥文件")] = None,
    ca: Annotated[Path | None, typer.Option(help="网关证书签发机构的证书文件")] = None,
    headers: Annotated[Path | None, typer.Option(help="附加首部的 JSON 文件；仅供本机演示代替 TLS")] = None,
    dispute: Annotated[bool, typer.Option("--dispute", help="不符时向网关提出异议")] = False,
    as_json: JsonOption = False,
) -> None:
    """合作部门系统：以所存回执核对一日的对账单。退出码：0 相符，1 失败，5 不符，或对账单不能证明。"""
    number = ""
    try:
        account = Account(
            url=url,
            client_id=client,
            key=read_key(key),
            kid=kid,
            audience=audience,
            headers=read_headers(headers),
            receipts=receipts,
            receipt_key=receipt_key,
        )
        with Client(account, tls=read_tls(cert, cert_key, ca)) as gateway:
            found = gateway.check_statement(_day(day))
            if dispute and (found.unknown or found.missing):
                number = gateway.dispute(found)
    except (UsageError, BiduiError) as error:
        raise failed(error, as_json=as_json) from None
    say_json(check_told(found, number)) if as_json else say("\n".join(check_lines(found, number)))
    raise typer.Exit(Exit.OK if found.agrees else Exit.INTEGRITY)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("日期应写作 2026-03-02") from None


def check_told(found: StatementCheck, dispute: str) -> dict[str, object]:
    return {
        "agrees": found.agrees,
        "day": found.day.isoformat(),
        "system": found.system,
        "answered": found.answered,
        "refused": found.refused,
        "unknown": [{"index": each.index, "time": each.time, "incident": each.incident} for each in found.unknown],
        "missing": list(found.missing),
        "missing_refusals": list(found.missing_refusals),
        "operators": {name: {"answered": a, "refused": r} for name, (a, r) in found.operators.items()},
        "dispute": dispute or None,
    }


def check_lines(found: StatementCheck, dispute: str) -> Iterator[str]:
    verdict = "相符" if found.agrees else "不符"
    yield f"{found.day} {found.system}：{verdict}。已答复 {found.answered} 次，已拒绝 {found.refused} 次"
    for name, (answered, refused) in found.operators.items():
        yield _printable(f"  经办人 {name}：已答复 {answered} 次，已拒绝 {refused} 次")
    for each in found.unknown[:LISTED]:
        kind = f"拒绝，事件 {each.incident}" if each.incident else "答复"
        yield f"  不认识：第 {each.index} 条（{each.time}，{kind}）。他人使用了本系统的凭据，或答复未能送达"
    for index in found.missing[:LISTED]:
        yield f"  缺少：所存第 {index} 条的回执不在对账单中"
    for incident in found.missing_refusals[:LISTED]:
        yield f"  缺少：所存拒绝 {incident} 不在对账单中"
    if dispute:
        yield f"已提出异议，编号 {dispute}"


def _month_lines(told: Told) -> Iterator[str]:
    yield f"{told['month']}，已出具至 {told['made_until'] or '（尚无）'}"
    for each in rows(told, "partners"):
        yield _printable(
            f"{each['partner']}：已答复 {each['answered']} 次，已拒绝 {each['refused']} 次；{_standing(each)}"
        )
        for day in rows(each, "statements"):
            counts = f"已答复 {day['answered']}，已拒绝 {day['refused']}"
            yield _printable(f"  {day['day']} {day['system']}：{counts}（{short(str(day['sha256']))}）")


def _standing(each: Told) -> str:
    if each["agrees"] is not None:
        return "已确认" if each["agrees"] else "已提出异议"
    if each["stepped_up"]:
        return f"限 {each['due']} 确认，已逾期：每次比对须签名"
    if each["due"]:
        return f"限 {each['due']} 确认：bidui statement acknowledge"
    return "无须确认" if each["whole"] else "尚未全部出具"


def _statement_lines(told: Told) -> Iterator[str]:
    body = cast("Told", cast("Told", told["statement"])["body"])
    answered, refused = cast("Told", body["answered"]), cast("Told", body["refused"])
    yield _printable(f"{body['day']} {body['system']}（{body['partner']}），{body['origin']}")
    yield f"  已答复 {answered['count']} 次，根 {answered['root']}"
    yield f"  已拒绝 {refused['count']} 次，根 {refused['root']}"
    operators = cast("Told", told["operators"])
    for each in rows(operators, "opened"):
        yield _printable(f"  经办人 {each['operator']}：已答复 {each['answered']} 次，已拒绝 {each['refused']} 次")


def _dispute_line(each: Told) -> str:
    whose = each["system"] or "部门负责人"
    entries = f"不认识 {each['unknown']}，缺少 {each['missing']}" if each["system"] else f"{each['text']}"
    return _printable(f"{each['id']}：{each['partner']} {each['period']}（{whose}）{entries}")


def _printable(text: str) -> str:
    """Nothing that a terminal would obey."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
