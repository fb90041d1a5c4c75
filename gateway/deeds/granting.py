"""The grant that a deed gives."""

from __future__ import annotations

from datetime import timedelta

from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.narrowing import check_narrower
from gateway.deeds.parameters import MOST_EMERGENCY_SUBJECTS, MOST_HOURS
from gateway.deeds.steps import EMERGENCY, WITHDRAWAL
from gateway.domain.grant import Grant, GrantError, canonical_document, parse_grant


def read_grant(document: Document) -> Grant:
    """What the document of a grant says. Raises `DeedError`, also for content that is not in its canonical form."""
    if document.kind is not Kind.GRANT or document.path == WITHDRAWAL:
        raise DeedError("此文书不是授权的签批单，请核对")
    try:
        grant = parse_grant({"number": document.id, **document.content})
    except GrantError as error:
        raise DeedError(str(error)) from None
    if {"number": document.id, **document.content} != canonical_document(grant):
        raise DeedError("签批单须按规范书写：列表排好序，日期写成文本，网段写成 CIDR")
    if document.path == EMERGENCY:
        _check_emergency(document, grant)
    return grant


def _check_emergency(document: Document, grant: Grant) -> None:
    """The ceilings of every emergency grant, whatever the parameters say; asked in serve and in the sealing process."""
    if not document.reason.strip():
        raise DeedError("请在 reason 中写明为何来不及走常规路径")
    if document.serial != 1:
        raise DeedError("应急签批单不能变更已有的签批单，请另用新编号")
    if grant.valid_until - grant.valid_from > timedelta(hours=MOST_HOURS):
        raise DeedError(f"应急签批单最长 {MOST_HOURS} 小时，请将 valid_until 提前")
    if grant.limits.subjects_per_day > MOST_EMERGENCY_SUBJECTS:
        raise DeedError(f"应急签批单的 subjects_per_day 最多 {MOST_EMERGENCY_SUBJECTS}，请减少")


def check_narrowing(before: Document, after: Document) -> None:
    """Whether the later of two drafts gives nothing that the earlier did not. Raises `DeedError`."""
    if before.kind is not Kind.GRANT or before.path == WITHDRAWAL:
        raise DeedError("只有授权的签批单可以收窄，此文书请退回")
    check_narrower(read_grant(before), read_grant(after))
