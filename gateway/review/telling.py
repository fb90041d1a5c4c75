"""What stands beside the conditions of a grant in an explanation: what it says, and what was asked."""

from __future__ import annotations

from datetime import datetime

from gateway.deeds.document import Kind
from gateway.deeds.standing import Standing
from gateway.domain.caller import Caller
from gateway.domain.grant import SHANGHAI, Grant, GrantClass
from gateway.domain.people import PARTNER_DUTIES
from gateway.review.asking import Question


def condition(cause: str, question: Question, grant: Grant, at: datetime) -> str:
    """A condition by the cause of its refusal; empty for one that has no text of its own."""
    texts = {
        "grant_purpose": f"签批单的用途是 {grant.purpose}，所问为 {question.purpose or '（没有写明）'}",
        "grant_not_in_force": f"有效期 {grant.valid_from} 至 {grant.valid_until}，时间 {_hours(grant)}；"
        f"所问为 {at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
        "grant_network": f"准许来自 {'、'.join(map(str, grant.networks))}，所问为 {question.address}",
        "unsigned_request": "签批单要求请求签名" if grant.signed_requests else "签批单不要求请求签名",
        "reference_date": f"比对基准日：{question.as_of or '当日'}；"
        f"另准 {'、'.join(str(day) for day in sorted(grant.reference_dates)) or '无'}",
        "no_matter": "此类签批单须写明事由" if grant.grant_class is GrantClass.MATTER else "签批单不要求写明事由",
    }
    return texts.get(cause, "")


def operator(named: str, caller: Caller, standing: Standing) -> str:
    """Whether somebody could act for the partner then, and why not."""
    if caller.operator(named):
        return f"经办人 {named} 当时已登记"
    person = standing.roll.person(named)
    if person is None:
        was = any(standing.get(kind, named) for kind in (Kind.PERSON, Kind.JOB))
        return f"{named} 此前登记过，当时已停用" if was else f"{named} 当时没有登记"
    if person.partner != caller.partner or person.duty not in PARTNER_DUTIES:
        return f"{named} 当时不是该部门的人员"
    return f"{named} 当时已冻结" if standing.is_frozen(Kind.PERSON, named) else f"{named} 当时没有签署保密承诺"


def freshness(grant: Grant, data_time: datetime | None) -> str:
    """How old the data may be, and how old they were."""
    told = "此时所用数据的时间不详"
    if data_time is not None:
        told = f"所用数据为 {data_time.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    return f"数据不得早于 {grant.max_data_age_days} 天前；{told}"


def cohort(grant: Grant, standing: Standing) -> str:
    """Whether a closed grant had its list. Who is on it is not opened here."""
    if standing.content(Kind.COHORT, grant.number) is None:
        return "没有生效的名册，所有对象一律未确认"
    return "有生效的名册；对象是否在册不在此打开"


def _hours(grant: Grant) -> str:
    return "、".join(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}" for start, end in grant.hours)
