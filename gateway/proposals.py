"""What a deed of each kind may say, beside what its signatures prove. Asked when it is drawn up, and again before it
comes into force, because the world may have changed in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from unicodedata import normalize

from audit.entry import JsonValue
from gateway.deeds.afterwards import check_attestation, check_review
from gateway.deeds.applying import RULEBOOKS_ID, check_grant
from gateway.deeds.checking import partner_of, text_of
from gateway.deeds.cohorts import check_cohort
from gateway.deeds.consents import check_agreement, check_undertaking
from gateway.deeds.custody import CUSTODY, check_custody
from gateway.deeds.document import MAX_ID, Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.parameters import PARAMETERS_ID, read_parameters
from gateway.deeds.persons import read_person
from gateway.deeds.releasing import RELEASE_MEMBERS, check_release
from gateway.deeds.standing import Standing
from gateway.deeds.steps import BREAK_GLASS, RELEASE, WITHDRAWAL, path_of
from gateway.domain.people import Duty
from gateway.partners import JOB_MEMBERS, PARTNER_MEMBERS, check_system
from gateway.watch.threshold_deeds import check_thresholds
from policies.catalogue import Catalogue
from policies.problems import RulebookError
from policies.publication import Texts

__all__ = ["RULEBOOKS_ID", "check_proposal"]
FREEZABLE = frozenset({Kind.GRANT, Kind.PARTNER, Kind.SYSTEM, Kind.PERSON})
_RESCUERS = frozenset({Duty.SYSTEM_ADMIN, Duty.AUDIT_ADMIN, Duty.LEADER})
_BRACKETS = str.maketrans("〔〕", "()")
_FEWEST_RESCUERS = 2
"""Any two of them take the path `break_glass`; 安全管理员 is left out, who alone can freeze."""
Check = Callable[[Document, Standing, Catalogue], None]


def check_proposal(document: Document, standing: Standing, catalogue: Catalogue, now: datetime) -> None:
    """Whether this may come into force over what is in force now. Raises `DeedError` that says what to change."""
    if not path_of(document.kind, document.path):
        raise DeedError(f"{document.kind.value} 文书没有路径 {document.path!r}，请改正 path")
    standing.check_place(document)
    _check_whose(document, standing)
    _check_form(document)
    if document.path == WITHDRAWAL:
        _check_withdrawal(document, standing)
    elif document.kind is Kind.GRANT:
        check_grant(document, standing, catalogue, now)
    elif document.kind is Kind.ATTESTATION:
        check_attestation(document, standing, now)
    else:
        _CHECKS[document.kind](document, standing, catalogue)
    if document.path == RELEASE and document.kind is Kind.FREEZE:
        check_release(document, now)


def _check_whose(document: Document, standing: Standing) -> None:
    """Nobody replaces what is another partner's, nor is shown by the attempt what stands there."""
    before = standing.get(document.kind, document.id)
    if before is not None and partner_of(before) != partner_of(document):
        raise DeedError("此编号已为其他合作部门所用，请另选编号")
    if before is None and any(_look(each.id) == _look(document.id) for each in standing.of(document.kind)):
        raise DeedError("此编号与已有的编号形近（大小写、全半角或括号不同），请沿用原编号或另选编号")


def _look(deed_id: str) -> str:
    """What an eye takes an id for."""
    return normalize("NFKC", deed_id).casefold().translate(_BRACKETS)


def _check_form(document: Document) -> None:
    """What can be frozen is named in the freeze, whose own id has no more room than any other."""
    if not isinstance(document.content.get("active", True), bool):
        raise DeedError("active 须为 true 或 false，写作其他都不起作用")
    most = MAX_ID - len(f"{document.kind.value}.")
    if document.kind in FREEZABLE and len(document.id) > most:
        raise DeedError(f"编号最长 {most} 个字符，以便需要时冻结，请改短")


def _person(document: Document, standing: Standing, _: Catalogue) -> None:
    person = read_person(document.id, document.content)
    standing.roll.admit(document, person)
    if document.path == BREAK_GLASS and not document.reason.strip():
        raise DeedError("请在 reason 中写明为何不能走常规路径")
    if person.partner is not None:
        _live(standing, Kind.PARTNER, person.partner)


def _partner(document: Document, _: Standing, __: Catalogue) -> None:
    _members(document, PARTNER_MEMBERS)
    for name in ("zh", "en", "department"):
        text_of(document.content, name)


def _system(document: Document, standing: Standing, _: Catalogue) -> None:
    check_system(document, standing)


def _job(document: Document, standing: Standing, _: Catalogue) -> None:
    _members(document, JOB_MEMBERS)
    _live(standing, Kind.PARTNER, text_of(document.content, "partner"))
    owner = standing.roll.person(text_of(document.content, "owner"))
    if owner is None or owner.partner != document.content["partner"]:
        raise DeedError("定时任务的 owner 须为其合作部门已登记的人员")
    text_of(document.content, "name")


def _rulebooks(document: Document, _: Standing, __: Catalogue) -> None:
    """What takes long is examined before and elsewhere, see `gateway.examining`."""
    if document.id != RULEBOOKS_ID:
        raise DeedError(f"规则册须整套发布，编号须为 {RULEBOOKS_ID}")
    try:
        Texts.of_content(document.content)
    except RulebookError as error:
        raise DeedError(str(error)) from None


def _undertaking(document: Document, standing: Standing, _: Catalogue) -> None:
    check_undertaking(document, standing)


def _agreement(document: Document, standing: Standing, _: Catalogue) -> None:
    check_agreement(document, standing)


def _review(document: Document, standing: Standing, _: Catalogue) -> None:
    check_review(document, standing)


def _freeze(document: Document, standing: Standing, __: Catalogue) -> None:
    """A freeze names what it lies on by its id: `grant.2026-001`, `partner.hr`, `system.hr-1`, `person.hr-wang`."""
    extra = RELEASE_MEMBERS if document.path == RELEASE else frozenset[str]()
    _members(document, frozenset({"frozen"}) | (extra & document.content.keys()))
    kind, _, target = document.id.partition(".")
    if kind not in FREEZABLE or standing.get(Kind(kind), target) is None:
        raise DeedError("冻结的编号须写作“种类.编号”，如 grant.2026-001，所指须已在此登记")
    if document.content["frozen"] is not (document.path != RELEASE):
        raise DeedError("冻结时 frozen 须为 true，解冻（路径 release）时须为 false")
    if not document.reason.strip():
        raise DeedError("请在 reason 中写明理由")
    if kind == Kind.PERSON and document.path != RELEASE:
        _check_others_remain(standing, target)


def _check_others_remain(standing: Standing, target: str) -> None:
    """Nobody alone stops the office: two of different duties stay, who can let others in and end whoever froze them.

    Raises `DeedError`.
    """
    people = [each for each in standing.roll.people() if each.duty in _RESCUERS]
    stay = {each.duty for each in people if each.id != target and not standing.is_frozen(Kind.PERSON, each.id)}
    if any(each.id == target for each in people) and len(stay) < _FEWEST_RESCUERS:
        raise DeedError("系统管理员、审计管理员、领导中须有两种职责的人未被冻结，请先登记另一人")


def _parameters(document: Document, _: Standing, __: Catalogue) -> None:
    if document.id != PARAMETERS_ID:
        raise DeedError(f"参数的编号须为 {PARAMETERS_ID}")
    read_parameters(document.content)


def _thresholds(document: Document, standing: Standing, _: Catalogue) -> None:
    check_thresholds(document, standing)


def _custody(document: Document, standing: Standing, _: Catalogue) -> None:
    check_custody(document, standing)


def _cohort(document: Document, standing: Standing, _: Catalogue) -> None:
    check_cohort(document, standing)


_CHECKS: Mapping[Kind, Check] = {
    Kind.PERSON: _person,
    Kind.PARTNER: _partner,
    Kind.SYSTEM: _system,
    Kind.JOB: _job,
    Kind.RULEBOOKS: _rulebooks,
    Kind.COHORT: _cohort,
    Kind.AGREEMENT: _agreement,
    Kind.UNDERTAKING: _undertaking,
    Kind.FREEZE: _freeze,
    Kind.PARAMETERS: _parameters,
    Kind.REVIEW: _review,
    Kind.THRESHOLDS: _thresholds,
    **dict.fromkeys(CUSTODY, _custody),
}


def _check_withdrawal(document: Document, standing: Standing) -> None:
    before = standing.content(document.kind, document.id)
    if before is None:
        raise DeedError("没有此编号的生效签批单，请核对编号")
    if document.content != {"partner": before["partner"]}:
        raise DeedError("撤回只写签批单的 partner，不写别的")
    if not document.reason.strip():
        raise DeedError("请在 reason 中写明理由")


def _members(document: Document, wanted: frozenset[str]) -> None:
    optional = frozenset({"contact", "active"})
    unknown, missing = document.content.keys() - wanted, wanted - optional - document.content.keys()
    if unknown or missing:
        listed = ("、".join(sorted(names)) or "无" for names in (unknown, missing))
        raise DeedError("多余的成员：{}；缺少的成员：{}".format(*listed))


def _live(standing: Standing, kind: Kind, deed_id: str) -> Mapping[str, JsonValue]:
    content = standing.content(kind, deed_id)
    if content is None:
        raise DeedError(f"没有生效的 {kind.value} {deed_id}，请先登记")
    return content
