"""`bidui audit state`, `unseal`, `doctor`, `rebuild`: how the ledger stands, what became of it, and going on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from adapters.keys.files import KeyFileError, Passphrase
from audit.causes import RECOVERY_ZH, STATE_ZH, Recovery, State
from audit.entry import JsonValue
from audit.errors import AuditError
from audit.rollback import Fate
from gateway.deeds.document import Kind
from gateway.domain.errors import GatewayError
from gateway.drafting import Proposal
from ops.cli.console import Exit, HomeOption, JsonOption, PassphraseOption, home_of, passphrase_of, say, say_json
from ops.cli.office.client import Told, at_office, rows
from ops.cli.office.drawing import put_up
from ops.cli.office.options import (
    FirstKeyOption,
    KeyPassphraseOption,
    MustReasonOption,
    SessionOption,
    TotpOption,
    YesOption,
    signing_options,
)
from ops.doctor.history import examine_history, explain
from ops.rebuilding import Rebuilt, count, differing_of
from ops.rebuilding import rebuild as rebuild_budgets
from ops.settings import Home, SettingsError
from ops.succession import succeed

STATE = "/v1/office/log/state"


def state(session: SessionOption = None, as_json: JsonOption = False) -> None:
    """存证账的状态：能否比对，为何不能，如何处理。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get(STATE)
    say_json(told) if as_json else say("\n".join(_lines(told)))


def unseal(
    reason: MustReasonOption,
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """提请解除封账（审计管理员），由领导签署后恢复比对；须账与签名已相符。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get(STATE)
        if not told["undecided"]:
            say("没有待决定的封账：自行恢复的原因消除后即恢复，见 bidui audit state")
            raise typer.Exit(Exit.REFUSED)
        content: dict[str, JsonValue] = {"cause": _cause(told)}
        proposal = Proposal(kind=Kind.UNSEALING, id=str(told["undecided"]), content=content, reason=reason)
        put_up(client, [proposal], signing_options(key, passphrase_file, totp, yes=yes), as_json=as_json)


def doctor(
    checkpoint: Annotated[list[Path] | None, typer.Option(help="别处保存的检查点文件，可重复")] = None,
    receipt: Annotated[list[Path] | None, typer.Option(help="合作部门保存的回执 JSON 文件，可重复")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """查明账的来历：完整、旧备份、落后的备库、篡改或分叉；指出首个不同的条目与处理办法。不相符时退出码为 5。"""
    try:
        found = examine_history(home_of(home), checkpoint or (), receipt or ())
    except (OSError, AuditError, SettingsError, GatewayError) as error:
        typer.echo(f"无法查明：{error}", err=True)
        raise typer.Exit(Exit.FAILED) from None
    if as_json:
        say_json({**msgspec.to_builtins(found), "lost": found.lost, "zh": list(explain(found))})
    else:
        say("\n".join(explain(found)))
    raise typer.Exit(Exit.OK if found.fate is Fate.WHOLE else Exit.INTEGRITY)


def rebuild(
    origin: Annotated[str, typer.Option(help="条目有缺失时：后继存证账的名称，如 …/audit/2026-2")] = "",
    check: Annotated[bool, typer.Option("--check", help="只清点，不改动；额度与账不符时退出码为 5")] = False,
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """恢复备份之后由存证账重建额度；条目有缺失时，缺失各日按用满计，并启用后继存证账。须先停 serve。"""
    place, passphrase = home_of(home), passphrase_of(passphrase_file)
    try:
        made, differing = _rebuild(place, origin, passphrase, only_check=check)
    except (OSError, AuditError, SettingsError, GatewayError, KeyFileError) as error:
        typer.echo(f"未能重建：{error}", err=True)
        raise typer.Exit(Exit.INTEGRITY) from None
    if as_json:
        say_json(_rebuilt(made, differing))
    else:
        say("\n".join(_counted(made, differing)))
    raise typer.Exit(Exit.INTEGRITY if check and differing else Exit.OK)


def _rebuild(home: Home, origin: str, passphrase: Passphrase | None, *, only_check: bool) -> tuple[Rebuilt | None, int]:
    if only_check:
        counted = count(home, passphrase)
        return counted, differing_of(home, counted)
    return (succeed(home, origin, passphrase), 0) if origin else rebuild_budgets(home, passphrase)


def _rebuilt(made: Rebuilt | None, differing: int) -> dict[str, object]:
    if made is None:
        return {"resumed": True}
    days = [day.isoformat() for day in made.spent or ()]
    return {"entries": made.diagnosis.entries, "lost": made.diagnosis.lost, "spent": days, "differing": differing}


def _counted(made: Rebuilt | None, differing: int) -> Iterator[str]:
    if made is None:
        yield "上次中断的换册已完成：启动 serve，把新的 trust.json 交给核验人"
        return
    yield f"已清点 {made.diagnosis.entries} 条，{len(made.counts)} 项额度计数，{differing} 项与账不符"
    if made.spent:
        yield f"缺失 {made.diagnosis.lost} 条：{made.spent[0]} 至 {made.spent[1]}，{made.grants} 份签批单按用满计"
        yield "旧账在 closed/，请保留；启动 serve，把新的 trust.json 交给核验人，并书面说明缺失区间"


def _cause(told: Told) -> str:
    return next((str(each["cause"]) for each in rows(told, "causes")), "undecided")


def _lines(told: Told) -> Iterator[str]:
    yield f"{STATE_ZH[State(str(told['state']))]}：{'答复比对' if told['answers'] else '不答复比对，可查阅'}"
    for each in rows(told, "causes"):
        index = "" if each["index"] is None else f"，首个不同的条目：第 {each['index']} 条"
        detail = f"（{each['detail']}）" if each["detail"] else ""
        yield f"  {each['cause']}：{each['zh']}{detail}{index}"
        yield f"      → {each['todo_zh']}；恢复：{RECOVERY_ZH[Recovery(str(each['recovery']))]}"
    if told["undecided"]:
        yield f"待两人决定：{told['undecided']}（bidui audit unseal）"
