"""`bidui policy`: a folder of rulebooks against what officers expect of it, and why a request is decided as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.clock import SystemClock
from ops.cli.console import Exit, JsonOption, fail, say, say_json, told
from ops.cli.office.explaining import rehearse
from ops.rights import load_units
from policies.catalogue import load_catalogue
from policies.decision import PolicyVersion
from policies.expectations import SHIPPED_EXPECTATIONS
from policies.expected import read_expectations
from policies.explain import explain as explained
from policies.explanation import CAUSES, Check, Explanation, OfField
from policies.files import read_folder
from policies.loader import SHIPPED_RULEBOOKS, load_rulebooks
from policies.publication import Report, run
from policies.rows import Rules
from policies.snapshot import Ask

app = typer.Typer(help="规则册", no_args_is_help=True)
app.command()(rehearse)

RulebooksOption = Annotated[Path, typer.Option(help="规则册目录")]
ExpectationsOption = Annotated[Path, typer.Option(help="预期表目录")]
UnitsOption = Annotated[Path | None, typer.Option(help="机构树文件 units.toml；规则和预期只用 org:all 时不需要")]


@app.callback()
def group() -> None:
    """规则册"""


@app.command("test")
def test(
    rulebooks: RulebooksOption = SHIPPED_RULEBOOKS,
    expectations: ExpectationsOption = SHIPPED_EXPECTATIONS,
    units: UnitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """按预期表核对规则册，并与标准 pycasbin 逐项比较。0 全部符合，1 有不符，3 规则册不能用。"""
    report = run(rulebooks, expectations, load_catalogue(), _units(units))
    if as_json:
        say_json(_document(report))
    else:
        for line in report.lines:
            say(line)
        say(f"{report.rules} 条规则，核对 {report.checked} 项，{'全部符合' if report.ok else '有不符，见上'}")
    raise typer.Exit(Exit.OK if report.ok else Exit.REFUSED if report.problems else Exit.FAILED)


@app.command("explain")
def explain(
    client: Annotated[str, typer.Option(help="系统，如 caizheng-pay-01")],
    purpose: Annotated[str, typer.Option(help="用途，如 payroll-check")],
    fields: Annotated[list[str], typer.Option("--field", help="字段，可重复；另有比对方式时写 字段:at_least")],
    address: Annotated[str, typer.Option(help="来源地址")],
    unit: Annotated[list[str] | None, typer.Option(help="范围内的机构，可重复；默认全部")] = None,
    at: Annotated[str | None, typer.Option(help="时刻，如 2026-03-02T10:00+08:00；默认此刻")] = None,
    department: Annotated[str | None, typer.Option(help="系统所属部门；预期表里有的系统不必写")] = None,
    matter: Annotated[bool, typer.Option("--matter", help="请求写明了事由")] = False,
    rulebooks: RulebooksOption = SHIPPED_RULEBOOKS,
    expectations: ExpectationsOption = SHIPPED_EXPECTATIONS,
    units: UnitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """为什么准许、为什么拒绝：逐项列出。0 有字段获准，3 全部拒绝。不供合作部门使用。"""
    claims = tuple((key, op or "equals") for key, _, op in (each.partition(":") for each in fields))
    scope = tuple(_kind("org", each) for each in unit or ["all"])
    ask = Ask(_kind("client", client), claims, _kind("purpose", purpose), scope, address, matter)
    with told():
        rules = _rules(rulebooks, expectations, _units(units), {ask.client: department} if department else {})
    titles = {key: field.zh for key, field in load_catalogue().fields.items()}
    found = explained(rules, ask, _instant(at), titles)
    if as_json:
        say_json(found.as_document())
    else:
        say("\n".join(_lines(found)))
    raise typer.Exit(Exit.OK if found.permitted else Exit.REFUSED)


def _rules(rulebooks: Path, expectations: Path, units: Mapping[str, str | None], clients: Mapping[str, str]) -> Rules:
    """The rules for the clients of the tables, and for one more if its department is told."""
    tables = read_expectations(read_folder(expectations))
    known = {table.situation.client: table.department for table in tables}
    named = {client: _kind("dept", department) for client, department in clients.items()}
    return load_rulebooks(rulebooks, load_catalogue(), clients={**known, **named}, units=units)


def _units(path: Path | None) -> Mapping[str, str | None]:
    if path is None:
        return {}
    with told():
        return load_units(path)


def _instant(text: str | None) -> datetime:
    if text is None:
        return SystemClock().now()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"看不懂时刻 {text!r}，请写成 2026-03-02T10:00+08:00", Exit.USAGE)
    if at.tzinfo is None:
        fail("时刻须带时区，如 2026-03-02T10:00+08:00", Exit.USAGE)
    return at


def _kind(kind: str, name: str) -> str:
    return name if name.startswith(f"{kind}:") else f"{kind}:{name}"


def _document(report: Report) -> dict[str, object]:
    seconds = report.seconds
    return {
        "ok": report.ok,
        "rules": report.rules,
        "checked": report.checked,
        "compared": report.compared,
        "seconds": {
            "load": seconds.load,
            "compile": seconds.compile,
            "check": seconds.check,
            "comparison": seconds.comparison,
        },
        "lines": list(report.lines),
    }


def _lines(found: Explanation) -> Iterator[str]:
    """For people: what stands before every rule, then each field."""
    yield _version(found.policy)
    yield from map(_check, found.checks)
    for field in found.fields:
        yield from _field(field)


def _version(version: PolicyVersion) -> str:
    return f"规则册版本 {version.number}（{version.digest[:16]}）"


def _field(field: OfField) -> Iterator[str]:
    yield f"{field.zh or field.field}（{field.field}）：{'准许' if field.permitted else '拒绝，' + CAUSES[field.cause]}"
    yield from (f"  {_check(check)}" for check in field.checks)
    for rule in (*field.denies, *field.allows):
        yield f"    {rule.id}（{rule.effect}）依据：{rule.legal_basis}；理由：{rule.reason}"
    for near in field.near:
        yield f"    {near.rule.id} 只差一项：{near.zh}"


def _check(check: Check) -> str:
    return f"{'✓' if check.holds else '✗'} {check.zh}"
