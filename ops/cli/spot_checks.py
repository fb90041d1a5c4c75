"""`bidui watch spot-checks`, `spot-check` and `judge`: documents that answers wait for, looked at and judged."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import quote

import typer

from ops.cli.console import Exit, JsonOption, say, say_json
from ops.cli.office.client import Told, at_office, rows
from ops.cli.office.options import SessionOption
from ops.cli.office.problems import OfficeError

CHECKS: Final = "/v1/office/spot-checks"
STATES: Final = {"due": "待交", "filed": "待审核", "accepted": "合格", "failed": "不合格"}
OPEN: Final = frozenset({"due", "filed"})
NumberArgument = Annotated[str, typer.Argument(help="凭证抽查的编号，即被阻断查询的 incident")]


class Verdict(StrEnum):
    """What somebody makes of a document."""

    ACCEPTED = "accepted"
    FAILED = "failed"


class State(StrEnum):
    """How a check stands."""

    DUE = "due"
    FILED = "filed"
    ACCEPTED = "accepted"
    FAILED = "failed"


def spot_checks(
    state: Annotated[State | None, typer.Option(help="只看这一状态：due 待交、filed 待审核、accepted、failed")] = None,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """凭证抽查，新的在前：哪个部门、哪张签批单、交了什么凭证、待谁办。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get(CHECKS if state is None else f"{CHECKS}?state={state.value}")
        lines = [_line(each) for each in rows(told, "spot_checks")]
    if told.get("more"):
        lines.append("（还有更多，请用 --state 缩小范围）")
    say_json(told) if as_json else say("\n".join(lines) or "没有凭证抽查")


def spot_check(number: NumberArgument, session: SessionOption = None, as_json: JsonOption = False) -> None:
    """一项凭证抽查：所交的凭证、经办人，以及存证账中被阻断的那次查询。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get(f"{CHECKS}/{quote(number, safe='')}")
    say_json(told) if as_json else say("\n".join(_lines(told)))


def judge(
    number: NumberArgument,
    verdict: Annotated[Verdict, typer.Argument(help="accepted 合格；failed 不合格，随即冻结签批单")],
    reason: Annotated[str, typer.Option("--reason", help="审核理由，必填；不要写入个人信息")],
    filing: Annotated[
        str, typer.Option("--filing", help="所看凭证的摘要 filing_sha256；不给则显示凭证并当场确认")
    ] = "",
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """编办业务审核员审核一份凭证。不合格即冻结其签批单，须两人解除。"""
    with at_office(session, as_json=as_json) as client:
        path = f"{CHECKS}/{quote(number, safe='')}"
        seen = filing or _looked_at(client.get(path), verdict, as_json=as_json)
        body = {"verdict": verdict.value, "reason": reason, "filing_sha256": seen}
        told = client.post(f"{path}/judge", body)
    say_json(told) if as_json else say(_line(told))


def _looked_at(told: Told, verdict: Verdict, *, as_json: bool) -> str:
    """The digest of what somebody has just been shown and goes on about. Raises `OfficeError`."""
    seen = told.get("filing_sha256")
    if not isinstance(seen, str):
        raise OfficeError("凭证尚未提交，无可审核", Exit.USAGE, "usage")
    if as_json:
        raise OfficeError("无人值守时须以 --filing 写明所看凭证的摘要 filing_sha256", Exit.USAGE, "usage")
    say("\n".join(_lines(told)))
    typer.confirm(f"判为{STATES[verdict.value]}？", abort=True)
    return seen


def _line(told: Told) -> str:
    until = f"，限 {told['due']}{'（已逾期）' if told['overdue'] else ''}" if told["state"] == State.DUE else ""
    document = f"：{told['document']}" if told["document"] else ""
    waits = "，审核通过才答复" if told["needs_acceptance"] and told["state"] in OPEN else ""
    named = "  ".join(str(told[name]) for name in ("number", "opened", "partner", "grant"))
    return _printable(f"{named}  {STATES[str(told['state'])]}{until}{waits}{document}")


def _lines(told: Told) -> Iterator[str]:
    yield _line(told)
    yield _printable(f"  用途 {told['purpose']}；逾期自 {told['due']} 之后，{told['last']} 之后视为不合格")
    if told["filed"]:
        times = f"，第 {told['filings']} 次提交" if told["filings"] != 1 else ""
        yield _printable(f"  凭证：{told['document']}（{told['operator']} 于 {told['filed']} 提交{times}）")
        yield f"  扫描件 SHA-256：{told['sha256'] or '未附'}；所交摘要 {told['filing_sha256']}"
    if told["entry"] is not None:
        yield f"  被阻断的查询：存证账第 {told['entry']} 条；查看所涉的人须两人签署：bidui audit reveal"
    if told["judged"]:
        who = told["judge"] or "逾期未交，无人审核"
        yield _printable(f"  {told['judged']} 判为{STATES[str(told['state'])]}（{who}）：{told['reason']}")


def _printable(text: str) -> str:
    """Nothing that a terminal would obey."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
