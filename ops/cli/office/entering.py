"""Getting in: enrol with an activation code, sign in and out, show the second factor again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace
from pyotp import TOTP

from adapters.keys.files import Passphrase, private_folder, read_ed25519, read_passphrase, write_key, write_new
from gateway.accounts.keys import possession
from gateway.domain.people import DUTY_ZH, Duty
from ops.cli.console import JsonOption, say, say_json
from ops.cli.office.client import OfficeClient, Told, at_office, errors_told, from_text, make_gateway, to_text
from ops.cli.office.options import (
    CaOption,
    CertKeyOption,
    CertOption,
    KeyPassphraseOption,
    OriginOption,
    PasswordOption,
    SessionOption,
    TotpOption,
    UrlOption,
    secret,
)
from ops.cli.office.session import Session, read_session, session_path
from ops.settings import open_clock


def enrol(
    url: UrlOption,
    key: Annotated[Path, typer.Option("--key", help="签名密钥文件；没有就新建，有就登记这一把")],
    code_file: Annotated[
        Path | None, typer.Option("--code-file", help="激活码所在文件（0600），不给则当场输入")
    ] = None,
    password_file: PasswordOption = None,
    totp_secret_out: Annotated[
        Path | None, typer.Option("--totp-secret-out", help="把动态口令密钥写入此文件并自行算出首个口令；仅供无人值守")
    ] = None,
    passphrase_file: KeyPassphraseOption = None,
    origin: OriginOption = "",
    ca: CaOption = None,
    cert: CertOption = None,
    cert_key: CertKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """凭激活码登记本人账号：口令、动态口令、签名密钥；得到恢复码与密钥指纹。激活码只能用一次。"""
    with errors_told(as_json=as_json):
        gateway = make_gateway(url, origin=origin, ca=ca, cert=cert, cert_key=cert_key)
        client = OfficeClient(Session(gateway=gateway, account=""))
        try:
            enrolled = _enrol(client, key, code_file, password_file, totp_secret_out, passphrase_file, as_json=as_json)
        finally:
            client.close()
    if as_json:
        say_json(enrolled)
    else:
        _tell_enrolled(enrolled, key)


def sign_in(
    url: UrlOption,
    account: Annotated[str, typer.Option("--account", help="账号")],
    password_file: PasswordOption = None,
    totp: Annotated[str | None, typer.Option("--totp", help="动态口令（6 位），不给则当场输入")] = None,
    recovery: Annotated[bool, typer.Option("--recovery", help="改用一枚恢复码（当场输入）")] = False,
    session: SessionOption = None,
    origin: OriginOption = "",
    ca: CaOption = None,
    cert: CertOption = None,
    cert_key: CertKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """登录。此后的命令用同一会话；15 分钟不用或满 8 小时即失效。"""
    with errors_told(as_json=as_json):
        gateway = make_gateway(url, origin=origin, ca=ca, cert=cert, cert_key=cert_key)
        path = session_path(session)
        before = read_session(path)
        known = before.cookies if before and (before.gateway.url, before.account) == (gateway.url, account) else {}
        client = OfficeClient(Session(gateway=gateway, account=account, cookies=known), path)
        try:
            password = secret(password_file, "口令")
            second = (
                {"recovery_code": secret(None, "恢复码")} if recovery else {"totp": totp or secret(None, "动态口令")}
            )
            body = {"account": account, "password": password, "second": second}
            _keep(client, client.post("/v1/office/sign-in", body))
            told = client.get("/v1/office/session")
        finally:
            client.close()
    _tell_session(told, as_json=as_json)


def sign_out(
    everywhere: Annotated[bool, typer.Option("--everywhere", help="结束本人的所有会话")] = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """退出登录，并删除会话文件。"""
    with at_office(session, as_json=as_json) as client:
        client.post("/v1/office/sign-out", {"everywhere": everywhere})
        session_path(session).unlink(missing_ok=True)
    say_json({"signed_out": True}) if as_json else say("已退出")


def step_up(totp: TotpOption = None, session: SessionOption = None, as_json: JsonOption = False) -> None:
    """再次出示动态口令；签署与开通账号之前 5 分钟内须出示过。"""
    with at_office(session, as_json=as_json) as client:
        show_second(client, totp or secret(None, "动态口令"))
        told = client.get("/v1/office/session")
    _tell_session(told, as_json=as_json)


def whoami(session: SessionOption = None, as_json: JsonOption = False) -> None:
    """本人是谁、什么职责、二次验证到何时为止有效。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get("/v1/office/session")
    _tell_session(told, as_json=as_json)


def show_second(client: OfficeClient, totp: str) -> None:
    """Shows the second factor again; the session gets another id."""
    _keep(client, client.post("/v1/office/step-up", {"second": {"totp": totp}}))


def own_key(path: Path, passphrase_file: Path | None) -> Ed25519PrivateKey:
    """The key in a file. Raises `KeyFileError`."""
    return read_ed25519(path, _passphrase(passphrase_file))


def public_of(key: Ed25519PrivateKey) -> bytes:
    """Its public half, 32 bytes."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _enrol(
    client: OfficeClient,
    key_file: Path,
    code_file: Path | None,
    password_file: Path | None,
    secret_out: Path | None,
    passphrase_file: Path | None,
    *,
    as_json: bool,
) -> Told:
    code = secret(code_file, "激活码", hidden=False)
    begun = client.post("/v1/office/enrolment/begin", {"code": code})
    person, codes = cast("Told", begun["person"]), cast("dict[str, str]", begun["totp"])
    if not as_json:
        _tell_begun(person, codes)
    password = secret(password_file, "新口令（12 位以上）", again=True)
    key = _made_key(key_file, passphrase_file)
    proof = key.sign(possession(str(person["id"]), from_text(begun["challenge"])))
    body = {
        "code": code,
        "challenge": begun["challenge"],
        "password": password,
        "totp": _first_code(codes["secret"], secret_out),
        "key": {"public": to_text(public_of(key)), "signature": to_text(proof)},
    }
    return client.post("/v1/office/enrolment/finish", body)


def _made_key(path: Path, passphrase_file: Path | None) -> Ed25519PrivateKey:
    """The person's key; one that is there already stays, so that enrolment can be tried again."""
    if not path.exists():
        if not path.absolute().parent.exists():
            private_folder(path.absolute().parent)
        write_key(path, Ed25519PrivateKey.generate(), _passphrase(passphrase_file))
    return own_key(path, passphrase_file)


def _passphrase(file: Path | None) -> Passphrase | None:
    return read_passphrase(file) if file else None


def _first_code(totp_secret: str, out: Path | None) -> str:
    if out is None:
        return secret(None, "动态口令程序显示的 6 位口令", hidden=False)
    write_new(out, totp_secret.encode() + b"\n")
    return TOTP(totp_secret).at(open_clock().now())


def _keep(client: OfficeClient, told: Told) -> None:
    client.keep(replace(client.session, token=str(told["token"])))


def _tell_begun(person: Told, codes: dict[str, str]) -> None:
    department = f"，部门 {person['partner']}" if person["partner"] else ""
    say(f"{person['name']}（{person['id']}），{DUTY_ZH[Duty(str(person['duty']))]}{department}")
    say("若不是您本人，请立即停止并告知系统管理员。")
    say(f"请在动态口令程序中添加：\n  密钥 {codes['secret']}\n  {codes['uri']}")


def _tell_enrolled(enrolled: Told, key: Path) -> None:
    say("已登记。以下恢复码各用一次，请抄下妥存，不再显示：")
    for each in cast("list[str]", enrolled["recovery_codes"]):
        say(f"  {each}")
    say(f"密钥文件 {key}，指纹 {enrolled['fingerprint']}")
    say("首批三名管理员即刻生效；其他人请把指纹当面告知系统管理员与安全管理员，两人签署后才能登录。")


def _tell_session(told: Told, *, as_json: bool) -> None:
    shown = {name: told[name] for name in ("person", "level", "fresh_until")}
    if as_json:
        say_json(shown)
        return
    person = cast("Told", told["person"])
    department = f"，部门 {person['partner']}" if person["partner"] else ""
    say(f"{person['name']}（{person['id']}），{DUTY_ZH[Duty(str(person['duty']))]}{department}")
    say(f"二次验证（{told['level']}）有效至 {told['fresh_until']}")
