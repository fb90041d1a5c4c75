"""A version as texts is read as strictly as files, under the version it was signed with, and examined whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from policies.decision import Permit
from policies.expectations import SHIPPED_EXPECTATIONS
from policies.loader import SHIPPED_RULEBOOKS
from policies.problems import ADVICE, Pitfall, RulebookError
from policies.publication import Texts, examine, load_texts, read_texts, run
from policies.snapshot import Ask, compile_rules
from policies.stock import Stock
from tests.policies.rules import BOOK, CATALOGUE, CLIENTS, MONDAY, UNITS
from tests.policies.test_expectations import TABLE

TEXTS = Texts({"a.toml": BOOK}, {"a.toml": TABLE}, UNITS)
DIGEST = "ab" * 32


def test_a_version_has_the_number_and_digest_it_was_signed_with() -> None:
    rules = load_texts(TEXTS, CATALOGUE, CLIENTS, number=7, digest=DIGEST)
    ask = Ask("client:caizheng-pay-01", (("name", "equals"),), "purpose:payroll-check", ("org:bureau-1",), "10.1.2.3")

    found = compile_rules(rules).judge(ask, MONDAY)

    assert isinstance(found, Permit)
    assert (found.policy.number, found.policy.digest) == (7, DIGEST)


def test_a_good_version_passes_and_tells_what_took_how_long() -> None:
    ticks = count()
    report = examine(TEXTS, CATALOGUE, CLIENTS, clock=lambda: float(next(ticks)))

    assert (report.lines, report.ok, report.rules) == ((), True, 2)
    assert report.checked == report.compared > 2 * len(CATALOGUE.fields)
    assert {report.seconds.load, report.seconds.compile, report.seconds.check, report.seconds.comparison} == {1.0}


def test_the_shipped_version_goes_through_a_document_and_back() -> None:
    texts = replace(read_texts(SHIPPED_RULEBOOKS, SHIPPED_EXPECTATIONS), units=UNITS)

    content = texts.as_content()

    assert content["units"]["league"] == ""
    assert content["units"]["bureau-1"] == "banner-1"
    assert Texts.of_content(content) == texts
    assert examine(Texts.of_content(content), CATALOGUE, {}).ok


CONTENTS: dict[str, tuple[dict[str, object], Pitfall]] = {
    "nothing": ({}, Pitfall.MISSING_KEY),
    "a member more": ({**TEXTS.as_content(), "note": "x"}, Pitfall.UNKNOWN_KEY),
    "a list of files": ({**TEXTS.as_content(), "files": [BOOK]}, Pitfall.WRONG_TYPE),
    "a text that is none": ({**TEXTS.as_content(), "files": {"a.toml": 7}}, Pitfall.WRONG_TYPE),
    "a unit above that is none": ({**TEXTS.as_content(), "units": {"league": None}}, Pitfall.WRONG_TYPE),
    "a file that leads elsewhere": ({**TEXTS.as_content(), "files": {"../a.toml": BOOK}}, Pitfall.BAD_FILE),
    "a file that nobody would read": ({**TEXTS.as_content(), "files": {"a.toml.bak": BOOK}}, Pitfall.BAD_FILE),
}


@pytest.mark.parametrize(("content", "pitfall"), CONTENTS.values(), ids=CONTENTS)
def test_a_document_of_another_shape_is_refused(content: dict[str, object], pitfall: Pitfall) -> None:
    with pytest.raises(RulebookError) as refused:
        Texts.of_content(content)

    assert {problem.pitfall for problem in refused.value.problems} == {pitfall}


# What somebody wrote, and what the line names: the file, the rule, the word, and what to do.
BAD = {
    "a byte order mark": ("\ndepartment", "\ufeff\ndepartment", "-", Pitfall.BOM),
    "a lone surrogate": ("财政局规则册", "\udcff", "-", Pitfall.UNREADABLE),
    "an effect with a capital": ('"deny"', '"Deny"', "CZ-002", Pitfall.EFFECT),
    "an unknown field": ('"name", "unit"', '"nmae"', "CZ-001", Pitfall.UNKNOWN_NAME),
    "an unknown department": ('"dept:caizheng"', '"dept:caizhen"', "department", Pitfall.UNKNOWN_NAME),
    "a CIDR with a typo": ("10.0.0.0/8", "10.0.0.0/33", "office", Pitfall.BAD_CIDR),
    "an unknown key": ("window =", "windows =", "CZ-001", Pitfall.UNKNOWN_KEY),
    "a flag that is no flag": ('zh = "工资统发核对"', 'zh = "核"\nmatter = "yes"', "payroll-check", Pitfall.WRONG_TYPE),
}


@pytest.mark.parametrize(("old", "new", "item", "pitfall"), BAD.values(), ids=BAD)
def test_what_cannot_be_loaded_is_told_with_file_rule_and_what_to_do(
    old: str, new: str, item: str, pitfall: Pitfall
) -> None:
    report = examine(replace(TEXTS, files={"a.toml": BOOK.replace(old, new, 1)}), CATALOGUE, CLIENTS)

    assert not report.ok
    assert any(line.startswith(f"a.toml · {item} · ") and line.endswith(ADVICE[pitfall]) for line in report.lines)


def test_a_circle_of_units_is_told() -> None:
    report = examine(replace(TEXTS, units={**UNITS, "org:x": "org:y", "org:y": "org:x"}), CATALOGUE, CLIENTS)

    assert [problem.pitfall for problem in report.problems] == [Pitfall.CYCLE]


def test_a_table_cannot_move_a_registered_client_to_another_department() -> None:
    report = examine(TEXTS, CATALOGUE, {"client:caizheng-pay-01": "dept:renshe"})

    assert [problem.pitfall for problem in report.problems] == [Pitfall.DUPLICATE]


NOTHING = {
    "no files at all": Texts({}, {}, {}),
    "no tables": replace(TEXTS, expectations={}),
    "no rules": replace(TEXTS, files={"a.toml": BOOK.split("[[rules]]", maxsplit=1)[0]}, expectations={}),
    "tables of nothing": replace(TEXTS, files={}, expectations={"a.toml": TABLE.split("[[may]]", maxsplit=1)[0]}),
}


@pytest.mark.parametrize("texts", NOTHING.values(), ids=NOTHING)
def test_a_version_of_nothing_is_not_ok(texts: Texts) -> None:
    assert not examine(texts, CATALOGUE, CLIENTS).ok


def test_folders_that_are_not_there_are_reported(tmp_path: Path) -> None:
    report = run(tmp_path / "rulebooks", tmp_path / "expectations", CATALOGUE)

    assert not report.ok
    assert [(problem.file, problem.pitfall) for problem in report.problems] == [("rulebooks", Pitfall.UNREADABLE)]


def test_bytes_that_are_no_text_are_refused_by_the_same_reader(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(BOOK.encode("gb18030"))

    texts = Texts(read_texts(tmp_path, tmp_path).files, TEXTS.expectations, UNITS)

    assert [problem.pitfall for problem in examine(texts, CATALOGUE, {}).problems] == [Pitfall.UNREADABLE]


DEFECTS: dict[str, Callable[[Stock], bool]] = {
    "within reach": lambda stock: len(stock.rules.clients) == 2,
    "over all rules": lambda stock: len(stock.rules.clients) > 2,
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_one_difference_from_plain_casbin_refuses_the_version(
    monkeypatch: pytest.MonkeyPatch, defect: Callable[[Stock], bool]
) -> None:
    honest = Stock.permitted

    def permitted(self: Stock, ask: Ask, at: datetime) -> frozenset[str]:
        return frozenset() if defect(self) else honest(self, ask, at)

    monkeypatch.setattr(Stock, "permitted", permitted)
    report = examine(TEXTS, CATALOGUE, {**CLIENTS, "client:other-1": "dept:other"})

    assert not report.ok
    assert all("不得发布" in line for line in report.lines)
