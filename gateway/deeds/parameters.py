"""Parameters (参数): deadlines, holidays, reminders, and how far a grant may go at most.

They are a deed of the id `parameters`, which 系统管理员 proposes and 安全管理员 approves. Where none is in force, what
stands here counts. The ceilings here bind every deed: no parameter allows more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import cast

from audit.entry import JsonValue
from gateway.deeds.calendar import WEEKDAYS, Calendar
from gateway.deeds.errors import DeedError
from gateway.deeds.steps import EMERGENCY_REVIEW
from gateway.deeds.texts import UNDERTAKING

PARAMETERS_ID = "parameters"
OTHER = "other"
MOST_HOURS, MOST_DAYS_OF_TERM, MOST_REMINDER_DAYS = 72, 60, 366
MOST_VALIDITY_DAYS, MOST_CALENDAR_DAYS, LONGEST_TEXT = 5 * 366, 1000, 20_000
MOST_EMERGENCY_SUBJECTS = 500
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MEMBERS = frozenset({"deadlines", "calendar", "reminder_days", "longest_validity_days", "emergency", "undertaking"})
MOST_PERSON_SEARCHES = 200
MOST_HOLD_DAYS = 10
LEAST_SHADOW_DAYS, MOST_SHADOW_DAYS = 7, 366
LEAST_DISCLOSURE_MONTHS, MOST_DISCLOSURE_MONTHS = 6, 120
"""网络安全法 第二十一条: logs are kept for six months at least."""
LEAST_RETENTION_MONTHS, MOST_RETENTION_MONTHS = 13, 600
"""Whatever is counted over a year, and rebuilt from the ledger after a restore, needs the entries of a year."""
_DEADLINES: Mapping[str, int] = MappingProxyType(
    {"endorse": 3, "review": 5, "sign_off": 3, EMERGENCY_REVIEW: 2, OTHER: 5}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What is in force. Deadlines are working days by the name of the step; `other` stands for every other step."""

    deadlines: Mapping[str, int] = field(default_factory=lambda: _DEADLINES)
    calendar: Calendar = WEEKDAYS
    reminder_days: int = 30
    longest_validity_days: int = 3 * 365 + 1
    emergency_hours: int = MOST_HOURS
    emergency_subjects_per_day: int = 50
    undertaking: str = UNDERTAKING
    acknowledgement_days: int = 10
    """Working days after the end of a month in which a head acknowledges its statements."""
    person_searches_per_day: int = 20
    """For how many persons one officer may search the ledger in a day."""
    disclosure_months: int = 36
    """For how many whole months whom an entry is about is kept at least, whoever asks for erasure."""
    retention_months: int = 36
    """For how many whole months entries are kept at least before they may be archived and pruned."""
    shadow_days: int = 30
    """For how many days thresholds run beside those in force before they may be adopted."""
    hold_days: int = 1
    """By the end of how many working days a hold of the watch must be handled, before it becomes a freeze."""

    def days_for(self, step: str) -> int:
        """How many working days a step may take."""
        return self.deadlines.get(step, self.deadlines[OTHER])


DEFAULTS = Parameters()
_LATER_DEFAULTS: Mapping[str, JsonValue] = MappingProxyType(
    {
        "acknowledgement_days": DEFAULTS.acknowledgement_days,
        "person_searches_per_day": DEFAULTS.person_searches_per_day,
        "disclosure_months": DEFAULTS.disclosure_months,
        "retention_months": DEFAULTS.retention_months,
        "hold_days": DEFAULTS.hold_days,
        "shadow_days": DEFAULTS.shadow_days,
    }
)
"""Members that came later: a deed that does not name them says this."""


def parameters_content(parameters: Parameters) -> dict[str, JsonValue]:
    """The content of the deed that puts these in force."""
    return {
        "deadlines": dict(parameters.deadlines),
        "calendar": {
            "off": sorted(day.isoformat() for day in parameters.calendar.off),
            "on": sorted(day.isoformat() for day in parameters.calendar.on),
        },
        "reminder_days": parameters.reminder_days,
        "longest_validity_days": parameters.longest_validity_days,
        "emergency": {
            "hours": parameters.emergency_hours,
            "subjects_per_day": parameters.emergency_subjects_per_day,
        },
        "undertaking": parameters.undertaking,
        "acknowledgement_days": parameters.acknowledgement_days,
        "person_searches_per_day": parameters.person_searches_per_day,
        "disclosure_months": parameters.disclosure_months,
        "retention_months": parameters.retention_months,
        "hold_days": parameters.hold_days,
        "shadow_days": parameters.shadow_days,
    }


def read_parameters(content: Mapping[str, JsonValue]) -> Parameters:
    """What a deed of this content says. Raises `DeedError` that names the member and says what to write."""
    content = {**_LATER_DEFAULTS, **content}
    _exactly(content, _MEMBERS | _LATER_DEFAULTS.keys(), "parameters")
    deadlines, emergency = _table(content, "deadlines"), _table(content, "emergency")
    _exactly(deadlines, _DEADLINES.keys(), "deadlines")
    _exactly(emergency, frozenset({"hours", "subjects_per_day"}), "emergency")
    return Parameters(
        deadlines=MappingProxyType({step: _count(deadlines, step, MOST_DAYS_OF_TERM) for step in _DEADLINES}),
        calendar=_calendar(_table(content, "calendar")),
        reminder_days=_count(content, "reminder_days", MOST_REMINDER_DAYS),
        longest_validity_days=_count(content, "longest_validity_days", MOST_VALIDITY_DAYS),
        emergency_hours=_count(emergency, "hours", MOST_HOURS),
        emergency_subjects_per_day=_count(emergency, "subjects_per_day", MOST_EMERGENCY_SUBJECTS),
        undertaking=_text(content, "undertaking"),
        acknowledgement_days=_count(content, "acknowledgement_days", MOST_DAYS_OF_TERM),
        person_searches_per_day=_count(content, "person_searches_per_day", MOST_PERSON_SEARCHES),
        disclosure_months=_count(content, "disclosure_months", MOST_DISCLOSURE_MONTHS, LEAST_DISCLOSURE_MONTHS),
        retention_months=_count(content, "retention_months", MOST_RETENTION_MONTHS, LEAST_RETENTION_MONTHS),
        hold_days=_count(content, "hold_days", MOST_HOLD_DAYS),
        shadow_days=_count(content, "shadow_days", MOST_SHADOW_DAYS, LEAST_SHADOW_DAYS),
    )


def parameters_of(content: Mapping[str, JsonValue] | None) -> Parameters:
    """What the deed in force says, or what counts without one. Raises `DeedError`."""
    return DEFAULTS if content is None else read_parameters(content)


def _calendar(table: Mapping[str, JsonValue]) -> Calendar:
    _exactly(table, frozenset({"off", "on"}), "calendar")
    calendar = Calendar(_days(table, "off"), _days(table, "on"))
    if both := sorted(calendar.off & calendar.on):
        raise DeedError(f"calendar 中 {both[0]} 不能同时列入 off 和 on")
    return calendar


def _days(table: Mapping[str, JsonValue], name: str) -> frozenset[date]:
    listed = table[name]
    if not isinstance(listed, list) or len(listed) > MOST_CALENDAR_DAYS:
        raise DeedError(f"calendar.{name} 须为日期列表，最多 {MOST_CALENDAR_DAYS} 个")
    days = [_day(each, name) for each in cast("list[object]", listed)]
    if days != sorted(set(days)):
        raise DeedError(f"calendar.{name} 的日期须从早到晚排列，不得重复")
    return frozenset(days)


def _day(value: object, name: str) -> date:
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise DeedError(f"calendar.{name} 的日期须写如 2026-10-01")


def _exactly(table: Mapping[str, JsonValue], wanted: Set[str], where: str) -> None:
    if table.keys() != wanted:
        raise DeedError(f"{where} 须恰有这些成员：{'、'.join(sorted(wanted))}")


def _table(content: Mapping[str, JsonValue], name: str) -> Mapping[str, JsonValue]:
    value = content[name]
    if not isinstance(value, Mapping):
        raise DeedError(f"{name} 须为 JSON 对象")
    return value


def _count(table: Mapping[str, JsonValue], name: str, most: int, least: int = 1) -> int:
    value = table[name]
    if type(value) is not int or not least <= value <= most:
        raise DeedError(f"{name} 须为 {least} 至 {most} 的整数")
    return value


def _text(content: Mapping[str, JsonValue], name: str) -> str:
    value = content[name]
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
        raise DeedError(f"{name} 须为非空文本，最多 {LONGEST_TEXT} 字")
    return value
