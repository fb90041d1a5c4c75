"""Why, and why not: what `policies.explain` found, as plain values and as a document for officers, never partners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from policies.decision import PolicyVersion
from policies.snapshot import Ask

_SHANGHAI: Final = timezone(timedelta(hours=8))
CAUSES: Final[Mapping[str, str]] = {
    "": "准许",
    "deny_rule": "有禁止规则，禁止优先",
    "net": "所在网络不在准许范围",
    "window": "此时不在准许的时段或日期",
    "no_rule": "没有准许它的规则，默认拒绝",
    "no_matter": "此用途须写明事由，请求没有写",
    "incomplete": "请求不完整，或名称的种类不对",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, in the order in which it counts."""

    name: str
    holds: bool
    zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One rule as its rulebook says it."""

    id: str
    effect: str
    department: str
    legal_basis: str
    reason: str


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An allow rule that would match but for one condition: role, org, field, op, purpose, window or net."""

    rule: Said
    condition: str
    zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfField:
    """The decision on one field: all checks, all rules that matched, and those that nearly did."""

    field: str
    zh: str
    comparators: tuple[str, ...]
    cause: str
    checks: tuple[Check, ...]
    denies: tuple[Said, ...]
    allows: tuple[Said, ...]
    near: tuple[NearMiss, ...]

    @property
    def permitted(self) -> bool:
        """Whether the field may be compared: no cause was found why not."""
        return not self.cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One ask at one time under one version, explained. The yes and no are those of `Snapshot.judge`."""

    policy: PolicyVersion
    ask: Ask
    at: datetime
    cause: str
    """Why no field at all is permitted; empty if one is."""
    rules: tuple[str, ...]
    """The ids that the permit or the refusal carries."""
    checks: tuple[Check, ...]
    fields: tuple[OfField, ...]

    @property
    def permitted(self) -> frozenset[str]:
        """The fields that may be compared."""
        return frozenset(field.field for field in self.fields if field.permitted)

    def as_document(self) -> dict[str, object]:
        """For JSON, with Chinese texts."""
        return {
            "policy": {"number": self.policy.number, "digest": self.policy.digest},
            "at": self.at.astimezone(_SHANGHAI).isoformat(timespec="seconds"),
            "ask": {
                "client": self.ask.client,
                "claims": [{"field": key, "comparator": op} for key, op in self.ask.claims],
                "purpose": self.ask.purpose,
                "units": list(self.ask.units),
                "address": self.ask.address,
                "matter": self.ask.matter,
            },
            "permitted": sorted(self.permitted),
            "cause": self.cause,
            "zh": "准许所列字段" if self.permitted else CAUSES[self.cause],
            "rules": list(self.rules),
            "checks": [_check(check) for check in self.checks],
            "fields": [_field(field) for field in self.fields],
        }


def _field(field: OfField) -> dict[str, object]:
    return {
        "field": field.field,
        "name": field.zh,
        "comparators": list(field.comparators),
        "permitted": field.permitted,
        "cause": field.cause,
        "zh": CAUSES[field.cause],
        "checks": [_check(check) for check in field.checks],
        "denies": [_said(rule) for rule in field.denies],
        "allows": [_said(rule) for rule in field.allows],
        "near": [{**_said(near.rule), "condition": near.condition, "zh": near.zh} for near in field.near],
    }


def _check(check: Check) -> dict[str, object]:
    return {"check": check.name, "holds": check.holds, "zh": check.zh}


def _said(rule: Said) -> dict[str, object]:
    return {
        "rule": rule.id,
        "effect": rule.effect,
        "department": rule.department,
        "legal_basis": rule.legal_basis,
        "reason": rule.reason,
    }
