"""`bidui deed`: reading, signing, narrowing and refusing what waits for a signature; any deed drawn up from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.deeds.document import Kind
from gateway.deeds.steps import USUAL
from gateway.domain.grant import GrantError, canonical_document, parse_grant
from gateway.drafting import Proposal
from ops.cli.console import Exit, JsonOption, say, say_json
from ops.cli.office.client import at_office, rows
from ops.cli.office.drawing import as_content, put_up, read_toml, tell
from ops.cli.office.exporting import export, verify
from ops.cli.office.options import (
    FirstKeyOption,
    KeyOption,
    KeyPassphraseOption,
    MustReasonOption,
    ReasonOption,
    SessionOption,
    SigningOptions,
    TotpOption,
    YesOption,
    signing_options,
)
from ops.cli.office.problems import OfficeError
from ops.cli.office.reading import DEEDS, read_pending, versions
from ops.cli.office.showing import in_a_line, whole
from ops.cli.office.signing import prepare, sign_deeds

app = typer.Typer(help="文书：查看、签署、收窄、退回、导出", no_args_is_help=True)

DigestArgument = Annotated[str, typer.Argument(help="文书摘要，可只写前 8 位以上", metavar="摘要")]
DigestsArgument = Annotated[list[str], typer.Argument(help="文书摘要，可写多份，一并签署", metavar="摘要...")]
KindArgument = Annotated[Kind, typer.Argument(help="文书种类")]
IdArgument = Annotated[str, typer.Argument(help="编号，如签批单号、账号、系统编号")]


@app.callback()
def group() -> None:
    """文书"""


@app.command("list")
def list_pending(
    mine: Annotated[bool, typer.Option("--mine", help="只列待我签署的")] = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """待签文书。"""
    with at_office(session, as_json=as_json) as client:
        found = rows(client.get(f"{DEEDS}?mine=true" if mine else DEEDS), "deeds")
    if as_json:
        say_json({"deeds": found})
        return
    say("\n".join(in_a_line(each) for each in found) or "没有待签文书")


@app.command("show")
def show(digest: DigestArgument, session: SessionOption = None, as_json: JsonOption = False) -> None:
    """一份待签文书的全文：内容、较现行版本的变化、已签和待签。"""
    with at_office(session, as_json=as_json) as client:
        read = read_pending(client, digest)
    say_json(read.told) if as_json else say(whole(read))


@app.command("history")
def history(
    kind: KindArgument, deed_id: IdArgument, session: SessionOption = None, as_json: JsonOption = False
) -> None:
    """一项权利的历次文书：待签、生效、退回。"""
    with at_office(session, as_json=as_json) as client:
        found = versions(client, kind.value, deed_id)
        if not found:
            raise OfficeError(f"没有 {kind.value} {deed_id}，或它不属于本部门", Exit.USAGE, "not-found")
    say_json({"versions": found}) if as_json else say("\n".join(in_a_line(each) for each in found))


@app.command("sign")
def sign(
    digests: DigestsArgument,
    key: KeyOption,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """签署：重新计算摘要，显示内容与变化，确认后用本人密钥签名。5 分钟内须出示过动态口令。"""
    with at_office(session, as_json=as_json) as client:
        how = SigningOptions(key=key, passphrase_file=passphrase_file, totp=totp, yes=yes)
        done = sign_deeds(client, digests, prepare(client, how, quiet=as_json), quiet=as_json)
    tell(done, as_json=as_json)


@app.command("narrow")
def narrow(
    digest: DigestArgument,
    file: Annotated[Path, typer.Argument(help="收窄后的签批单 TOML 文件，全文")],
    reason: MustReasonOption,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """审核时收窄签批单：只能减少，不能增加或改换。得到新稿，再签署新稿。"""
    with at_office(session, as_json=as_json) as client:
        read, content = read_pending(client, digest), grant_content(file)
        if content.pop("number") != read.document.id:
            raise OfficeError(f"{file.name} 的 number 不是这张签批单的编号", Exit.USAGE, "usage")
        told = client.post(f"{DEEDS}/{read.digest}/narrowing", {"content": content, "reason": reason})
    tell([told], as_json=as_json)


@app.command("refuse")
def refuse(
    digest: DigestArgument, reason: MustReasonOption, session: SessionOption = None, as_json: JsonOption = False
) -> None:
    """退回待本人签署、或由本人起草的文书。"""
    with at_office(session, as_json=as_json) as client:
        read = read_pending(client, digest)
        told = client.post(f"{DEEDS}/{read.digest}/refusal", {"reason": reason})
    say_json({"deeds": [told]}) if as_json else say(in_a_line(told))


@app.command("draw")
def draw(
    kind: KindArgument,
    deed_id: IdArgument,
    file: Annotated[Path, typer.Argument(help="文书内容，TOML 文件")],
    path: Annotated[str, typer.Option("--path", help="签署路径")] = USUAL,
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """按文件起草任一种文书；服务协议、保密承诺等没有专门命令的用它。"""
    with at_office(session, as_json=as_json) as client:
        proposal = Proposal(kind=kind, id=deed_id, content=as_content(read_toml(file)), path=path, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


app.command("export")(export)
app.command("verify")(verify)


def grant_content(file: Path) -> dict[str, object]:
    """A grant's file as it is signed, with its number. Raises `OfficeError`."""
    try:
        return canonical_document(parse_grant(read_toml(file)))
    except GrantError as error:
        raise OfficeError(f"{file.name}：{error}", Exit.USAGE, "usage") from None
