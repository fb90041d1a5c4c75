"""What is signed about a grant that is in force: that it is still needed, or what a review of an emergency found."""

from __future__ import annotations

from datetime import datetime

from gateway.deeds.checking import text_of
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import read_grant
from gateway.deeds.lapse import FINDINGS, end_of_grant, followed_in, names, needs_attestation, parameters_in
from gateway.deeds.standing import Standing
from gateway.deeds.steps import EMERGENCY

LONGEST_FINDING = 2000

_REVIEW = {"partner", "grant", "finding", "text"}


def check_attestation(document: Document, standing: Standing, now: datetime) -> None:
    """Whether it is about the version in force of a grant that has not lapsed yet. Raises `DeedError`."""
    deed = standing.deed(Kind.GRANT, document.id)
    if standing.content(Kind.GRANT, document.id) is None or deed is None:
        raise DeedError("没有此编号的生效签批单，请核对编号")
    if document.content != {"partner": deed.document.content["partner"], "grant": deed.digest}:
        raise DeedError("年度确认只写 partner（合作部门）和 grant（生效签批单的摘要），请改正")
    grant = read_grant(deed.document)
    if deed.document.path == EMERGENCY or not needs_attestation(grant):
        raise DeedError("此签批单不须年度确认：只有有效期超过一年的才逐年确认")
    end = end_of_grant(deed, grant, followed_in(standing, document.id), parameters_in(standing))
    if end is not None and end.at <= now:
        raise DeedError("此签批单已失效，不能补签，请重新申请")


def check_review(document: Document, standing: Standing) -> None:
    """Whether it is the first review of an emergency grant, which may be over or withdrawn. Raises `DeedError`."""
    deed = dict(standing.emergencies()).get(document.id)
    if deed is None:
        raise DeedError("没有生效过此编号的应急签批单，请核对编号")
    if set(document.content) != _REVIEW or document.content["finding"] not in FINDINGS:
        findings = "、".join(sorted(FINDINGS))
        raise DeedError(f"事后复核须恰有这些成员：{'、'.join(sorted(_REVIEW))}；finding 须为其中之一：{findings}")
    if document.content["partner"] != deed.document.content["partner"] or not names(document, deed):
        raise DeedError("事后复核须写明 partner（合作部门）和 grant（应急签批单的摘要），请改正")
    if len(text_of(document.content, "text")) > LONGEST_FINDING:
        raise DeedError(f"事后复核的 text 不得超过 {LONGEST_FINDING} 字，请精简")
    earlier = standing.get(Kind.REVIEW, document.id)
    if earlier is not None and names(earlier, deed):
        raise DeedError("此应急签批单已复核，不必再次办理")
