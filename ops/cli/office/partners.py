"""`bidui partner`: a department with its systems and jobs, from the TOML form of `gateway/domain/partner_file.py`.

A system can only be proposed for a partner in force, a job only for an owner in force. So the same file is proposed
again after each round of approvals: what is in force or on its way is left alone, what is possible now is drawn up,
and the rest is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

import typer

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.domain.partner_file import parse_partner
from gateway.drafting import Proposal
from ops.cli.console import JsonOption
from ops.cli.office.client import OfficeClient, at_office
from ops.cli.office.drawing import as_content, is_news, put_up, read_toml
from ops.cli.office.options import (
    FirstKeyOption,
    KeyPassphraseOption,
    ReasonOption,
    SessionOption,
    TotpOption,
    YesOption,
    signing_options,
)
from ops.cli.office.reading import in_force, opened, versions

app = typer.Typer(help="合作部门", no_args_is_help=True)

Row = Mapping[str, object]


@app.callback()
def group() -> None:
    """合作部门"""


@app.command("propose")
def propose(
    file: Annotated[Path, typer.Argument(help="合作部门 TOML 文件，格式见 docs/office.md")],
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """按文件提请登记合作部门、系统和定时任务（系统管理员），已生效或已提请的跳过；每轮批准后再运行，直到没有尚待事项。"""
    with at_office(session, as_json=as_json) as client:
        table = read_toml(file)
        parse_partner(table, file.name)
        plan = _plan(client, table, reason)
        how = signing_options(key, passphrase_file, totp, yes=yes)
        put_up(client, plan.proposals, how, as_json=as_json, left=plan.left)


@dataclass(frozen=True, slots=True)
class Plan:
    """What can be drawn up now, and what has to happen first."""

    proposals: list[Proposal] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def system_content(partner: str, row: Row) -> dict[str, JsonValue]:
    """What the deed of a system says, from its table in a partner file."""
    return {"partner": partner, **as_content({name: each for name, each in row.items() if name != "client_id"})}


def _plan(client: OfficeClient, table: Row, reason: str) -> Plan:
    plan, code = Plan(), str(table["code"])
    partner = as_content({name: table[name] for name in ("zh", "en", "department")})
    if is_news(client, Kind.PARTNER, code, partner):
        plan.proposals.append(Proposal(kind=Kind.PARTNER, id=code, content=partner, reason=reason))
    if not _is_live(client, Kind.PARTNER, code):
        plan.left.append(f"合作部门 {code} 生效后再运行本命令，提请其系统与定时任务")
        plan.left.extend(_uninvited(code, _rows(table, "operators")))
        return plan
    parts = [*_systems(code, _rows(table, "systems"), reason), *_jobs(client, plan, table, reason)]
    plan.proposals.extend(each for each in parts if is_news(client, each.kind, each.id, each.content))
    plan.left.extend(
        _uninvited(code, [row for row in _people(table) if not _is_live(client, Kind.PERSON, str(row["id"]))])
    )
    return plan


def _systems(code: str, rows: Sequence[Row], reason: str) -> Iterator[Proposal]:
    for row in rows:
        content = system_content(code, row)
        yield Proposal(kind=Kind.SYSTEM, id=str(row["client_id"]), content=content, reason=reason)


def _jobs(client: OfficeClient, plan: Plan, table: Row, reason: str) -> Iterator[Proposal]:
    code = str(table["code"])
    for row in _rows(table, "operators"):
        if row["kind"] != "job":
            continue
        if _is_live(client, Kind.PERSON, str(row["owner"])):
            content = as_content({"partner": code, "name": row["name"], "owner": row["owner"]})
            yield Proposal(kind=Kind.JOB, id=str(row["id"]), content=content, reason=reason)
        else:
            plan.left.append(f"定时任务 {row['id']} 的负责人 {row['owner']} 生效后再运行本命令")


def _uninvited(code: str, rows: Sequence[Row]) -> Iterator[str]:
    """People are never enrolled from a file: each takes their own account."""
    for row in rows:
        if row["kind"] == "person":
            yield f"人员须逐一邀请：bidui person invite {row['id']} --duty clerk --partner {code}"


def _people(table: Row) -> list[Row]:
    return [row for row in _rows(table, "operators") if row["kind"] == "person"]


def _is_live(client: OfficeClient, kind: Kind, deed_id: str) -> bool:
    told = in_force(versions(client, kind.value, deed_id))
    return told is not None and opened(told).document.content.get("active", True) is not False


def _rows(table: Row, name: str) -> list[Row]:
    return cast("list[Row]", table[name])
