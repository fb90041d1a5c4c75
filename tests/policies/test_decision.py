"""A permit is made in one place and only ever gets smaller."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policies.decision import MAKER, Maker, Permit, PolicyVersion, Reason, Refusal

POLICY = PolicyVersion(7, "ab" * 32)
ROOMS_ABOVE = ("gateway", "audit", "adapters", "ops")
ROOT = Path(__file__).parents[2]

field_sets = st.frozensets(st.sampled_from(["name", "unit", "post", "pay_status"]))


def a_permit(*fields: str) -> Permit:
    return Permit(frozenset(fields), ("R-1",), POLICY, MAKER)


def test_a_permit_cannot_be_made_without_the_maker() -> None:
    with pytest.raises(TypeError, match=r"ask Snapshot\.judge"):
        Permit(frozenset({"name"}), (), POLICY, Maker())


def test_a_permit_cannot_be_widened_by_replacing_its_fields() -> None:
    with pytest.raises(ValueError, match="maker"):
        dataclasses.replace(a_permit("name"), fields=frozenset({"name", "unit"}))  # type: ignore[call-arg] # so says mypy


def test_a_permit_for_nothing_does_not_exist() -> None:
    with pytest.raises(ValueError, match="at least one field"):
        a_permit()


@given(field_sets.filter(bool), field_sets)
@example(frozenset({"name", "unit"}), frozenset({"unit", "post"}))
def test_narrowing_never_widens(held: frozenset[str], asked: frozenset[str]) -> None:
    narrowed = a_permit(*held).narrow(asked, "grant:fields")

    match narrowed:
        case Permit():
            assert narrowed.fields == held & asked
            assert (narrowed.rules, narrowed.policy) == (("R-1",), POLICY)
        case Refusal():
            assert not held & asked
            assert narrowed == Refusal(Reason.NOT_PERMITTED, "grant:fields", ("R-1",), POLICY)


def test_permits_and_refusals_are_hashable_values() -> None:
    assert {a_permit("name"), a_permit("name")} == {a_permit("name")}
    assert hash(Refusal(Reason.QUOTA, "day")) == hash(Refusal(Reason.QUOTA, "day"))


def test_no_room_above_policies_makes_a_permit() -> None:
    sources = [path for room in ROOMS_ABOVE for path in (ROOT / room).rglob("*.py")]

    makers = [path for path in sources if _names(path) & {"MAKER", "Maker"} or "Permit" in _calls(path)]

    assert sources
    assert makers == []


def _names(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    reached = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return named | reached | {node.name for node in nodes if isinstance(node, ast.alias)}


def _calls(path: Path) -> set[str]:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    return {call.id if isinstance(call, ast.Name) else getattr(call, "attr", "") for call in calls}
