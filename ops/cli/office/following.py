"""What follows a grant that is in force: renewed or cloned, attested each year, reviewed after an emergency."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast
from urllib.parse import quote

import typer

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.lapse import FINDINGS
from gateway.drafting import Proposal
from ops.cli.console import Exit, JsonOption
from ops.cli.office.client import OfficeClient, Told, at_office, rows
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
from ops.cli.office.problems import OfficeError
from ops.cli.office.tasks import TASKS

NumberArgument = Annotated[str, typer.Argument(help="签批单编号")]


def renew(
    number: NumberArgument,
    until: Annotated[str, typer.Option("--until", help="新的截止日，如 2028-06-30")],
    reason: ReasonOption = "",
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """申请续期（合作部门经办人起草），其余不变，照常逐级签署。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get(f"/v1/office/grants/{quote(number, safe='')}/renewal?until={quote(until, safe='')}")
        put_up(client, [_as_told(told, reason)], None, as_json=as_json)


def clone(
    number: NumberArgument,
    new: Annotated[str, typer.Argument(help="新签批单的编号")],
    reason: ReasonOption = "",
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """照已有签批单另申请一张（合作部门经办人起草），照常逐级签署。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get(f"/v1/office/grants/{quote(number, safe='')}/clone?number={quote(new, safe='')}")
        put_up(client, [_as_told(told, reason)], None, as_json=as_json)


def attest(
    number: NumberArgument,
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """年度确认仍然需要（合作部门负责人），由业务审核员签署后生效；逾期未确认的签批单失效。"""
    with at_office(session, as_json=as_json) as client:
        due = _due(client, "attest", number)
        proposal = _as_told(cast("Told", due["draw"]), "")
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def review(
    number: NumberArgument,
    finding: Annotated[str, typer.Option("--finding", help=f"结论：{'、'.join(sorted(FINDINGS))}")],
    text: Annotated[Path, typer.Option("--text", help="复核意见（UTF-8 文本）")],
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """应急签批单的事后复核（业务审核员）；逾期未复核或不认可的，签批单失效。"""
    with at_office(session, as_json=as_json) as client:
        due, opinion = _due(client, "review", number), text.read_text(encoding="utf-8")
        content = {"partner": due["partner"], "grant": due["digest"], "finding": finding, "text": opinion}
        proposal = Proposal(kind=Kind.REVIEW, id=number, content=cast("dict[str, JsonValue]", content))
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def _as_told(told: Told, reason: str) -> Proposal:
    content = cast("dict[str, JsonValue]", told["content"])
    return Proposal(kind=Kind(str(told["kind"])), id=str(told["id"]), content=content, reason=reason)


def _due(client: OfficeClient, name: str, number: str) -> Told:
    """What waits for this person about a grant. Raises `OfficeError`."""
    for each in rows(client.get(TASKS), name):
        if each["grant"] == number:
            return each
    raise OfficeError(f"签批单 {number} 眼下没有此项待办；见 bidui tasks", Exit.USAGE, "not-found")
