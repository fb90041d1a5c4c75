"""`bidui rulebooks`: all rulebooks, what is expected of them and the tree of units, proposed as one version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast

import typer

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.drafting import Proposal
from gateway.proposals import RULEBOOKS_ID
from ops.cli.console import JsonOption
from ops.cli.office.client import at_office
from ops.cli.office.drawing import put_up
from ops.cli.office.options import (
    FirstKeyOption,
    KeyPassphraseOption,
    ReasonOption,
    SessionOption,
    TotpOption,
    YesOption,
    signing_options,
)
from ops.rights import load_units
from policies.publication import read_texts

app = typer.Typer(help="规则册的发布", no_args_is_help=True)


@app.callback()
def group() -> None:
    """规则册"""


@app.command("propose")
def propose(
    rulebooks: Annotated[Path, typer.Argument(help="规则册目录")],
    expectations: Annotated[Path, typer.Option("--expectations", help="预期表目录")],
    units: Annotated[Path, typer.Option("--units", help="机构树文件 units.toml")],
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """提请发布一版规则册（安全管理员），由领导签署后生效。预期表不符即拒绝；本机先试 bidui policy test。"""
    with at_office(session, as_json=as_json) as client:
        texts = read_texts(rulebooks, expectations, load_units(units))
        content = cast("Mapping[str, JsonValue]", texts.as_content())
        proposal = Proposal(kind=Kind.RULEBOOKS, id=RULEBOOKS_ID, content=content, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)
