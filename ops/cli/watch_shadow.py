"""`bidui watch shadow`, `adopt`, `tighten`: thresholds put beside those in force, then in force, by people who sign."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from audit.entry import JsonValue, decode
from audit.errors import AuditError
from gateway.deeds.document import Kind
from gateway.deeds.steps import EMERGENCY, SHADOW, USUAL
from gateway.drafting import Proposal
from gateway.replaying.weighing import MAX_REPORT_BYTES
from gateway.watch.threshold_deeds import SHADOW_ID, THRESHOLDS_ID, adoption, read_shadow
from gateway.watch.threshold_deeds import Shadow as Running
from gateway.watch.threshold_file import content_of, digest_of
from ops.cli.console import Exit, JsonOption
from ops.cli.office.client import OfficeClient, at_office
from ops.cli.office.drawing import put_up
from ops.cli.office.options import (
    FirstKeyOption,
    KeyPassphraseOption,
    MustReasonOption,
    ReasonOption,
    SessionOption,
    TotpOption,
    YesOption,
    signing_options,
)
from ops.cli.office.problems import OfficeError
from ops.cli.office.reading import in_force, opened, versions
from ops.cli.watch_report import FileArgument, read


class _Report(msgspec.Struct):
    """What is asked of a report."""

    candidate: str
    entries: dict[str, int]
    gone: dict[str, int]


def shadow(
    file: FileArgument,
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """让一套阈值在影子中运行（安全管理员一人即可）：与现行的并列，不阻断任何事；满 30 天方可采用。"""
    with at_office(session, as_json=as_json) as client:
        content: dict[str, JsonValue] = {"values": content_of(read(file))}
        proposal = Proposal(kind=Kind.THRESHOLDS, id=SHADOW_ID, content=content, path=SHADOW, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def adopt(
    report: Annotated[Path, typer.Argument(help="影子报告，bidui watch shadow-report --out 所写")],
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """提请采用影子中的阈值（安全管理员），由领导签署后生效；文书载明影子报告的摘要。"""
    with at_office(session, as_json=as_json) as client:
        content = adopted(report, _running(client))
        proposal = Proposal(kind=Kind.THRESHOLDS, id=THRESHOLDS_ID, content=content, path=USUAL, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def tighten(
    file: FileArgument,
    reason: MustReasonOption,
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """紧急收严：不经影子，仍由安全管理员提请、领导签署；只能更严，须写理由。"""
    with at_office(session, as_json=as_json) as client:
        content: dict[str, JsonValue] = {"values": content_of(read(file))}
        proposal = Proposal(kind=Kind.THRESHOLDS, id=THRESHOLDS_ID, content=content, path=EMERGENCY, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def _running(client: OfficeClient) -> Running:
    """The shadow as the gateway has it. Raises `OfficeError`."""
    told = in_force(versions(client, Kind.THRESHOLDS.value, SHADOW_ID))
    deed = opened(told) if told else None
    found = read_shadow(deed) if deed else None
    if found is None:
        raise OfficeError("没有阈值在影子运行：先运行 bidui watch shadow 文件", Exit.USAGE, "not-found")
    return found


def adopted(file: Path, running: Running) -> dict[str, JsonValue]:
    """What the deed says. Raises `OfficeError` for a report about something else, or over a record that was altered."""
    told, digest = _read(file)
    if told.candidate != digest_of(running.thresholds):
        raise OfficeError("此报告不是关于正在影子运行的阈值的：重新运行 bidui watch shadow-report", Exit.USAGE, "usage")
    if told.gone.get("altered"):
        raise OfficeError("此报告所据的记录与当时不符，不可采信：先运行 bidui watch replay", Exit.INTEGRITY, "usage")
    return adoption(running, (told.entries["first"], told.entries["until"]), digest)


def _read(file: Path) -> tuple[_Report, str]:
    try:
        content = file.read_bytes()
        decode(content, MAX_REPORT_BYTES)
        return msgspec.json.decode(content, type=_Report), sha256(content).hexdigest()
    except (OSError, AuditError, msgspec.DecodeError):
        raise OfficeError(
            f"{file.name} 不是影子报告：须为 bidui watch shadow-report --out 所写", Exit.USAGE, "usage"
        ) from None
