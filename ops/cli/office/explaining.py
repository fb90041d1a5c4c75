"""`bidui explain`, `bidui policy rehearse`: why a request is decided as it is, and what a draft would change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, cast

import typer

from ops.cli.console import Exit, JsonOption, say, say_json
from ops.cli.office.client import Told, at_office, rows
from ops.cli.office.options import SessionOption
from ops.cli.office.problems import OfficeError
from ops.cli.office.showing import short
from ops.rights import load_units
from policies.publication import read_texts

EXPLAIN, DECISIONS, REHEARSALS = "/v1/office/explain", "/v1/office/decisions", "/v1/office/rehearsals"
LISTED = 20
_LEFT_OUT = {"unregistered": "系统已不登记", "without_grant": "没有签批单", "without_purpose": "没有用途"}
_MARKS = {True: "✓", False: "✗", None: "？"}


def explain(
    entry: Annotated[int | None, typer.Argument(help="存证账中一次比对的序号；不给则解释所写的请求")] = None,
    client: Annotated[str, typer.Option(help="系统，如 caizheng-pay-01")] = "",
    purpose: Annotated[str, typer.Option(help="用途，如 payroll-check")] = "",
    fields: Annotated[
        list[str] | None, typer.Option("--field", help="字段，可重复；另有比对方式写 字段:at_least")
    ] = None,
    address: Annotated[str, typer.Option(help="来源地址")] = "",
    grant: Annotated[str | None, typer.Option(help="签批单；不给则只核对规则册")] = None,
    operator: Annotated[str, typer.Option(help="经办人或作业；不给则不核对")] = "",
    matter: Annotated[bool, typer.Option("--matter", help="请求写明了事由")] = False,
    signed: Annotated[bool, typer.Option("--signed", help="请求带有签名")] = False,
    as_of: Annotated[str | None, typer.Option(help="比对基准日，yyyy-mm-dd")] = None,
    at: Annotated[str | None, typer.Option(help="时刻，如 2026-03-02T10:00+08:00；默认此刻")] = None,
    policy: Annotated[int | None, typer.Option(help="规则册第几版；默认当时生效的一版")] = None,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """为什么准许、为什么拒绝：逐项列出。0 准许或与记录一致，3 拒绝，5 解释与记录不同。只供编办人员使用。"""
    asked: dict[str, object] = {
        "client": client,
        "purpose": purpose,
        "claims": [_claim(each) for each in fields or ()],
        "address": address,
        "grant": grant,
        "operator": operator,
        "matter": matter,
        "signed": signed,
        "as_of": as_of,
        "at": at,
        "policy": policy,
    }
    with at_office(session, as_json=as_json) as office:
        if entry is None and not all((client, purpose, fields, address)):
            raise OfficeError("请给出序号，或写明 --client、--purpose、--field、--address", Exit.USAGE, "usage")
        told = office.post(EXPLAIN, asked) if entry is None else office.get(f"{DECISIONS}/{entry}/explanation")
    say_json(told) if as_json else say("\n".join(_printable(each) for each in explained_lines(told)))
    raise typer.Exit(exit_code(told))


def rehearse(
    rulebooks: Annotated[Path | None, typer.Argument(help="规则册草稿目录")] = None,
    expectations: Annotated[Path | None, typer.Option("--expectations", help="预期表目录")] = None,
    units: Annotated[Path | None, typer.Option("--units", help="机构树文件 units.toml")] = None,
    digest: Annotated[str, typer.Option("--digest", help="待签规则册的摘要，代替目录")] = "",
    days: Annotated[int, typer.Option("--days", help="最近多少天的判定")] = 30,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """试算：最近的真实判定按草稿重来一遍，哪些会变；哪些已准许的字段无人使用。须先登录（安全管理员、领导）。"""
    with at_office(session, as_json=as_json) as office:
        told = office.post(REHEARSALS, {"days": days, **_draft(rulebooks, expectations, units, digest)})
    say_json(told) if as_json else say("\n".join(_printable(each) for each in rehearsed_lines(told)))


def _claim(text: str) -> dict[str, str]:
    field, _, comparator = text.partition(":")
    return {"field": field, "comparator": comparator or "equals"}


def _draft(rulebooks: Path | None, expectations: Path | None, units: Path | None, digest: str) -> dict[str, object]:
    if digest and not rulebooks:
        return {"digest": digest}
    if digest or rulebooks is None or expectations is None or units is None:
        raise OfficeError("请给出草稿目录与 --expectations、--units，或待签规则册的 --digest", Exit.USAGE, "usage")
    return {"content": read_texts(rulebooks, expectations, load_units(units)).as_content()}


def exit_code(told: Told) -> Exit:
    """0 when it is permitted, or as recorded."""
    if "agrees" in told:
        return Exit.INTEGRITY if told["agrees"] == "differs" else Exit.OK
    return Exit.REFUSED if _table(told, "verdict")["reason"] else Exit.OK


def explained_lines(told: Told) -> Iterator[str]:
    """For people: the decision if it is one, then every check, every field, the verdict."""
    policy, verdict = _table(told, "policy"), _table(told, "verdict")
    if "decision" in told:
        yield from _decided(_table(told, "decision"))
    yield f"规则册第 {policy['number']} 版（{short(str(policy['digest']))}），权利截至第 {told['rights_as_of']} 条"
    for check in rows(told, "checks"):
        yield f"{_MARKS[cast('bool | None', check['holds'])]} {check['zh']}"
    for field in rows(told, "fields"):
        yield from _field(field)
    if told.get("rulebook"):
        yield from _rules(_table(told, "rulebook"))
    yield f"结论：{verdict['zh']}"
    if "agrees" in told:
        yield str(told["zh"])
        yield from (f"  {line}" for line in cast("list[str]", told["differences"]))


def _decided(decision: Told) -> Iterator[str]:
    outcome = f"拒绝（{decision['refused']}），事件 {decision['incident']}" if decision["refused"] else "已答复"
    yield f"第 {decision['entry']} 条，{decision['at']}：{decision['client']}，{outcome}"


def _field(field: Told) -> Iterator[str]:
    gates = (
        f"规则册 {_MARKS[cast('bool | None', field['rulebook'])]} 签批单 {_MARKS[cast('bool | None', field['grant'])]}"
    )
    reason = f"，理由：{field['reason']}" if field["reason"] else ""
    yield f"  {field['name'] or field['field']}（{field['field']}）：{gates}{reason}"


def _rules(rulebook: Told) -> Iterator[str]:
    """Of the rulebook what decided, and what nearly did."""
    for field in rows(rulebook, "fields"):
        for rule in (*rows(field, "denies"), *rows(field, "allows")):
            why = f"依据：{rule['legal_basis']}；理由：{rule['reason']}"
            yield f"    {field['field']}：{rule['rule']}（{rule['effect']}）{why}"
        for near in rows(field, "near"):
            yield f"    {field['field']}：{near['rule']} 只差一项：{near['zh']}"


def rehearsed_lines(told: Told) -> Iterator[str]:
    """For people: what would change, then what nobody used."""
    yield str(told["zh"])
    flips = rows(told, "flips")
    for flip in flips[:LISTED]:
        becomes = "准许" if flip["becomes"] == "permitted" else "拒绝"
        yield f"  第 {flip['entry']} 条 {flip['client']} {flip['purpose']} {flip['field']} → {becomes}"
    more = len(flips) - LISTED
    if more > 0:
        yield f"  另有 {more} 项，见 --json"
    if told["flips_not_listed"]:
        yield f"  涉密用途的 {told['flips_not_listed']} 项只计数，不列出"
    yield from (str(each["zh"]) for each in rows(told, "proposals"))
    left = (f"{zh} {_table(told, 'left_out')[name]}" for name, zh in _LEFT_OUT.items())
    yield f"未能重放：{'，'.join(left)}"
    if told["withheld"]:
        yield f"其中 {told['withheld']} 次因冻结或监测扣留而未答复；这些签批单不提议收回字段"
    if told["cut_short"]:
        yield str(told["cut_short"])


def _table(told: Mapping[str, object], name: str) -> Told:
    found = told.get(name)
    if not isinstance(found, dict):
        raise OfficeError("答复者不像比对网关，请核对 --url", kind="protocol")
    return cast("Told", found)


def _printable(text: str) -> str:
    """Nothing that a terminal would obey."""
    return "".join(each if each.isprintable() else "�" for each in text)
