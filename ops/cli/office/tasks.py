"""`bidui tasks`: what waits for whoever is signed in, and what ends unless they act."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gateway.deeds.document import Kind
from ops.cli.console import JsonOption, say, say_json
from ops.cli.office.client import Told, at_office, rows
from ops.cli.office.options import SessionOption
from ops.cli.office.showing import KIND_ZH, short
from ops.cli.office.stopping import stop_lines

TASKS = "/v1/office/tasks"


def tasks(session: SessionOption = None, as_json: JsonOption = False) -> None:
    """待办：待我签署的、将到期的、须确认或复核的。"""
    with at_office(session, as_json=as_json) as client:
        told = client.get(TASKS)
        lines = list(task_lines(told))
    say_json(told) if as_json else say("\n".join(lines) or "没有待办")


def task_lines(told: Told) -> Iterator[str]:
    """Everything that waits, a line each; what is stopped first."""
    for name, line in _LINES.items():
        yield from (line(each) for each in rows(told, name))
    agreements = told.get("agreements")
    for partner in agreements if isinstance(agreements, list) else ():
        yield f"{partner} 尚无服务协议：bidui agreement offer {partner}"


def _to_sign(each: Told) -> str:
    due = f"，限 {each['due']}{'（已逾期）' if each['overdue'] else ''}" if each["due"] else ""
    kind = KIND_ZH[Kind(str(each["kind"]))]
    return f"待签（{each['step']}）：{kind} {each['id']}，摘要 {short(each['digest'])}{due}"


_LINES: Mapping[str, Callable[[Told], str]] = {
    "stopped": lambda each: "\n".join(stop_lines(each)),
    "sign": _to_sign,
    "undertaking": lambda each: f"须签署保密承诺书（{each['id']}）：bidui undertake",
    "people": lambda each: f"已登记待提请：{each['id']}；核对指纹后 bidui person propose {each['id']}",
    "attest": lambda each: f"签批单 {each['grant']} 须年度确认，否则 {each['until']} 失效：bidui grant attest",
    "review": lambda each: f"应急签批单 {each['grant']} 须事后复核，限 {each['due']}：bidui grant review",
    "ending": lambda each: f"签批单 {each['grant']} 将于 {each['until']} 到期：bidui grant renew",
    "acknowledge": lambda each: (
        f"{each['month']} 的对账单（{each['count']} 次比对）须确认，限 {each['due']}"
        f"{'（已逾期，每次比对须签名）' if each['overdue'] else ''}：bidui statement acknowledge {each['month']}"
    ),
    "disputes": lambda each: (
        f"{each['partner']} 对 {each['period']} 的对账单有异议（{each['id']}）：bidui statement disputes"
    ),
    "checks": lambda each: (
        f"凭证抽查 {each['number']}（{each['partner']}，{each['grant']}）："
        f"{'凭证逾期未交' if each['overdue'] else '凭证待审核'}：bidui watch spot-checks"
    ),
    "credentials": lambda each: f"系统 {each['system']} 的密钥或证书 {each['name']} 将于 {each['until']} 到期",
}
