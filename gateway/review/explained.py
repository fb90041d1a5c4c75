"""An explanation as plain values and as a document for officers, never partners. It names no subject and no value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from gateway.domain.grant import SHANGHAI
from gateway.watch.stopped import Stopped
from policies.decision import PolicyVersion
from policies.explanation import CAUSES, Explanation

UNAUTHORISED: Final = "unauthorised"
"""Refused at the door (401), before anybody judged; beside the classes of `policies.decision.Reason`."""
OF_GATES: Final[Mapping[str, str]] = {
    "unknown_client": "系统没有登记",
    "unregistered_network": "来源地址不在该系统登记的网络内",
    "unsigned_system": "该系统登记为每次请求须签名，请求没有签名",
    "no_such_grant": "没有此签批单，或它不属于该部门",
    "frozen:grant": "签批单已冻结",
    "frozen:partner": "部门已冻结",
    "frozen:system": "系统已冻结",
    "held:grant": "签批单由监测扣留，待人处置",
    "held:partner": "部门由监测扣留，待人处置",
    "held:system": "系统由监测扣留，待人处置",
    "watch:held": "本次请求触发监测，答复已扣留",
    "watch:step_up": "网络或时段前所未见，须签名，请求没有签名",
    "watch:frozen": "本次请求触发监测，签批单已冻结",
    "watch:waits": "答复须等抽查的凭证",
    "grant_lapsed:no_attestation": "签批单没有按年确认，已失效",
    "grant_lapsed:emergency_over": "应急签批单已到时限",
    "grant_lapsed:no_review": "应急签批单没有按期复核，已失效",
    "grant_lapsed:review_objected": "应急签批单经复核不予认可，已失效",
    "statement_unacknowledged": "部门没有按时确认对账单，期间每次比对须签名，请求没有签名",
    "grant_purpose": "用途与签批单不符",
    "grant_not_in_force": "不在签批单的有效日期或时间内",
    "grant_network": "来源地址不在签批单准许的网络内",
    "unknown_operator": "经办人当时不可代该部门办理",
    "unsigned_request": "签批单要求请求签名，请求没有签名",
    "reference_date": "签批单没有列入此比对基准日",
    "no_matter": "须写明事由，请求没有写",
    "grant_data_age": "数据时效超出签批单要求",
    "grant_fields": "规则册准许的字段都不在签批单内",
    "gate_not_granted": "身份要素没有全部获准",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `holds` is None for what could not be told. `cause` is that of the refusal."""

    name: str
    holds: bool | None
    zh: str
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What each gate says to one field. None for a gate that was not asked."""

    field: str
    zh: str
    by_rules: bool | None
    by_grant: bool | None
    reason: str

    @property
    def permitted(self) -> bool:
        return self.by_rules is not False and self.by_grant is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `gateway.grants.judge` says: the fields that may be compared, or the class and the cause of a refusal."""

    permitted: tuple[str, ...] = ()
    reason: str = ""
    cause: str = ""
    rules: tuple[str, ...] = ()

    @property
    def zh(self) -> str:
        if not self.reason:
            return "准许比对所列字段"
        return OF_GATES.get(self.cause) or CAUSES.get(self.cause, self.cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """All checks in the order in which they are made, what the rulebook says in full, and the verdict.

    `entry` is that of the last deed which was in force; `unopened` names the checks that the verdict takes for held.
    """

    at: datetime
    policy: PolicyVersion
    entry: int
    checks: tuple[Check, ...]
    rulebook: Explanation | None
    fields: tuple[Remaining, ...]
    verdict: Verdict
    stopped: tuple[Stopped, ...] = ()
    """Responses of the watch that had to do with it."""

    @property
    def unopened(self) -> tuple[str, ...]:
        return tuple(check.name for check in self.checks if check.holds is None)

    def as_document(self) -> dict[str, object]:
        """For JSON, with Chinese texts."""
        return {
            "at": self.at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
            "policy": {"number": self.policy.number, "digest": self.policy.digest},
            "rights_as_of": self.entry,
            "checks": [{"check": each.name, "holds": each.holds, "zh": each.zh} for each in self.checks],
            "rulebook": self.rulebook.as_document() if self.rulebook else None,
            "fields": [_field(each) for each in self.fields],
            "verdict": {
                "permitted": list(self.verdict.permitted),
                "reason": self.verdict.reason,
                "cause": self.verdict.cause,
                "rules": list(self.verdict.rules),
                "zh": self.verdict.zh,
            },
            "unopened": list(self.unopened),
            "stopped": msgspec.to_builtins(self.stopped),
        }


def _field(told: Remaining) -> dict[str, object]:
    return {
        "field": told.field,
        "name": told.zh,
        "rulebook": told.by_rules,
        "grant": told.by_grant,
        "reason": told.reason,
        "permitted": told.permitted,
    }
