"""What a grant leaks at worst, in words: what reviewers and leaders read before they sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.domain.leak import Case, Leak

TITLE = "最坏泄露"
NO_FIGURE = f"{TITLE}：此版签批单没有测算"


def sheet(leak: Leak | None, named: Callable[[str], str] = str) -> list[str]:
    """The figure line by line; `named` gives a field its name."""
    return [NO_FIGURE] if leak is None else list(_lines(leak, named))


def _lines(leak: Leak, named: Callable[[str], str]) -> Iterator[str]:
    yield f"{TITLE}（每百次推演中 95 次不超过此数；括号内为中位数）"
    yield f"  凭证被盗：{_case(leak.stolen)}"
    yield f"  经办人不实：{_case(leak.dishonest)}"
    most = leak.most
    yield f"  无论何人、无论监测，全期不超过：{most.persons} 人，{most.answers} 项，{most.days} 天"
    if leak.closed:
        yield f"  若改为限定名册：凭证被盗 {_short(leak.closed.stolen)}；经办人不实 {_short(leak.closed.dishonest)}"
    if leak.without:
        less = f"凭证被盗 {_short(leak.without.stolen)}；经办人不实 {_short(leak.without.dishonest)}"
        yield f"  若删去“{named(leak.without.field)}”：{less}"
    yield f"  依据：{_basis(leak)}"


def _case(case: Case) -> str:
    persons, answers = case.persons, case.answers
    told = f"{persons.worst} 人（{persons.median}），确认 {answers.worst} 项（{answers.median}）"
    return f"{told}，{_end(case)}"


def _end(case: Case) -> str:
    if not case.persons.worst:
        return "问不出人来"
    days = f"{case.days.worst} 天（{case.days.median}）"
    if case.stopped == 100:
        return f"{days}内被拦住"
    if case.stopped == 0:
        return f"监测拦不住，直到 {case.days.worst} 天期满"
    return f"{case.stopped}% 被拦住，最长 {days}"


def _short(case: Case) -> str:
    return f"{case.persons.worst} 人、{case.answers.worst} 项"


def _basis(leak: Leak) -> str:
    size = f"名册约 {leak.basis.register} 个对象" if leak.basis.register else "名册规模不明"
    size += f"，范围占全部机构的千分之 {leak.basis.scope}" if leak.basis.scope else ""
    return f"{size}，推演 {leak.basis.plays} 次，阈值版本 {leak.basis.thresholds}"
