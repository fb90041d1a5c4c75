"""`bidui freeze` and `bidui release`: one person freezes at once, two release."""

from __future__ import annotations

from typing import Annotated, cast
from urllib.parse import quote

import typer

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.steps import RELEASE, USUAL
from gateway.drafting import Proposal
from ops.cli.console import Exit, JsonOption
from ops.cli.office.client import OfficeClient, Told, at_office, rows
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
from ops.cli.office.problems import OfficeError

STOPS, INCIDENTS = "/v1/office/stops", "/v1/office/incidents"

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
    except_until: Annotated[
        str | None, typer.Option(help="例外的末日，如 2026-12-01（30 日内）：至此日终该检测不计，随后自行失效")
    ] = None,
    incident: Annotated[
        str | None, typer.Option(help="只要求签名、没有扣留的事件（step_up）：不能签名的，附 --except-until 放行")
    ] = None,
    except_most: Annotated[int | None, typer.Option(help="例外的上限：观察值超过它仍阻断；不给则期间不计")] = None,
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """提请解除冻结或监测的扣留（安全管理员），由领导签署后生效；可附限期的例外。"""
    with at_office(session, as_json=as_json) as client:
        content = release_content(client, target, except_until, except_most, incident)
        proposal = Proposal(kind=Kind.FREEZE, id=target, content=content, path=RELEASE, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def release_content(
    client: OfficeClient, target: str, until: str | None, most: int | None, incident: str | None = None
) -> dict[str, JsonValue]:
    """Names the incident of the watch that lies there, where one does, or the one given. Raises `OfficeError`."""
    content: dict[str, JsonValue] = {"frozen": False}
    stopped = next((each for each in rows(client.get(STOPS), "stops") if each["target"] == target), None)
    if named := incident or (str(stopped["incident"]) if stopped else None):
        content["incident"] = named
    if until is None:
        if most is not None or incident is not None:
            raise OfficeError("--except-most、--incident 须与 --except-until 一起写", Exit.USAGE, "usage")
        return content
    content["exception"] = {"detector": _detector(client, stopped, incident), "until": until, "most": most}
    return content


def _detector(client: OfficeClient, stopped: Told | None, incident: str | None) -> str:
    """Of the incident that is excepted from."""
    if incident is not None:
        return str(client.get(f"{INCIDENTS}/{quote(incident, safe='')}")["detector"])
    seen = stopped.get("seen") if stopped else None
    if not isinstance(seen, dict):
        raise OfficeError("此处没有监测的事件，没有什么可例外", Exit.USAGE, "usage")
    return str(cast("Told", seen)["detector"])
