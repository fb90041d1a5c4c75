"""Why (not)? Every check of a decision in its order, for any caller, field, purpose, time and version.

The compiled snapshot forgets what it does not need. `policies.looking` goes through the flat rules themselves, once and
slowly; here its findings become checks and texts. Answers are for officers: a partner is told that it was refused, and
nothing of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from policies.explanation import Check, Explanation, NearMiss, OfField, Said
from policies.looking import Cell, Sight, with_above
from policies.rows import PolicyRow, Rules
from policies.rulebook import Effect, Rule, Rulebook
from policies.snapshot import Ask
from policies.weighing import Cause

_NO_TITLES: Final[Mapping[str, str]] = MappingProxyType({})


def explain(rules: Rules, ask: Ask, at: datetime, titles: Mapping[str, str] = _NO_TITLES) -> Explanation:
    """The decision on this ask with all that led to it; `titles` are the names of fields for people.

    Works for any version that was loaded, in force or not. `at` must be aware.
    """
    sight = Sight(rules, ask, at)
    early, cells = sight.refused_early(), list(sight.cells())
    book = _Books(rules)
    fields = tuple(_of_field(key, sight, cells, book, titles) for key in dict.fromkeys(key for key, _ in ask.claims))
    cause, deciding = (early, ()) if early else _whole(cells, fields)
    checks = tuple(_checks(sight, book))
    return Explanation(policy=rules.version, ask=ask, at=at, cause=cause, rules=deciding, checks=checks, fields=fields)


def _whole(cells: Sequence[Cell], fields: Iterable[OfField]) -> tuple[str, tuple[str, ...]]:
    """The cause of a refusal of everything, the most telling first, and the ids that the verdict carries."""
    permitted = {field.field for field in fields if field.permitted}
    if permitted:
        return "", _sorted(rule for cell in cells if cell.field in permitted for rule in cell.deciding)
    cause = _first(cells)
    return cause, _sorted(rule for cell in cells if cell.cause == cause for rule in cell.deciding)


def _first(cells: Iterable[Cell]) -> str:
    found = {cell.cause for cell in cells}
    return next((cause for cause in Cause if cause in found), "")


class _Books:
    """Rules, purposes, networks and windows as the rulebooks name them; flat rules without books have ids alone."""

    def __init__(self, rules: Rules) -> None:
        books = rules.books
        self._rules: dict[str, tuple[Rulebook, Rule]] = {rule.id: (book, rule) for book in books for rule in book.rules}
        self.purposes = {f"purpose:{purpose.id}": purpose for book in books for purpose in book.purposes}
        self._titles = {f"net:{network.id}": network.zh for book in books for network in book.networks}
        self._titles |= {f"win:{window.id}": window.zh for book in books for window in book.windows}
        self._titles |= {book.department: book.zh for book in books}

    def said(self, rule_id: str, effect: Effect) -> Said:
        """The rule in its own words."""
        book, rule = self._rules.get(rule_id, (None, None))
        return Said(
            id=rule_id,
            effect=effect.value,
            department=book.department if book else "",
            legal_basis=rule.legal_basis if rule else "",
            reason=rule.reason if rule else "",
        )

    def titled(self, name: str) -> str:
        """A name with the title that a rulebook gives it."""
        title = self._titles.get(name.partition("@")[0])
        return f"{title}（{name}）" if title else name


def _checks(sight: Sight, book: _Books) -> Iterator[Check]:
    """What stands before every field, in order."""
    ask, roles = sight.ask, _sorted(sight.roles - {sight.ask.client})
    known = any(role.startswith("dept:") for role in roles)
    belongs = f"属于 {'、'.join(map(book.titled, roles))}" if known else "没有登记，不属于任何部门"
    yield Check("client", known, f"{ask.client} {belongs}")
    yield _purpose(ask, book)
    if ask.purpose in sight.rules.matters:
        yield Check("matter", ask.matter, "写明了事由" if ask.matter else "此用途须写明事由，请求没有写")
    yield Check(
        "address", sight.address is not None, "地址可以识别" if sight.address else "地址无法识别，不属于任何网络"
    )
    yield Check(
        "net", bool(sight.holding), _listed("所在网络", sight.holding, book) if sight.address else "不属于任何网络"
    )
    yield Check("window", bool(sight.covering), _listed("此时生效的时段", sight.covering, book))
    for unit in ask.units:
        there = unit in {name for link in sight.rules.units for name in link} | {"org:all"}
        yield Check("unit", there, f"{unit} {'已登记' if there else '不在机构树中，只有通用规则适用'}")
    if not ask.claims or not ask.units:
        yield Check("whole", False, "请求没有写字段或范围")


def _purpose(ask: Ask, book: _Books) -> Check:
    purpose = book.purposes.get(ask.purpose)
    if purpose is None:
        return Check("purpose", False, f"没有 {ask.purpose} 这个用途")
    return Check("purpose", True, f"{purpose.zh}（{ask.purpose}），依据：{purpose.legal_basis}")


def _of_field(key: str, sight: Sight, all_cells: Iterable[Cell], book: _Books, titles: Mapping[str, str]) -> OfField:
    """The decision on one field over all its cells."""
    cells = [cell for cell in all_cells if cell.field == key]
    denies, allows = (
        tuple(book.said(rule, effect) for rule in _sorted(rule for cell in cells for rule in cell.matching(effect)))
        for effect in (Effect.DENY, Effect.ALLOW)
    )
    near = tuple(_near(cells, book))
    return OfField(
        field=key,
        zh=titles.get(key, ""),
        comparators=tuple(dict.fromkeys(op for asked, op in sight.ask.claims if asked == key)),
        cause=sight.refused_early() or _first(cells),
        checks=tuple(_field_checks(key, sight, cells, near)),
        denies=denies,
        allows=allows,
        near=near,
    )


def _field_checks(key: str, sight: Sight, cells: Sequence[Cell], near: Sequence[NearMiss]) -> Iterator[Check]:
    classes = _sorted(with_above(f"field:{key}", sight.rules.fields) - {f"field:{key}"})
    yield Check("field", bool(classes), f"属于 {'、'.join(classes)}" if classes else "数据标准中没有这个字段")
    for cell in cells:
        here = f"{cell.op} · {cell.unit}："
        denies, allows = _sorted(cell.matching(Effect.DENY)), _sorted(cell.matching(Effect.ALLOW))
        yield Check("denies", not denies, here + (f"被禁止：{'、'.join(denies)}" if denies else "没有禁止规则"))
        yield Check("allows", bool(allows), here + (f"获准许：{'、'.join(allows)}" if allows else "没有准许规则"))
    if near:
        yield Check("near", False, f"只差一个条件的准许规则：{'、'.join(_sorted(one.rule.id for one in near))}")


def _near(cells: Iterable[Cell], book: _Books) -> Iterator[NearMiss]:
    seen: set[tuple[str, str]] = set()
    for cell in cells:
        for look, lack in cell.near():
            if (look.row.id, lack) not in seen:
                seen.add((look.row.id, lack))
                yield NearMiss(book.said(look.row.id, Effect.ALLOW), lack, _missing(look.row, lack, cell, book))


def _missing(row: PolicyRow, lack: str, cell: Cell, book: _Books) -> str:
    texts = {
        "role": f"只准 {book.titled(row.role)}",
        "org": f"只限 {row.org} 及其下级，所问为 {cell.unit}",
        "field": f"不含字段 {cell.field}",
        "op": f"只准以 {row.op} 比对，所问为 {cell.op}",
        "purpose": f"只准用于 {row.purpose.removeprefix('purpose:')}",
        "window": f"只在此时段内有效：{book.titled(row.window)}",
        "net": f"只准来自此网络：{book.titled(row.net)}",
    }
    return texts[lack]


def _listed(what: str, names: Iterable[str], book: _Books) -> str:
    return f"{what}：{'、'.join(map(book.titled, _sorted(names))) or '无'}"


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*names}))
