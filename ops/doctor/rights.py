"""Who may ask: deeds in force, and what partners, rulebooks and grants follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from adapters.identity.registry import Registry
from adapters.keys.files import KeyFileError
from adapters.newest_rights import FileNewest
from adapters.sql.deeds import DeedTable
from adapters.sql.engine import driver_connection, driver_error
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import read_grant
from gateway.deeds.reading import DeedsReader, Remembered
from gateway.deeds.standing import Standing
from gateway.domain.errors import GatewayError
from gateway.domain.grant import Grant, local_day
from gateway.domain.partner_file import PartnerFileError
from gateway.domain.people import DUTY_ZH, THREE
from gateway.partners import departments, partners
from gateway.proposals import RULEBOOKS_ID
from ops.doctor.finding import Finding, doubt, ill, unseen, well
from ops.doctor.installation import Installation
from ops.foundation import read_home_foundation
from ops.settings import SettingsError
from policies.catalogue import load_catalogue
from policies.problems import RulebookError
from policies.publication import Texts, examine

SOON = timedelta(days=30)
SHOWN = 3
_UNTRUSTED = "查明何人写入控制库；存证账记有每份文书何时生效"


def deeds(installation: Installation) -> Iterator[Finding]:
    """Everything in force, each signature checked, held against the ledger; and the three administrators."""
    try:
        standing = _standing(installation)
    except SettingsError as error:
        yield ill("文书", str(error), "foundation.json 由 bidui init 写成，请从备份恢复")
        return
    except GatewayError as error:
        yield ill("文书", f"{error}，网关将拒绝启动", _UNTRUSTED)
        return
    if standing is None:
        yield unseen("文书", "控制库尚不可读")
        return
    yield well("文书", f"{sum(1 for kind in Kind for _ in standing.of(kind))} 份有效，签名与存证账相符")
    yield from _administrators(standing)


def _administrators(standing: Standing) -> Iterator[Finding]:
    if not standing.roll.is_founded:
        yield doubt("三员", "尚未全部激活，只能办理激活", "由三名管理员各以激活码登记本人密钥")
        return
    holders = {duty: sum(person.duty is duty for person in standing.roll.people()) for duty in THREE}
    text = "、".join(f"{DUTY_ZH[duty]} {count} 人" for duty, count in sorted(holders.items()))
    yield well("三员", text)


def partners_in_force(installation: Installation) -> Iterator[Finding]:
    """The partners, with their systems."""
    standing = trusted(installation)
    if standing is None:
        yield unseen("合作部门", "控制库尚不可读")
        return
    try:
        registry = Registry(partners(standing))
    except (DeedError, PartnerFileError) as error:
        yield ill("合作部门", str(error), "按提示修订文书：有一份不对，全部不启用")
        return
    systems = sum(len(partner.systems) for partner in registry.partners.values())
    if not systems:
        yield doubt("合作部门", "一个也没有登记", "由系统管理员登记、安全管理员批准，见 docs/operations.md")
    else:
        yield well("合作部门", f"{len(registry.partners)} 个部门，{systems} 个系统")


def rulebooks(installation: Installation) -> Iterator[Finding]:
    """The version of the rulebooks in force, and what officers expect of it."""
    standing = trusted(installation)
    if standing is None:
        yield unseen("规则册", "控制库尚不可读")
        return
    document = standing.get(Kind.RULEBOOKS, RULEBOOKS_ID)
    if document is None:
        yield doubt("规则册", "尚未发布，任何比对都会被拒绝", "由安全管理员拟定、领导批准")
        return
    try:
        texts = Texts.of_content(document.content)
    except RulebookError as error:
        yield ill("规则册", str(error).splitlines()[0], "按提示修订并重新发布")
        return
    report = examine(texts, load_catalogue(), departments(standing))
    yield well("规则册", f"第 {document.serial} 版，{report.rules} 条规则，机构树 {len(texts.units)} 个机构")
    if report.ok:
        yield well("预期表", f"核对 {report.checked} 项，全部符合")
    else:
        yield doubt("预期表", f"{len(report.lines)} 处不符，首处：{report.lines[0]}", "修订规则册或预期表后重新发布")


def grants(installation: Installation) -> Iterator[Finding]:
    """The grants in force: of known partners, not about to end, with data fresh enough."""
    standing = trusted(installation)
    if standing is None:
        yield unseen("签批单", "控制库尚不可读")
        return
    opened = {document.id: read_grant(document) for document in standing.of(Kind.GRANT)}
    if not opened:
        yield doubt("签批单", "一份也没有，任何比对都会被拒绝", "由合作部门申请，经审核、签批后生效")
        return
    yield from _terms(installation, opened, standing)


def _terms(installation: Installation, opened: Mapping[str, Grant], standing: Standing) -> Iterator[Finding]:
    today = local_day(installation.at)
    ended = [number for number, grant in opened.items() if grant.valid_until < today]
    live = {number: grant for number, grant in opened.items() if grant.valid_from <= today <= grant.valid_until}
    ending = [number for number, grant in live.items() if grant.valid_until < today + SOON]
    yield well("签批单", f"{len(opened)} 份签名有效，{len(live)} 份在有效期内，{len(ended)} 份已到期")
    if ending:
        yield doubt("签批单期限", f"{_few(ending)} 将在 {SOON.days} 天内到期", "提醒部门办理续签")
    able = {partner.code for partner in partners(standing)}
    if orphans := [number for number, grant in live.items() if grant.partner not in able]:
        yield doubt("签批单归属", f"{_few(orphans)} 的部门没有系统或经办人", "补登系统和经办人，或撤回签批单")
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


def _standing(installation: Installation) -> Standing | None:
    """Raises `GatewayError` when what is stored cannot be trusted, `SettingsError` without a foundation."""
    if installation.engine is None:
        return None
    newest = Remembered(FileNewest(installation.home.checkpoints).read())
    reader = DeedsReader(read_home_foundation(installation.home), newest)
    try:
        connection = driver_connection(installation.engine)
        try:
            return reader.refresh(DeedTable(installation.engine, connection.cursor()), installation.at)
        finally:
            connection.close()
    except (SQLAlchemyError, driver_error(installation.engine), KeyFileError):
        return None


def trusted(installation: Installation) -> Standing | None:
    """The same; None also when it cannot be trusted, which `deeds` tells."""
    try:
        return _standing(installation)
    except (GatewayError, SettingsError):
        return None


def _few(numbers: list[str]) -> str:
    return "、".join(numbers[:SHOWN]) + (f" 等 {len(numbers)} 份" if len(numbers) > SHOWN else "")
