"""Grants as they are commonly applied for, with what each leaks at worst: the table of docs/leak.md.

Limits are one and a half times the declared use, as reviewers are told to sign them. Sizes are those of the simulated
league's partners (docs/simulation.md), so that the two pages can be held against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_network
from math import ceil

from gateway.domain.budget import Limits
from gateway.domain.grant import Grant, GrantClass
from gateway.domain.leak import Case, Leak
from gateway.watch.leak import Leaks

REGISTER = 1_000_000
BEGIN, END = "<!-- begin presets -->\n", "<!-- end presets -->"
_SLACK, _REPEATS = 1.5, 3
_FEW = ("name", "unit", "person_status")
_USUAL = ("name", "unit", "person_status", "quota_type", "leader_rank")
_MANY = ("name", "unit", "person_status", "quota_type", "leader_rank", "education")
_HEAD = (
    "|签批单|类别|每日/30 天/每年|字段|凭证被盗：人/项/天|经办人不实：人/项/天|全期上限：人|限定名册：人|少一字段：项|",
    "|---|---|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Somebody's declared use: people on the busiest day, in 30 days, in a year."""

    zh: str
    grant_class: GrantClass
    day: float
    month: float
    year: float
    hit_rate: int
    fields: tuple[str, ...]

    def grant(self, number: str) -> Grant:
        """The grant that is applied for, for a year."""
        day, month, year = (ceil(_SLACK * each) for each in (self.day, self.month, self.year))
        is_scoped = self.grant_class is GrantClass.SCOPED
        return Grant(
            number=number,
            partner="preset",
            purpose="preset",
            legal_basis="某办法",
            grant_class=self.grant_class,
            scope=("150102",) if is_scoped else ("150000",),
            reasons=dict.fromkeys(sorted(self.fields), "核对"),
            limits=Limits(day, month, year, _REPEATS * day),
            hit_rate=self.hit_rate,
            networks=(ip_network("10.0.0.0/8"),),
            hours=((0, 1440),),
            valid_from=date(2026, 1, 1),
            valid_until=date(2026, 12, 31),
            max_data_age_days=30,
            tells_not_found=False,
            contact="某联系人",
            reference_dates=frozenset(),
            signed_requests=False,
            additions_per_month=0,
        )


def _payroll(zh: str, grant_class: GrantClass, staff: int) -> Preset:
    return Preset(zh=zh, grant_class=grant_class, day=staff, month=staff, year=1.1 * staff, hit_rate=99, fields=_USUAL)


PRESETS: Mapping[str, Preset] = {
    "payroll-closed": _payroll("工资核对，限定名册，5,500 人", GrantClass.CLOSED, 5_500),
    "payroll-scoped": _payroll("工资核对，限定单位，5,500 人", GrantClass.SCOPED, 5_500),
    "payroll-large": _payroll("工资核对，限定单位，50,000 人", GrantClass.SCOPED, 50_000),
    "onboarding": Preset(
        zh="录用核对，不限单位，每月 150 人",
        grant_class=GrantClass.OPEN,
        day=43,
        month=300,
        year=1_800,
        hit_rate=99,
        fields=_MANY,
    ),
    "onboarding-busy": Preset(
        zh="录用核对，不限单位，每月 800 人",
        grant_class=GrantClass.OPEN,
        day=229,
        month=1_600,
        year=9_600,
        hit_rate=99,
        fields=_MANY,
    ),
    "screening": Preset(
        zh="名单筛查，不限对象，每月 20,000 人",
        grant_class=GrantClass.OPEN,
        day=5_000,
        month=20_000,
        year=140_000,
        hit_rate=8,
        fields=_FEW,
    ),
    "inspection": Preset(
        zh="按事由核查，每月 60 人",
        grant_class=GrantClass.MATTER,
        day=60,
        month=120,
        year=720,
        hit_rate=97,
        fields=_USUAL,
    ),
}


class NoPlaceError(Exception):
    """A document has no place for the table; the message says how to make one."""


def with_table(document: str, made: str) -> str:
    """The document with this table between its marks. Raises `NoPlaceError`."""
    before, found, rest = document.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise NoPlaceError(f"文件中须有 {BEGIN.strip()} 和 {END} 两行，表写在其间")
    return f"{before}{BEGIN}{made}{END}{after}"


def table(leaks: Leaks, register: int = REGISTER) -> str:
    """All of them, in Markdown."""
    rows = [_row(preset, leaks.of(preset.grant(name), register)) for name, preset in PRESETS.items()]
    intro = f"名册 {register:,} 个对象，有效期一年。每百次推演中 95 次不超过此数，括号内为中位数；"
    return "\n".join((f"{intro}后两栏斜线前为凭证被盗，后为经办人不实。", "", *_HEAD, *rows)) + "\n"


def _row(preset: Preset, leak: Leak) -> str:
    limits = preset.grant("preset").limits
    cells: Sequence[str] = (
        preset.zh,
        preset.grant_class.value,
        f"{limits.subjects_per_day:,}/{limits.subjects_per_30_days:,}/{limits.subjects_per_year:,}",
        str(len(preset.fields)),
        _case(leak.stolen),
        _case(leak.dishonest),
        f"{leak.most.persons:,}",
        f"{leak.closed.stolen.persons.worst:,} / {leak.closed.dishonest.persons.worst:,}" if leak.closed else "–",
        f"{leak.without.stolen.answers.worst:,} / {leak.without.dishonest.answers.worst:,}" if leak.without else "–",
    )
    return f"|{'|'.join(cells)}|"


def _case(case: Case) -> str:
    persons = f"{case.persons.worst:,}（{case.persons.median:,}）"
    if not case.persons.worst:
        return "0"
    days = f"{case.days.worst:,}" if case.stopped else f"{case.days.worst:,}，不停"
    return f"{persons} / {case.answers.worst:,} / {days}"
