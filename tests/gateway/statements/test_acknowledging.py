"""A head acknowledges a month, or the partner's grants step up; over a real office with a driven clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.domain.people import Duty
from gateway.statements.acknowledging import Overview, deed_id, read_month, steps_up, waiting
from gateway.tasks import tasks_of
from ops.demo.office import IDS
from tests.lives import HEAD, LEADER, PARTNER, SECURITY, Life
from tests.stated import StatedHome

JUNE = "2026-06"


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with closing(Life(tmp_path)) as life:
        yield life


@pytest.fixture
def stated(life: Life) -> Iterator[StatedHome]:
    with closing(StatedHome(life.home)) as stated:
        yield stated


def owed(life: Life, stated: StatedHome) -> Any:
    reader = stated.desk.statements
    return list(waiting(life.standing, reader.months(), reader.last_day()))


def content(stated: StatedHome, **changes: JsonValue) -> dict[str, JsonValue]:
    return {**read_month(stated.desk.statements, PARTNER, JUNE).content(), **changes}


def acknowledge(life: Life, told: dict[str, JsonValue], deed: str = deed_id(PARTNER, JUNE), reason: str = "") -> None:
    life.sign(life.draw(Kind.ACKNOWLEDGEMENT, deed, told, HEAD, reason=reason), HEAD)


def since(life: Life, stated: StatedHome) -> datetime | None:
    reader = stated.desk.statements
    return steps_up(life.standing, reader.months(), reader.last_day()).get(PARTNER)


def test_a_month_waits_when_it_is_whole_and_ten_working_days_later_grants_step_up(
    life: Life, stated: StatedHome
) -> None:
    stated.compare()
    stated.make()
    assert owed(life, stated) == []

    life.clock.pass_by(days=1)  # 30 June is over
    stated.make()

    (month,) = owed(life, stated)
    assert (month.partner, month.month, month.count) == (PARTNER, JUNE, 1)
    assert month.due == date(2026, 7, 14)
    assert since(life, stated) == datetime.fromisoformat("2026-07-15T00:00:00+08:00")


def test_holidays_and_the_parameter_move_the_day(life: Life, stated: StatedHome) -> None:
    life.set_parameters(acknowledgement_days=3, calendar={"off": ["2026-07-01"], "on": ["2026-07-04"]})
    stated.compare()
    life.clock.pass_by(days=1)
    stated.make()

    assert owed(life, stated)[0].due == date(2026, 7, 4)


def test_statements_that_came_late_are_waited_for_from_then_on(life: Life, stated: StatedHome) -> None:
    stated.compare()
    life.clock.pass_by(days=60)
    stated.make()

    (month,) = owed(life, stated)
    assert month.month == JUNE
    assert month.due > date(2026, 9, 8)


def test_an_empty_month_waits_for_nobody(life: Life, stated: StatedHome) -> None:
    life.clock.pass_by(days=40)
    assert len(stated.make()) > 30

    assert owed(life, stated) == []


def test_acknowledged_is_acknowledged(life: Life, stated: StatedHome) -> None:
    stated.compare()
    life.clock.pass_by(days=1)
    stated.make()

    acknowledge(life, content(stated))

    assert owed(life, stated) == []
    assert since(life, stated) is None


def test_an_objection_is_an_acknowledgement_and_a_dispute(life: Life, stated: StatedHome) -> None:
    stated.compare()
    life.clock.pass_by(days=1)
    stated.make()
    acknowledge(life, content(stated, agrees=False), reason="六月三十日的一次不是我们问的")

    assert owed(life, stated) == []
    (dispute,) = stated.desk.raise_objections(life.standing)
    assert stated.desk.raise_objections(life.standing) == []
    assert (dispute.partner, dispute.period, dispute.by) == (PARTNER, JUNE, "head")
    for officer in (Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN):
        overview = Overview.of(stated.desk.statements)
        told = tasks_of(life.person(IDS[officer]), life.standing, [], [], life.now, statements=overview)
        assert [each.id for each in told.disputes] == [dispute.id]
    settled = stated.desk.settle(life.person(SECURITY), dispute.id, "已核对")
    assert settled is not None
    assert settled.settled
    assert stated.desk.open_disputes() == []


def test_every_month_must_be_acknowledged(life: Life, stated: StatedHome) -> None:
    stated.compare()
    life.clock.pass_by(days=5)
    stated.make()
    stated.compare()
    first = since(life, stated)
    life.clock.pass_by(days=30)
    stated.make()

    assert [each.month for each in owed(life, stated)] == [JUNE, "2026-07"]
    assert since(life, stated) == first
    acknowledge(life, content(stated))
    assert [each.month for each in owed(life, stated)] == ["2026-07"]


def test_only_the_head_is_reminded(life: Life, stated: StatedHome) -> None:
    stated.compare()
    life.clock.pass_by(days=1)
    stated.make()
    overview = Overview.of(stated.desk.statements)

    def told(account: str) -> Any:
        return tasks_of(life.person(account), life.standing, [], [], life.now, statements=overview).acknowledge

    (task,) = told(HEAD)
    assert (task.month, task.overdue, task.is_drawn) == (JUNE, False, False)
    assert told(LEADER) == []
    life.clock.pass_by(days=20)
    assert told(HEAD)[0].overdue


WRONG: dict[str, tuple[dict[str, JsonValue], str, str]] = {
    "another root": ({"statements": "ab" * 32}, deed_id(PARTNER, JUNE), "根不符"),
    "another month": ({"month": "2026-07"}, deed_id(PARTNER, "2026-07"), "尚未全部出具"),
    "a month without statements": ({"month": "2026-05"}, deed_id(PARTNER, "2026-05"), "没有本部门的对账单"),
    "another id": ({}, "cz", "编号"),
    "an objection without a word": ({"agrees": False}, deed_id(PARTNER, JUNE), "reason"),
}


@pytest.mark.parametrize(("changes", "deed", "named"), WRONG.values(), ids=WRONG)
def test_anything_else_is_no_acknowledgement(
    life: Life, stated: StatedHome, changes: dict[str, JsonValue], deed: str, named: str
) -> None:
    stated.compare()
    life.clock.pass_by(days=1)
    stated.make()

    with pytest.raises(DeedError, match=named):
        acknowledge(life, content(stated, **changes), deed)


@pytest.mark.parametrize("partner", ["cz", "c" * 56, "c" * 57, "c" * 64])
def test_every_code_has_room_for_its_months(partner: str) -> None:
    assert len(deed_id(partner, JUNE)) <= 64
    assert deed_id(partner, JUNE) != deed_id(partner, "2026-07") != deed_id(f"d{partner[1:]}", "2026-07")


def test_a_month_that_is_not_over_cannot_be_acknowledged(life: Life, stated: StatedHome) -> None:
    stated.compare()

    with pytest.raises(DeedError, match="尚未全部出具"):
        acknowledge(life, content(stated))
