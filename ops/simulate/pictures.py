"""Three pictures of a simulation: what leaked by each attack, what a slow list takes, what honest partners met."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ops.simulate.attacks import ATTACKS
from ops.simulate.drawing import BLUE, GREEN, INK, ORANGE, RED, drawn
from ops.simulate.kept import Result
from ops.simulate.report import Alarms, Leak, ReportError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAKS, LISTS, ALARMS = "leaks.svg", "lists.svg", "alarms.svg"
GOALS = {
    "A1a": 100,
    "A1b": 120,
    "A2a": 1,
    "A2b": 1,
    "A2c": 1,
    "A2d": 150,
    "A2e": 2,
    "A4": 160,
    "A5": 40,
    "A6a": 80,
    "A6c": 250,
}
"""Persons that an attack may learn of: the worst run, of A4 and A6c nineteen of twenty. None is set for A6b, and A3 is
after attributes."""
LIMITS = {"freezes": 1.0, "holds": 2.0, "locks": 300.0}
"""A million honest records."""
SLOW = {"A4": ((60, 50), (160, 95)), "A6c": ((250, 95),)}
"""The slow lists, and of each the goals: no more persons than so many, in so many of a hundred runs."""
_SAMPLED = frozenset(SLOW)
_LINES = {0: (BLUE, "-"), 1: (ORANGE, "--"), 2: (RED, ":")}
_ALL = "all"


class Ran(NamedTuple):
    """An attack with the watch, and by budgets alone if that was run."""

    seen: Leak
    blind: Leak | None


def draw_all(results: Sequence[Result], folder: Path) -> list[Path]:
    """Draws what these results tell; says which pictures there are. Raises `ReportError`."""
    seen = [each for each in results if not each.blind]
    if not seen:
        raise ReportError("there is no run with the watch among these results; the figures of --blind go beside one")
    folder.mkdir(parents=True, exist_ok=True)
    draw_leaks(_by_attack(results), folder / LEAKS)
    draw_alarms(max(seen, key=lambda each: each.records).honest, folder / ALARMS)
    lists = _by_reviewer(seen)
    if lists:
        draw_lists(lists, folder / LISTS)
    return [folder / LEAKS, *([folder / LISTS] if lists else []), folder / ALARMS]


def draw_leaks(ran: Sequence[Ran], path: Path) -> None:
    """A row an attack: persons until it was stopped, against the goal, and by budgets alone."""
    title = "Persons leaked until every credential was stopped"
    with drawn(path, title, (8.6, 0.9 + 0.34 * len(ran))) as (_, [field]):
        for row, each in enumerate(ran):
            _draw_leak(field, row, each)
        _count(field)
        field.set_xlim(-0.15, None)
        field.set_yticks(range(len(ran)), [f"{each.seen.name}  {each.seen.says}" for each in ran])
        field.invert_yaxis()
        field.grid(axis="x")
        field.set_axisbelow(True)
        field.set_title(title)
        field.set_xlabel("persons (logarithmic)")
        _legend(field)


def draw_lists(lists: Sequence[tuple[float, dict[str, list[int]]]], path: Path) -> None:
    """Of a slow list: in how many runs no more than so many persons leaked, by how many forgeries are spotted."""
    title = "A list, slowly: share of runs in which no more persons leaked"
    with drawn(path, title, (8.6, 3.9), len(SLOW)) as (figure, fields):
        for field, (name, goals) in zip(fields, SLOW.items(), strict=True):
            for place, (reviewer, leaked) in enumerate(lists):
                _draw_share(field, place, leaked.get(name, []), f"{reviewer:.0%} of forgeries spotted")
            field.plot(
                *zip(*goals, strict=True), marker="v", color=INK, linestyle="none", label="goal: the line runs above"
            )
            field.set_xlim(0, None)
            field.set_ylim(0, 102)
            field.grid(visible=True)
            field.set_title(f"{name}  {ATTACKS[name].says}")
            field.set_xlabel("persons leaked in the end")
        fields[0].set_ylabel("% of runs")
        figure.suptitle(title, x=0.01, ha="left", fontsize=10.5)
        figure.legend(*fields[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8.5)


def draw_alarms(honest: Sequence[Alarms], path: Path) -> None:
    """What honest partners met a million records, by what they do, against the limits."""
    title = "False alarms per million honest records"
    kinds = [*(each.kind for each in honest), _ALL]
    with drawn(path, title, (8.6, 2.9), len(LIMITS)) as (figure, fields):
        for field, (what, limit) in zip(fields, LIMITS.items(), strict=True):
            values = [*(float(getattr(each, what)) for each in honest), overall(honest, what)]
            bars = field.barh(kinds, values, height=0.6, color=[*[BLUE] * len(honest), GREEN])
            field.bar_label(bars, [f" {value:.1f}" for value in values], color=INK, fontsize=9)
            field.axvline(limit, color=RED, linestyle="--", linewidth=1.2)
            _count(field)
            field.set_xlim(0, 6 * max(limit, *values))
            field.invert_yaxis()
            field.set_title(f"{what}: at most {limit:g} of all")
        for field in fields[1:]:
            field.set_yticklabels([])
        figure.suptitle(title, x=0.01, ha="left", fontsize=10.5)


def overall(honest: Sequence[Alarms], what: str) -> float:
    """Of all records together: the limits are for these."""
    records = sum(each.records for each in honest)
    return sum(float(getattr(each, what)) * each.records for each in honest) / max(1, records)


def _draw_leak(field: Axes, row: int, ran: Ran) -> None:
    span, goal = ran.seen.persons_in_the_end, GOALS.get(ran.seen.name)
    worst = span.p95 if ran.seen.name in _SAMPLED else span.worst
    field.plot([span.median, worst], [row, row], color=BLUE, linewidth=2)
    field.plot([span.median], [row], marker="o", color=BLUE, markersize=7, linestyle="none")
    field.plot([worst], [row], marker="D", color=BLUE, markersize=6, markerfacecolor="none", linestyle="none")
    if ran.blind:
        field.plot([ran.blind.persons_in_the_end.median], [row], marker="s", color=ORANGE, linestyle="none")
    if goal is not None:
        field.plot([goal], [row], marker="|", color=RED, markersize=15, markeredgewidth=2.2, linestyle="none")


def _count(field: Axes) -> None:
    """Persons or alarms from none to many thousand, in plain figures."""
    field.set_xscale("symlog", linthresh=1, linscale=0.4)
    field.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _legend(field: Axes) -> None:
    keys = (
        ("o", BLUE, BLUE, "median run"),
        ("D", BLUE, "none", "worst run (A4, A6c: 95th percentile)"),
        ("|", RED, RED, "goal for the worst"),
        ("s", ORANGE, ORANGE, "budgets only, no watch"),
    )
    for marker, color, face, label in keys:
        width = 2.2 if marker == "|" else 1.0
        (key,) = field.plot([], [], marker=marker, color=color, markerfacecolor=face, linestyle="none", label=label)
        key.set(markeredgecolor=color, markeredgewidth=width)
    field.legend(loc="upper center", bbox_to_anchor=(0.3, -0.12), ncols=4, fontsize=8.5)


def _draw_share(field: Axes, place: int, leaked: Sequence[int], label: str) -> None:
    color, line = _LINES[place % len(_LINES)]
    ordered, shares = sorted(leaked), range(1, 101) if leaked else []
    persons = [ordered[ceil(share * len(ordered) / 100) - 1] for share in shares]
    field.step([0, *persons], [0, *shares], where="post", color=color, linestyle=line, linewidth=1.8, label=label)


def _by_attack(results: Sequence[Result]) -> list[Ran]:
    """Of each attack the result with the most runs, where everything forged is spotted if there is one."""
    seen, blind = ({name: _best(results, name, is_blind=is_blind) for name in ATTACKS} for is_blind in (False, True))
    return [Ran(leak, blind[name]) for name, leak in seen.items() if leak]


def _best(results: Sequence[Result], name: str, *, is_blind: bool) -> Leak | None:
    of_it = [(each.reviewer, leak) for each in results if each.blind is is_blind for leak in each.attacks]
    found = [(reviewer, leak.runs, leak) for reviewer, leak in of_it if leak.name == name]
    return max(found, key=lambda each: each[:2])[2] if found else None


def _by_reviewer(results: Sequence[Result]) -> list[tuple[float, dict[str, list[int]]]]:
    """Persons of every run of the slow lists, by the share of forgeries that was spotted: the most first."""
    found: dict[float, dict[str, list[int]]] = {}
    for result in results:
        for each in result.assaults:
            if each.attack in SLOW:
                found.setdefault(result.reviewer, {}).setdefault(each.attack, []).append(each.end.persons)
    return sorted(found.items(), reverse=True)
