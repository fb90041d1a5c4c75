"""`bidui compare`: one question to a gateway, asked through the client SDK as a partner's system asks it.

Number, name and claimed values come from a file or from standard input. They are no arguments, because every user of a
machine can read the arguments of its programs.
"""

from __future__ import annotations

import re
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from bidui_client import (
    Account,
    Answer,
    BiduiError,
    Claim,
    Client,
    InvalidError,
    NotKeptError,
    NotMadeError,
    Question,
    ReceiptError,
    RefusedError,
    StatementError,
    Subject,
    UnauthorisedError,
    UnavailableError,
    load_key,
    tls_context,
)
from gateway.api.body import parse
from gateway.domain.answer import CHINESE
from gateway.domain.errors import GatewayError, InvalidQueryError
from ops.cli.console import Exit, JsonOption, say, say_json
from policies.catalogue import load_catalogue

EXAMPLE = """\
{
  "grant": "2026-caizheng-001",
  "purpose": "benefit-check",
  "operator": "经办人编号",
  "matter": "2026-0001",
  "as_of": "2026-06-30",
  "subject": {"kind": "person", "id": "11010519491231002X", "name": "张三"},
  "claims": [
    {"field": "unit", "value": "示例局", "comparator": "equals"},
    {"field": "quota_since", "value": "2010-07", "comparator": "at_most"}
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
DOCUMENTS = {
    "own": "本次查询须先提交凭证：bidui document file {incident} 凭证名称，随后再次查询",
    "review": "本次查询的凭证（{incident}）正由机构编制部门审核，通过后再次查询即得答复",
    "other": "另有一次查询的凭证逾期未交：bidui document file {incident} 凭证名称，随后再次查询",
}
SIGN = "来源网络或时段与平常不同，须签名：加 --request-key 再问；没有签名密钥的，凭事件编号 {incident} 联系编办"
_PLACE = re.compile(r"[a-z_]+(\[\d*\]|\[\.\.\.\])?(\.[a-z_]+)?")


class UsageError(Exception):
    """What stands on the command line or in a file cannot be used; the text says what to do, and repeats nothing."""


FAILURES: Mapping[type[Exception], tuple[Exit, str, str]] = {  # the first that fits
    UsageError: (Exit.USAGE, "usage", "{}"),
    InvalidError: (Exit.USAGE, "invalid", "请求有误（{}）"),
    UnauthorisedError: (Exit.FAILED, "unauthorised", "身份未通过验证，请核对登记编号、私钥、证书、--audience 与时钟"),
    UnavailableError: (Exit.FAILED, "unavailable", "网关暂不能答复，未返回任何结果，请稍后重试（{}）"),
    NotKeptError: (Exit.FAILED, "not_kept", "已得到答复，但回执未能保存，请检查 --receipts 目录（{}）"),
    ReceiptError: (Exit.INTEGRITY, "receipt", "回执不能证明此答复，请保存两者并联系机构编制部门"),
    NotMadeError: (Exit.FAILED, "not_made", "该日的对账单尚未出具，请于次日零时后再试"),
    StatementError: (Exit.INTEGRITY, "statement", "对账单或所存回执不能证明所述，请保存并联系机构编制部门（{}）"),
    BiduiError: (Exit.FAILED, "protocol", "答复者不像比对网关，请核对 --url（{}）"),
}


def _show_example(wanted: bool) -> None:
    if wanted:
        typer.echo(EXAMPLE, nl=False)
        raise typer.Exit


def compare(
    query: Annotated[str, typer.Argument(help="比对请求的 JSON 文件；- 为标准输入；模板见 --example")],
    *,
    url: Annotated[str, typer.Option(help="网关地址，https://…；仅本机可用 http")],
    client: Annotated[str, typer.Option(help="本系统在网关登记的编号")],
    key: Annotated[Path, typer.Option(help="ES256 私钥文件（PEM）")],
    kid: Annotated[str | None, typer.Option(help="私钥登记的名称；省略即 RFC 7638 指纹")] = None,
    request_key: Annotated[
        Path | None, typer.Option(help="对请求签名（RFC 9421）的 ES256 私钥文件，用途须为 request")
    ] = None,
    audience: Annotated[str | None, typer.Option(help="网关的签发者名称；省略即网关地址")] = None,
    cert: Annotated[Path | None, typer.Option(help="客户端证书文件（PEM）")] = None,
    cert_key: Annotated[Path | None, typer.Option(help="客户端证书的私钥文件")] = None,
    ca: Annotated[Path | None, typer.Option(help="网关证书签发机构的证书文件")] = None,
    headers: Annotated[Path | None, typer.Option(help="附加首部的 JSON 文件；仅供本机演示代替 TLS")] = None,
    receipts: Annotated[Path | None, typer.Option(help="保存回执与请求原文的目录；其中有个人信息，请妥善保管")] = None,
    receipt_key: Annotated[str | None, typer.Option(help="网关回执公钥（name+id+key）；给出即核验回执")] = None,
    as_json: JsonOption = False,
    _example: Annotated[
        bool, typer.Option("--example", help="输出请求模板", is_eager=True, callback=_show_example)
    ] = False,
) -> None:
    """比对一次：只问是否一致，得到结果码与回执。身份证号与姓名只能写在文件或标准输入中。

    退出码：0 已答复，1 失败，2 用法或请求有误，3 已阻断，4 额度用尽，5 回执不能证明答复。
    """
    try:
        account = Account(
            url=url,
            client_id=client,
            key=read_key(key),
            kid=kid,
            audience=audience,
            request_key=read_key(request_key, "--request-key") if request_key else None,
            headers=read_headers(headers),
            receipts=receipts,
            receipt_key=receipt_key,
        )
        with Client(account, tls=read_tls(cert, cert_key, ca)) as gateway:
            answer = gateway.compare(**_read_question(query))
    except NotKeptError as error:
        if isinstance(error.answer, Answer):
            _show(error.answer, as_json=as_json)
        raise failed(error, as_json=False) from None
    except (UsageError, BiduiError) as error:
        raise failed(error, as_json=as_json) from None
    _show(answer, as_json=as_json)


def _read_question(query: str) -> Question:
    """The request of a file, as strictly read as at the gateway's door."""
    try:
        body = parse(sys.stdin.buffer.read() if query == "-" else Path(query).read_bytes())
    except OSError as error:
        raise UsageError(f"无法读取请求文件：{error.strerror}；模板见 bidui compare --example") from None
    except GatewayError as error:
        raise UsageError(f"请求文件有误：{_place(error)}{error}；模板见 bidui compare --example") from None
    return Question(
        grant=body.grant,
        purpose=body.purpose,
        operator=body.operator,
        subject=Subject(body.subject.kind, body.subject.id, body.subject.name),
        claims=[Claim(claim.field, claim.value, claim.comparator) for claim in body.claims],
        as_of=body.as_of,
        matter=body.matter,
    )


def _place(error: GatewayError) -> str:
    """Where the file is wrong, in names of ours alone: a member that is unknown may be a number."""
    place = error.field if isinstance(error, InvalidQueryError) else ""
    return f"{place}：" if _PLACE.fullmatch(place) else ""


def read_key(path: Path, option: str = "--key") -> EllipticCurvePrivateKey:
    try:
        return load_key(path)
    except OSError as error:
        raise UsageError(f"{option}：无法读取私钥文件：{error.strerror}") from None


def read_headers(path: Path | None) -> dict[str, str]:
    """A file, because one of the headers of a demo is a secret."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path else {}
    except (OSError, UnicodeDecodeError, msgspec.DecodeError):
        raise UsageError('--headers：应为可读的 JSON 文件，形如 {"名称": "值"}') from None


def read_tls(cert: Path | None, cert_key: Path | None, ca: Path | None) -> ssl.SSLContext | None:
    if cert is None and (cert_key or ca):
        raise UsageError("--cert-key 与 --ca 须与 --cert 同用")
    try:
        return tls_context(certificate=cert, key=cert_key, ca=ca) if cert else None
    except OSError:  # ssl.SSLError is one
        raise UsageError("--cert、--cert-key、--ca：应为可读且相配的 PEM 文件，私钥不带口令") from None


def _show(answer: Answer, *, as_json: bool) -> None:
    say_json(answer.told) if as_json else say(_in_words(answer))


def _in_words(answer: Answer) -> str:
    names = {key: field.zh for key, field in load_catalogue().fields.items()}
    lines = [f"对象：{CHINESE[answer.subject]}"]
    lines += [f"  {CHINESE[code]}\t{names.get(key, '')} {key}" for key, code in answer.fields.items()]
    if answer.subject == "not_confirmed":
        lines.append("未确认不说明对象是否在册，不得据此作出不利处理；请人工核对。")
    lines.append(f"比对基准日 {answer.as_of}，数据版本 {answer.data.get('version')}（{answer.data.get('time')}）")
    receipt = answer.receipt.get("body", {})
    lines.append(f"回执：{receipt.get('origin')} 第 {receipt.get('index')} 条")
    return "\n".join(lines)


def failed(error: UsageError | BiduiError, *, as_json: bool) -> typer.Exit:
    """Say what happened, on standard error or as JSON, and with which code to leave."""
    code, word, text = _refusal(error) if isinstance(error, RefusedError) else _failure(error)
    told = _told(error) if isinstance(error, RefusedError) else {}
    if as_json:
        say_json({"error": word, "detail": text, **told})
    else:
        typer.echo(text, err=True)
    return typer.Exit(code)


def _told(error: RefusedError) -> dict[str, str]:
    named = {"reason": error.reason, "incident": error.incident}
    return named | ({"document": error.document} if error.document else {})


def _refusal(error: RefusedError) -> tuple[Exit, str, str]:
    incident = error.incident or "（未给出）"
    usual = SIGN if error.wants_signature else "{reason}。事件编号 {incident}，可凭此联系机构编制部门"
    why = DOCUMENTS.get(error.document, usual)
    text = f"{CHINESE['refused']}：{why.format(reason=REASONS[error.reason], incident=incident)}"
    return (Exit.QUOTA if error.reason == "quota" else Exit.REFUSED), "refused", text


def _failure(error: UsageError | BiduiError) -> tuple[Exit, str, str]:
    code, word, text = next(verdict for kind, verdict in FAILURES.items() if isinstance(error, kind))
    return code, word, text.format(error)
