"""Who may ask: partners, rulebooks, grants."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from adapters.identity.registry import Registry, load_registry
from adapters.keys.files import KeyFileError
from adapters.sql.engine import driver_connection, driver_error
from adapters.sql.grants import GrantTable
from gateway.domain.errors import GatewayError
from gateway.domain.grant import Grant, GrantError, local_day
from gateway.domain.partner_file import PartnerFileError
from gateway.signed_grant import SignedGrant, open_grant
from ops.doctor.finding import Finding, doubt, ill, unseen, well
from ops.doctor.installation import Installation
from ops.rights import load_snapshot, load_units
from ops.settings import SettingsError
from ops.wiring import trusted_load_keys
from policies.catalogue import load_catalogue
from policies.expectations import SHIPPED_EXPECTATIONS
from policies.problems import RulebookError
from policies.publication import run

SOON = timedelta(days=30)
SHOWN = 3


def partners(installation: Installation) -> Iterator[Finding]:
    """The partner files."""
    if not _can_read(installation.home.folder("partners")):
        yield unseen("合作部门", "partners/ 本用户不可读", "以网关用户运行 bidui doctor 查看")
        return
    try:
        registry = load_registry(installation.home.folder("partners"))
    except PartnerFileError as error:
        yield ill("合作部门", str(error), "改正该文件：有一份不对，全部不启用")
        return
    systems = sum(len(partner.systems) for partner in registry.partners.values())
    if not systems:
        yield doubt("合作部门", "一个也没有登记", "在 partners/ 中为每个部门写一份，见 docs/operations.md")
    else:
        yield well("合作部门", f"{len(registry.partners)} 个部门，{systems} 个系统")


def rulebooks(installation: Installation) -> Iterator[Finding]:
    """The rulebooks with the tree of units, and what officers expect of them."""
    folder, catalogue = installation.home.path, load_catalogue()
    if not all(_can_read(installation.home.folder(name)) for name in ("partners", "rulebooks")):
        yield unseen("规则册", "partners/ 或 rulebooks/ 本用户不可读", "以网关用户运行 bidui doctor 查看")
        return
    try:
        units = load_units(folder / "units.toml")
        snapshot = load_snapshot(folder, _registry(installation), catalogue)
    except (RulebookError, SettingsError) as error:
        yield ill(
            "规则册", str(error).splitlines()[0], "按提示改正；全部问题见 bidui policy test --rulebooks rulebooks"
        )
        return
    books = snapshot.rules.books
    yield well(
        "规则册", f"{len(books)} 册，{sum(len(book.rules) for book in books)} 条规则，机构树 {len(units)} 个机构"
    )
    report = run(folder / "rulebooks", SHIPPED_EXPECTATIONS, catalogue)
    if report.ok:
        yield well("预期表", f"核对 {report.checked} 项，全部符合")
    else:
        text = f"{len(report.lines)} 处与随附预期表不符，首处：{report.lines[0]}"
        yield doubt("预期表", text, "确属本单位修订的，请同步修订预期表；否则恢复规则册")


def grants(installation: Installation) -> Iterator[Finding]:
    """The grants in the database: signed by whom we trust, in force, of known partners, with data fresh enough."""
    if installation.engine is None:
        yield unseen("签批单", "控制库尚不可读")
        return
    try:
        stored, trusted = _stored(installation), trusted_load_keys(installation.home)
    except (SQLAlchemyError, driver_error(installation.engine), KeyFileError):
        yield unseen("签批单", "控制库尚不可读")
        return
    opened: dict[str, Grant] = {}
    for number, signed in stored.items():
        with suppress(GrantError):
            opened[number] = open_grant(signed, trusted)
    strangers = [number for number in stored if number not in opened or opened[number].number != number]
    if strangers:
        yield ill(
            "签批单",
            f"{_few(strangers)} 的签名不被信任，网关将拒绝启动",
            "查明何人写入控制库；正式模式只认签批流程所签",
        )
    elif not opened:
        yield doubt("签批单", "一份也没有，任何比对都会被拒绝", "演示与测试：bidui grant load；正式：走签批流程")
    else:
        yield from _terms(installation, opened)


def _terms(installation: Installation, opened: Mapping[str, Grant]) -> Iterator[Finding]:
    today = local_day(installation.at)
    ended = [number for number, grant in opened.items() if grant.valid_until < today]
    live = {number: grant for number, grant in opened.items() if grant.valid_from <= today <= grant.valid_until}
    ending = [number for number, grant in live.items() if grant.valid_until < today + SOON]
    yield well("签批单", f"{len(opened)} 份签名有效，{len(live)} 份在有效期内，{len(ended)} 份已到期")
    if ending:
        yield doubt("签批单期限", f"{_few(ending)} 将在 {SOON.days} 天内到期", "提醒部门办理续签")
    known = _registry(installation).partners
    if orphans := [number for number, grant in live.items() if grant.partner not in known]:
        yield doubt("签批单归属", f"{_few(orphans)} 的部门没有登记", "补登部门，或停用签批单")
    if unmapped := [number for number, grant in live.items() if not grant.fields <= load_catalogue().fields.keys()]:
        yield doubt("签批单字段", f"{_few(unmapped)} 含有数据标准没有的字段", "按现行数据标准重新签批")
    yield from _ages(installation, live)


def _ages(installation: Installation, live: Mapping[str, Grant]) -> Iterator[Finding]:
    try:
        data_time = installation.current.version.time
    except (GatewayError, KeyFileError, OSError):
        return
    stale = [number for number, grant in live.items() if not grant.accepts_age(data_time, installation.at)]
    if stale:
        yield ill("数据时效", f"数据已超出 {_few(stale)} 所限天数，这些比对会被拒绝", "运行 bidui sync，并检查定时同步")
    elif live:
        yield well("数据时效", "满足所有有效签批单的要求")


def _stored(installation: Installation) -> Mapping[str, SignedGrant]:
    assert installation.engine is not None
    connection = driver_connection(installation.engine)
    try:
        return GrantTable(installation.engine, connection.cursor()).all()
    finally:
        connection.close()


def _can_read(folder: Path) -> bool:
    """A folder that may not be read looks like an empty one."""
    return os.access(folder, os.R_OK | os.X_OK)


def _registry(installation: Installation) -> Registry:
    """The partners, or none while their files are wrong: that is told elsewhere."""
    with suppress(PartnerFileError):
        return load_registry(installation.home.folder("partners"))
    return Registry([])


def _few(numbers: list[str]) -> str:
    return "、".join(numbers[:SHOWN]) + (f" 等 {len(numbers)} 份" if len(numbers) > SHOWN else "")
