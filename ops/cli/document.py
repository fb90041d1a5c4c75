"""`bidui document`: a partner's system names the documents that its answers wait for (凭证抽查), through the SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from bidui_client import Account, BiduiError, Client, SpotCheck
from ops.cli.compare import UsageError, failed, read_headers, read_key, read_tls
from ops.cli.console import JsonOption, say, say_json

STATES: Final = {"due": "待交", "filed": "待审核", "accepted": "合格", "failed": "不合格"}
LARGEST_SCAN: Final = 100 * 1024 * 1024
app = typer.Typer(help="凭证抽查：合作部门系统提交查询所依据的凭证。", no_args_is_help=True)
UrlOption = Annotated[str, typer.Option(help="网关地址，https://…；仅本机可用 http")]
ClientOption = Annotated[str, typer.Option(help="本系统在网关登记的编号")]
KeyOption = Annotated[Path, typer.Option(help="ES256 私钥文件（PEM）")]
KidOption = Annotated[str | None, typer.Option(help="私钥登记的名称；省略即 RFC 7638 指纹")]
AudienceOption = Annotated[str | None, typer.Option(help="网关的签发者名称；省略即网关地址")]
CertOption = Annotated[Path | None, typer.Option(help="客户端证书文件（PEM）")]
CertKeyOption = Annotated[Path | None, typer.Option(help="客户端证书的私钥文件")]
CaOption = Annotated[Path | None, typer.Option(help="网关证书签发机构的证书文件")]
HeadersOption = Annotated[Path | None, typer.Option(help="附加首部的 JSON 文件；仅供本机演示代替 TLS")]


@app.callback()
def group() -> None:
    """凭证抽查"""


@app.command("list")
def listed(
    *,
    url: UrlOption,
    client: ClientOption,
    key: KeyOption,
    kid: KidOption = None,
    audience: AudienceOption = None,
    cert: CertOption = None,
    cert_key: CertKeyOption = None,
    ca: CaOption = None,
    headers: HeadersOption = None,
    as_json: JsonOption = False,
) -> None:
    """本部门待交、待审核的凭证，待交的在前。抽查的是哪次查询，见被阻断时给出的编号。"""
    try:
        account = _account(url, client, key, kid, audience, headers)
        with Client(account, tls=read_tls(cert, cert_key, ca)) as gateway:
            found = gateway.spot_checks()
    except (UsageError, BiduiError) as error:
        raise failed(error, as_json=as_json) from None
    if as_json:
        say_json({"spot_checks": [msgspec.to_builtins(each) for each in found]})
    else:
        say("\n".join(map(_line, found)) or "没有待交或待审核的凭证")


@app.command("file")
def file(
    number: Annotated[str, typer.Argument(help="抽查编号，即被阻断查询的事件编号")],
    document: Annotated[str, typer.Argument(help="凭证的种类、编号、日期，4 至 100 字；不得写入身份证号")],
    *,
    operator: Annotated[str, typer.Option(help="提交的经办人编号")],
    scan: Annotated[Path | None, typer.Option(help="扫描件；只送出它的 SHA-256")] = None,
    url: UrlOption,
    client: ClientOption,
    key: KeyOption,
    kid: KidOption = None,
    audience: AudienceOption = None,
    cert: CertOption = None,
    cert_key: CertKeyOption = None,
    ca: CaOption = None,
    headers: HeadersOption = None,
    as_json: JsonOption = False,
) -> None:
    """提交一次查询所依据的凭证，随后再次查询即得答复；审核前可再次提交以更正。"""
    try:
        account, content = _account(url, client, key, kid, audience, headers), _scan(scan)
        with Client(account, tls=read_tls(cert, cert_key, ca)) as gateway:
            filed = gateway.file_document(number, document, operator=operator, scan=content)
    except (UsageError, BiduiError) as error:
        raise failed(error, as_json=as_json) from None
    say_json(msgspec.to_builtins(filed)) if as_json else say(f"{_line(filed)}。请再次查询")


def _account(url: str, client: str, key: Path, kid: str | None, audience: str | None, headers: Path | None) -> Account:
    return Account(
        url=url, client_id=client, key=read_key(key), kid=kid, audience=audience, headers=read_headers(headers)
    )


def _scan(path: Path | None) -> bytes | None:
    try:
        if path is None or path.stat().st_size <= LARGEST_SCAN:
            return path.read_bytes() if path else None
    except OSError as error:
        raise UsageError(f"--scan：无法读取扫描件：{error.strerror}") from None
    raise UsageError(f"--scan：扫描件不得超过 {LARGEST_SCAN // 1024 // 1024} MiB")


def _line(check: SpotCheck) -> str:
    until = f"，限 {check.due}，{check.last} 之后视为不合格" if check.state == "due" else ""
    line = f"{check.number}  {check.grant}  {check.opened}  {STATES.get(check.state, check.state)}{until}"
    return "".join(each if each.isprintable() else "\ufffd" for each in line)
