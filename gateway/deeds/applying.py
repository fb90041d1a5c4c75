"""Whether a grant may be drawn up, and come into force, as things stand: what no reader of its text alone can say.

1. Its partner is registered and has accepted a service agreement.
2. Its purpose is one that the rulebooks in force allow the partner's department; a purpose that wants a matter (事由)
   is granted by the class `matter` alone.
3. It is valid no longer than the parameters allow, and does not begin later than that.
4. An emergency grant stays within the parameters' narrower limits, and its partner owes no review of an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from gateway.deeds.calendar import is_overdue
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import read_grant
from gateway.deeds.lapse import overdue_review, parameters_in
from gateway.deeds.parameters import Parameters
from gateway.deeds.standing import Standing
from gateway.deeds.steps import EMERGENCY
from gateway.domain.grant import Grant, GrantClass, local_day
from policies.catalogue import Catalogue
from policies.files import files_of
from policies.publication import Texts
from policies.rulebook import EVERYBODY, Effect, Purpose, Rulebook, read_rulebook

RULEBOOKS_ID = "rulebooks"
_DAY_HOURS = 24


def check_grant(document: Document, standing: Standing, catalogue: Catalogue, now: datetime) -> None:
    """Raises `DeedError` that says what to change, or what has to be signed first."""
    grant = read_grant(document)
    if unknown := sorted(grant.fields - catalogue.fields.keys()):
        raise DeedError(f"数据标准中没有这些字段，请删去或改正：{'、'.join(unknown)}")
    _check_partner(grant, standing)
    _check_purpose(grant, standing)
    parameters = parameters_in(standing)
    if (grant.valid_until - grant.valid_from).days >= parameters.longest_validity_days:
        raise DeedError(f"签批单有效期最长 {parameters.longest_validity_days} 天，请将 valid_until 提前")
    if (grant.valid_from - local_day(now)).days >= parameters.longest_validity_days:
        raise DeedError("签批单开始得太晚，请将 valid_from 提前")
    if document.path == EMERGENCY:
        _check_emergency(grant, standing, parameters, now)


def purposes_of(standing: Standing, department: str) -> dict[str, Purpose]:
    """The purposes for which a rule in force allows this department something."""
    books = list(_books(standing))
    named = {purpose.id: purpose for book in books for purpose in book.purposes}
    rules = [rule for book in books if book.department in {f"dept:{department}", EVERYBODY} for rule in book.rules]
    allowed = {purpose for rule in rules if rule.effect is Effect.ALLOW for purpose in rule.purposes}
    return {name: purpose for name, purpose in named.items() if name in allowed}


def _check_partner(grant: Grant, standing: Standing) -> None:
    if standing.content(Kind.PARTNER, grant.partner) is None:
        raise DeedError(f"没有生效的合作部门 {grant.partner}，请先登记")
    if standing.content(Kind.AGREEMENT, grant.partner) is None:
        raise DeedError("该部门尚未接受服务协议：请审核员提出协议，由该部门负责人签署")


def _check_purpose(grant: Grant, standing: Standing) -> None:
    partner = standing.content(Kind.PARTNER, grant.partner) or {}
    known = purposes_of(standing, str(partner.get("department")))
    purpose = known.get(grant.purpose)
    if purpose is None:
        listed = "、".join(sorted(known)) or "无"
        raise DeedError(f"生效的规则册不准许该部门用于此用途，请改用准许的用途：{listed}")
    if purpose.matter and grant.grant_class is not GrantClass.MATTER:
        raise DeedError(f"用途 {purpose.id} 每次须有事由，请将签批单的 class 写为 matter")


def _check_emergency(grant: Grant, standing: Standing, parameters: Parameters, now: datetime) -> None:
    days = -(-parameters.emergency_hours // _DAY_HOURS)
    if grant.valid_until - grant.valid_from > timedelta(days=days) or is_overdue(grant.valid_until, now):
        raise DeedError(f"应急签批单最长 {parameters.emergency_hours} 小时，请将 valid_until 提前")
    if grant.limits.subjects_per_day > parameters.emergency_subjects_per_day:
        raise DeedError(f"应急签批单的 subjects_per_day 最多 {parameters.emergency_subjects_per_day}，请减少")
    if owed := overdue_review(standing, grant.partner, now):
        raise DeedError(f"该部门的应急签批单 {owed} 逾期未复核，请先完成事后复核")


def _books(standing: Standing) -> Iterator[Rulebook]:
    content = standing.content(Kind.RULEBOOKS, RULEBOOKS_ID)
    texts: Mapping[str, str] = Texts.of_content(content).files if content else {}
    books = (_book(name, text) for name, text in texts.items())
    return (book for book in books if book is not None)


@lru_cache(maxsize=128)
def _book(name: str, text: str) -> Rulebook | None:
    """Reading ten thousand rules takes a second, and the same text is asked about with every grant."""
    (file,) = files_of({name: text})
    return read_rulebook(file)[0]
