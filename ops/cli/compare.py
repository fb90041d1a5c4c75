"""`bidui compare`: one question to a gateway, asked through the client SDK as a partner's system asks it.

Number, name and claimed values come from a file or from standard input. They are no arguments, because every user of a
machine can read the arguments of its programs.
"""

from __future__ import annotations

import json
import ssl
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from bidui_client import (
    Account,
    Answer,
    BiduiError,
    Claim,
    Client,
    InvalidError,
    Question,
    ReceiptError,
    RefusedError,
    Subject,
    UnauthorisedError,
    UnavailableError,
    load_key,
    tls_context,
)

from gateway.api.body import parse
from gateway.domain.answer import CHINESE
from gateway.domain.errors import GatewayError, InvalidQueryError

FAILED, USAGE, REFUSED, QUOTA, INTEGRITY = 1, 2, 3, 4, 5

EXAMPLE = """\
{
  "grant": "签批单编号",
  "purpose": "benefit-check",
  "operator": "经办人编号",
  "matter": "办件编号，可省略",
  "as_of": "2026-06-30",
  "subject": {"kind": "person", "id": "11010519491231002X", "name": "张三"},
  "claims": [
    {"field": "unit", "value": "示例局", "comparator": "equals"},
    {"field": "entry_date", "value": "2010-07-01", "comparator": "at_most"}
  ]
}
"""
REASONS = {
    "not_permitted": "本次查询未获准许，请核对签批单、用途、经办人、时间与网络",
    "quota": "签批单额度已用尽",
    "held": "本次查询已暂存，等待人工核查",
    "frozen": "查询权限已冻结",
    "stale_data": "数据时效超出签批单要求",
    "unknown": "原因类别未知，请更新客户端",
}
NOT_CONFIRMED = "未确认不说明对象是否在册，不得据此作出不利处理；请人工核对。"


class _UsageError(Exception):
    """What stands on the command line or in a file cannot be used; the text says what to do, and repeats nothing."""


def _show_example(wanted: bool) -> None:  # noqa: FBT001 - the form typer wants of a callback
    if wanted:
        typer.echo(EXAMPLE, nl=False)
        raise typer.Exit


def compare(
    query: Annotated[str, typer.Argument(help="比对请求的 JSON 文件；- 为标准输入；模板见 --example")],
    url: Annotated[str, typer.Option(help="网关地址，https://…；仅本机可用 http")],
    client: Annotated[str, typer.Option(help="本系统在网关登记的编号")],
    key: Annotated[Path, typer.Option(help="ES256 私钥文件（PEM）")],
    kid: Annotated[str | None, typer.Option(help="私钥登记的名称；省略即 RFC 7638 指纹")] = None,
    audience: Annotated[str | None, typer.Option(help="网关的签发者名称；省略即网关地址")] = None,
    cert: Annotated[Path | None, typer.Option(help="客户端证书文件（PEM）")] = None,
    cert_key: Annotated[Path | None, typer.Option(help="客户端证书的私钥文件")] = None,
    ca: Annotated[Path | None, typer.Option(help="网关证书签发机构的证书文件")] = None,
    headers: Annotated[Path | None, typer.Option(help="附加首部的 JSON 文件；仅供本机演示代替 TLS")] = None,
    receipts: Annotated[Path | None, typer.Option(help="保存回执与请求原文的目录；其中有个人信息，请妥善保管")] = None,
    receipt_key: Annotated[str | None, typer.Option(help="网关回执公钥（name+id+key）；给出即核验回执")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
    _example: Annotated[
        bool, typer.Option("--example", help="输出请求模板", is_eager=True, callback=_show_example)
    ] = False,
) -> None:
    """比对一次：只问是否一致，得到结果码与回执。身份证号与姓名只能写在文件或标准输入中。

    退出码：0 已答复，1 失败，2 用法或请求有误，3 已阻断，4 额度用尽，5 回执不能证明答复。
    """
    try:
        account = Account(
            url=_checked(url),
            client_id=client,
            key=_read_key(key),
            kid=kid,
            audience=audience,
            headers=_read_headers(headers),
            receipts=receipts,
            receipt_key=receipt_key,
        )
        with Client(account, tls=_read_tls(cert, cert_key, ca)) as gateway:
            answer = gateway.compare(**_read_question(query))
    except (_UsageError, BiduiError) as error:
        raise _fail(error, as_json=as_json) from None
    typer.echo(json.dumps(answer.told, ensure_ascii=False) if as_json else _in_words(answer))
