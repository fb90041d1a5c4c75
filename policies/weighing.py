"""From the rows that are left to the fields that are permitted: deny overrides, default deny, each field alone."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from policies.compiled import Survivor


class Cause(StrEnum):
    """Why a field was not permitted, the most telling first."""

    DENY_RULE = "deny_rule"
    NET = "net"
    WINDOW = "window"
    NO_RULE = "no_rule"


class Outcome(NamedTuple):
    """The fields permitted and all allow rules that matched them; without a field the cause and its rules."""

    fields: frozenset[str]
    cause: str
    rules: tuple[str, ...]


class _Cell(NamedTuple):
    field: str
    cause: Cause | None
    rules: frozenset[str]


def weigh(cells: Iterable[tuple[str, tuple[Survivor, ...]]], mask: int, network_bits: int) -> Outcome:
    """The outcome of the cells (one for each claim and unit) under the conditions that hold now.

    There is at least one cell. A field is permitted if each of its cells is: a deny in one unit, or of one
    comparator, takes the field away.
    """
    decided = [_Cell(key, *_decide(rows, mask, network_bits)) for key, rows in cells]
    refused = {cell.field for cell in decided if cell.cause}
    allowed = [cell for cell in decided if cell.field not in refused]
    if allowed:
        return Outcome(frozenset(cell.field for cell in allowed), "", _ids(allowed))
    cause = next(cause for cause in Cause if any(cell.cause is cause for cell in decided))
    return Outcome(frozenset(), cause, _ids(cell for cell in decided if cell.cause is cause))


def _decide(rows: tuple[Survivor, ...], mask: int, network_bits: int) -> tuple[Cause | None, frozenset[str]]:
    holding = [row for row in rows if row.needs & mask == row.needs]
    if denies := [row.id for row in holding if not row.allows]:
        return Cause.DENY_RULE, frozenset(denies)
    if allows := [row.id for row in holding if row.allows]:
        return None, frozenset(allows)
    missed = [row for row in rows if row.allows]
    if not missed:
        return Cause.NO_RULE, frozenset()
    outside = any(row.needs & ~mask & network_bits for row in missed)
    return Cause.NET if outside else Cause.WINDOW, frozenset(row.id for row in missed)


def _ids(cells: Iterable[_Cell]) -> tuple[str, ...]:
    return tuple(sorted({rule for cell in cells for rule in cell.rules}))
