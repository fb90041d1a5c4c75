"""The compiled snapshot decides like stock pycasbin, only narrows, and refuses whatever it cannot judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.casbin_model import MODEL_FILE
from policies.conditions import Period
from policies.decision import Permit, Refusal
from policies.matcher import ModelError
from policies.rows import PolicyRow, Rules
from policies.snapshot import MEMO_LIMIT, Ask, Snapshot, compile_rules
from policies.stock import Stock
from tests.policies.rules import (
    ALLOW_ROWS,
    ASKS,
    DENY_ROWS,
    INSTANTS,
    MONDAY,
    WORLD,
    a_row,
    an_ask,
    flat,
    models,
    worlds,
)

THOROUGH = settings(max_examples=8 * (settings.default or settings()).max_examples)
ROW = a_row()


def permitted(snapshot: Snapshot, ask: Ask, at: datetime = MONDAY) -> frozenset[str]:
    found = snapshot.judge(ask, at)
    return found.fields if isinstance(found, Permit) else frozenset()


def cause(rules: Rules, ask: Ask, at: datetime = MONDAY) -> tuple[str, tuple[str, ...]]:
    found = compile_rules(rules).judge(ask, at)
    assert isinstance(found, Refusal)
    return found.cause, found.rules


# ---------------------------------------------------------------------------------------------- the authority


@THOROUGH
@given(worlds(), models(), st.lists(st.tuples(ASKS, INSTANTS), min_size=1, max_size=6))
def test_the_snapshot_decides_like_stock_pycasbin(rules: Rules, model: str, asked: list[tuple[Ask, datetime]]) -> None:
    snapshot, stock = compile_rules(rules, model), Stock(rules, model)

    for ask, at in asked:
        assert permitted(snapshot, ask, at) == stock.permitted(ask, at)


@given(worlds(), ASKS, INSTANTS)
def test_a_scope_is_permitted_only_where_every_unit_below_it_is(rules: Rules, ask: Ask, at: datetime) -> None:
    snapshot = compile_rules(rules)
    below = {unit for unit, _ in rules.units if set(ask.units) & _with_all_above(unit, rules)}

    fields = permitted(snapshot, ask, at)

    for unit in below:
        assert fields <= permitted(snapshot, ask._replace(units=(unit,)), at)


def _with_all_above(unit: str, rules: Rules) -> set[str]:
    above, found = dict(rules.units), {unit}
    while unit in above:
        unit = above[unit]
        found.add(unit)
    return found


# ---------------------------------------------------------------------------------------------- only narrower


@given(worlds(), DENY_ROWS, ASKS, INSTANTS)
def test_adding_a_deny_never_permits_more(rules: Rules, deny: PolicyRow, ask: Ask, at: datetime) -> None:
    with_deny = replace(rules, policy=tuple({*rules.policy, deny}))

    assert permitted(compile_rules(with_deny), ask, at) <= permitted(compile_rules(rules), ask, at)


@given(worlds(), ALLOW_ROWS, ASKS, INSTANTS)
def test_removing_an_allow_never_permits_more(rules: Rules, allow: PolicyRow, ask: Ask, at: datetime) -> None:
    with_allow = replace(rules, policy=tuple({*rules.policy, allow}))
    without = replace(rules, policy=tuple({*rules.policy} - {allow}))

    assert permitted(compile_rules(without), ask, at) <= permitted(compile_rules(with_allow), ask, at)


@given(worlds(), st.randoms(use_true_random=False), ASKS, INSTANTS)
def test_the_order_of_rules_never_matters(rules: Rules, random: Random, ask: Ask, at: datetime) -> None:
    shuffled = list(rules.policy)
    random.shuffle(shuffled)

    assert compile_rules(replace(rules, policy=tuple(shuffled))).judge(ask, at) == compile_rules(rules).judge(ask, at)


@given(worlds(), ASKS, INSTANTS)
def test_the_names_of_rules_never_matter(rules: Rules, ask: Ask, at: datetime) -> None:
    renamed = replace(rules, policy=tuple(row._replace(id=f"X-{n}") for n, row in enumerate(rules.policy)))

    assert permitted(compile_rules(renamed), ask, at) == permitted(compile_rules(rules), ask, at)


UNKNOWN: dict[str, Callable[[Ask], Ask]] = {
    "client": lambda ask: ask._replace(client="client:unknown"),
    "purpose": lambda ask: ask._replace(purpose="purpose:unknown"),
    "unit": lambda ask: ask._replace(units=(*ask.units, "org:unknown")),
    "field": lambda ask: ask._replace(claims=(("unknown", "equals"),)),
    "comparator": lambda ask: ask._replace(claims=tuple((key, "unlike") for key, _ in ask.claims)),
    "address": lambda ask: ask._replace(address="unknown"),
}


@given(worlds(), ASKS, INSTANTS, st.sampled_from(sorted(UNKNOWN)))
def test_an_unknown_name_is_refused(rules: Rules, ask: Ask, at: datetime, part: str) -> None:
    # A deny may name every purpose, an allow never: so nothing is left to permit it.
    assert permitted(compile_rules(rules), UNKNOWN[part](ask), at) == frozenset()


@given(worlds(), ASKS, INSTANTS)
def test_a_purpose_that_wants_a_matter_permits_nothing_without_one(rules: Rules, ask: Ask, at: datetime) -> None:
    strict = replace(rules, matters=frozenset({ask.purpose}))

    assert permitted(compile_rules(strict), ask._replace(matter=False), at) == frozenset()
    assert permitted(compile_rules(strict), ask._replace(matter=True), at) == permitted(
        compile_rules(replace(rules, matters=frozenset())), ask, at
    )


@given(worlds(), ASKS, INSTANTS)
def test_a_second_look_decides_like_the_first(rules: Rules, ask: Ask, at: datetime) -> None:
    snapshot = compile_rules(rules)

    first = snapshot.judge(ask, at)
    snapshot.judge(ask._replace(address="203.0.113.9"), at + timedelta(days=3))

    assert snapshot.judge(ask, at) == first == compile_rules(rules).judge(ask, at)


# ---------------------------------------------------------------------------------------------- one cell changed

ONE_CELL_CHANGED = {
    "another client": an_ask("f")._replace(client="client:b"),
    "an unknown client": an_ask("f")._replace(client="client:c"),
    "a client that calls itself a department": an_ask("f")._replace(client="dept:x"),
    "another field": an_ask("g"),
    "an unknown field": an_ask("h"),
    "another comparator": an_ask("f")._replace(claims=(("f", "at_least"),)),
    "the field once with a comparator that is not allowed": an_ask("f")._replace(
        claims=(("f", "equals"), ("f", "at_most"))
    ),
    "another purpose": an_ask("f")._replace(purpose="purpose:q"),
    "the wildcard as purpose": an_ask("f")._replace(purpose="*"),
    "a unit outside": an_ask("f")._replace(units=("org:elsewhere",)),
    "one unit inside and one outside": an_ask("f")._replace(units=("org:11", "org:elsewhere")),
    "the unit above": an_ask("f")._replace(units=("org:all",)),
    "no client": an_ask("f")._replace(client=""),
    "no claim": an_ask(),
    "no purpose": an_ask("f")._replace(purpose=""),
    "no unit": an_ask("f")._replace(units=()),
    "no address": an_ask("f")._replace(address=""),
    "an address that is none": an_ask("f")._replace(address="10.1.2"),
}


@pytest.mark.parametrize("ask", ONE_CELL_CHANGED.values(), ids=ONE_CELL_CHANGED)
def test_changing_one_part_of_a_permitted_ask_refuses_it(ask: Ask) -> None:
    snapshot = compile_rules(flat(ROW))

    assert permitted(snapshot, an_ask("f")) == {"f"}
    assert permitted(snapshot, ask) == frozenset()


def test_an_ask_with_a_name_of_the_wrong_kind_says_so_inside() -> None:
    rules = flat(ROW)

    assert cause(rules, an_ask("f")._replace(purpose="p")) == ("incomplete", ())
    assert cause(rules, an_ask("f")._replace(client="a")) == ("incomplete", ())
    assert cause(rules, an_ask("f")._replace(units=("111",))) == ("incomplete", ())
    assert cause(rules, an_ask("f")._replace(purpose="purpose:q")) == ("no_rule", ())


def test_a_policy_without_rules_refuses_everybody() -> None:
    rules = flat()
    ask = Ask("", (("", ""),), "", ("",), "10.1.2.3")

    assert cause(rules, an_ask("f")) == ("no_rule", ())
    assert cause(rules, ask) == ("incomplete", ())
    assert Stock(rules).permitted(an_ask("f"), MONDAY) == frozenset()


def test_fields_are_permitted_one_by_one_with_every_rule_that_allows_them() -> None:
    rules = flat(ROW, ROW._replace(id="R-2", org="org:all"), ROW._replace(id="R-3", field="field:g", op="at_least"))

    found = compile_rules(rules).judge(an_ask("f", "g"), MONDAY)

    assert isinstance(found, Permit)
    assert (found.fields, found.rules, found.policy) == (frozenset({"f"}), ("R-1", "R-2"), rules.version)


DENY = ROW._replace(id="D-1", eft="deny", purpose="*")
DENIES = {
    "for the department": DENY,
    "for every department": DENY._replace(role="tier:all"),
    "for a class of fields": DENY._replace(field="class:any"),
    "for the unit": DENY._replace(org="org:111"),
    "for all units": DENY._replace(org="org:all"),
    "at these hours": DENY._replace(window="win:hours"),
    "on this network": DENY._replace(net="net:office"),
}


@pytest.mark.parametrize("deny", DENIES.values(), ids=DENIES)
def test_a_deny_overrides_every_allow(deny: PolicyRow) -> None:
    assert cause(flat(ROW, deny, ROW._replace(id="R-2")), an_ask("f")) == ("deny_rule", ("D-1",))


def test_a_scope_over_a_denied_unit_is_denied() -> None:
    rules = flat(ROW, DENY._replace(org="org:111"))

    assert cause(rules, an_ask("f")._replace(units=("org:1",))) == ("deny_rule", ("D-1",))
    assert permitted(compile_rules(rules), an_ask("f")._replace(units=("org:12",))) == {"f"}


CAUSES = {
    "a rule for other hours": (ROW._replace(window="win:two-days"), "10.1.2.3", "window"),
    "a rule for another network": (ROW._replace(net="net:office"), "203.0.113.9", "net"),
    "both": (ROW._replace(net="net:office", window="win:two-days"), "203.0.113.9", "net"),
    "no address": (ROW, "unknown", "net"),
}


@pytest.mark.parametrize(("row", "address", "expected"), CAUSES.values(), ids=CAUSES)
def test_a_refusal_says_inside_why(row: PolicyRow, address: str, expected: str) -> None:
    found = cause(flat(row), an_ask("f")._replace(address=address), MONDAY + timedelta(days=7))

    assert found[0] == expected


# ---------------------------------------------------------------------------------------------- what may break


class BrokenPeriod(Period):
    """Fails when it is asked."""

    def covers(self, minute: int) -> bool:
        raise RuntimeError(minute)


def test_whatever_breaks_inside_refuses() -> None:
    broken = replace(flat(ROW), periods={**WORLD.periods, "win:always": BrokenPeriod(())})

    assert cause(broken, an_ask("f")) == ("engine_error", ())
    assert cause(flat(ROW), an_ask("f"), MONDAY.replace(tzinfo=None)) == ("engine_error", ())


MODELS = {
    "a part that is not understood": ("g(r.sub, p.role)", "(g(r.sub, p.role) || r.sub == 'client:root')"),
    "a part turned round": ("g(r.sub, p.role)", "!g(r.sub, p.role)"),
    "another wildcard": ("p.purpose == '*'", "p.purpose == ''"),
    "a function of Casbin": ("g(r.sub, p.role)", "regexMatch(r.sub, p.role)"),
    "a function that is missing": ("inNet(", "inNetwork("),
    "a part left out": ("r.op == p.op && ", ""),
    "a part twice": ("r.op == p.op", "r.op == p.op && r.op == p.op"),
    "a name against another": ("r.op == p.op", "r.op == p.eft"),
    "a condition on a name": ("inNet(r.env, p.net)", "inNet(r.sub, p.net)"),
    "a chain of comparisons": ("r.op == p.op", "r.op == p.op == p.op"),
    "text that is no expression": ("r.op == p.op", "r.op =="),
    "an effect that allows by default": ("some(where (p.eft == allow)) && ", ""),
    "a column more": ("net, eft", "net, owner, eft"),
    "columns in another order": ("role, org", "org, role"),
    "a comment in a line": ("purpose, env", "purpose, env # time and place"),
    "a second matcher": ("[matchers]", "[matchers]\nm2 = r.sub == p.role"),
    "a role table with a domain": ("g2 = _, _", "g2 = _, _, _"),
    "a constraint that Casbin ignores": ("[matchers]", '[constraint_definition]\nc = sod("a", "b")\n[matchers]'),
    "a section missing": ("[role_definition]", ""),
}


@pytest.mark.parametrize(("old", "new"), MODELS.values(), ids=MODELS)
def test_a_model_that_is_not_understood_stops_the_start(old: str, new: str) -> None:
    text = MODEL_FILE.read_text("utf-8")
    assert text.count(old) >= 1

    with pytest.raises(ModelError):
        compile_rules(flat(ROW), text.replace(old, new, 1))


def test_the_same_row_twice_stops_the_start() -> None:
    with pytest.raises(ModelError, match="twice"):
        compile_rules(flat(ROW, ROW))


def test_names_chosen_by_callers_fill_no_memory() -> None:
    snapshot = compile_rules(flat(ROW))

    for n in range(MEMO_LIMIT + 100):
        ask = an_ask("f")._replace(client=f"client:{n}", address=f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}")
        assert permitted(snapshot, ask) == frozenset()

    assert len(snapshot._prepared) <= MEMO_LIMIT
    assert len(snapshot._networks) <= MEMO_LIMIT


def test_one_rule_of_a_thousand_decides() -> None:
    rows = [ROW._replace(id=f"R-{n}", field=f"field:f{n % 20}", purpose=f"purpose:p{n % 50}") for n in range(1_000)]
    ask = an_ask("f0", "f1", "f2", "f3", "f4")._replace(purpose="purpose:p0")

    assert permitted(compile_rules(flat(*rows)), ask) == {"f0"}
