"""The words of notices: what each detector looks at, what was done, whom it fell on, and what would release it.

Chinese first, then English. None of them tells a threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from gateway.domain.incident import Action, Detector, Finding, Level, State

Severity = Literal[1, 2, 3, 4, 5]


class Said(NamedTuple):
    """The same in both languages."""

    zh: str
    en: str


class Looked(NamedTuple):
    """What a detector looks at, and in the terms of OCSF how."""

    zh: str
    en: str
    parameter: str
    kind: str
    pattern: str
    is_statistical: bool = False


_VOLUME, _FREQUENCY, _SEQUENCE = "Volume Analysis", "Frequency Analysis", "Sequence Analysis"
_DISTRIBUTION, _TIME, _MATCH = "Distribution Analysis", "Time Pattern Analysis", "Match Analysis"

DETECTORS: Final[Mapping[Detector, Looked]] = {
    Detector.THROTTLE: Looked("请求过快", "requests come too fast", "requests", _FREQUENCY, "SURGE"),
    Detector.SUBJECTS: Looked("新对象人数过多", "too many new subjects", "new subjects", _VOLUME, "HIGH_VOLUME"),
    Detector.MISS_RATE: Looked(
        "新对象中查无此号的比例异常",
        "unusual share of unknown numbers among new subjects",
        "share of unknown numbers among new subjects",
        _SEQUENCE,
        "ENUMERATION",
        is_statistical=True,
    ),
    Detector.MISSES: Looked("查无此号过多", "too many unknown numbers", "unknown numbers", _VOLUME, "HIGH_VOLUME"),
    Detector.CELL: Looked(
        "查无此号集中于同一地区和生日",
        "unknown numbers crowd into one region and birthday",
        "unknown numbers of one region and birthday",
        _DISTRIBUTION,
        "ENUMERATION",
        is_statistical=True,
    ),
    Detector.RUN: Looked(
        "查无此号成连号", "unknown numbers form a run", "neighbouring unknown numbers", _SEQUENCE, "ENUMERATION"
    ),
    Detector.QUESTIONS: Looked(
        "对同一对象同一字段反复提问",
        "one field of one subject is asked about again and again",
        "different questions about one field of one subject",
        _FREQUENCY,
        "GUESSING",
    ),
    Detector.MISMATCH_RATE: Looked(
        "不一致的比例异常",
        "unusual share of mismatches",
        "share of subjects with a mismatch",
        _SEQUENCE,
        "GUESSING",
        is_statistical=True,
    ),
    Detector.OUTSIDE: Looked(
        "查询授权范围外的对象过多", "too many subjects outside the grant", "subjects outside", _VOLUME, "HIGH_VOLUME"
    ),
    Detector.UNIT_SHARE: Looked(
        "查询集中于一个单位",
        "questions crowd into one unit",
        "share of one unit",
        _DISTRIBUTION,
        "CONCENTRATION",
        is_statistical=True,
    ),
    Detector.OFF_HOURS: Looked("非平常时间使用", "used at an unusual hour", "hour of use", _TIME, "OFF_HOURS"),
    Detector.NEW_NETWORK: Looked(
        "从未见过的网络使用", "used from a network not seen before", "network", _FREQUENCY, "UNSEEN"
    ),
    Detector.FAN_IN: Looked(
        "多方集中查询同一对象",
        "many ask about one subject",
        "principals asking about one subject",
        _FREQUENCY,
        "FAN_IN",
    ),
    Detector.VIP: Looked(
        "查询重点保护对象", "a protected subject is asked about", "protected subjects", _MATCH, "UNEXPECTED"
    ),
    Detector.DECOY: Looked("查询了诱饵", "a decoy is asked about", "decoys", _MATCH, "UNEXPECTED"),
    Detector.UNION_UNIT: Looked(
        "多个签批单合起来查遍一个单位",
        "several grants together walk through one unit",
        "share of one unit over grants",
        _DISTRIBUTION,
        "COLLUSION",
        is_statistical=True,
    ),
    Detector.UNION_CELL: Looked(
        "多个签批单查无此号集中于同一地区和生日",
        "unknown numbers of several grants crowd into one region and birthday",
        "unknown numbers of one region and birthday over grants",
        _DISTRIBUTION,
        "COLLUSION",
        is_statistical=True,
    ),
    Detector.UNION_MISS: Looked(
        "多个签批单合计的查无此号比例异常",
        "unusual share of unknown numbers over several grants",
        "share of unknown numbers over grants",
        _SEQUENCE,
        "COLLUSION",
        is_statistical=True,
    ),
    Detector.OVERLAP: Looked(
        "所查对象异常重合",
        "subjects overlap unusually between principals",
        "subjects in common",
        _DISTRIBUTION,
        "COLLUSION",
        is_statistical=True,
    ),
    Detector.DRIFT: Looked(
        "新对象数量持续上升",
        "new subjects keep growing in number",
        "new subjects a working day",
        _VOLUME,
        "DRIFT",
        is_statistical=True,
    ),
    Detector.EVIDENCE: Looked(
        "抽查的办事凭证未通过", "a sampled use has no evidence", "evidence audits failed", _MATCH, "UNEXPECTED"
    ),
    Detector.RECONCILIATION: Looked(
        "所查事项事后未见办成",
        "what was asked for did not come about",
        "share of checks with their outcome",
        _DISTRIBUTION,
        "UNEXPECTED",
        is_statistical=True,
    ),
    Detector.DISPUTE: Looked(
        "部门对对账单有异议", "a partner disputes its statement", "entries disputed", _MATCH, "UNEXPECTED"
    ),
}

ACTIONS: Final[Mapping[Action, Said]] = {
    Action.RECORD: Said("仅作记录", "recorded only"),
    Action.THROTTLE: Said("已限速", "slowed down"),
    Action.STEP_UP: Said("须重新验证身份", "must prove afresh who they are"),
    Action.HOLD: Said("答复已扣留", "answers withheld"),
    Action.FREEZE_CREDENTIAL: Said("凭据已冻结", "credential frozen"),
    Action.FREEZE_GRANT: Said("已冻结", "frozen"),
}

SEVERITIES: Final[Mapping[Action, Severity]] = {
    Action.RECORD: 1,
    Action.THROTTLE: 2,
    Action.STEP_UP: 3,
    Action.HOLD: 4,
    Action.FREEZE_CREDENTIAL: 5,
    Action.FREEZE_GRANT: 5,
}
GRADES: Final[Mapping[Severity, Said]] = {
    1: Said("提示", "Informational"),
    2: Said("低", "Low"),
    3: Said("中", "Medium"),
    4: Said("高", "High"),
    5: Said("严重", "Critical"),
}

BUDGETS: Final[Mapping[str, Said]] = {
    "subjects_per_day": Said("当日人数", "subjects today"),
    "subjects_per_30_days": Said("30 日人数", "subjects in 30 days"),
    "subjects_per_year": Said("全年人数", "subjects in a year"),
    "comparisons_per_day": Said("当日次数", "comparisons today"),
    "misses": Said("查无此号", "unknown numbers"),
    "outside": Said("范围外", "subjects outside"),
}
"""A budget that is not here is told by its own name."""

_BY_TWO = Said(
    "由两名不同职责的人员（安全管理员、领导）写明理由后解除，可附限期的例外。",
    "Two people of different duties (security administrator, leader) release it with a reason, perhaps with a "
    "time-boxed exception.",
)
RELEASES: Final[Mapping[Action, Said]] = {
    Action.RECORD: Said("无需解除；请查看是否合理。", "Nothing to release; see whether it is right."),
    Action.THROTTLE: Said("放慢后自行解除。", "It ends by itself when requests come slower."),
    Action.STEP_UP: Said(
        "系统对请求签名（RFC 9421）即继续，无需解除；不能签名的，由两名不同职责的人员给限期例外。",
        "It goes on once the system signs its request (RFC 9421), and nothing is released; for one that cannot, two "
        "people of different duties give a time-boxed exception.",
    ),
    Action.HOLD: Said(
        f"{_BY_TWO.zh}逾期无人处置即转为冻结。", f"{_BY_TWO.en} Left alone for too long it becomes a freeze."
    ),
    Action.FREEZE_CREDENTIAL: _BY_TWO,
    Action.FREEZE_GRANT: _BY_TWO,
}

MORE_CHECKED: Final = frozenset({Detector.DRIFT, Detector.RECONCILIATION})
"""What steps these up is documents, not a sign-in: nobody sees it from one request."""


def done_of(finding: Finding) -> Said:
    """What was done."""
    if finding.action is Action.STEP_UP and finding.detector in MORE_CHECKED:
        return Said("今后须交验的办事凭证增多，不停任何人", "more documents are asked for, nobody is stopped")
    return ACTIONS[finding.action]


def release_of(finding: Finding) -> Said:
    """What would release it."""
    if finding.action is Action.STEP_UP and finding.detector in MORE_CHECKED:
        return Said("期满自行结束；请向部门问明原因。", "It ends by itself; ask the partner for the cause.")
    return RELEASES[finding.action]


STATES: Final[Mapping[State, Said]] = {
    State.OPEN: Said("", ""),
    State.ESCALATED: Said("；逾期无人处置，已升级", "; left alone for too long and escalated"),
    State.RELEASED: Said("；现已解除", "; released by now"),
    State.EXCEPTION: Said("；现已解除，附限期例外", "; released by now, with a time-boxed exception"),
}

STATES_TOLD: Final[Mapping[State, Said]] = {
    State.OPEN: Said("未处置", "open"),
    State.ESCALATED: Said("逾期已升级", "escalated"),
    State.RELEASED: Said("已解除", "released"),
    State.EXCEPTION: Said("已解除，例外期内", "released, with an exception"),
}
"""The same as lists tell them."""


def whom(finding: Finding) -> Said:
    """On whom it fell. Of an operator only the partner is told, of a subject or a pattern nothing but that it is one:
    who has the number looks up the rest."""
    name, partner = finding.principal.name, finding.partner
    match finding.principal.level:
        case Level.GRANT:
            return Said(f"签批单 {name}", f"grant {name}")
        case Level.PARTNER:
            return Said(f"部门 {name}", f"partner {name}")
        case Level.PURPOSE:
            return Said(f"用途 {name}", f"purpose {name}")
        case Level.OPERATOR:
            return Said(f"部门 {partner} 的一名经办人", f"an operator of {partner}")
        case Level.SUBJECT:
            return Said("一个对象", "one subject")
        case Level.PATTERN:
            return Said("多个签批单", "a pattern over grants")
