"""`bidui grant`: applying for grants, withdrawing them, and how they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast
from urllib.parse import quote

import typer

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.steps import EMERGENCY, USUAL, WITHDRAWAL
from gateway.drafting import Proposal
from ops.cli.console import (
    Exit,
    HomeOption,
    JsonOption,
    PassphraseOption,
    fail,
    home_of,
    passphrase_of,
    say,
    say_json,
    told,
)
from ops.cli.leak import leak
from ops.cli.office import following
from ops.cli.office.client import at_office, rows
from ops.cli.office.deeds import grant_content
from ops.cli.office.drawing import put_up
from ops.cli.office.leaking import figure_told
from ops.cli.office.options import (
    FirstKeyOption,
    KeyOption,
    KeyPassphraseOption,
    MustReasonOption,
    ReasonOption,
    SessionOption,
    TotpOption,
    YesOption,
    signing_options,
)
from ops.cli.office.problems import OfficeError
from ops.cli.office.reading import content_in_force, versions
from ops.cli.office.showing import in_a_line
from ops.cli.office.stopping import stop_lines
from ops.demo.office import RehearsalError, load_grant

app = typer.Typer(help="签批单：申请、查看、撤回", no_args_is_help=True)

NumberArgument = Annotated[str, typer.Argument(help="签批单编号")]


@app.callback()
def group() -> None:
    """签批单"""


@app.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(help="签批单 TOML 文件，格式见 docs/office.md")],
    emergency: Annotated[bool, typer.Option("--emergency", help="紧急：负责人签署后直送领导，须写理由")] = False,
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """申请签批单，或变更现行的（合作部门经办人起草）；负责人、业务审核员、领导依次签署后生效。"""
    with at_office(session, as_json=as_json) as client:
        content = cast("dict[str, JsonValue]", grant_content(file))
        number, path = str(content.pop("number")), EMERGENCY if emergency else USUAL
        proposal = Proposal(kind=Kind.GRANT, id=number, content=content, path=path, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


@app.command("withdraw")
def withdraw(
    number: NumberArgument,
    reason: MustReasonOption,
    key: KeyOption,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """立即撤回签批单（部门负责人、业务审核员、领导、安全管理员任一人即可）。"""
    with at_office(session, as_json=as_json) as client:
        partner = content_in_force(client, Kind.GRANT, number)["partner"]
        content: dict[str, JsonValue] = {"partner": partner}
        proposal = Proposal(kind=Kind.GRANT, id=number, content=content, path=WITHDRAWAL, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


@app.command("show")
def show(number: NumberArgument, session: SessionOption = None, as_json: JsonOption = False) -> None:
    """签批单的历次文书：待谁签署、何时生效、为何退回；最坏泄露。"""
    with at_office(session, as_json=as_json) as client:
        found = versions(client, Kind.GRANT.value, number)
        if not found:
            raise OfficeError(f"没有签批单 {number}，或它不属于本部门", Exit.USAGE, "not-found")
        stopped = rows(client.get(f"/v1/office/grants/{quote(number, safe='')}"), "stopped")
    if as_json:
        say_json({"versions": found, "stopped": stopped})
    else:
        lines = (*(line for each in stopped for line in stop_lines(each)), *figure_told(found))
        say("\n".join((*map(in_a_line, found), *lines)))


for command in (following.renew, following.clone, following.attest, following.review, leak):
    app.command()(command)


@app.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="签批单 TOML 文件")],
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """由虚构人员代签，直接载入签批单（仅限演示与测试模式；正式模式须经签批流程）。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    with told():
        try:
            grant = load_grant(place, file, passphrase)
        except RehearsalError as refused:
            fail(str(refused), Exit.REFUSED)
    if as_json:
        say_json({"grant": grant.number, "partner": grant.partner})
    else:
        say(f"签批单 {grant.number} 已载入，自下一次比对起生效")
