"""How the lists of other offices go wrong: the kinds of difference, and what a row looks like then.

A flaw bends the rows of one person. The last row it returns bears the difference; no row at all means the person is
missing from the list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from ops.demo.names import han_given, han_surname, other_writing
from ops.demo.numbers import as_old, with_check, with_wrong_check
from ops.demo.organisations import Organisation
from ops.demo.person import Person

Row = dict[str, str | int]
NAME, ID, UNIT = "姓名", "身份证号", "单位"
ACCOUNT, AMOUNT, BASE, QUOTA_TYPE, BIRTH, POST = "银行账号", "应发合计", "基本工资", "编制类别", "出生年月", "职务"


class Difference(StrEnum):
    """In what a row of a list differs from the register."""

    RETIRED_STILL_PAID = "retired_still_paid"
    DECEASED_STILL_PAID = "deceased_still_paid"
    LEFT_STILL_PAID = "left_still_paid"
    TRANSFERRED_NOT_REMOVED = "transferred_not_removed"
    SECONDED_DOUBLE = "seconded_double"
    DOUBLE_PAY = "double_pay"
    OFF_QUOTA_IN_PAYROLL = "off_quota_in_payroll"
    ON_QUOTA_NOT_PAID = "on_quota_not_paid"
    NOT_LISTED = "not_listed"
    GHOST = "ghost"
    NAME_VARIANT = "name_variant"
    NAME_WRONG = "name_wrong"
    OLD_ID = "old_id"
    ID_INVALID = "id_invalid"
    ID_DUPLICATE = "id_duplicate"
    ACCOUNT_SHARED = "account_shared"
    WRONG_UNIT = "wrong_unit"
    FORMER_UNIT_NAME = "former_unit_name"
    AMOUNT_DIFFERS = "amount_differs"
    QUOTA_TYPE_DIFFERS = "quota_type_differs"
    BIRTH_MONTH_DIFFERS = "birth_month_differs"
    POST_DIFFERS = "post_differs"


MEANINGS: Mapping[Difference, str] = {
    Difference.RETIRED_STILL_PAID: "已退休仍在名单",
    Difference.DECEASED_STILL_PAID: "已去世仍在名单",
    Difference.LEFT_STILL_PAID: "已调出、辞职或开除仍在名单",
    Difference.TRANSFERRED_NOT_REMOVED: "调动后原单位未核减",
    Difference.SECONDED_DOUBLE: "借调双头领取",
    Difference.DOUBLE_PAY: "一人双薪",
    Difference.OFF_QUOTA_IN_PAYROLL: "编外混入统发",
    Difference.ON_QUOTA_NOT_PAID: "在编未发",
    Difference.NOT_LISTED: "在编未列入名册",
    Difference.GHOST: "库中无此人",
    Difference.NAME_VARIANT: "姓名异体或简繁不同",
    Difference.NAME_WRONG: "姓名不同",
    Difference.OLD_ID: "十五位旧号，应视为一致",
    Difference.ID_INVALID: "身份证号校验码不符",
    Difference.ID_DUPLICATE: "身份证号重号",
    Difference.ACCOUNT_SHARED: "同一银行账号多人",
    Difference.WRONG_UNIT: "单位不同",
    Difference.FORMER_UNIT_NAME: "单位用旧名",
    Difference.AMOUNT_DIFFERS: "金额不同",
    Difference.QUOTA_TYPE_DIFFERS: "编制类别不同",
    Difference.BIRTH_MONTH_DIFFERS: "出生年月不同",
    Difference.POST_DIFFERS: "职务不同",
}


@dataclass(kw_only=True)
class Desk:
    """Where a list is put together: chance, the organisations by code, the row before, how a row is made."""

    rng: Random
    units: Mapping[str, Organisation]
    row_of: "RowOf"
    before: Row | None = None


RowOf = Callable[[Person, Organisation], Row]
Bend = Callable[[list[Row], Person, Desk], "list[Row] | None"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One kind of difference. `chance` is for a person it fits; `bend` may still return `None`: it does not fit."""

    kind: Difference
    chance: float
    fits: Callable[[Person], bool]
    bend: Bend


def as_is(rows: list[Row], _person: Person, _desk: Desk) -> list[Row]:
    """Nothing to bend: the difference is in the register's own people."""
    return rows


def missing(_rows: list[Row], _person: Person, _desk: Desk) -> list[Row]:
    """Not in the list at all."""
    return []


def still_there(_rows: list[Row], person: Person, desk: Desk) -> list[Row]:
    """In the list, although gone."""
    return [desk.row_of(person, desk.units[person.main_post.organisation])]


def also_before(rows: list[Row], person: Person, desk: Desk) -> list[Row] | None:
    """In the list of the former organisation as well."""
    earlier = [post for post in person.posts if post.until is not None]
    return [*rows, desk.row_of(person, desk.units[earlier[-1].organisation])] if earlier else None


def also_beside(rows: list[Row], person: Person, desk: Desk) -> list[Row] | None:
    """In the list of the organisation that borrows them as well."""
    beside = [post for post in person.posts if post.form == "借调" and post.until is None]
    return [*rows, desk.row_of(person, desk.units[beside[0].organisation])] if beside else None


def ghost(rows: list[Row], person: Person, desk: Desk) -> list[Row]:
    """And somebody the register never heard of; the places 1597.. were never given out either."""
    place, day, sequence = desk.rng.randrange(159700, 159800), person.birth, desk.rng.randrange(1000)
    name = han_surname(desk.rng) + han_given(desk.rng, male=person.male)
    stranger = desk.row_of(person, desk.units[person.main_post.organisation])
    return [*rows, stranger | {NAME: name, ID: with_check(f"{place}{day:%Y%m%d}{sequence:03}")}]


def variant_name(rows: list[Row], person: Person, _desk: Desk) -> list[Row] | None:
    """The name in another writing."""
    other = other_writing(person.name)
    return _last(rows, {NAME: other}) if other else None


def wrong_name(rows: list[Row], person: Person, desk: Desk) -> list[Row] | None:
    """The name with another given name."""
    name = person.name[0] + han_given(desk.rng, male=not person.male)
    return _last(rows, {NAME: name}) if name != person.name else None


def old_id(rows: list[Row], person: Person, _desk: Desk) -> list[Row] | None:
    """The number of 15 digits of the same person."""
    return _last(rows, {ID: as_old(str(rows[-1][ID]))}) if person.birth.year < 2000 else None


def invalid_id(rows: list[Row], _person: Person, _desk: Desk) -> list[Row]:
    """The number with a wrong check character."""
    return _last(rows, {ID: with_wrong_check(str(rows[-1][ID]))})


def duplicate_id(rows: list[Row], _person: Person, desk: Desk) -> list[Row] | None:
    """The number of the row before."""
    return _last(rows, {ID: desk.before[ID]}) if desk.before else None


def shared_account(rows: list[Row], _person: Person, desk: Desk) -> list[Row] | None:
    """The bank account of the row before."""
    return _last(rows, {ACCOUNT: desk.before[ACCOUNT]}) if desk.before else None


def wrong_unit(rows: list[Row], person: Person, desk: Desk) -> list[Row]:
    """Some other organisation."""
    mine = person.main_post.organisation
    two = desk.rng.sample(list(desk.units.values()), 2)
    return _last(rows, {UNIT: next(unit.name for unit in two if unit.code != mine)})


def former_unit(rows: list[Row], person: Person, desk: Desk) -> list[Row] | None:
    """The organisation under the name it had before the reform."""
    former = desk.units[person.main_post.organisation].former_name
    return _last(rows, {UNIT: former}) if former else None


def other_amount(rows: list[Row], _person: Person, desk: Desk) -> list[Row]:
    """Some hundreds more in base and sum."""
    more = desk.rng.randrange(2, 9) * 100
    return _last(rows, {BASE: int(rows[-1][BASE]) + more, AMOUNT: int(rows[-1][AMOUNT]) + more})


def other_quota_type(rows: list[Row], _person: Person, _desk: Desk) -> list[Row]:
    """Another 编制类别."""
    return _last(rows, {QUOTA_TYPE: "事业编制" if rows[-1][QUOTA_TYPE] != "事业编制" else "行政编制"})


def other_birth_month(rows: list[Row], person: Person, _desk: Desk) -> list[Row]:
    """A birth month a year off, so that somebody retires later."""
    return _last(rows, {BIRTH: f"{person.birth.year + 1}.{person.birth.month:02}"})


def other_post(rows: list[Row], _person: Person, _desk: Desk) -> list[Row]:
    """A post they do not hold."""
    return _last(rows, {POST: "四级联络员"})


def _last(rows: list[Row], change: Row) -> list[Row]:
    return [*rows[:-1], rows[-1] | change]
