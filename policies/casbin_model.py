"""The one place that touches pycasbin: it loads `model.conf` and the flat rules, and answers as the authority.

pycasbin ships no types; the protocols below are the few methods we use. It reads its model leniently (unknown
sections vanish, an inline comment becomes part of a name), so the model is compared with what is expected.
Rules go in as lists, never as text: no value can be cut at a comma or a bracket.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

from casbin import Enforcer as _StockEnforcer  # pyright: ignore[reportMissingTypeStubs] - pycasbin ships no types
from casbin import Model as _StockModel  # pyright: ignore[reportMissingTypeStubs] - the same

from policies.conditions import Env, lies_in
from policies.matcher import ModelError, Plan, read_plan
from policies.rows import Link, PolicyRow, Rules

MODEL_FILE: Final = Path(__file__).parent / "model.conf"
ASKED: Final[tuple[str, ...]] = ("r_sub", "r_org", "r_field", "r_op", "r_purpose", "r_env")
COLUMNS: Final = tuple(f"p_{column}" for column in PolicyRow._fields)
RESIDUALS: Final = ("inWindow", "inNet")
_DEFINED: Final = {"r": {"r"}, "p": {"p"}, "e": {"e"}, "m": {"m"}, "g": {"g", "g2", "g3"}}
_DENY_OVERRIDES: Final = "some(where (p_eft == allow)) && !some(where (p_eft == deny))"
_SECTIONS: Final = ["matchers", "policy_definition", "policy_effect", "request_definition", "role_definition"]
_HEADING: Final = re.compile(r"^\s*\[(.*)\]\s*$", re.MULTILINE)

Residual = Callable[[Env, str], bool]


class _Assertion(Protocol):
    value: str
    tokens: list[str]
    policy: list[list[str]]


class _Model(Protocol):
    def __getitem__(self, section: str) -> dict[str, _Assertion]: ...
    def items(self) -> Iterable[tuple[str, dict[str, _Assertion]]]: ...
    def load_model_from_text(self, text: str) -> None: ...


class Enforcer(Protocol):
    """A plain pycasbin enforcer: slow, and the authority. It scans all rules for each decision."""

    def enforce(self, *values: object) -> bool:
        """Whether the request is allowed."""
        ...

    def add_function(self, name: str, func: Residual) -> None:
        """Define a function of the matcher."""
        ...

    def build_role_links(self) -> None:
        """Make the role links of the loaded rules count."""
        ...


_new_model = cast("Callable[[], _Model]", _StockModel)
_new_enforcer = cast("Callable[[_Model], Enforcer]", _StockEnforcer)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What Casbin holds after loading: the plan of its matcher, its rows, its links."""

    plan: Plan
    rows: tuple[tuple[str, ...], ...]
    links: Mapping[str, tuple[Link, ...]]


def load(rules: Rules, model_text: str | None = None) -> Loaded:
    """The rules in the shipped model, or in the one given; raises `ModelError` for a model we cannot compile."""
    model = _filled(rules, model_text)
    links = {name: tuple((row[0], row[1]) for row in table.policy) for name, table in model["g"].items()}
    return Loaded(
        plan=read_plan(model["m"]["m"].value, ASKED, COLUMNS, links.keys(), RESIDUALS),
        rows=tuple(tuple(row) for row in model["p"]["p"].policy),
        links=links,
    )


def stock_enforcer(rules: Rules, model_text: str | None = None) -> Enforcer:
    """A plain enforcer over the same model and rules, to compare with. Not for serving."""
    enforcer = _new_enforcer(_filled(rules, model_text))
    enforcer.build_role_links()
    for name, function in residual_functions(rules).items():
        enforcer.add_function(name, function)
    return enforcer


def residual_functions(rules: Rules) -> Mapping[str, Residual]:
    """The functions of the matcher that look at time and address. `Rules` holds every name they are asked for."""
    return {
        "inWindow": lambda env, window: rules.periods[window].covers(env.minute),
        "inNet": lambda env, net: lies_in(env.address, rules.networks[net]),
    }


def _filled(rules: Rules, text: str | None) -> _Model:
    model = _checked(MODEL_FILE.read_text("utf-8") if text is None else text)
    _fill(model["p"]["p"], rules.policy)
    for table, links in rules.links.items():
        _fill(model["g"][table], links)
    return model


def _fill(table: _Assertion, rows: tuple[tuple[str, ...], ...]) -> None:
    """Casbin's own `add_policy` looks through the whole list for every row: seconds for ten thousand."""
    if twice := [row for row, times in Counter(rows).items() if times > 1]:
        raise ModelError(f"the rules hold a row twice: {twice[0]}")
    table.policy.extend(list(row) for row in rows)


def _checked(text: str) -> _Model:
    if sorted(_HEADING.findall(text)) != _SECTIONS:
        raise ModelError(f"the model must have exactly these sections, each once: {', '.join(_SECTIONS)}")
    model = _new_model()
    model.load_model_from_text(text)
    if {section: set(tables) for section, tables in model.items()} != _DEFINED:
        raise ModelError("the model must define r, p, g, g2, g3, e and m, each once")
    if any(table.value != "_, _" for table in model["g"].values()):
        raise ModelError("the role tables of the model must have two columns: _, _")
    if model["e"]["e"].value != _DENY_OVERRIDES:
        raise ModelError("the effect of the model must be: deny overrides, default deny")
    if tuple(model["r"]["r"].tokens) != ASKED or tuple(model["p"]["p"].tokens) != COLUMNS:
        raise ModelError(f"the names of the model must be {', '.join(ASKED + COLUMNS)}, without inline comments")
    return model
