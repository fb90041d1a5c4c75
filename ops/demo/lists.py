"""The lists of two other offices, 人事 (personnel) and 工资 (payroll), with what is wrong in each row.

    for entry in payroll(League.of()):        # streams, and gives the same for the same league
        ...

Most rows agree with the register; `ops.demo.flaws` says how the others differ. `ops.demo.sheets` writes them to files.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from ops.demo import flaws
from ops.demo.flaws import ACCOUNT, AMOUNT, BASE, BIRTH, ID, NAME, POST, QUOTA_TYPE, UNIT, Desk, Difference, Flaw, Row
from ops.demo.league import League
from ops.demo.organisations import Organisation
from ops.demo.person import PAY_MONTH, Person
from policies.identifiers import parse_id_number

PERSONNEL_COLUMNS = (NAME, ID, "性别", "民族", BIRTH, UNIT, POST, QUOTA_TYPE, "参加工作时间")
PAYROLL_COLUMNS = (
    NAME, ID, UNIT, QUOTA_TYPE, "工资级别", BASE, "津贴补贴", "绩效工资", AMOUNT, "发放月份", ACCOUNT,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A row and what is wrong with it, if anything. Without a row, `person` is missing from the list."""

    row: Row | None = field(repr=False)
    difference: Difference | None
    person: Person | None


@dataclass(frozen=True, slots=True)
class List:
    """One office's list: its columns, whom it lists and for which organisations, how its rows differ."""

    name: str
    columns: tuple[str, ...]
    row_of: flaws.RowOf
    listed: Callable[[Person], list[str]]
    kinds: tuple[Flaw, ...]

    def entries(self, league: League) -> Iterator[Entry]:
        """All rows in the order of the register, each with its difference."""
        units = {organisation.code: organisation for organisation in league.organisations}
        desk = Desk(rng=Random(f"{league.seed} {self.name}"), units=units, row_of=self.row_of)
        for person in league.people():
            yield from self._entries_of(person, desk)

    def _entries_of(self, person: Person, desk: Desk) -> Iterator[Entry]:
        rows, difference = self._bent(
            [self.row_of(person, desk.units[code]) for code in self.listed(person)], person, desk
        )
        for row in rows[:-1]:
            yield Entry(row, None, person)
        if rows:
            desk.before = rows[-1]
            yield Entry(rows[-1], difference, None if difference is Difference.GHOST else person)
        elif difference is not None:
            yield Entry(None, difference, person)

    def _bent(self, rows: list[Row], person: Person, desk: Desk) -> tuple[list[Row], Difference | None]:
        """The rows after the first flaw that befalls the person; at most one does, so the truth stays plain."""
        for flaw in self.kinds:
            if flaw.fits(person) and desk.rng.random() < flaw.chance:
                bent = flaw.bend(rows, person, desk)
                if bent is not None:
                    return bent, flaw.kind
        return rows, None


def _on_quota(person: Person) -> bool:
    return person.active and person.quota_since is not None


def _off_quota(person: Person) -> bool:
    return person.active and person.quota_since is None


def _has(status: str) -> Callable[[Person], bool]:
    return lambda person: person.status == status


def _has_left(person: Person) -> bool:
    return person.status in {"调出", "辞职", "开除"}


def _was_transferred(person: Person) -> bool:
    return _on_quota(person) and "transferred" in person.cases


def _listed_by_personnel(person: Person) -> list[str]:
    return [person.main_post.organisation] if person.active else []


def _paid_by(person: Person) -> list[str]:
    return [pay.organisation for pay in person.pays if pay.status == "正常发放"]


def _personnel_row(person: Person, unit: Organisation) -> Row:
    post = person.main_post
    return {
        NAME: person.name,
        ID: parse_id_number(person.id_number),
        "性别": "男" if person.male else "女",
        "民族": person.ethnicity,
        BIRTH: f"{person.birth.year}.{person.birth.month:02}",
        UNIT: unit.name,
        POST: post.post,
        QUOTA_TYPE: post.quota_type,
        "参加工作时间": f"{person.work_start.year}.{person.work_start.month:02}",
    }


def _payroll_row(person: Person, unit: Organisation) -> Row:
    """What the register says is paid; for somebody it does not pay any more, a plain salary."""
    pay = person.pays[0] if person.pays else None
    base, allowance, performance = (pay.base, pay.allowance, pay.performance) if pay else (3_200, 2_400, 0)
    return {
        NAME: person.name,
        ID: parse_id_number(person.id_number),
        UNIT: unit.name,
        QUOTA_TYPE: "事业编制" if person.quota_since is None else person.main_post.quota_type,
        "工资级别": pay.grade if pay else 20,
        BASE: base,
        "津贴补贴": allowance,
        "绩效工资": performance,
        AMOUNT: base + allowance + performance,
        "发放月份": PAY_MONTH,
        ACCOUNT: f"6217{person.number * 7_919 % 10**11:011}{person.number % 10_000:04}",
    }


_IN_ANY_LIST = (
    Flaw(Difference.NAME_VARIANT, 0.006, _on_quota, flaws.variant_name),
    Flaw(Difference.NAME_WRONG, 0.0015, _on_quota, flaws.wrong_name),
    Flaw(Difference.OLD_ID, 0.003, _on_quota, flaws.old_id),
    Flaw(Difference.ID_INVALID, 0.001, _on_quota, flaws.invalid_id),
    Flaw(Difference.ID_DUPLICATE, 0.0008, _on_quota, flaws.duplicate_id),
    Flaw(Difference.WRONG_UNIT, 0.0015, _on_quota, flaws.wrong_unit),
    Flaw(Difference.FORMER_UNIT_NAME, 0.01, _on_quota, flaws.former_unit),
    Flaw(Difference.QUOTA_TYPE_DIFFERS, 0.001, _on_quota, flaws.other_quota_type),
    Flaw(Difference.TRANSFERRED_NOT_REMOVED, 0.02, _was_transferred, flaws.also_before),
    Flaw(Difference.RETIRED_STILL_PAID, 0.02, _has("退休"), flaws.still_there),
    Flaw(Difference.DECEASED_STILL_PAID, 0.05, _has("去世"), flaws.still_there),
    Flaw(Difference.LEFT_STILL_PAID, 0.05, _has_left, flaws.still_there),
    Flaw(Difference.GHOST, 0.0004, _on_quota, flaws.ghost),
)
PERSONNEL = List(
    name="personnel",
    columns=PERSONNEL_COLUMNS,
    row_of=_personnel_row,
    listed=_listed_by_personnel,
    kinds=(
        *_IN_ANY_LIST,
        Flaw(Difference.BIRTH_MONTH_DIFFERS, 0.001, _on_quota, flaws.other_birth_month),
        Flaw(Difference.POST_DIFFERS, 0.004, _on_quota, flaws.other_post),
        Flaw(Difference.NOT_LISTED, 0.001, _on_quota, flaws.missing),
    ),
)
PAYROLL = List(
    name="payroll",
    columns=PAYROLL_COLUMNS,
    row_of=_payroll_row,
    listed=_paid_by,
    kinds=(
        Flaw(Difference.DOUBLE_PAY, 1, lambda person: len(person.pays) > 1, flaws.as_is),
        Flaw(Difference.SECONDED_DOUBLE, 0.05, _has("借调"), flaws.also_beside),
        *_IN_ANY_LIST,
        Flaw(Difference.OFF_QUOTA_IN_PAYROLL, 0.03, _off_quota, flaws.still_there),
        Flaw(Difference.AMOUNT_DIFFERS, 0.002, _on_quota, flaws.other_amount),
        Flaw(Difference.ACCOUNT_SHARED, 0.0008, _on_quota, flaws.shared_account),
        Flaw(Difference.ON_QUOTA_NOT_PAID, 0.003, _on_quota, flaws.missing),
    ),
)
