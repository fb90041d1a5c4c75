"""`bidui person`: who is invited, who waits for two signatures, who is enrolled, who ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import msgspec
import typer

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.steps import BREAK_GLASS, USUAL
from gateway.domain.people import DUTY_ZH, Duty
from gateway.drafting import Proposal
from ops.cli.console import Exit, JsonOption, say, say_json
from ops.cli.office.client import OfficeClient, Told, at_office, rows
from ops.cli.office.drawing import put_up, read_toml
from ops.cli.office.entering import show_second
from ops.cli.office.options import (
    FirstKeyOption,
    KeyPassphraseOption,
    MustReasonOption,
    ReasonOption,
    SessionOption,
    TotpOption,
    YesOption,
    secret,
    signing_options,
)
from ops.cli.office.problems import OfficeError

app = typer.Typer(help="人员：邀请、提请、停用", no_args_is_help=True)

AccountArgument = Annotated[str, typer.Argument(help="账号，如 cz-wang.fang")]
BreakGlassOption = Annotated[bool, typer.Option("--break-glass", help="紧急：任意两名管理员，或一名管理员与领导")]
INVITATIONS, PEOPLE = "/v1/office/invitations", "/v1/office/people"


class Who(msgspec.Struct, forbid_unknown_fields=True):
    """What is in the file of `--who`."""

    name: str
    id_number: str


@app.callback()
def group() -> None:
    """人员"""


@app.command("invite")
def invite(
    account: AccountArgument,
    duty: Annotated[Duty, typer.Option("--duty", help="职责，一人一项")],
    partner: Annotated[str | None, typer.Option("--partner", help="合作部门代码；经办人与负责人必填")] = None,
    who: Annotated[Path | None, typer.Option("--who", help="写有 name、id_number 的 TOML 文件，不给则当场输入")] = None,
    totp: TotpOption = None,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """邀请一人登记（系统管理员）：得到激活码，当面交给本人，七日内有效，只能用一次。身份证号只留摘要。"""
    with at_office(session, as_json=as_json) as client:
        person = _who(who)
        if totp:
            show_second(client, totp)
        body = {"id": account, "name": person.name, "duty": duty.value, "id_number": person.id_number}
        told = client.post(INVITATIONS, body | {"partner": partner})
    say_json(told) if as_json else say(f"激活码 {told['code']}，请当面交给 {account}；本人运行 bidui enrol")


@app.command("cancel")
def cancel(
    account: AccountArgument, totp: TotpOption = None, session: SessionOption = None, as_json: JsonOption = False
) -> None:
    """撤回邀请，或注销尚未生效、已经停用的账号（系统管理员）。"""
    with at_office(session, as_json=as_json) as client:
        if totp:
            show_second(client, totp)
        client.delete(f"{INVITATIONS}/{account}")
    say_json({"cancelled": account}) if as_json else say(f"已注销 {account}")


@app.command("waiting")
def waiting(session: SessionOption = None, as_json: JsonOption = False) -> None:
    """已登记、等待提请的人员和密钥指纹。"""
    with at_office(session, as_json=as_json) as client:
        _list(rows(client.get(f"{PEOPLE}/waiting"), "people"), as_json=as_json)


@app.command("list")
def list_people(session: SessionOption = None, as_json: JsonOption = False) -> None:
    """现行人员名册。"""
    with at_office(session, as_json=as_json) as client:
        _list(rows(client.get(PEOPLE), "people"), as_json=as_json)


@app.command("propose")
def propose(
    account: AccountArgument,
    break_glass: BreakGlassOption = False,
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """提请已登记的人员生效（系统管理员）；先与本人当面核对指纹，再由安全管理员签署。"""
    with at_office(session, as_json=as_json) as client:
        content = _content(client, f"{PEOPLE}/waiting", account)
        proposal = _proposal(account, content, reason, break_glass=break_glass)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


@app.command("end")
def end(
    account: AccountArgument,
    reason: MustReasonOption,
    break_glass: BreakGlassOption = False,
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """提请停用一人（系统管理员）；由安全管理员签署后生效。须立即停用时，先 bidui freeze person.账号。"""
    with at_office(session, as_json=as_json) as client:
        content = _content(client, PEOPLE, account) | {"active": False}
        proposal = _proposal(account, content, reason, break_glass=break_glass)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def _who(file: Path | None) -> Who:
    """Name and number are no arguments: every user of a machine can read the arguments of its programs."""
    if file is None:
        return Who(secret(None, "姓名", hidden=False), secret(None, "身份证号（只留摘要）", hidden=False))
    try:
        return msgspec.convert(read_toml(file), Who)
    except msgspec.ValidationError:
        raise OfficeError(f"{file.name} 应写有 name 与 id_number，不写别的", Exit.USAGE, "usage") from None


def _content(client: OfficeClient, path: str, account: str) -> dict[str, JsonValue]:
    """What the deed of a person would say."""
    for each in rows(client.get(path), "people"):
        if each["id"] == account:
            return cast("dict[str, JsonValue]", each["content"])
    raise OfficeError(f"{account} 不在名单中；见 bidui person waiting 与 bidui person list", Exit.USAGE, "not-found")


def _proposal(account: str, content: dict[str, JsonValue], reason: str, *, break_glass: bool) -> Proposal:
    path = BREAK_GLASS if break_glass else USUAL
    return Proposal(kind=Kind.PERSON, id=account, content=content, path=path, reason=reason)


def _list(people: list[Told], *, as_json: bool) -> None:
    if as_json:
        say_json({"people": people})
        return
    for each in people:
        department = f"，部门 {each['partner']}" if each["partner"] else ""
        prints = "、".join(cast("list[str]", each["fingerprints"]))
        say(f"{each['id']}  {each['name']}，{DUTY_ZH[Duty(str(each['duty']))]}{department}，指纹 {prints}")
    if not people:
        say("没有")
