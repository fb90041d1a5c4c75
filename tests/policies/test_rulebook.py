"""A rulebook file is read as it is written."""

from __future__ import annotations

from datetime import date

import pytest

from policies.files import File
from policies.problems import Pitfall, Problem
from policies.rulebook import ALL_UNITS, Effect, Rulebook, read_rulebook
from tests.policies.rules import BOOK


def read(text: str) -> tuple[Rulebook | None, tuple[Problem, ...]]:
    return read_rulebook(File("book.toml", text.encode()))


def test_a_rulebook_keeps_every_word() -> None:
    book, problems = read(BOOK)

    assert problems == ()
    assert book is not None
    assert (book.file, book.department, book.zh, book.version) == ("book.toml", "dept:caizheng", "财政局规则册", 3)
    assert [(one.id, one.zh, one.legal_basis) for one in book.purposes] == [("payroll-check", "工资统发核对", "某办法")]
    allow, deny = book.rules
    assert (allow.effect, allow.fields, allow.units) == (Effect.ALLOW, ("name", "unit"), ("org:league",))
    assert (deny.effect, deny.classes, deny.purposes) == (Effect.DENY, ("sensitivity-sensitive",), ("*",))
    assert deny.units == (ALL_UNITS,)
    assert (deny.valid_from, deny.valid_to) == (None, None)


def test_days_of_validity_are_dates() -> None:
    dated = BOOK.replace('reason = "不必要"', 'reason = "不必要"\nvalid_from = 2026-01-01\nvalid_to = 2026-01-01')

    book, _ = read(dated)

    assert book is not None
    assert (book.rules[1].valid_from, book.rules[1].valid_to) == (date(2026, 1, 1), date(2026, 1, 1))


def test_one_bad_rule_hides_no_other() -> None:
    book, problems = read(BOOK.replace('"allow"', '"Allow"').replace('["*"]', "[]"))

    assert [(problem.item, problem.pitfall) for problem in problems] == [
        ("CZ-001", Pitfall.EFFECT),
        ("CZ-002", Pitfall.EMPTY),
    ]
    assert book is not None
    assert book.rules == ()


UNREADABLE = {
    "another encoding": "version = '财'".encode("gb18030"),
    "UTF-16": BOOK.encode("utf-16"),
    "a null byte": b"version = 1\0",
    "half a file": BOOK.encode()[:-20],
    "brackets without end": b"version = " + b"[" * 100_000,
    "a number without end": b"version = " + b"9" * 10_000,
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read_gives_no_rulebook(raw: bytes) -> None:
    book, problems = read_rulebook(File("book.toml", raw))

    assert book is None
    assert [problem.pitfall for problem in problems] == [Pitfall.UNREADABLE]
