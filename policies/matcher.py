"""Reading the matcher that Casbin loaded, so that the compiled form follows from the model and cannot drift from it.

A matcher is a conjunction of parts of four shapes, each between one request name and one policy name:

    equality   r_op == p_op
    wildcard   p_purpose == '*' || r_purpose == p_purpose
    role       g(r_sub, p_role)
    residual   inWindow(r_env, p_window)        evaluated at every request

Anything else stops the start: a part that is not understood might be the one that denies.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

WILDCARD: Final = "*"
_ENV: Final = "r_env"
"""The one request name that is no name but time and address: residual parts look at it, and at nothing else."""


class ModelError(Exception):
    """The Casbin model is not one that this package can compile; the message names the part."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the matcher. `table` is the role table or the residual function, empty for the other two."""

    shape: str
    table: str
    asked: str
    ruled: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts by what can be decided ahead: `fixed` by names alone, `residual` at each request."""

    fixed: tuple[Part, ...]
    residual: tuple[Part, ...]


def read_plan(
    matcher: str, asked: Sequence[str], ruled: Sequence[str], roles: Collection[str], residuals: Collection[str]
) -> Plan:
    """The plan of a matcher over these request and policy names; raises `ModelError`.

    Every request name is used, and every policy name but the id and the effect is used exactly once.
    """
    parts = [_part(node) for node in _conjuncts(matcher)]
    for part in parts:
        known = {"role": roles, "residual": residuals}.get(part.shape, [""])
        if part.asked not in asked or part.ruled not in ruled or part.table not in known:
            raise ModelError(f"the matcher uses a name the model does not define: {part}")
        if (part.shape == "residual") is not (part.asked == _ENV):
            raise ModelError(f"{_ENV} belongs to the conditions, and nothing else does: {part}")
    used = Counter(part.ruled for part in parts)
    wanted = Counter(name for name in ruled if name not in {"p_id", "p_eft"})
    if used != wanted or {part.asked for part in parts} != set(asked):
        raise ModelError("the matcher must use every request name, and every policy column exactly once")
    return Plan(
        tuple(part for part in parts if part.shape != "residual"),
        tuple(part for part in parts if part.shape == "residual"),
    )


def _conjuncts(matcher: str) -> list[ast.expr]:
    try:
        # Without spaces around them, as Casbin does it: where it cannot read a matcher, neither can we.
        tree = ast.parse(matcher.replace("&&", "and").replace("||", "or").strip(), mode="eval").body
    except SyntaxError:
        raise ModelError(f"the matcher cannot be read: {matcher}") from None
    return tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]


def _part(node: ast.expr) -> Part:
    match node:
        case ast.Compare():
            return Part("equality", "", *_equality(node))
        case ast.BoolOp(op=ast.Or(), values=[ast.Compare() as star, ast.Compare() as equal]):
            asked, ruled = _equality(equal)
            if ast.unparse(star) == f"{ruled} == '{WILDCARD}'":
                return Part("wildcard", "", asked, ruled)
        case ast.Call(func=ast.Name(table), args=[ast.Name(asked), ast.Name(ruled)], keywords=[]):
            return Part("role" if table.rstrip("0123456789") == "g" else "residual", table, asked, ruled)
        case _:
            pass
    raise ModelError(f"the matcher has a part that is not understood: {ast.unparse(node)}")


def _equality(node: ast.Compare) -> tuple[str, str]:
    match node:
        case ast.Compare(left=ast.Name(asked), ops=[ast.Eq()], comparators=[ast.Name(ruled)]):
            return asked, ruled
        case _:
            raise ModelError(f"the matcher has a part that is not understood: {ast.unparse(node)}")
