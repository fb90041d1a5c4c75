"""Erasing a person: keys, rows and tokens are destroyed, the ledger says so, and everything still verifies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit.report import Exit
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
