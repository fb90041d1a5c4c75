"""Promise 5, gates_only_narrow and nothing_proves_nothing: each gate takes a verdict and returns one that allows no
more, so whatever is taken away from rules, grants, limits or claims, nobody is told more; and what is empty refuses.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import NoteError
from audit.report import Exit
from audit.trust import Trust, parse_trust
from audit.verify import verify_log
from gateway.domain.answer import Cause, FieldCode, Outcome, disclose
from gateway.domain.comparison import Comparison
from gateway.domain.errors import InvalidQueryError
from gateway.domain.grant import Grant, GrantError, parse_grant
from gateway.domain.reply import Answered, Refused, Reply
from gateway.hearing import Hearing, open_hearing
from gateway.idempotency import Slot
from gateway.seal import Layout, Plain, Sealer
from policies.decision import MAKER, Permit, PolicyVersion, Reason, Refusal
from policies.rows import PolicyRow
from policies.snapshot import Ask, Snapshot, compile_rules
from tests.fakes_audit import CountingEntropy, MemoryLedger
from tests.gateways import a_gateway
from tests.make import (
    CATALOGUE,
    KEY,
    NOW,
    TODAY,
    a_claim,
    a_grant,
    a_query,
    a_request,
    a_snapshot,
    limits,
    told,
)

ROOT = Path(__file__).parents[2]
CLAIMS = {"unit": "盟教育局", "quota_type": "行政编制", "person_status": "退休", "leader_rank": "正科级"}
PEOPLE = 4
_FIELDS = sorted(a_grant().fields)

GRANTS: dict[str, Sequence[Mapping[str, object]]] = {
    "fewer fields": [{"fields": _FIELDS[:size]} for size in range(1, len(_FIELDS))],
    "other fields": [{"fields": [each]} for each in _FIELDS],
    "another scope": [{"scope": ["other"]}],
    "fewer days": [{"valid_from": TODAY + timedelta(1)}, {"valid_until": TODAY - timedelta(1)}],
    "fewer hours": [{"hours": ["00:00-09:59"]}, {"hours": ["09:00-10:30"]}],
    "fewer networks": [{"networks": ["10.20.0.0/16"]}, {"networks": ["10.30.0.0/16"]}],
    "smaller limits": [{"limits": limits(day=1)}, {"limits": limits(month=2)}, {"limits": limits(comparisons=3)}],
    "another purpose": [{"purpose": "benefit-check"}],
    "another class": [{"class": "matter"}],
    "another partner": [{"partner": "tax"}],
}
"""What a grant may be narrowed by."""
_RULES = a_snapshot().rules
RULEBOOKS: dict[str, Snapshot] = {
    "a deny of one field": compile_rules(
        replace(
            _RULES,
            policy=(
                *_RULES.policy,
                PolicyRow("R-9", "tier:all", "org:all", "field:unit", "equals", "*", "win:always", "net:any", "deny"),
            ),
        )
    ),
    "no rule for equality": compile_rules(replace(_RULES, policy=_RULES.policy[1:])),
    "no rule at all": compile_rules(replace(_RULES, policy=())),
    "no department": compile_rules(replace(_RULES, clients=())),
}


@given(
    narrower=st.sampled_from([each for kind in GRANTS.values() for each in kind]),
    fields=st.lists(st.sampled_from(list(CLAIMS)), min_size=1, unique=True),
)
def test_a_narrower_grant_tells_no_more(narrower: Mapping[str, object], fields: list[str]) -> None:
    wide = answers(a_grant(), a_snapshot(), fields)
    narrow = answers(a_grant(**narrower), a_snapshot(), fields)

    assert all(is_no_more(less, more) for less, more in zip(narrow, wide, strict=True))


@pytest.mark.parametrize("snapshot", RULEBOOKS.values(), ids=RULEBOOKS)
def test_a_narrower_rulebook_tells_no_more(snapshot: Snapshot) -> None:
    wide = answers(a_grant(), a_snapshot(), list(CLAIMS))
    narrow = answers(a_grant(), snapshot, list(CLAIMS))

    assert all(is_no_more(less, more) for less, more in zip(narrow, wide, strict=True))
    assert narrow != wide


@given(st.lists(st.sampled_from(list(Reason)), min_size=1, max_size=4))
def test_a_refusal_stays_one(reasons: list[Reason]) -> None:
    hearing = a_hearing(Refusal(Reason.FROZEN, "first"))

    for reason in reasons:
        hearing.refuse(reason, "later")

    assert hearing.verdict == Refusal(Reason.FROZEN, "first")
    assert hearing.granted is None


@given(st.sets(st.sampled_from(_FIELDS), min_size=1), st.lists(st.sets(st.sampled_from(_FIELDS)), max_size=4))
def test_a_permit_narrowed_again_and_again_only_shrinks(fields: set[str], gates: list[set[str]]) -> None:
    permit = Permit(frozenset(fields), ("R-1",), PolicyVersion(1, "b" * 64), MAKER)

    for gate in gates:
        narrowed = permit.narrow(gate, "gate")
        if isinstance(narrowed, Refusal):
            assert not permit.fields & gate
            return
        assert narrowed.fields == permit.fields & gate
        permit = narrowed


def test_a_verdict_is_set_when_it_is_judged_and_by_a_refusal_and_nowhere_else() -> None:
    assert list(set_verdicts()) == ["gateway/hearing.py refuse"]


def answers(grant: Grant, snapshot: Snapshot, fields: Sequence[str]) -> list[Reply]:
    """What a new gateway tells about a few people under this grant and these rules."""
    with TemporaryDirectory() as folder:
        gateway = a_gateway(Path(folder), grant)
        gateway.rights.snapshot = snapshot
        gateway.grant(grant)
        for number in range(1, PEOPLE):
            gateway.person(number)
        claims = [a_claim(field, CLAIMS[field]) for field in fields]
        replies = [gateway.ask(a_request(number, claims=claims))[0] for number in range(1, PEOPLE + 1)]
        gateway.close()
    return replies


def is_no_more(less: Reply, more: Reply) -> bool:
    """Whether one reply says nothing that the other does not say."""
    if isinstance(less, Refused):
        return True
    assert isinstance(less, Answered)
    if not isinstance(more, Answered):
        return False
    said, known = told(less.json), told(more.json)
    codes, others = (cast("Mapping[str, str]", each["fields"]) for each in (said, known))
    silent = {FieldCode.NOT_AUTHORISED, FieldCode.NOT_COMPARED}
    return said["subject"] in {known["subject"], "not_confirmed"} and all(
        code in silent or code == others[field] for field, code in codes.items()
    )


def a_hearing(verdict: Refusal) -> Hearing:
    """A hearing that got this verdict."""
    return open_hearing(a_request(), Slot(b"name", b"key"), None, verdict)


def set_verdicts() -> Iterator[str]:
    """Functions that assign `verdict` of something."""
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                targets = [t for node in ast.walk(function) if isinstance(node, ast.Assign) for t in node.targets]
                if any(isinstance(each, ast.Attribute) and each.attr == "verdict" for each in targets):
                    yield f"{path.relative_to(ROOT).as_posix()} {function.name}"


NOTHING: dict[str, Callable[[], object]] = {
    "a query without claims": lambda: a_query(claims=[]),
    "a person without a name": lambda: a_query(name=None),
    "a person with an empty name": lambda: a_query(name=""),
    "a claim of nothing": lambda: a_query(claims=[a_claim("unit", "")]),
    "an empty grant": lambda: parse_grant({}),
    "a grant without fields": lambda: a_grant(fields=[]),
    "a grant without scope": lambda: a_grant(scope=[]),
    "a grant without networks": lambda: a_grant(networks=[]),
    "a grant without hours": lambda: a_grant(hours=[]),
    "a grant of no limit": lambda: a_grant(limits={}),
    "a grant of a limit of nothing": lambda: a_grant(limits=limits(day=0)),
    "a grant without purpose": lambda: a_grant(purpose=" "),
    "a permit for no field": lambda: Permit(frozenset(), (), PolicyVersion(1, "b" * 64), MAKER),
    "trust in nobody": lambda: parse_trust(b'{"keys":[],"origin":"o"}'),
}


@pytest.mark.parametrize("make", NOTHING.values(), ids=NOTHING)
def test_what_is_empty_is_not_made(make: Callable[[], object]) -> None:
    with pytest.raises((InvalidQueryError, GrantError, NoteError, ValueError)):
        make()


ASKS = {
    "nobody": Ask("", (("unit", "equals"),), "purpose:payroll-check", ("org:root",), "10.20.0.7"),
    "nothing": Ask("client:hr-1", (), "purpose:payroll-check", ("org:root",), "10.20.0.7"),
    "for nothing": Ask("client:hr-1", (("unit", "equals"),), "", ("org:root",), "10.20.0.7"),
    "of nowhere": Ask("client:hr-1", (("unit", "equals"),), "purpose:payroll-check", (), "10.20.0.7"),
    "from nowhere": Ask("client:hr-1", (("unit", "equals"),), "purpose:payroll-check", ("org:root",), ""),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_an_empty_ask_is_refused(ask: Ask) -> None:
    assert isinstance(a_snapshot().judge(ask, NOW), Refusal)


def test_without_records_or_without_units_nobody_is_confirmed() -> None:
    sealer = Sealer(KEY, CATALOGUE, "person", "g", CountingEntropy())
    question = sealer.question(Plain("G-1", "person", "1", ["张伟"], 46_000, [("unit", "equals", "盟教育局")]))
    comparison = Comparison(Layout(CATALOGUE, "person"), CountingEntropy())

    for units in frozenset[int](), frozenset({1, 2, 3}):
        outcome = comparison.compare(question, ["unit"], b"", units)

        assert outcome.cause is Cause.ABSENT
        assert set(outcome.codes.values()) == {FieldCode.NOT_COMPARED}


def test_a_field_that_nothing_was_found_about_is_told_as_without_a_right() -> None:
    told_of = disclose(Outcome(Cause.CONFIRMED, {}), (("unit", "equals"),), tells_not_found=False)

    assert told_of.fields == {"unit": FieldCode.NOT_AUTHORISED}


def test_a_log_of_nothing_is_not_proven() -> None:
    assert verify_log(MemoryLedger(), [], Trust("o", ())).verdict is Exit.INCOMPLETE
