"""A grant (授权, on paper 签批单): who may ask what, about whom, for which purpose, how much and until when.

The structure read here from TOML is the one that is signed, as RFC 8785 JSON. Unknown and missing keys are errors.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import cast
from zoneinfo import ZoneInfo

from gateway.domain.budget import Limits
from gateway.domain.leak import Leak, LeakError, read_leak
from gateway.seal import SealingError, day_number

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""Days of quotas, validity and deadlines are days of this zone."""

_NUMBER = re.compile(r"[\w〔〕()（）\-.]{1,64}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_KEYS = frozenset(
    {
        "number",
        "partner",
        "purpose",
        "legal_basis",
        "class",
        "scope",
        "fields",
        "limits",
        "hit_rate",
        "networks",
        "hours",
        "valid_from",
        "valid_until",
        "max_data_age_days",
        "tells_not_found",
        "contact",
        "reference_dates",
        "signed_requests",
        "additions_per_month",
        "leak",
        "outcome_rate",
    }
)
_OPTIONAL = frozenset({"reference_dates", "signed_requests", "additions_per_month", "leak", "outcome_rate"})
LONGEST_REASON = 200


class GrantError(Exception):
    """A grant document is wrong; the message names the key and says what to write."""


class GrantClass(StrEnum):
    """What bounds the subjects of a grant."""

    CLOSED = "closed"
    SCOPED = "scoped"
    OPEN = "open"
    MATTER = "matter"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A grant as its document says; whether it is in force, and who signed it, is not written in it."""

    number: str
    partner: str
    purpose: str
    legal_basis: str
    grant_class: GrantClass
    scope: tuple[str, ...]
    reasons: Mapping[str, str]
    """Each field it allows, with the reason why it is needed."""
    limits: Limits
    hit_rate: int
    """The share of subjects that its holder expects to be confirmed, in percent."""
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    hours: tuple[tuple[int, int], ...]
    valid_from: date
    valid_until: date
    max_data_age_days: int
    tells_not_found: bool
    contact: str = field(repr=False)
    """Whom to call in an emergency."""
    reference_dates: frozenset[date]
    signed_requests: bool
    """Whether each comparison must be a signed request (RFC 9421)."""
    additions_per_month: int
    """How many subjects may be added to the cohort of a closed grant each month without a second signature."""
    outcome_rate: int | None = None
    """Of those asked about, the share in percent whose record will begin or move to another unit within 90 days.

    Where its holder does not say so, nobody looks.
    """
    leak: Leak | None = None
    """What it leaks at worst, as whoever signed it was told. Grants from before that was told have none."""

    @property
    def fields(self) -> Set[str]:
        """The fields it allows."""
        return self.reasons.keys()

    def covers(self, at: datetime) -> bool:
        """Whether its days, both included, and its hours cover the instant."""
        here = at.astimezone(SHANGHAI)
        minute = 60 * here.hour + here.minute
        within_days = self.valid_from <= here.date() <= self.valid_until
        return within_days and any(start <= minute < end for start, end in self.hours)

    def admits(self, address: str) -> bool:
        """Whether a caller at this address may use it."""
        return _within(address, self.networks)

    def accepts_age(self, data_time: datetime, at: datetime) -> bool:
        """Whether data of that time is fresh enough."""
        return at - data_time <= timedelta(days=self.max_data_age_days)


def parse_grant(document: Mapping[str, object]) -> Grant:
    """The grant that a document (TOML, or the signed JSON) describes. Raises `GrantError`."""
    unknown, missing = document.keys() - _KEYS, _KEYS - _OPTIONAL - document.keys()
    if unknown or missing:
        listed = ("、".join(sorted(names)) or "无" for names in (unknown, missing))
        raise GrantError("签批单多余的键：{}；缺少的键：{}".format(*listed))
    grant = Grant(
        number=_matching(document, "number", _NUMBER),
        partner=_text(document, "partner"),
        purpose=_text(document, "purpose"),
        legal_basis=_text(document, "legal_basis"),
        grant_class=_grant_class(document),
        scope=_texts(document, "scope"),
        reasons=_reasons(document["fields"]),
        limits=_limits(document["limits"]),
        hit_rate=_count(document["hit_rate"], "hit_rate", most=100),
        networks=_networks(document),
        hours=tuple(_span(text) for text in _texts(document, "hours")),
        valid_from=_day(document["valid_from"], "valid_from"),
        valid_until=_day(document["valid_until"], "valid_until"),
        max_data_age_days=_count(document["max_data_age_days"], "max_data_age_days"),
        tells_not_found=_flag(document, "tells_not_found"),
        contact=_short(document, "contact"),
        reference_dates=_days(document.get("reference_dates", ())),
        signed_requests=_flag(document, "signed_requests") if "signed_requests" in document else False,
        additions_per_month=_additions(document),
        outcome_rate=_outcome_rate(document),
        leak=_leak(document.get("leak")),
    )
    if grant.valid_until < grant.valid_from:
        raise GrantError("valid_until 早于 valid_from，请改正日期")
    return grant


def canonical_document(grant: Grant) -> dict[str, object]:
    """The JSON structure that is signed: the same keys, lists sorted, dates as text."""
    leak = {"leak": grant.leak.content()} if grant.leak else {}
    outcome = {} if grant.outcome_rate is None else {"outcome_rate": grant.outcome_rate}
    return {
        **leak,
        **outcome,
        "number": grant.number,
        "partner": grant.partner,
        "purpose": grant.purpose,
        "legal_basis": grant.legal_basis,
        "class": grant.grant_class.value,
        "scope": sorted(grant.scope),
        "fields": dict(grant.reasons),
        "limits": {
            "subjects_per_day": grant.limits.subjects_per_day,
            "subjects_per_30_days": grant.limits.subjects_per_30_days,
            "subjects_per_year": grant.limits.subjects_per_year,
            "comparisons_per_day": grant.limits.comparisons_per_day,
        },
        "hit_rate": grant.hit_rate,
        "networks": sorted(str(network) for network in grant.networks),
        "hours": [f"{s // 60:02}:{s % 60:02}-{e // 60:02}:{e % 60:02}" for s, e in grant.hours],
        "valid_from": grant.valid_from.isoformat(),
        "valid_until": grant.valid_until.isoformat(),
        "max_data_age_days": grant.max_data_age_days,
        "tells_not_found": grant.tells_not_found,
        "contact": grant.contact,
        "signed_requests": grant.signed_requests,
        "additions_per_month": grant.additions_per_month,
        "reference_dates": sorted(day.isoformat() for day in grant.reference_dates),
    }


def local_day(at: datetime) -> date:
    """The day of an instant, as quotas count days."""
    return at.astimezone(SHANGHAI).date()


@lru_cache(maxsize=4096)
def _within(address: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    try:
        host = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    return any(host in network for network in networks)


def _text(document: Mapping[str, object], key: str) -> str:
    value = document[key]
    if not isinstance(value, str) or not value.strip():
        raise GrantError(f"{key} 须为非空文本")
    return value


def _matching(document: Mapping[str, object], key: str, pattern: re.Pattern[str]) -> str:
    value = _text(document, key)
    if not pattern.fullmatch(value):
        raise GrantError(f"{key} 只能用文字、数字、括号、点和连字符，最长 64")
    return value


def _texts(document: Mapping[str, object], key: str) -> tuple[str, ...]:
    values = _listed(document[key])
    if not values:
        raise GrantError(f"{key} 须为至少有一项的列表，空列表什么也不准许")
    texts = tuple(value for value in values if isinstance(value, str) and value)
    if len(texts) != len(values) or len(set(texts)) != len(texts):
        raise GrantError(f"{key} 须列出各不相同的非空文本")
    return texts


def _listed(value: object) -> Sequence[object] | None:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    return cast("Sequence[object]", value)


def _grant_class(document: Mapping[str, object]) -> GrantClass:
    try:
        return GrantClass(_text(document, "class"))
    except ValueError:
        raise GrantError(f"class 须为其中之一：{'、'.join(GrantClass)}") from None


def _limits(value: object) -> Limits:
    names = [each.name for each in fields(Limits)]
    table: Mapping[str, object] = cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
    if set(table) != set(names):
        raise GrantError(f"limits 须恰有这些键：{'、'.join(names)}")
    return Limits(*(_count(table[name], f"limits.{name}") for name in names))


def _count(value: object, key: str, *, least: int = 1, most: int = 2**31 - 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise GrantError(f"{key} 须为 {least} 至 {most} 的整数")
    return value


def _additions(document: Mapping[str, object]) -> int:
    """Only a closed grant has a cohort to add to."""
    additions = _count(document.get("additions_per_month", 0), "additions_per_month", least=0)
    if additions and document["class"] != GrantClass.CLOSED:
        raise GrantError("additions_per_month 只用于 class 为 closed 的签批单，请删去")
    return additions


def _outcome_rate(document: Mapping[str, object]) -> int | None:
    """Only where need alone bounds a grant is it asked what came of it."""
    if "outcome_rate" not in document:
        return None
    if document["class"] not in {GrantClass.OPEN, GrantClass.MATTER}:
        raise GrantError("outcome_rate 只用于 class 为 open 或 matter 的签批单，请删去")
    return _count(document["outcome_rate"], "outcome_rate", most=100)


def _leak(value: object) -> Leak | None:
    try:
        return None if value is None else read_leak(value)
    except LeakError as error:
        raise GrantError(str(error)) from None


def _reasons(value: object) -> Mapping[str, str]:
    """Fields, each with a reason: nobody gets a field because it was on a list."""
    table: Mapping[str, object] = cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
    if not table or not all(
        isinstance(each, str) and 0 < len(each.strip()) <= LONGEST_REASON for each in table.values()
    ):
        raise GrantError(f'fields 须逐个写明字段和需要它的理由（最长 {LONGEST_REASON} 字），如 unit = "核对单位"')
    return MappingProxyType({name: str(table[name]) for name in sorted(table)})


def _short(document: Mapping[str, object], key: str) -> str:
    text = _text(document, key)
    if len(text) > LONGEST_REASON:
        raise GrantError(f"{key} 最长 {LONGEST_REASON} 字，请精简")
    return text


def _flag(document: Mapping[str, object], key: str) -> bool:
    value = document[key]
    if not isinstance(value, bool):
        raise GrantError(f"{key} 须为 true 或 false")
    return value


def _networks(document: Mapping[str, object]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        return tuple(ipaddress.ip_network(text) for text in _texts(document, "networks"))
    except ValueError:
        raise GrantError("networks 须列出网段，如 10.20.0.0/16，主机位为零") from None


def _span(text: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(text)
    if not found:
        raise GrantError('hours 须列出时段，如 "08:30-18:00"；全天写作 "00:00-24:00"')
    start, end = 60 * int(found[1]) + int(found[2]), 60 * int(found[3]) + int(found[4])
    if not start < end <= 24 * 60:
        raise GrantError("hours 的时段须在同一天内先始后终，跨夜请分两段")
    return start, end


def _day(value: object, key: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise GrantError(f"{key} 须为日期，如 2026-12-31")


def _days(values: object) -> frozenset[date]:
    listed = _listed(values)
    if listed is None:
        raise GrantError("reference_dates 须为日期列表；只问当前情况的请删去")
    days = frozenset(_day(value, "reference_dates") for value in listed)
    try:
        for day in days:
            day_number(day)
    except SealingError:
        raise GrantError("reference_dates 的日期须在 1900-01-01 至 2079-06-06 之间") from None
    return days
