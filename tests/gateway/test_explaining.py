"""Every check in order, and the verdict of `gateway.grants.judge`, by rights as they stood and any version of rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deeds.document import Kind
from gateway.domain.errors import UnavailableError
from gateway.domain.people import Duty
from gateway.grants import CONDITIONS, Granted, judge
from gateway.ports import Rights
from gateway.review import telling
from gateway.review.asking import Question, caller_of, query_of, with_gate
from gateway.review.bygone import Then, first_since
from gateway.review.explained import OF_GATES, UNAUTHORISED, Explained
from gateway.review.explaining import When
from policies.explanation import CAUSES
from policies.snapshot import compile_rules
from tests.bygones import CLERKS, DISCIPLINE, FINANCE, GRANT, Bygones, bygones, without
from tests.make import CATALOGUE, NOW, a_grant

GRANTS: dict[str, dict[str, object]] = {
    "hours": {"hours": ["08:00-12:00"]},
    "near": {"networks": ["10.20.1.0/24"]},
    "signed": {"signed_requests": True},
    "past": {"valid_until": date(2026, 6, 29)},
    "long": {"valid_until": date(2028, 6, 30)},
    "no-gate": {"fields": ["unit"]},
    "nothing": {"fields": ["name", "post"]},
    "matter": {"class": "matter"},
    "closed": {"class": "closed"},
    "other-purpose": {"purpose": "budget-check"},
    "elsewhere": {"scope": ["nowhere"]},
}


class Told:
    """An office with many grants, and the points of its ledger at which rights changed."""

    def __init__(self, world: Bygones) -> None:
        self.world = world
        for number, changes in GRANTS.items():
            world.office.grant(a_grant(**(GRANT | changes | {"number": number})))
        self.points = [world.ledger.head().size]
        for named in ("grant.G-1", f"system.{FINANCE}", "partner.caizheng", f"person.{CLERKS[FINANCE]}"):
            world.freeze(named)
            self.points.append(world.ledger.head().size)
            world.put_in_force(
                Kind.FREEZE, named, {"frozen": False}, Duty.SECURITY_ADMIN, Duty.LEADER, path="release", reason="已核实"
            )
        world.publish(without(world.rulebooks(), "quota_type"))
        self.points.append(world.ledger.head().size)

    def explain(self, question: Question, point: int = -1, when: When | None = None) -> Explained:
        then = self.then(point)
        return self.world.explaining.explain(question, then, then.rulebooks, when or When(at=NOW, data_time=NOW))

    def then(self, point: int = -1) -> Then:
        return self.world.bygone.before(self.points[point])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    world = bygones(tmp_path_factory.mktemp("told") / "home")
    yield Told(world)
    world.close()


def a_question(*fields: str, **changes: object) -> Question:
    """What finance usually asks."""
    claims = tuple((field, "equals") for field in fields or ("unit",))
    usual: dict[str, object] = {
        "client": FINANCE,
        "purpose": "payroll-check",
        "claims": with_gate(claims, CATALOGUE),
        "address": "10.20.0.7",
        "grant": "G-1",
        "operator": CLERKS[FINANCE],
    }
    return Question(**(usual | changes))  # type: ignore[arg-type]  # a table of changes


FIELDS = ("unit", "quota_type", "pay_status", "post", "ethnicity", "org_name")
questions = st.builds(
    lambda fields, **chosen: a_question(*fields, **chosen),
    st.lists(st.sampled_from(FIELDS[:-1]), min_size=1, max_size=4, unique=True) | st.just([FIELDS[-1]]),
    client=st.sampled_from([FINANCE, FINANCE, FINANCE, DISCIPLINE]),
    purpose=st.sampled_from(["payroll-check", "payroll-check", "budget-check", "discipline-review", "nothing"]),
    address=st.sampled_from(["10.20.0.7", "10.20.1.7", "192.168.0.9"]),
    grant=st.sampled_from(["G-1", "G-1", "J-1", "G-9", *GRANTS]),
    operator=st.sampled_from([CLERKS[FINANCE], CLERKS[FINANCE], CLERKS[DISCIPLINE], "nobody"]),
    matter=st.booleans(),
    signed=st.booleans(),
    as_of=st.sampled_from([None, date(2026, 6, 30), date(2025, 12, 31), date(2024, 12, 31)]),
)
whens = st.builds(
    When,
    at=st.sampled_from([NOW, NOW + timedelta(hours=5), NOW + timedelta(days=400), NOW - timedelta(days=200)]),
    data_time=st.sampled_from([NOW, NOW - timedelta(days=40)]),
)


@given(questions, whens, st.integers(0, 5))
def test_the_verdict_is_that_of_the_judge(told: Told, question: Question, when: When, point: int) -> None:
    then = told.then(point)
    known = then.system(question.client)
    assert known is not None
    rules = told.world.bygone.rules(then.rulebooks, then)
    rights = Rights(1, compile_rules(rules), then.grants, then.frozen, ends=then.ends)
    assert when.data_time is not None

    judged = judge(query_of(question, CATALOGUE), caller_of(question, *known), rights, when.at, when.data_time)
    found = told.explain(question, point, when).verdict

    if isinstance(judged, Granted):
        assert (set(found.permitted), found.rules) == (
            {key for key, _ in question.claims} & judged.permit.fields,
            judged.permit.rules,
        )
        assert not found.reason
    else:
        assert (found.reason, found.cause, found.rules) == (judged.reason, judged.cause, judged.rules)
        assert not found.permitted


CASES: dict[str, tuple[Question, int, str]] = {
    "everything fits": (a_question(), 0, ""),
    "a system that nobody registered": (a_question(client="nobody-1"), 0, "unknown_client"),
    "from a network that is not the system's": (a_question(address="172.16.0.1"), 0, "unregistered_network"),
    "no such grant": (a_question(grant="G-9"), 0, "no_such_grant"),
    "a grant of another partner": (a_question(grant="J-1"), 0, "no_such_grant"),
    "a frozen grant": (a_question(), 1, "frozen:grant"),
    "a frozen system": (a_question(), 2, "frozen:system"),
    "a frozen partner": (a_question(), 3, "frozen:partner"),
    "a frozen person": (a_question(), 4, "unknown_operator"),
    "a field that the rules deny": (a_question("post"), 0, ""),
    "another purpose": (a_question(grant="other-purpose"), 0, "grant_purpose"),
    "an ended grant": (a_question(grant="past"), 0, "grant_not_in_force"),
    "another network": (a_question(grant="near"), 0, "grant_network"),
    "somebody of another partner": (a_question(operator=CLERKS[DISCIPLINE]), 0, "unknown_operator"),
    "an unsigned request": (a_question(grant="signed"), 0, "unsigned_request"),
    "another day": (a_question(as_of=date(2024, 12, 31)), 0, "reference_date"),
    "no matter": (a_question(grant="matter"), 0, "no_matter"),
    "a grant without the name": (a_question(grant="no-gate"), 0, "gate_not_granted"),
    "a scope that nobody knows": (a_question(grant="elsewhere"), 0, "no_rule"),
}


@pytest.mark.parametrize(("question", "point", "cause"), CASES.values(), ids=CASES)
def test_each_gate_is_told(told: Told, question: Question, point: int, cause: str) -> None:
    found = told.explain(question, point)

    failed = [check for check in found.checks if check.holds is False]
    assert found.verdict.cause == cause == (failed[0].cause if failed else "")
    assert all(check.zh for check in found.checks)
    assert found.as_document()["verdict"] is not None


def test_all_checks_are_told_in_their_order_also_behind_the_first_no(told: Told) -> None:
    found = told.explain(a_question(grant="past", operator="nobody"))

    assert [check.name for check in found.checks] == [
        "client",
        "network",
        "grant",
        "frozen_grant",
        "frozen_partner",
        "frozen_system",
        "held",
        "lapse",
        "rulebook",
        *(cause for cause, _ in CONDITIONS),
        "data_age",
        "fields",
        "gate",
    ]
    assert [check.cause for check in found.checks if check.holds is False] == ["grant_not_in_force", "unknown_operator"]


def test_without_a_grant_the_rulebook_alone_is_asked(told: Told) -> None:
    found = told.explain(a_question("unit", "post", grant=None))

    assert found.verdict.permitted == ("name", "unit")
    assert found.unopened == ("grant",)
    assert [(each.field, each.by_rules, each.by_grant) for each in found.fields] == [
        ("name", True, None),
        ("unit", True, None),
        ("post", False, None),
    ]


def test_fields_come_with_the_reason_of_the_grant(told: Told) -> None:
    unit = told.explain(a_question("unit")).fields[1]

    assert (unit.zh, unit.by_rules, unit.by_grant, unit.reason, unit.permitted) == (
        "所在单位",
        True,
        True,
        "核对",
        True,
    )


def test_whoever_is_on_the_list_of_a_closed_grant_is_not_opened(told: Told) -> None:
    found = told.explain(a_question(grant="closed"))

    assert found.unopened == ("cohort",)
    assert "没有生效的名册" in next(check.zh for check in found.checks if check.name == "cohort")


# ---------------------------------------------------------------------------------------- versions and times


def test_a_version_that_was_replaced_still_explains(told: Told) -> None:
    then, bygone = told.then(), told.world.bygone
    question, when = a_question("quota_type"), When(at=NOW, data_time=NOW)

    by_version = {
        number: told.world.explaining.explain(question, then, bygone.version(number), when) for number in (2, 3)
    }

    assert by_version[2].verdict.permitted == ("name", "quota_type")
    assert by_version[3].verdict.permitted == ("name",)
    assert [found.policy.number for found in by_version.values()] == [2, 3]
    assert bygone.version(9) is None


def test_rights_are_those_of_the_instant(tmp_path: Path) -> None:
    world = bygones(tmp_path / "home")
    world.clock.pass_by(days=1)
    world.freeze("grant.G-1")

    before = world.bygone.at(NOW + timedelta(hours=1))
    after = world.bygone.at(NOW + timedelta(days=1, hours=1))
    long_ago = world.bygone.at(datetime(2020, 1, 1, tzinfo=UTC))

    assert [sorted(then.frozen) for then in (before, after)] == [[], ["grant.G-1"]]
    assert (list(long_ago.grants), long_ago.rulebooks) == ([], None)
    assert world.bygone.present().entry == after.entry
    assert first_since(world.ledger, NOW + timedelta(days=1)) > before.entry
    world.close()


def test_rights_before_an_entry_do_not_know_of_it(tmp_path: Path) -> None:
    world = bygones(tmp_path / "home")
    entry = world.freeze("grant.G-1")

    assert "grant.G-1" not in world.bygone.before(entry).frozen
    assert "grant.G-1" in world.bygone.before(entry + 1).frozen
    world.close()


def test_deeds_that_the_ledger_does_not_tell_of_explain_nothing(tmp_path: Path) -> None:
    world = bygones(tmp_path / "home")
    history = world.bygone.history()

    with pytest.raises(UnavailableError):
        world.bygone.build([*history[:-2], history[-1]])
    with pytest.raises(UnavailableError):
        world.bygone.build([*history[:-2]][::-1])
    world.close()


# ---------------------------------------------------------------------------------------- texts


def test_every_condition_has_a_text() -> None:
    at, grant = NOW, a_grant()
    for cause, _ in CONDITIONS:
        assert cause in OF_GATES
        assert cause == "unknown_operator" or telling.condition(cause, a_question(), grant, at)


def test_no_cause_stands_for_two_things() -> None:
    for one, other in pairwise(sorted([*OF_GATES, *CAUSES])):
        assert one != other or one == "no_matter"
    assert UNAUTHORISED not in OF_GATES


OPERATORS = {
    CLERKS[FINANCE]: "已登记",
    "nobody": "没有登记",
    CLERKS[DISCIPLINE]: "不是该部门",
    "bb-lingdao": "不是该部门",
}


@pytest.mark.parametrize(("operator", "text"), OPERATORS.items(), ids=OPERATORS)
def test_it_is_told_why_somebody_cannot_act(told: Told, operator: str, text: str) -> None:
    found = told.explain(a_question(operator=operator))

    assert text in next(check.zh for check in found.checks if check.name == "unknown_operator")


def test_a_frozen_operator_is_told_as_frozen(told: Told) -> None:
    found = told.explain(a_question(), 4)

    assert "冻结" in next(check.zh for check in found.checks if check.name == "unknown_operator")
