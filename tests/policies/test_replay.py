"""A rehearsal tells which real decisions would change under a draft, and which rights nobody used."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import replay as rehearsal
from policies.decision import Permit
from policies.replay import Decided, Held, replay
from policies.rows import PolicyRow, Rules
from policies.snapshot import Ask, Snapshot, compile_rules
from tests.policies.rules import ASKS, DENY_ROWS, INSTANTS, MONDAY, a_row, an_ask, flat, worlds

ROW = a_row()
DENY = ROW._replace(id="D-1", eft="deny", purpose="*")
OTHER = ROW._replace(id="R-2", field="field:g")


def decided(snapshot: Snapshot, ask: Ask, at: datetime = MONDAY, entry: int = 1, grant: str = "") -> Decided:
    """What the snapshot would have decided."""
    found = snapshot.judge(ask, at)
    return Decided(entry, ask, at, found.fields if isinstance(found, Permit) else frozenset(), grant)


# The rules then, the rules of the draft, and what becomes of an ask for f and g: entry, field, now permitted, by what.
CHANGES = {
    "a rule taken away": (flat(ROW, OTHER), flat(ROW), [("g", False, "no_rule", ())]),
    "a rule more": (flat(ROW), flat(ROW, OTHER), [("g", True, "", ("R-2",))]),
    "a deny more": (
        flat(ROW, OTHER),
        flat(ROW, OTHER, DENY._replace(field="class:any")),
        [("f", False, "deny_rule", ("D-1",)), ("g", False, "deny_rule", ("D-1",))],
    ),
    "another window": (flat(ROW), flat(ROW._replace(window="win:hours")), []),
    "another network": (
        flat(ROW, OTHER),
        flat(ROW, OTHER._replace(net="net:office")),
        [],
    ),
    "one for the other": (flat(ROW), flat(OTHER), [("f", False, "no_rule", ()), ("g", True, "", ("R-2",))]),
    "the same": (flat(ROW), flat(ROW), []),
}


@pytest.mark.parametrize(("then", "draft", "flips"), CHANGES.values(), ids=CHANGES)
def test_what_changes_is_told_field_by_field(
    then: Rules, draft: Rules, flips: list[tuple[str, bool, str, tuple[str, ...]]]
) -> None:
    old, new = compile_rules(then), compile_rules(draft)

    found = replay([decided(old, an_ask("f", "g"), entry=41)], new, old)

    assert [(flip.field, flip.now_permitted, flip.cause, flip.rules) for flip in found.flips] == flips
    assert all(flip.entry == 41 for flip in found.flips)
    assert (found.decisions, found.changed) == (1, bool(flips))
    assert sum(found.gained.values()) == sum(1 for flip in flips if flip[1])
    assert sum(found.lost.values()) == sum(1 for flip in flips if not flip[1])


def test_what_another_gate_refused_is_no_gain_of_the_draft() -> None:
    old, new = compile_rules(flat(ROW, OTHER)), compile_rules(flat(ROW, OTHER, ROW._replace(id="R-3", org="org:all")))
    narrowed_by_the_grant = decided(old, an_ask("f", "g"))._replace(permitted=frozenset({"f"}))

    assert replay([narrowed_by_the_grant], new, old).changed == 0


@given(worlds(), st.lists(st.tuples(ASKS, INSTANTS), max_size=8))
def test_the_version_in_force_changes_nothing(rules: Rules, asked: list[tuple[Ask, datetime]]) -> None:
    snapshot = compile_rules(rules)

    assert replay([decided(snapshot, *one) for one in asked], snapshot, snapshot).changed == 0


@given(worlds(), DENY_ROWS, st.lists(st.tuples(ASKS, INSTANTS), max_size=8))
def test_a_deny_more_only_loses(rules: Rules, deny: PolicyRow, asked: list[tuple[Ask, datetime]]) -> None:
    old = compile_rules(rules)
    new = compile_rules(replace(rules, policy=tuple({*rules.policy, deny})))

    found = replay([decided(old, *one) for one in asked], new, old)

    assert not found.gained
    assert not any(flip.now_permitted for flip in found.flips)


def test_fields_that_a_rule_gives_and_nobody_used_are_proposals() -> None:
    snapshot = compile_rules(flat(ROW._replace(field="class:any"), DENY._replace(field="field:g", net="net:office")))

    silent = replay([], snapshot, snapshot).unused
    after_use = replay([decided(snapshot, an_ask("f"))], snapshot, snapshot).unused

    assert [(one.department, one.purpose, one.fields, one.rules) for one in silent] == [
        ("dept:x", "purpose:p", ("f", "g"), ("R-1",))
    ]
    assert [one.fields for one in after_use] == [("g",)]


def test_what_was_refused_or_used_for_another_purpose_was_not_used() -> None:
    snapshot = compile_rules(flat(ROW, ROW._replace(id="R-2", purpose="purpose:q"), DENY._replace(net="net:office")))

    found = replay([decided(snapshot, an_ask("f"))], snapshot, snapshot)

    assert {one.purpose for one in found.unused} == {"purpose:p", "purpose:q"}


def test_fields_of_a_grant_that_nobody_used_are_proposals_of_their_own() -> None:
    snapshot = compile_rules(flat(ROW, OTHER))
    grants = {
        "G-1": Held("dept:x", "purpose:p", frozenset({"f", "g"})),
        "G-2": Held("dept:y", "purpose:p", frozenset("f")),
    }

    found = replay([decided(snapshot, an_ask("f"), grant="G-1")], snapshot, snapshot, grants)

    assert {(one.grant, one.fields) for one in found.unused if one.grant} == {("G-1", ("g",)), ("G-2", ("f",))}


def test_many_flips_are_counted_and_some_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "LISTED", 3)
    old, new = compile_rules(flat(ROW, OTHER)), compile_rules(flat())

    found = replay([decided(old, an_ask("f", "g"), entry=n) for n in range(5)], new, old)

    assert (found.changed, found.lost, len(found.flips)) == (5, {("dept:x", "purpose:p"): 10}, 3)


def test_the_document_is_plain() -> None:
    old, new = compile_rules(flat(ROW)), compile_rules(flat(OTHER))

    document = json.loads(json.dumps(replay([decided(old, an_ask("f", "g"))], new, old).as_document()))

    assert document["gained"] == [{"department": "dept:x", "purpose": "purpose:p", "fields": 1}]
    assert [flip["becomes"] for flip in document["flips"]] == ["refused", "permitted"]
    assert document["flips"][0]["at"] == "2026-03-02T10:00:00+08:00"
    assert "可考虑收回" in document["unused"][0]["zh"]
