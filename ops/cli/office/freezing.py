"""`bidui freeze` and `bidui release`: one person freezes at once, two release."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.deeds.document import Kind
from gateway.deeds.steps import RELEASE, USUAL
from gateway.drafting import Proposal
from ops.cli.console import JsonOption
from ops.cli.office.client import at_office
from ops.cli.office.drawing import put_up
from ops.cli.office.options import (
    FirstKeyOption,
    KeyOption,
    KeyPassphraseOption,
    MustReasonOption,
    SessionOption,
    TotpOption,
    YesOption,
    signing_options,
)

TargetArgument = Annotated[
    str, typer.Argument(help="种类.编号：grant.2026-001、partner.caizheng、system.caizheng-pay-01、person.cz-wang")
]


def freeze(
    target: TargetArgument,
    reason: MustReasonOption,
    key: KeyOption,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """立即冻结签批单、合作部门、系统或人员（安全管理员一人即可）。"""
    with at_office(session, as_json=as_json) as client:
        proposal = Proposal(kind=Kind.FREEZE, id=target, content={"frozen": True}, path=USUAL, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def release(
    target: TargetArgument,
    reason: MustReasonOption,
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """提请解除冻结（安全管理员），由领导签署后生效。"""
    with at_office(session, as_json=as_json) as client:
        proposal = Proposal(kind=Kind.FREEZE, id=target, content={"frozen": False}, path=RELEASE, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)
