"""Revealing: what entries hide is shown to whoever proposed it, under a deed in force, and is recorded before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from audit.data_keys import MonthKeys
from audit.entry import JsonValue, decode
from audit.report import Exit
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.domain.errors import UnavailableError
from gateway.drafting import ForbiddenError
from tests.custody import AUDITOR, Custody
from tests.lives import LEADER, SECURITY, Life

ONE = "152921199001010018"
NAMES = ["inner", "matter", "operator", "subject"]


@pytest.fixture
def custody(tmp_path: Path) -> Iterator[Custody]:
    with closing(Life(tmp_path)) as life, closing(Custody(life)) as made:
        yield made


def of_kind(custody: Custody, kind: str) -> list[Mapping[str, JsonValue]]:
    size = custody.desks.reader.head().size
    opened = [cast("Mapping[str, JsonValue]", decode(each)) for each in custody.desks.reader.entries(0, size)]
    return [cast("Mapping[str, JsonValue]", each["body"]) for each in opened if each["type"] == kind]


def test_what_an_entry_hides_is_shown_and_that_is_recorded(custody: Custody) -> None:
    one, other = (each.index for each in custody.compare(ONE, ONE))
    custody.reveal([one, other], ["operator", "subject"])

    shown = custody.desks.revealing.reveal(custody.person(), "R-1")

    assert [each.entry for each in shown] == [one, other]
    assert [each.values for each in shown] == [{"operator": "li-na", "subject": ONE}] * 2
    told = of_kind(custody, "trail.revealed")
    assert [each["entry"] for each in told] == [one, other]
    assert {each["person"] for each in told} == {AUDITOR}
    assert ONE not in str(told)
    assert custody.verify().verdict is Exit.PROVEN


def test_it_is_recorded_before_it_is_shown(custody: Custody) -> None:
    (one,) = (each.index for each in custody.compare(ONE))
    custody.reveal([one], NAMES)
    desk = custody.desks.revealing
    desk.keys = Broken()

    with pytest.raises(RuntimeError):
        desk.reveal(custody.person(), "R-1")

    assert len(of_kind(custody, "trail.revealed")) == 1


class Broken:
    """Keys that break when they are needed."""

    def open(self, kid: str) -> MonthKeys | None:
        raise RuntimeError

    def current(self, month: str) -> MonthKeys:
        raise RuntimeError


def test_nobody_else_is_shown_anything(custody: Custody) -> None:
    (one,) = (each.index for each in custody.compare(ONE))
    custody.reveal([one], NAMES)

    for account in (LEADER, SECURITY):
        with pytest.raises(ForbiddenError, match="本人"):
            custody.desks.revealing.reveal(custody.person(account), "R-1")
    assert of_kind(custody, "trail.revealed") == []


def test_only_until_the_last_day(custody: Custody) -> None:
    (one,) = (each.index for each in custody.compare(ONE))
    custody.reveal([one], NAMES, until=custody.clock.now().date().isoformat())
    assert custody.desks.revealing.reveal(custody.person(), "R-1")

    custody.pass_by(days=1)

    with pytest.raises(DeedError, match="失效日期"):
        custody.desks.revealing.reveal(custody.person(), "R-1")


def test_not_before_the_second_person_signed(custody: Custody) -> None:
    (one,) = (each.index for each in custody.compare(ONE))
    custody.deed(Kind.REVEAL, "R-1", {"entries": [one], "names": NAMES, "until": "2027-01-01"}, AUDITOR)

    with pytest.raises(DeedError, match="没有此编号"):
        custody.desks.revealing.reveal(custody.person(), "R-1")


def test_an_entry_that_is_not_there_shows_nothing_at_all(custody: Custody) -> None:
    (one,) = (each.index for each in custody.compare(ONE))
    custody.reveal([one, one + 1000], NAMES)

    with pytest.raises(DeedError, match="超出"):
        custody.desks.revealing.reveal(custody.person(), "R-1")
    assert of_kind(custody, "trail.revealed") == []


def test_what_was_erased_is_told_as_such(custody: Custody) -> None:
    (one,) = (each.index for each in custody.compare(ONE))
    custody.pass_by(days=4 * 366)
    custody.erasure(ONE)
    erased = custody.desks.erasing.erase("E-1")
    custody.reveal([one], NAMES, until="2031-01-01")

    (shown,) = custody.desks.revealing.reveal(custody.person(), "R-1")

    assert shown.erased == {"subject": erased.tombstones[0]}
    assert sorted(shown.values) == ["inner", "matter", "operator"]
    assert shown.unopened == []
    assert "li-na" not in repr(shown)


def test_bytes_that_were_changed_are_not_shown(custody: Custody) -> None:
    one, other = (each.index for each in custody.compare(ONE, "152921198503040027"))
    packs = dict(custody.desks.reader.disclosures(0, 1000))
    with custody.desks.store.begin() as work:
        work.erasures.rewrite({one: packs[other]})
        work.commit()
    custody.reveal([one], NAMES)

    (shown,) = custody.desks.revealing.reveal(custody.person(), "R-1")

    assert (shown.values, shown.unopened) == ({}, NAMES)


def test_an_entry_that_was_changed_is_not_explained_away(custody: Custody) -> None:
    (one,) = (each.index for each in custody.compare(ONE))
    custody.reveal([one], NAMES)
    reader = custody.desks.revealing.reader
    custody.desks.revealing.reader = Lying(reader)  # type: ignore[assignment]  # a reader that changes a byte

    with pytest.raises(UnavailableError, match="was changed"):
        custody.desks.revealing.reveal(custody.person(), "R-1")


class Lying:
    """Reads an entry with one byte changed."""

    def __init__(self, reader: object) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> object:
        return getattr(self._reader, name)

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        for each in self._reader.entries(start, end):  # type: ignore[attr-defined]  # the true one
            yield each.replace(b"comparison.answered", b"comparison.refuseda")
