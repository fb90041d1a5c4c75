"""What the watch holds or froze, in words: since when, by which incident, what was seen, and what would release it.

Officers are told the detector and its figures. People of the partner are told a number and whom to ask, never more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from gateway.deeds.calendar import due
from gateway.deeds.parameters import Parameters
from gateway.domain.grant import SHANGHAI
from gateway.domain.incident import Incident
from gateway.domain.standing import Stop
from gateway.watch.notice_words import DETECTORS, Said

HELD, FROZEN = "held", "frozen"
_KINDS: Final = {"grant": "签批单", "partner": "部门", "system": "系统", "person": "人员"}
_SINCE_ZH: Final = {HELD: "扣留", FROZEN: "冻结"}
_SINCE_EN: Final = {HELD: "held", FROZEN: "frozen"}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector saw, for officers alone. Figures stand as text, as the ledger has them."""

    detector: str
    detector_zh: str
    observed: str
    expected: str
    days: int
    others: tuple[str, ...]
    left: Mapping[str, int]


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """One response that lies there now, or lay there then. `seen` is None for whoever is no officer."""

    target: str
    response: str
    incident: str
    entry: int
    """The ledger entry that tells of it."""
    partner: str
    since: datetime | None
    """None where the incident is not kept any more."""
    freezes: date | None
    """The last day on which a hold may be handled before it becomes a freeze."""
    seen: Seen | None
    zh: str
    en: str
    next_zh: str
    next_en: str


def stopped(stop: Stop, incident: Incident | None, parameters: Parameters) -> Stopped:
    """A response as officers see it."""
    response = FROZEN if stop.is_frozen else HELD
    since = incident.last if incident else None
    ends = due(since, parameters.hold_days, parameters.calendar) if since and not stop.is_frozen else None
    said, wanted = _said(stop, response, since, incident), _wanted(stop, ends)
    return Stopped(
        target=stop.target,
        response=response,
        incident=stop.incident,
        entry=stop.entry,
        partner=incident.finding.partner if incident else "",
        since=since,
        freezes=ends,
        seen=_seen(incident) if incident else None,
        zh=said.zh,
        en=said.en,
        next_zh=wanted.zh,
        next_en=wanted.en,
    )


def all_stopped(
    stops: Sequence[Stop], incident: Callable[[str], Incident | None], parameters: Parameters
) -> list[Stopped]:
    """Every response, as officers see it; the oldest first."""
    ordered = sorted(stops, key=lambda stop: stop.entry)
    return [stopped(each, incident(each.incident), parameters) for each in ordered]


def for_partner(told: Stopped) -> Stopped:
    """The same for people of the partner: a number, and whom to ask."""
    name = _name(told.target)
    since_zh, since_en = _since(told.since)
    return replace(
        told,
        freezes=None,
        seen=None,
        zh=f"{name.zh}{since_zh}暂停答复（{_SINCE_ZH[told.response]}），事件 {told.incident}",
        en=f"{name.en} answers nothing{since_en} ({_SINCE_EN[told.response]}), incident {told.incident}",
        next_zh="请凭事件编号联系编办安全管理员",
        next_en="tell the incident's number to the office's security administrator",
    )


def seen_zh(incident: Incident) -> str:
    """What a detector saw against what it expected."""
    found = incident.finding
    return f"{DETECTORS[found.detector].zh}，观察到 {found.observed:g}，预期 {found.expected:g}（{found.days} 天内）"


def release_command(target: str) -> str:
    """How 安全管理员 begins a release on the command line."""
    return f"bidui release {target} --reason …"


def _said(stop: Stop, response: str, since: datetime | None, incident: Incident | None) -> Said:
    name, (since_zh, since_en) = _name(stop.target), _since(since)
    zh = f"{name.zh}{since_zh}由监测{_SINCE_ZH[response]}，事件 {stop.incident}"
    en = f"{name.en} {_SINCE_EN[response]} by the watch{since_en}, incident {stop.incident}"
    if incident is None:
        return Said(zh, en)
    found = incident.finding
    figures = f"observed {found.observed:g}, expected {found.expected:g}, {found.days} days"
    return Said(f"{zh}：{seen_zh(incident)}", f"{en}: {DETECTORS[found.detector].en}; {figures}")


def _wanted(stop: Stop, ends: date | None) -> Said:
    zh, en = (
        f"由安全管理员提请、领导签署解除：{release_command(stop.target)}",
        "released by security administrator and leader",
    )
    if ends is None:
        return Said(zh, en)
    return Said(f"{zh}；{ends} 前无人处置即转为冻结", f"{en}; frozen unless handled by the end of {ends}")


def _name(target: str) -> Said:
    kind, _, name = target.partition(".")
    return Said(f"{_KINDS.get(kind, kind)} {name} ", f"{kind} {name}")


def _since(since: datetime | None) -> tuple[str, str]:
    if since is None:
        return "", ""
    told = f"{since.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    return f"自 {told} 起", f" since {told}"


def _seen(incident: Incident) -> Seen:
    found = incident.finding
    return Seen(
        detector=found.detector.value,
        detector_zh=DETECTORS[found.detector].zh,
        observed=str(found.observed),
        expected=str(found.expected),
        days=found.days,
        others=incident.others,
        left=incident.left,
    )
