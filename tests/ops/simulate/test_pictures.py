"""Pictures of the report: the same figures give the same bytes, small, without a date, readable in both lights."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import msgspec
import pytest

from ops.simulate.attacks import ATTACKS
from ops.simulate.drawing import FAINT, INK, PAPER
from ops.simulate.kept import Result, keep, read_results
from ops.simulate.pictures import ALARMS, GOALS, LEAKS, LIMITS, LISTS, draw_all, overall
from ops.simulate.replay import Assault, Learned
from ops.simulate.report import Alarms, Leak, ReportError, Span

BYTES = 60_000
HONEST = (Alarms("payroll", 3_000_000, 1.0, 0.5, 0.0, 9.0), Alarms("inspection", 1_000_000, 5.0, 0.0, 40.0, 9.0))


def a_leak(name: str, persons: int) -> Leak:
    span = Span(persons, 2 * persons, 3 * persons)
    return Leak(name, ATTACKS[name].says, 5, 5, "1 of 1", "held:watch:cell 5", span, span, span, span, span, span)


def a_result(*, blind: bool = False, reviewer: float = 1.0, runs: int = 200) -> Result:
    ends = [Learned(9, 1.0, nth % 70, 0) for nth in range(runs)]
    return Result(
        persons=1_000_000,
        days=365,
        records=4_000_000,
        seeds=(1, 2),
        reviewer=reviewer,
        blind=blind,
        attacks=tuple(a_leak(name, 40 if blind else 4) for name in ATTACKS),
        honest=HONEST,
        assaults=tuple(Assault(name, 1, None, end, True, 1, 1, {}) for name in ("A4", "A6c") for end in ends),
    )


RESULTS = [a_result(), a_result(blind=True, runs=1), a_result(reviewer=0.7), a_result(reviewer=0.5)]


def texts(path: Path) -> set[str]:
    return set(re.findall(r"<text [^>]*>([^<]*)</text>", path.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    assert draw_all(RESULTS, folder) == [folder / name for name in (LEAKS, LISTS, ALARMS)]
    return folder


@pytest.mark.parametrize("name", [LEAKS, LISTS, ALARMS])
def test_a_picture_is_small_and_the_same_each_time(drawn: Path, tmp_path: Path, name: str) -> None:
    draw_all(RESULTS, tmp_path)

    content = (drawn / name).read_bytes()
    assert content == (tmp_path / name).read_bytes()
    assert len(content) < BYTES
    assert not re.search(rb"dc:date|20\d\d-\d\d-\d\d", content)
    assert b"<script" not in content


@pytest.mark.parametrize("name", [LEAKS, LISTS, ALARMS])
def test_a_dark_page_has_its_own_paper_and_ink(drawn: Path, name: str) -> None:
    text = (drawn / name).read_text(encoding="utf-8")

    assert text.count("prefers-color-scheme: dark") == 1
    assert all(f'[style*="fill: {each}"]' in text for each in (INK, FAINT, PAPER))
    assert f"fill: {PAPER}" in text.partition("</style>")[2]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (LEAKS, [*(f"{name} {ATTACKS[name].says}" for name in ATTACKS), "budgets only, no watch", "100"]),
        (LISTS, ["100% of forgeries spotted", "70% of forgeries spotted", "50% of forgeries spotted"]),
        (ALARMS, ["payroll", "inspection", "all", "locks: at most 300 of all"]),
    ],
)
def test_a_picture_says_in_words_what_it_shows(drawn: Path, name: str, said: list[str]) -> None:
    assert set(said) <= {" ".join(each.split()) for each in texts(drawn / name)}


def test_the_goals_and_limits_are_those_of_attacks_and_alarms() -> None:
    assert GOALS.keys() <= ATTACKS.keys()
    assert LIMITS.keys() <= set(Alarms.__annotations__)
    assert overall(HONEST, "holds") == 2.0


def test_without_a_slow_list_there_is_no_picture_of_one(tmp_path: Path) -> None:
    assert [each.name for each in draw_all([a_result(runs=0)], tmp_path)] == [LEAKS, ALARMS]


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read"), ("{}", "is no result of `bidui simulate --save`")]
)
def test_what_is_no_result_is_told(tmp_path: Path, content: str | None, told: str) -> None:
    if content:
        (tmp_path / "kept.json").write_text(content)

    with pytest.raises(ReportError, match=told):
        read_results([tmp_path / "kept.json"])


def test_a_result_is_read_as_it_was_kept(tmp_path: Path) -> None:
    keep(tmp_path / "kept.json", msgspec.to_builtins(RESULTS[2]))

    assert read_results([tmp_path / "kept.json"]) == [RESULTS[2]]


def test_figures_of_budgets_alone_are_no_picture(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="--blind go beside one"):
        draw_all([RESULTS[1]], tmp_path)


def test_who_has_no_matplotlib_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ReportError, match=r"pip install 'bidui\[charts\]'"):
        draw_all(RESULTS, tmp_path)
