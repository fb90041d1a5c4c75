"""What leaves the house about an incident: an OCSF Detection Finding, and a short text for syslog and mail.

Both hold what officers judge by and no more: the detector that went off and never the threshold of another, samples by
pseudonym and never a number or a name. Of a decoy not even the pseudonyms: nobody is to learn which subjects are none.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol

from gateway.domain.incident import Action, Detector, Finding, Incident, Level, Principal, State
from gateway.watch.notice_words import (
    BUDGETS,
    DETECTORS,
    GRADES,
    SEVERITIES,
    STATES,
    Said,
    Severity,
    done_of,
    release_of,
    whom,
)
from gateway.watch.ocsf import (
    CATEGORY,
    CLASS,
    VERSION,
    Analytic,
    AnomalyAnalysis,
    Evidence,
    FindingInfo,
    Measured,
    Metadata,
    Notice,
    Product,
    Resource,
)
from gateway.watch.seen_words import seen_of

MAX_SAMPLES: Final = 5
TEST: Final = "test"
"""The label of a notice that was sent to try a channel."""

_PSEUDONYM = re.compile(r"[0-9a-f]{8}")


class Notifier(Protocol):
    """A channel by which officers hear of incidents."""

    def send(self, notice: Notice) -> None:
        """Returns once the other side has taken it. Raises `UnavailableError` with a cause that holds no secret."""
        ...


def product_of(origin: str, version: str = "") -> Product:
    """How an installation names itself, by the name of its log."""
    product: Product = {"name": "Bidui 比对", "vendor_name": "Bidui", "uid": origin}
    return {**product, "version": version} if version else product


def notice(incident: Incident, *, product: Product) -> Notice:
    """The incident as it stands, as a Detection Finding."""
    finding, activity, status = incident.finding, _activity(incident), _STATUSES[incident.state]
    severity: Severity = 5 if incident.state is State.ESCALATED else SEVERITIES[finding.action]
    return {
        "activity_id": activity.id,
        "activity_name": activity.name,
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity.id,
        "type_name": f"Detection Finding: {activity.name}",
        "severity_id": severity,
        "severity": GRADES[severity].en,
        "status_id": status.id,
        "status": status.name,
        "is_alert": incident.state not in _OVER,
        "time": _milliseconds(finding.at),
        "start_time": _milliseconds(finding.at),
        "end_time": _milliseconds(incident.last),
        "count": incident.count,
        "message": "\n".join(_lines(incident, severity)),
        "metadata": _metadata(incident, product),
        "finding_info": _info(incident),
        "evidences": [_evidence(incident)],
        "anomaly_analyses": [_analysis(finding)],
        "resources": [_resource(finding)] if finding.grant else [],
        "remediation": {"desc": "\n".join(release_of(finding))},
    }


def short(told: Notice) -> str:
    """Two lines, Chinese and English, for where there is no room for more."""
    return told["message"]


def trial(at: datetime, *, product: Product) -> Notice:
    """A notice of nothing, to see whether a channel delivers."""
    principal = Principal(Level.PARTNER, TEST)
    finding = Finding(Detector.THROTTLE, Action.RECORD, principal, TEST, TEST, 0.0, 0.0, 0, at)
    made = notice(Incident(f"{0:016x}", finding, at, 1), product=product)
    made["is_alert"] = False
    made["message"] = (
        "【试送】比对监测的告警通道已接通，无需处置。\n[Test] The alarms of Bidui arrive here; nothing to do."
    )
    made["metadata"]["uid"] += f"-{_milliseconds(at)}"
    made["metadata"]["labels"] = [TEST]
    made["finding_info"]["title"], made["finding_info"]["desc"] = "试送 · Test", made["message"]
    return made


class _Activity(NamedTuple):
    id: Literal[1, 2, 3]
    name: Literal["Create", "Update", "Close"]


class _Status(NamedTuple):
    id: Literal[1, 3, 4, 99]
    name: str


_OVER = frozenset({State.RELEASED, State.EXCEPTION})


_STATUSES = {
    State.OPEN: _Status(1, "New"),
    State.ESCALATED: _Status(99, "Escalated"),
    State.RELEASED: _Status(4, "Resolved"),
    State.EXCEPTION: _Status(3, "Suppressed"),
}


def _activity(incident: Incident) -> _Activity:
    if incident.state in _OVER:
        return _Activity(3, "Close")
    is_first = incident.state is State.OPEN and incident.count <= 1
    return _Activity(1, "Create") if is_first else _Activity(2, "Update")


def _metadata(incident: Incident, product: Product) -> Metadata:
    return {
        "version": VERSION,
        "product": product,
        "uid": f"{incident.number}-{incident.state}-{incident.count}",
        "correlation_uid": incident.number,
        "log_name": "incidents",
    }


def _info(incident: Incident) -> FindingInfo:
    finding, looked = incident.finding, DETECTORS[incident.finding.detector]
    said, more = _story(incident), _more(incident)
    return {
        "uid": incident.number,
        "title": f"{looked.zh} · {looked.en}",
        "desc": f"{said.zh}{more.zh}\n{said.en}{more.en}",
        "analytic": _analytic(finding.detector),
        "created_time": _milliseconds(finding.at),
        "first_seen_time": _milliseconds(finding.at),
        "last_seen_time": _milliseconds(incident.last),
    }


def _analytic(detector: Detector) -> Analytic:
    looked = DETECTORS[detector]
    return {
        "uid": detector.value,
        "name": looked.en,
        "desc": looked.zh,
        "type_id": 3 if looked.is_statistical else 1,
        "type": "Statistical" if looked.is_statistical else "Rule",
    }


def _evidence(incident: Incident) -> Evidence:
    finding = incident.finding
    return {
        "name": "observed against expected",
        "data": {
            "parameter": DETECTORS[finding.detector].parameter,
            "observed": finding.observed,
            "expected": finding.expected,
            "window_days": finding.days,
            "action": finding.action.name.lower(),
            "count": incident.count,
            "samples": _samples(incident),
            "others": list(incident.others),
            "left": dict(incident.left),
        },
    }


def _samples(incident: Incident) -> list[str]:
    """What is no pseudonym stays here: a mistake elsewhere is not to send a number out."""
    if incident.finding.detector is Detector.DECOY:
        return []
    return [each for each in incident.samples if _PSEUDONYM.fullmatch(each)][:MAX_SAMPLES]


def _analysis(finding: Finding) -> AnomalyAnalysis:
    looked = DETECTORS[finding.detector]
    return {
        "analysis_targets": [{"name": whom(finding).en, "type": finding.principal.level.value}],
        "anomalies": [_measured(finding, finding.observed, looked.pattern)],
        "baselines": [_measured(finding, finding.expected, "EXPECTED")],
    }


def _measured(finding: Finding, value: float, pattern: str) -> Measured:
    looked = DETECTORS[finding.detector]
    return {
        "observation_parameter": looked.parameter,
        "observation_type": looked.kind,
        "observed_pattern": pattern,
        "observations": [{"value": _figure(value), "timespan": {"duration_days": finding.days}}],
    }


def _resource(finding: Finding) -> Resource:
    return {"uid": finding.grant, "type": "grant", "owner": {"name": finding.partner, "type": "partner"}}


def _lines(incident: Incident, severity: Severity) -> Said:
    grade, said = GRADES[severity], _story(incident)
    return Said(
        f"【{grade.zh}】事件 {incident.number}：{said.zh}", f"[{grade.en}] Incident {incident.number}: {said.en}"
    )


def _story(incident: Incident) -> Said:
    finding = incident.finding
    looked, done, state = DETECTORS[finding.detector], done_of(finding), STATES[incident.state]
    at, seen = _where(finding), seen_of(incident) if incident.client else _figures(finding)
    return Said(
        f"{at.zh}：{looked.zh}，{seen.zh}，至今 {incident.count} 次；{done.zh}{state.zh}。",
        f"{at.en}: {looked.en}; {seen.en}, {_count(incident.count, 'time')} so far; {done.en}{state.en}.",
    )


def _figures(finding: Finding) -> Said:
    seen, wanted, days = _figure(finding.observed), _figure(finding.expected), finding.days
    return Said(
        f"观察到 {seen}，预期 {wanted}（{days} 天内）",
        f"observed {seen}, expected {wanted} (within {_count(days, 'day')})",
    )


def _more(incident: Incident) -> Said:
    """Who else contributed, and what was left."""
    zh, en = "", ""
    if incident.others:
        zh += f"另涉签批单：{'、'.join(incident.others)}。"
        en += f" Grants that contributed: {', '.join(incident.others)}."
    if incident.left:
        left = [(BUDGETS.get(name, Said(name, name)), count) for name, count in incident.left.items()]
        zh += f"剩余额度：{'、'.join(f'{name.zh} {count}' for name, count in left)}。"
        en += f" Budget left: {', '.join(f'{name.en} {count}' for name, count in left)}."
    return Said(zh, en)


def _where(finding: Finding) -> Said:
    """On whom it fell, and the grant and the partner, as far as that does not say it."""
    level, fell = finding.principal.level, whom(finding)
    zh, en = list[str](), list[str]()
    if finding.grant and level is not Level.GRANT:
        zh.append(f"签批单 {finding.grant}")
        en.append(f"grant {finding.grant}")
    if finding.partner and level in {Level.GRANT, Level.SUBJECT, Level.PATTERN}:
        zh.append(f"部门 {finding.partner}")
        en.append(f"partner {finding.partner}")
    return Said(f"{fell.zh}（{'，'.join(zh)}）", f"{fell.en} ({', '.join(en)})") if zh else fell


def _figure(value: float) -> str:
    return f"{value:.6g}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
