"""What a detector saw, in words: figures against figures, and of habits what was new about a request."""

from __future__ import annotations

from gateway.domain.habit import hour_of
from gateway.domain.incident import Detector, Finding, Incident
from gateway.watch.notice_words import Said


def seen_of(incident: Incident) -> Said:
    """What was seen against what was expected, and on which system where it is about one."""
    said, who = _seen(incident.finding), _who(incident)
    return Said(f"{who.zh}{said.zh}", f"{who.en}{said.en}")


def _seen(found: Finding) -> Said:
    match found.detector:
        case Detector.NEW_NETWORK:
            return Said(
                f"从第 {found.observed:g} 个网段使用，此前 {found.days} 天用过 {found.expected:g} 个",
                f"used from network no. {found.observed:g}; {found.expected:g} known in {found.days} days before",
            )
        case Detector.OFF_HOURS:
            hour, is_working = hour_of(int(found.observed))
            return Said(
                f"{'工作日' if is_working else '非工作日'} {hour} 时使用，"
                f"此前 {found.days} 天只在 {found.expected:g} 个时段用过",
                f"used at {hour}:00 on a {'working day' if is_working else 'day off'}; "
                f"{found.expected:g} hours known in {found.days} days before",
            )
        case _:
            seen, wanted = f"{found.observed:g}", f"{found.expected:g}"
            return Said(
                f"看到 {seen}，预期 {wanted}，{found.days} 天内",
                f"observed {seen}, expected {wanted}, within {found.days} days",
            )


def _who(incident: Incident) -> Said:
    if not incident.client:
        return Said("", "")
    client, network = incident.client, incident.network
    return Said(f"系统 {client}（{network} 类网络）", f"system {client} ({network} network) ")
