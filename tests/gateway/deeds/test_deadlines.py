"""Until when a step is due: from the signature before it, in working days, whatever else happens to the draft."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from gateway.deeds.deadlines import Times, deadline, told
from gateway.deeds.keeping import Kept
from gateway.deeds.lapse import parameters_in
from gateway.deeds.parameters import DEFAULTS
from tests.lives import HANDS, HEAD, LEADER, REVIEWER, Life, content


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with closing(Life(tmp_path)) as made:
        yield made


def due_of(life: Life, kept: Kept) -> date | None:
    return deadline(kept, parameters_in(life.standing))


def test_each_step_has_its_term_from_the_signature_before_it(life: Life) -> None:
    """The story begins on a Tuesday, and each signature takes a day."""
    kept = life.apply()
    seen = [due_of(life, kept)]
    for account in HANDS["usual"]:
        life.clock.pass_by(days=1)
        kept = life.sign(kept, account)
        seen.append(due_of(life, kept))

    # endorse 3 from Tuesday, review 5 from Wednesday, sign_off 3 from Thursday, and nothing after that.
    assert seen == [date(2026, 7, 3), date(2026, 7, 8), date(2026, 7, 7), None]


def test_holidays_count_for_nobody(life: Life) -> None:
    life.set_parameters(calendar={"off": ["2026-07-01", "2026-07-02"], "on": ["2026-07-05"]})

    assert due_of(life, life.apply()) == date(2026, 7, 6)


@pytest.mark.parametrize("signed", [[], [HEAD]], ids=["by the head", "by the reviewer"])
def test_narrowing_gains_no_time(life: Life, signed: list[str]) -> None:
    kept = life.sign(life.apply(), *signed)
    before = due_of(life, kept)
    life.clock.pass_by(days=3)

    narrower = REVIEWER if signed else HEAD
    narrowed = life.office.narrow(
        life.person(narrower), kept.opened().digest, content(fields={"name": "核对"}), "只需姓名"
    )

    assert due_of(life, narrowed) == before


def test_it_is_overdue_when_the_last_day_is_over(life: Life) -> None:
    kept = life.sign(life.apply(), HEAD, REVIEWER)
    told_at = []
    for _ in range(5):
        told_at.append(told(kept, Times(DEFAULTS, life.now)))
        life.clock.pass_by(days=1)

    assert [each["overdue"] for each in told_at] == [False, False, False, False, True]
    assert {each["due"] for each in told_at} == {"2026-07-03"}


def test_what_is_over_is_never_overdue(life: Life) -> None:
    refused = life.office.refuse(life.person(HEAD), life.apply().opened().digest, "依据不足")
    life.clock.pass_by(days=100)

    assert told(refused, Times(DEFAULTS, life.now)) == {"due": None, "overdue": False}


def test_whoever_is_late_may_still_sign(life: Life) -> None:
    kept = life.sign(life.apply(), HEAD, REVIEWER)
    life.clock.pass_by(days=100)

    assert life.sign(kept, LEADER).entry
