"""Erasing a person: keys, rows and tokens are destroyed, the ledger says so, and everything still verifies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.report import Exit
from gateway.deeds.errors import DeedError
from tests.custody import Custody

ONE, OTHER = "152921199001010018", "152921198503040027"
YEARS = 3 * 366 + 62


@pytest.fixture
def custody(tmp_path: Path) -> Iterator[Custody]:
    made = Custody(tmp_path)
    yield made
    made.close()


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
