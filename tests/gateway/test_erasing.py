"""Erasing a person: keys, rows and tokens are destroyed, the ledger says so, and everything still verifies."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from audit.disclosure import unpack
from audit.puncture import month_number
from audit.report import Exit
from audit.tokens import Tokens
from gateway.deeds.errors import DeedError
from gateway.trail.words import OPERATOR
from ops.erasing import open_custody
from ops.trail import open_trail
from tests.custody import Custody
from tests.lives import Life

ONE, OTHER = "152921199001010018", "152921198503040027"
YEARS = 3 * 366 + 62


@pytest.fixture
def custody(tmp_path: Path) -> Iterator[Custody]:
    with closing(Life(tmp_path)) as life, closing(Custody(life)) as made:
        yield made


def test_a_person_is_erased_and_the_log_says_by_whom(custody: Custody) -> None:
    before = [each.index for each in custody.compare(ONE, OTHER, ONE)]
    custody.pass_by(days=YEARS)
    custody.erasure(ONE)

    erased = custody.desks.erasing.erase("E-1")

    report = custody.verify()
    assert (erased.erased, erased.names, erased.kept) == (2, ("subject",), 0)
    assert (report.problems, report.verdict) == ((), Exit.PROVEN)
    (told,) = report.erased
    assert told.by == erased.tombstones[0]
    assert [told.covers(index, "subject") for index in before] == [True, False, True]


def test_what_is_younger_than_the_floor_stays_until_it_is_not(custody: Custody) -> None:
    (old,) = custody.compare(ONE)
    custody.pass_by(days=YEARS)
    (young,) = custody.compare(ONE)
    custody.erasure(ONE)

    first = custody.desks.erasing.erase("E-1")

    assert (first.erased, first.kept) == (1, 1)
    assert custody.verify().verdict is Exit.PROVEN
    assert custody.desks.erasing.finish() == []
    custody.pass_by(days=YEARS)
    (second,) = custody.desks.erasing.finish()
    assert (second.erased, second.kept, second.kept_until) == (1, 0, "")
    assert first.kept_until <= custody.clock.now().strftime("%Y-%m")
    report = custody.verify()
    assert report.verdict is Exit.PROVEN
    assert [each.ranges for each in report.erased] == [((old.index,) * 2,), ((young.index,) * 2,)]


def test_whoever_is_compared_again_is_recorded_as_before(custody: Custody) -> None:
    """What a deed erased stays erased; what comes later is no matter of that deed."""
    custody.compare(ONE)
    custody.pass_by(days=YEARS)
    custody.erasure(ONE)
    custody.desks.erasing.erase("E-1")

    custody.pass_by(days=40)
    (later,) = custody.compare(ONE)
    custody.pass_by(days=2 * YEARS)
    custody.desks.erasing.finish()

    report = custody.verify()
    assert report.verdict is Exit.PROVEN
    assert not any(each.covers(later.index, "subject") for each in report.erased)


def test_a_person_on_hold_is_not_erased(custody: Custody) -> None:
    custody.compare(ONE)
    custody.pass_by(days=YEARS)
    custody.erasure(ONE)
    custody.hold(ONE)

    with pytest.raises(DeedError, match="保全"):
        custody.desks.erasing.erase("E-1")
    assert custody.desks.erasing.finish() == []

    custody.release(ONE)
    (erased,) = custody.desks.erasing.finish()
    assert erased.erased == 1


def test_a_hold_that_comes_in_between_is_heeded(custody: Custody) -> None:
    custody.compare(ONE)
    custody.pass_by(days=YEARS)
    custody.erasure(ONE)
    desk = custody.desks.erasing
    with desk.store.begin() as work:
        plan = desk._plan(work, "E-1", custody.clock.now())
    found = desk._search(plan)
    custody.hold(ONE)

    with pytest.raises(DeedError, match="保全"):
        desk._apply(plan, found, custody.clock.now())

    assert not custody.keys.is_destroyed(bytes.fromhex(custody.point(ONE)), plan.before)
    assert custody.verify().verdict is Exit.PROVEN


def test_nothing_is_erased_without_a_deed(custody: Custody) -> None:
    custody.compare(ONE)
    custody.pass_by(days=YEARS)

    with pytest.raises(DeedError, match="没有此编号"):
        custody.desks.erasing.erase("E-1")
    assert custody.desks.erasing.finish() == []


def test_an_operator_is_erased_with_what_they_named_and_why_they_were_told(custody: Custody) -> None:
    recorded = custody.compare(ONE, OTHER, operator="li-na") + custody.compare(ONE, operator="wang")
    custody.pass_by(days=YEARS)
    custody.erasure("li-na", kind="operator")

    erased = custody.desks.erasing.erase("E-1")

    assert (erased.erased, erased.names) == (2, ("operator", "matter", "inner"))
    report = custody.verify()
    assert report.verdict is Exit.PROVEN
    (told,) = report.erased
    assert [told.covers(each.index, "matter") for each in recorded] == [True, True, False]
    assert not any(told.covers(each.index, "subject") for each in recorded)


def test_two_erasures_of_one_row_leave_each_other_alone(custody: Custody) -> None:
    (one,) = custody.compare(ONE, operator="li-na")
    custody.pass_by(days=YEARS)
    custody.erasure(ONE)
    custody.erasure("li-na", "E-2", kind="operator")

    done = custody.desks.erasing.finish()

    assert sorted(name for each in done for name in each.names) == ["inner", "matter", "operator", "subject"]
    assert custody.verify().verdict is Exit.PROVEN
    ((_, packed),) = custody.desks.reader.disclosures(one.index, one.index + 1)
    assert list(unpack(packed)) == []


def test_it_is_done_once_however_many_do_it(custody: Custody) -> None:
    custody.compare(ONE)
    custody.pass_by(days=YEARS)
    custody.erasure(ONE)
    with closing(open_custody(custody.home)) as other, ThreadPoolExecutor(4) as pool:
        desks = [custody.desks.erasing, other.erasing] * 2
        done = list(pool.map(lambda desk: desk.erase("E-1"), desks))

    assert sorted(each.erased for each in done) == [0, 0, 0, 1]
    assert [len(each.tombstones) for each in done].count(1) == 1
    assert custody.verify().verdict is Exit.PROVEN


def test_what_is_written_meanwhile_is_written(custody: Custody) -> None:
    custody.compare(ONE)
    custody.pass_by(days=YEARS)
    custody.erasure(ONE)
    with ThreadPoolExecutor(2) as pool:
        erasing = pool.submit(custody.desks.erasing.erase, "E-1")
        written = [custody.compare(ONE, OTHER) for _ in range(20)]
        erased = erasing.result()

    assert erased.erased == 1
    report = custody.verify()
    assert (report.verdict, report.problems) == (Exit.PROVEN, ())
    assert not any(each.covers(row.index, "subject") for each in report.erased for rows in written for row in rows)


class Killed(BaseException):
    """What a killed process would not raise either."""


CRASHES = {
    "before the keys are destroyed": ("keys", "destroy", False),
    "after the keys were destroyed": ("keys", "destroy", True),
    "before the database is written anew": ("store", "scrub", False),
    "after the database was written anew": ("store", "scrub", True),
}


@pytest.mark.parametrize(("part", "act", "is_done"), CRASHES.values(), ids=CRASHES)
def test_a_crash_never_leaves_said_and_not_done(custody: Custody, part: str, act: str, is_done: bool) -> None:
    (one,) = custody.compare(ONE)
    custody.pass_by(days=YEARS)
    custody.erasure(ONE)
    with closing(open_custody(custody.home)) as dying:
        held = getattr(dying.erasing, part)
        original = getattr(held, act)

        def die(*given: object) -> None:
            if is_done:
                original(*given)
            raise Killed

        setattr(held, act, die)
        with pytest.raises(Killed):
            dying.erasing.erase("E-1")

    report = custody.verify()
    is_gone = custody.keys.is_destroyed(bytes.fromhex(custody.point(ONE)), month_number("2026-07"))
    assert report.erased == () or is_gone, "said, and not done"
    assert report.verdict is (Exit.INCOMPLETE if is_gone and not report.erased else Exit.PROVEN)
    custody.desks.erasing.finish()
    report = custody.verify()
    assert (report.verdict, report.problems) == (Exit.PROVEN, ())
    assert [each.covers(one.index, "subject") for each in report.erased] == [True]
    assert custody.desks.erasing.finish() == []


def test_a_search_finds_nobody_who_was_erased_and_everybody_else(custody: Custody) -> None:
    old = custody.compare(ONE, OTHER)
    custody.pass_by(days=YEARS)
    young = custody.compare(ONE)
    parts = open_trail(custody.home, None)
    with closing(parts):
        parts.indexer(custody.desks.reader, 0).catch_up()
        custody.erasure(ONE)
        custody.desks.erasing.erase("E-1")
        tokens = [set(tokens_of(custody, parts.tokens, number)) for number in (ONE, OTHER)]
        operator = parts.tokens.point(OPERATOR, "li-na").text
        operators = set(rows_under(custody, parts.tokens.everywhere(OPERATOR, operator)))

    assert tokens == [{young[0].index}, {old[1].index}]
    assert operators == {each.index for each in (*old, *young)}


def tokens_of(custody: Custody, tokens: Tokens, number: str) -> list[int]:
    return rows_under(custody, tokens.everywhere("subject", custody.point(number)))


def rows_under(custody: Custody, tokens: list[bytes]) -> list[int]:
    """The entries that the search has under these tokens."""
    with closing(sqlite3.connect(custody.home.path / "data" / "control.sqlite")) as database:
        rows = database.execute('SELECT token, "index" FROM trail_token').fetchall()
    return [index for token, index in rows if token in tokens]
