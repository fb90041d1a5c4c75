"""Draws the people of the league, one after the other, as plain as they come; `ops.demo.awkward` then bends some."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import count
from random import Random

from ops.demo.draw import Weighted, day_between, years_after
from ops.demo.names import han_given, han_surname, mongolian_name
from ops.demo.numbers import ELSEWHERE, Numbers
from ops.demo.organisations import Organisation, Sort
from ops.demo.person import PAY_MONTH, TODAY, Pay, Person, Post
from ops.demo.posts import Place, place_in
from ops.demo.staffing import Role, Staff

MONGOLIAN = "蒙古族"
_ETHNICITIES = Weighted(
    {"汉族": 70, MONGOLIAN: 24, "满族": 2.5, "回族": 2, "达斡尔族": 0.8, "鄂温克族": 0.4, "藏族": 0.3}
)
_STATUSES = {Role.RETIRED: "退休", Role.DECEASED: "去世"}
_GONE = Weighted({"调出": 40, "辞职": 50, "开除": 10})
_PARTY = {
    "leader": Weighted({"中共党员": 92, "民盟盟员": 2, "九三学社社员": 1, "无党派人士": 5}),
    "young": Weighted({"中共党员": 30, "中共预备党员": 5, "共青团员": 40, "群众": 25}),
    "others": Weighted({"中共党员": 45, "群众": 51, "民盟盟员": 1, "民革党员": 1, "农工党党员": 1, "民建会员": 1}),
}
_EDUCATION = {
    "old": Weighted({"大学本科": 25, "大学专科": 45, "中等专科": 20, "普通高中": 10}),
    "middle": Weighted({"硕士研究生": 4, "大学本科": 60, "大学专科": 30, "中等专科": 6}),
    "young": Weighted({"博士研究生": 1, "硕士研究生": 16, "大学本科": 73, "大学专科": 10}),
}
_DEGREES = {"博士研究生": "博士", "硕士研究生": "硕士", "大学本科": "学士"}
_ENTRY_ORGAN = Weighted({"公务员考试录用": 62, "选调生": 6, "公开遴选": 5, "军转安置": 8, "调入": 14, "大中专分配": 5})
_ENTRY_OTHER = Weighted({"公开招聘": 66, "人才引进": 4, "调入": 10, "退役士兵安置": 3, "大中专分配": 17})


class People:
    """Iterates over everybody in the register, in the order of the organisations. Iterate once only."""

    def __init__(self, rng: Random, staffs: Sequence[Staff]) -> None:
        self._rng = rng
        self._staffs = staffs
        self.numbers = Numbers(rng)

    def __iter__(self) -> Iterator[Person]:
        number = count(1)
        for staff in self._staffs:
            for role in staff.roles():
                yield self._person(next(number), staff.organisation, role)

    def _person(self, number: int, organisation: Organisation, role: Role) -> Person:
        rng = self._rng
        male = rng.random() < 0.53
        birth = _birth(rng, role)
        left = _left(rng, role, birth)
        age = ((left or TODAY) - birth).days // 365
        place = place_in(rng, organisation, role, age)
        ethnicity = _ETHNICITIES.draw(rng)
        education = _education(rng, birth)
        start, entry, since = _career(rng, birth, left or TODAY)
        status = _status(rng, role)
        return Person(
            number=number,
            id_number=self.numbers.draw(_birth_place(rng, organisation), birth, male=male),
            name=plain_name(rng, ethnicity, male=male),
            male=male,
            ethnicity=ethnicity,
            birth=birth,
            politics=_politics(rng, role, age),
            education=education,
            degree=_DEGREES.get(education, "无学位"),
            title=place.title,
            work_start=start,
            entry_date=entry,
            entry_mode=(_ENTRY_OTHER if organisation.sort is Sort.INSTITUTION else _ENTRY_ORGAN).draw(rng),
            quota_since=None if role is Role.OFF_QUOTA else entry,
            civil_servant=place.civil_servant,
            status=status,
            left=left,
            posts=(_main_post(organisation, place, since, left),),
            pays=() if left else (_pay(rng, organisation, place, (TODAY - start).days // 365),),
            updated=_updated(rng, since, left),
        )


def plain_name(rng: Random, ethnicity: str, *, male: bool) -> str:
    """A name as usual for the people; two in three Mongolian people bear a Mongolian one."""
    if ethnicity == MONGOLIAN and rng.random() < 0.66:
        return mongolian_name(rng, male=male)
    return han_surname(rng) + han_given(rng, male=male)


def _birth(rng: Random, role: Role) -> date:
    if role is Role.RETIRED:
        return years_after(TODAY, -rng.triangular(60.2, 88, 63))
    if role is Role.DECEASED:
        return years_after(TODAY, -rng.triangular(42, 92, 70))
    youngest = 36 if role in {Role.HEAD, Role.DEPUTY} else 22.5
    return years_after(TODAY, -rng.triangular(youngest, 59.9, 44))


def _left(rng: Random, role: Role, birth: date) -> date | None:
    """The first day outside: at sixty, or some day of the last years."""
    if role is Role.RETIRED:
        return _first_of_next_month(years_after(birth, 60))
    if role is Role.DECEASED or role is Role.GONE:
        last_years = years_after(TODAY, -4)
        return min(day_between(rng, last_years, TODAY), years_after(birth, 60))
    return None


def _first_of_next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _birth_place(rng: Random, organisation: Organisation) -> str:
    chance = rng.random()
    if chance < 0.1:
        return rng.choice(ELSEWHERE)
    at_league = organisation.place.endswith("00")
    return f"1599{rng.randint(1, 14):02}" if at_league or chance < 0.3 else organisation.place


def _education(rng: Random, birth: date) -> str:
    return _EDUCATION["old" if birth.year < 1970 else ("middle" if birth.year < 1988 else "young")].draw(rng)


def _politics(rng: Random, role: Role, age: int) -> str:
    if role in {Role.HEAD, Role.DEPUTY}:
        return _PARTY["leader"].draw(rng)
    return _PARTY["young" if age < 28 else "others"].draw(rng)


def _career(rng: Random, birth: date, end: date) -> tuple[date, date, date]:
    """Start of work, entry into the unit, start of the present post: in this order, all before `end`."""
    eve = years_after(end, -0.1)
    start = min(day_between(rng, years_after(birth, 18.2), years_after(birth, 27)), eve)
    entry = day_between(rng, start, min(years_after(start, 12), eve)) if rng.random() < 0.6 else start
    return start, entry, day_between(rng, max(entry, years_after(end, -14)), eve)


def _status(rng: Random, role: Role) -> str:
    if role is Role.GONE:
        return _GONE.draw(rng)
    return _STATUSES.get(role, "在职")


def _main_post(organisation: Organisation, place: Place, since: date, until: date | None) -> Post:
    return Post(
        organisation=organisation.code,
        section=place.section,
        quota_type=place.quota_type,
        category=place.category,
        post_category=place.post_category,
        post=place.post,
        leader_rank=place.leader_rank,
        rank=place.rank,
        main=True,
        form="任职",
        since=since,
        until=until,
    )


def _pay(rng: Random, organisation: Organisation, place: Place, years: int) -> Pay:
    """More years, more pay; off-quota people are paid by the unit, outside the common payroll."""
    off_quota = place.quota_type == "编外"
    grade = max(1, 26 - years // 2) if place.civil_servant else min(65, 1 + years + rng.randrange(8))
    base = 1_800 + 60 * years + rng.randrange(0, 40) * 10
    return Pay(
        organisation=organisation.code,
        status="未列入统发" if off_quota else "正常发放",
        month=PAY_MONTH,
        grade=grade,
        base=base,
        allowance=0 if off_quota else 1_600 + 45 * years + rng.randrange(0, 60) * 10,
        performance=rng.randrange(80, 320) * 10 if place.post_category != "行政管理" else 0,
    )


def _updated(rng: Random, since: date, left: date | None) -> datetime:
    """The last change: when the post began or ended, or some correction in the last two years."""
    last = left or max(since, day_between(rng, years_after(TODAY, -2), TODAY))
    return datetime.combine(min(last, TODAY), time(rng.randrange(8, 18), rng.randrange(60), rng.randrange(60)))
