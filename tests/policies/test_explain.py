"""An explanation says yes and no as the snapshot does, names every rule, and what a refused ask was short of."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings

from policies.decision import Permit, Refusal
from policies.expectations import SHIPPED_EXPECTATIONS
from policies.explain import explain
from policies.explanation import CAUSES, OfField
from policies.loader import SHIPPED_RULEBOOKS
from policies.publication import load_texts, read_texts
from policies.rows import Rules
from policies.snapshot import Ask, compile_rules
from tests.policies.rules import ASKS, CATALOGUE, INSTANTS, MONDAY, WORLD, a_row, an_ask, flat, worlds

CLIENTS = {"client:caizheng-pay-01": "dept:caizheng", "client:jijian-review-01": "dept:jijian"}
TITLES = {key: field.zh for key, field in CATALOGUE.fields.items()}
THOROUGH = settings(max_examples=4 * (settings.default or settings()).max_examples)


@THOROUGH
@given(worlds(), ASKS, INSTANTS)
def test_it_decides_like_the_snapshot(rules: Rules, ask: Ask, at: datetime) -> None:
    rules = replace(rules, matters=frozenset({"purpose:q"}))
    for asked in (ask, ask._replace(matter=True)):
        found, explained = compile_rules(rules).judge(asked, at), explain(rules, asked, at)

        assert explained.permitted == (found.fields if isinstance(found, Permit) else frozenset())
        assert explained.cause == (found.cause if isinstance(found, Refusal) else "")
        assert explained.rules == found.rules
        assert json.loads(json.dumps(explained.as_document()))["permitted"] == sorted(explained.permitted)


@given(worlds(), ASKS, INSTANTS)
def test_a_near_miss_is_one_condition_away_from_matching(rules: Rules, ask: Ask, at: datetime) -> None:
    for field in explain(rules, ask, at).fields:
        matched = {rule.id for rule in field.allows}
        for near in field.near:
            rows = [row for row in rules.policy if row.id == near.rule.id and row.eft == "allow"]
            assert near.rule.effect == "allow"
            assert field.cause
            assert rows
            assert near.rule.id not in matched or len(ask.claims) * len(ask.units) > 1


@pytest.fixture(scope="module")
def shipped() -> Rules:
    texts = read_texts(SHIPPED_RULEBOOKS, SHIPPED_EXPECTATIONS, {"org:league": None, "org:bureau-1": "org:league"})
    return load_texts(texts, CATALOGUE, CLIENTS, number=4, digest="cd" * 32)


def asked(*fields: str, purpose: str = "budget-check", client: str = "client:caizheng-pay-01") -> Ask:
    claims = tuple((field, "equals") for field in fields)
    return Ask(client, claims, f"purpose:{purpose}", ("org:bureau-1",), "10.8.0.5")


def only(rules: Rules, ask: Ask, at: datetime = MONDAY) -> OfField:
    (field,) = explain(rules, ask, at, TITLES).fields
    return field


def test_a_yes_names_its_rule_with_legal_basis_and_reason(shipped: Rules) -> None:
    field = only(shipped, asked("org_strength"))

    assert field.permitted
    assert (field.zh, field.cause, field.denies, field.near) == ("实有人数", "", (), ())
    assert [(rule.id, rule.department, rule.legal_basis) for rule in field.allows] == [
        ("CZ-004", "dept:caizheng", "《中华人民共和国预算法》")
    ]
    assert field.allows[0].reason == "按核定编制和实有人数安排人员经费。"


def test_a_deny_is_told_beside_the_allows_that_it_overrides(shipped: Rules) -> None:
    field = only(shipped, asked("leader_rank"))

    assert (field.cause, [rule.id for rule in field.denies]) == ("deny_rule", ["CZ-901"])


SHORT_OF = {
    "another hour": (asked("org_strength"), MONDAY + timedelta(hours=10), "window", "CZ-004", "window", "工作时间"),
    "another network": (
        asked("org_strength")._replace(address="203.0.113.9"),
        MONDAY,
        "net",
        "CZ-004",
        "net",
        "电子政务外网",
    ),
    "another field": (asked("org_level"), MONDAY, "no_rule", "CZ-003", "field", "不含字段 org_level"),
    "another purpose": (
        asked("org_strength", purpose="payroll-check"),
        MONDAY,
        "no_rule",
        "CZ-004",
        "purpose",
        "只准用于 budget-check",
    ),
    "another comparator": (
        asked("org_name")._replace(claims=(("org_name", "at_least"),)),
        MONDAY,
        "no_rule",
        "CZ-003",
        "op",
        "所问为 at_least",
    ),
    "another department": (
        asked("org_strength", client="client:jijian-review-01"),
        MONDAY,
        "no_rule",
        "CZ-004",
        "role",
        "财政局规则册",
    ),
}


@pytest.mark.parametrize("case", SHORT_OF.values(), ids=SHORT_OF)
def test_a_no_says_which_rule_it_was_short_of(shipped: Rules, case: tuple[Ask, datetime, str, str, str, str]) -> None:
    ask, at, cause, rule, condition, text = case

    field = only(shipped, ask, at)

    assert field.cause == cause
    assert any(near.rule.id == rule and near.condition == condition and text in near.zh for near in field.near)


def test_a_rule_for_another_unit_is_a_near_miss() -> None:
    field = only(flat(a_row()._replace(org="org:12")), an_ask("f"))

    assert [(near.condition, near.zh) for near in field.near] == [("org", "只限 org:12 及其下级，所问为 org:111")]


CHECKS = {
    "all well": (asked("org_name"), {}),
    "an unknown client": (asked("org_name", client="client:nobody"), {"client"}),
    "an unknown purpose": (asked("org_name", purpose="curiosity"), {"purpose"}),
    "no address": (asked("org_name")._replace(address="somewhere"), {"address", "net"}),
    "an unknown unit": (asked("org_name")._replace(units=("org:elsewhere",)), {"unit"}),
    "no matter": (asked("name", purpose="discipline-review", client="client:jijian-review-01"), {"matter"}),
    "no claims": (asked(), {"whole"}),
}


@pytest.mark.parametrize(("ask", "failing"), CHECKS.values(), ids=CHECKS)
def test_what_stands_before_the_rules_is_checked_in_order(shipped: Rules, ask: Ask, failing: set[str]) -> None:
    checks = explain(shipped, ask, MONDAY).checks

    assert {check.name for check in checks if not check.holds} == {*failing}
    order = ("client", "purpose", "matter", "address", "net", "window", "unit", "whole")
    assert [check.name for check in checks] == sorted((check.name for check in checks), key=order.index)


def test_it_names_the_version_it_was_asked_about_and_has_a_word_for_every_cause(shipped: Rules) -> None:
    document = explain(shipped, asked("org_strength", "leader_rank"), MONDAY, TITLES).as_document()

    assert document["policy"] == {"number": 4, "digest": "cd" * 32}
    assert document["at"] == "2026-03-02T10:00:00+08:00"
    assert document["permitted"] == ["org_strength"]
    assert {"", "deny_rule", "net", "window", "no_rule", "no_matter", "incomplete"} == CAUSES.keys()


def test_rules_without_rulebooks_are_explained_by_their_ids() -> None:
    field = only(replace(WORLD, policy=(a_row("R-9"),)), an_ask("f"))

    assert [(rule.id, rule.reason) for rule in field.allows] == [("R-9", "")]
