"""Thresholds as deeds (监测阈值): those in force, those that run in their shadow, and how one becomes the other.

    id `shadow`      path `shadow`      {"values": …}                       安全管理员 alone: they decide nothing
    id `thresholds`  path `usual`       {"values": …, "shadow": digest of that deed, "first": its entry, "until": entry,
                                         "report": digest}                   安全管理员, then a leader
    id `thresholds`  path `emergency`   {"values": …}, with a reason         the same two; nothing may stop less by it

So nothing is loosened before it ran beside those in force for as long as the parameter `shadow_days` says, and what it
would have done in that time is named by whoever signs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from re import compile as pattern
from typing import Final, NamedTuple

from audit.entry import JsonValue
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.keeping import DeedStore, State
from gateway.deeds.lapse import parameters_in
from gateway.deeds.standing import Standing, is_live
from gateway.deeds.steps import EMERGENCY, SHADOW, USUAL
from gateway.watch.threshold_file import ThresholdError, changes, content_of, loosened, read_content
from gateway.watch.thresholds import DEFAULTS, Thresholds

THRESHOLDS_ID: Final = "thresholds"
SHADOW_ID: Final = "shadow"
_IDS: Final = {USUAL: THRESHOLDS_ID, EMERGENCY: THRESHOLDS_ID, SHADOW: SHADOW_ID}
_VALUES: Final = "values"
_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    USUAL: frozenset({_VALUES, "shadow", "first", "until", "report"}),
    EMERGENCY: frozenset({_VALUES}),
    SHADOW: frozenset({_VALUES}),
}
_DIGEST: Final = pattern(r"[0-9a-f]{64}")


class Shadow(NamedTuple):
    """Thresholds that run beside those in force, and the deed that put them there."""

    thresholds: Thresholds
    digest: str


def values_in(standing: Standing) -> Mapping[str, JsonValue]:
    """The thresholds in force as they were signed; empty before anybody signed any."""
    content = standing.content(Kind.THRESHOLDS, THRESHOLDS_ID)
    values = content[_VALUES] if content else None
    return values if isinstance(values, Mapping) else {}


def thresholds_in(standing: Standing) -> Thresholds:
    """The thresholds in force. Raises `ThresholdError`."""
    return in_force(values_in(standing), DEFAULTS)


def in_force(values: Mapping[str, JsonValue], usual: Thresholds) -> Thresholds:
    """What was signed; what is usual where nothing was. Raises `ThresholdError`."""
    return read_content(values) if values else usual


def shadow_in(standing: Standing) -> Shadow | None:
    """What runs beside the thresholds in force, if anything does. Raises `ThresholdError`."""
    deed = standing.deed(Kind.THRESHOLDS, SHADOW_ID)
    return read_shadow(deed) if deed else None


def read_shadow(deed: Deed) -> Shadow | None:
    """What a shadow's deed says; None where it ends one. Raises `ThresholdError`."""
    document = deed.document
    return Shadow(read_content(document.content[_VALUES]), deed.digest) if is_live(document) else None


def adoption(shadow: Shadow, span: tuple[int, int], report: str) -> dict[str, JsonValue]:
    """The content of the deed that puts a shadow in force, over these entries of its time."""
    return {
        _VALUES: content_of(shadow.thresholds),
        "shadow": shadow.digest,
        "first": span[0],
        "until": span[1],
        "report": report,
    }


def check_thresholds(document: Document, standing: Standing) -> None:
    """Whether this may come into force over what is in force now. Raises `DeedError`."""
    if document.id != _IDS[document.path]:
        raise ThresholdError(f"路径 {document.path} 的监测阈值文书编号须为 {_IDS[document.path]}")
    members = frozenset(document.content) - {"active"}
    if members != _MEMBERS[document.path]:
        raise ThresholdError(f"监测阈值文书须恰有这些成员：{'、'.join(sorted(_MEMBERS[document.path]))}")
    if document.id == THRESHOLDS_ID and "active" in document.content:
        raise ThresholdError("生效的监测阈值只能以另一套替代，不写 active")
    values, now = read_content(document.content[_VALUES]), thresholds_in(standing)
    if document.path == USUAL:
        _check_adoption(document, values, standing)
    elif document.path == EMERGENCY:
        _check_emergency(document, values, now)
    if values == now and document.content.get("active") is not False:
        raise ThresholdError("所提阈值与现行的相同")


def check_shadowed(document: Document, standing: Standing, deeds: DeedStore, now: datetime) -> None:
    """Whether what is adopted ran for long enough beside what is in force. Raises `DeedError`."""
    if document.path != USUAL:
        return
    attempts = reversed(deeds.attempts(Kind.THRESHOLDS, SHADOW_ID))
    kept = next((each for each in attempts if each.state is State.IN_FORCE), None)
    if kept is None or document.content["first"] != kept.entry:
        raise ThresholdError("first 须为影子阈值生效的条目，请重新运行 bidui watch adopt")
    days = parameters_in(standing).shadow_days
    since = datetime.fromtimestamp(kept.changed, UTC)
    if now - since < timedelta(days=days):
        raise ThresholdError(f"影子运行须满 {days} 天才能采用：自 {since:%Y-%m-%d} 起；紧急收严走路径 emergency")


def _check_adoption(document: Document, values: Thresholds, standing: Standing) -> None:
    shadow, content = shadow_in(standing), document.content
    if shadow is None or content["shadow"] != shadow.digest or values != shadow.thresholds:
        raise ThresholdError("只能采用正在影子运行的这一套阈值：先运行 bidui watch shadow")
    report, first, until = content["report"], content["first"], content["until"]
    if not isinstance(report, str) or not _DIGEST.fullmatch(report):
        raise ThresholdError("report 须为影子报告的摘要，64 位十六进制")
    if type(first) is not int or type(until) is not int or not 0 <= first < until:
        raise ThresholdError("first、until 须为影子报告所及的条目")


def _check_emergency(document: Document, values: Thresholds, now: Thresholds) -> None:
    if not document.reason.strip():
        raise ThresholdError("紧急收严须在 reason 中写明理由")
    if loose := loosened(now, values):
        raise ThresholdError(f"紧急路径只能收严，{'、'.join(loose)} 可能放宽：请先影子运行")
    if not changes(now, values):
        raise ThresholdError("所提阈值与现行的相同")
