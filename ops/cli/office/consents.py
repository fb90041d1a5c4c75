"""What partners agree to: `bidui agreement offer` by a reviewer, `bidui undertake` by each of their people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.texts import AGREEMENT
from gateway.drafting import Proposal
from ops.cli.console import Exit, JsonOption
from ops.cli.office.client import at_office, rows
from ops.cli.office.drawing import put_up, tell
from ops.cli.office.options import (
    FirstKeyOption,
    KeyOption,
    KeyPassphraseOption,
    ReasonOption,
    SessionOption,
    TotpOption,
    YesOption,
    signing_options,
)
from ops.cli.office.problems import OfficeError
from ops.cli.office.tasks import TASKS

app = typer.Typer(help="服务协议", no_args_is_help=True)


@app.callback()
def group() -> None:
    """服务协议"""


@app.command("offer")
def offer(
    partner: Annotated[str, typer.Argument(help="合作部门代码")],
    text: Annotated[Path | None, typer.Option("--text", help="协议全文（UTF-8 文本）；不给则用随附文本")] = None,
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """向合作部门提出服务协议（业务审核员）；由其负责人签署接受，之后才能申请签批单。"""
    with at_office(session, as_json=as_json) as client:
        content: dict[str, JsonValue] = {"partner": partner, "text": _text(text)}
        proposal = Proposal(kind=Kind.AGREEMENT, id=partner, content=content, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def undertake(
    key: KeyOption,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """签署现行的保密承诺书（合作部门人员）；未签署的不能作为经办人比对。"""
    with at_office(session, as_json=as_json) as client:
        due = rows(client.get(TASKS), "undertaking")
        if not due:
            tell([], as_json=as_json, left=["没有待签的保密承诺书"])
            return
        content = cast("dict[str, JsonValue]", due[0]["content"])
        proposal = Proposal(kind=Kind.UNDERTAKING, id=client.session.account, content=content)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def _text(file: Path | None) -> str:
    try:
        return file.read_text(encoding="utf-8") if file else AGREEMENT
    except (OSError, UnicodeDecodeError):
        raise OfficeError("--text 应为可读的 UTF-8 文本", Exit.USAGE, "usage") from None
