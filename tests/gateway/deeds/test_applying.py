"""What must be so before a grant can be drawn up and come into force, asked of a real office."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit.entry import JsonValue
from gateway.deeds.applying import purposes_of
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import State
from gateway.deeds.standing import Standing
from gateway.deeds.steps import EMERGENCY
from gateway.deeds.texts import AGREEMENT
from gateway.drafting import ForbiddenError
from tests.lives import CLERK, HEAD, LEADER, LONG, PARTNER, REVIEWER, SECURITY, SHORT, SYSTEM, Life, content, day
from tests.make import limits


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with closing(Life(tmp_path)) as made:
        yield made


# ---------------------------------------------------------------------------------------- agreement


def test_without_an_accepted_agreement_no_grant_is_drawn_up(tmp_path: Path) -> None:
    with closing(Life(tmp_path, agrees=False)) as life:
        with pytest.raises(DeedError, match="服务协议"):
            life.apply()

        offered = life.draw(Kind.AGREEMENT, PARTNER, {"partner": PARTNER, "text": AGREEMENT}, REVIEWER)
        life.sign(offered, REVIEWER)
        with pytest.raises(DeedError, match="服务协议"):
            life.apply()

        (waiting,) = life.office.pending()
        life.sign(waiting, HEAD)
        assert life.grant().state is State.IN_FORCE


def test_an_agreement_is_offered_by_a_reviewer_alone(life: Life) -> None:
    told: dict[str, JsonValue] = {"partner": PARTNER, "text": AGREEMENT}
    with pytest.raises(ForbiddenError):
        life.draw(Kind.AGREEMENT, PARTNER, told, HEAD)


def test_a_new_text_is_a_new_version_and_the_old_one_stands_until_it_is_accepted(life: Life) -> None:
    kept = life.draw(Kind.AGREEMENT, PARTNER, {"partner": PARTNER, "text": "第二版"}, REVIEWER)
    life.sign(kept, REVIEWER)

    assert life.standing.content(Kind.AGREEMENT, PARTNER) == {"partner": PARTNER, "text": AGREEMENT}
    (waiting,) = life.office.pending()
    assert life.sign(waiting, HEAD).serial == 2
    assert life.standing.content(Kind.AGREEMENT, PARTNER) == {"partner": PARTNER, "text": "第二版"}


WRONG_AGREEMENTS: dict[str, tuple[str, dict[str, JsonValue]]] = {
    "of another partner": (PARTNER, {"partner": "other", "text": "协议"}),
    "of nobody": ("nobody", {"partner": "nobody", "text": "协议"}),
    "without a text": (PARTNER, {"partner": PARTNER, "text": ""}),
    "without end": (PARTNER, {"partner": PARTNER, "text": "协" * 20_001}),
    "with more in it": (PARTNER, {"partner": PARTNER, "text": "协议", "price": 1}),
}


@pytest.mark.parametrize(("under", "told"), WRONG_AGREEMENTS.values(), ids=WRONG_AGREEMENTS)
def test_an_agreement_that_is_none_is_refused(life: Life, under: str, told: dict[str, JsonValue]) -> None:
    with pytest.raises(DeedError):
        life.draw(Kind.AGREEMENT, under, told, REVIEWER)


# ---------------------------------------------------------------------------------------- what a grant may say

REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "a field of no standard": ({"fields": {"name": "核对", "salary": "核对"}}, "salary"),
    "a purpose that nobody has": ({"purpose": "curiosity"}, "payroll-check"),
    "a purpose of another department": ({"purpose": "benefit-check"}, "不准许该部门用于此用途"),
    "a partner that is not registered": ({"partner": "nobody"}, "不属于此账号的职责"),
    "longer than the parameters allow": ({"valid_until": "2029-07-01"}, "1096 天"),
    "an empty scope": ({"scope": []}, "scope"),
    "not in canonical form": ({"networks": ["10.1.0.0/16", "10.0.0.0/16"]}, "规范书写"),
}


@pytest.mark.parametrize(("changes", "told"), REFUSED.values(), ids=REFUSED)
def test_a_grant_that_says_too_much_is_not_drawn_up(life: Life, changes: dict[str, object], told: str) -> None:
    with pytest.raises(DeedError, match=told):
        life.apply(told=content(**changes))
    assert life.office.pending() == []


def test_the_longest_grant_is_drawn_up(life: Life) -> None:
    assert life.grant(told=content(valid_until="2029-06-29")).state is State.IN_FORCE


def test_a_department_has_the_purposes_that_a_rule_allows_it(life: Life) -> None:
    assert set(purposes_of(life.standing, "caizheng")) == {"payroll-check", "budget-check"}
    assert purposes_of(life.standing, "nobody") == {}


def test_a_purpose_that_wants_a_matter_is_granted_by_matter_alone(life: Life) -> None:
    matters = {name: each for name, each in purposes_of(life.standing, "jijian").items() if each.matter}
    (purpose, *_) = matters
    partner: dict[str, JsonValue] = {"zh": "纪检", "en": "Discipline", "department": "jijian"}
    life.synthetic.register("jj", partner)
    life.synthetic.agree("jj")
    told = content(partner="jj", purpose=purpose)

    with pytest.raises(DeedError, match="matter"):
        life.draw(Kind.GRANT, "J-1", told, "jj-head")
    assert life.draw(Kind.GRANT, "J-1", told | {"class": "matter"}, "jj-head").state is State.PENDING


def test_the_world_may_change_while_a_grant_is_signed(life: Life) -> None:
    """Drawn up for three years, and then the parameters allow one."""
    kept = life.sign(life.apply(told=LONG), HEAD, REVIEWER)
    life.set_parameters(longest_validity_days=366)

    with pytest.raises(DeedError, match="366 天"):
        life.sign(kept, LEADER)
    assert life.digest() == ""


def test_a_partner_that_has_ended_is_granted_nothing_more(life: Life) -> None:
    ended: dict[str, JsonValue] = {"zh": "财政局", "en": "Finance", "department": "caizheng", "active": False}
    life.sign(life.draw(Kind.PARTNER, PARTNER, ended, SYSTEM), SYSTEM, SECURITY)

    with pytest.raises(DeedError, match="没有生效的合作部门"):
        life.apply()


def test_before_the_first_rulebooks_there_is_no_purpose(life: Life) -> None:
    assert purposes_of(Standing(life.standing.roll.foundation), "caizheng") == {}


# ---------------------------------------------------------------------------------------- emergencies


def test_an_emergency_is_in_force_by_head_and_leader(life: Life) -> None:
    assert life.grant(path=EMERGENCY).state is State.IN_FORCE


NO_EMERGENCIES: dict[str, tuple[Callable[[Life], object], str]] = {
    "no reason": (lambda life: life.draw(Kind.GRANT, "E-1", SHORT, CLERK, path=EMERGENCY), "来不及走常规路径"),
    "no agreement": (lambda life: life.draw(Kind.GRANT, "E-1", SHORT, CLERK, path=EMERGENCY, reason="急"), "服务协议"),
    "four days": (lambda life: life.apply("E-1", EMERGENCY, content(valid_until="2026-07-04")), "72 小时"),
    "a day that has passed": (
        lambda life: life.apply("E-1", EMERGENCY, content(valid_from="2026-06-28", valid_until="2026-06-29")),
        "72 小时",
    ),
    "more subjects than the parameters allow": (
        lambda life: life.apply("E-1", EMERGENCY, SHORT | {"limits": WIDE}),
        "最多 50",
    ),
}
WIDE: dict[str, JsonValue] = {**limits(day=51)}


@pytest.mark.parametrize(
    ("name", "act", "told"), [(n, *each) for n, each in NO_EMERGENCIES.items()], ids=NO_EMERGENCIES
)
def test_what_is_no_emergency_is_refused(tmp_path: Path, name: str, act: Callable[[Life], object], told: str) -> None:
    with closing(Life(tmp_path, agrees=name != "no agreement")) as life, pytest.raises(DeedError, match=told):
        act(life)


def test_the_parameters_make_emergencies_narrower(life: Life) -> None:
    life.set_parameters(emergency={"hours": 24, "subjects_per_day": 5})

    with pytest.raises(DeedError, match="24 小时"):
        life.apply(path=EMERGENCY)
    with pytest.raises(DeedError, match="最多 5，"):
        life.apply(path=EMERGENCY, told=content(valid_until="2026-07-01"))


def test_while_a_review_is_overdue_there_is_no_other_emergency(life: Life) -> None:
    life.grant("E-1", EMERGENCY)
    later = content(valid_from=day(3).isoformat(), valid_until=day(5).isoformat())
    life.clock.pass_by(days=3)

    with pytest.raises(DeedError, match="E-1"):
        life.apply("E-2", EMERGENCY, later)

    life.review(number="E-1")
    assert life.grant("E-2", EMERGENCY, later).state is State.IN_FORCE


def test_a_review_that_is_not_due_yet_holds_nobody_up(life: Life) -> None:
    life.grant("E-1", EMERGENCY)

    assert life.grant("E-2", EMERGENCY).state is State.IN_FORCE


def test_giving_an_emergency_back_spares_nobody_the_review(life: Life) -> None:
    life.grant("E-1", EMERGENCY)
    life.withdraw("E-1")
    life.clock.pass_by(days=3)
    later = content(valid_from=day(3).isoformat(), valid_until=day(5).isoformat())

    with pytest.raises(DeedError, match="E-1"):
        life.apply("E-2", EMERGENCY, later)
    life.review("objected", "E-1")
    assert life.grant("E-2", EMERGENCY, later).state is State.IN_FORCE


def test_an_emergency_is_reviewed_once_and_by_a_reviewer(life: Life) -> None:
    life.grant(path=EMERGENCY)
    digest = life.digest()
    told: dict[str, JsonValue] = {"partner": PARTNER, "grant": digest, "finding": "justified", "text": "已核"}
    for account in (HEAD, LEADER):
        with pytest.raises(ForbiddenError):
            life.draw(Kind.REVIEW, "2026-001", told, account)
    life.review()

    with pytest.raises(DeedError, match="已复核"):
        life.review()


WRONG_REVIEWS: dict[str, dict[str, JsonValue]] = {
    "of another version": {"grant": "0" * 64},
    "of another partner": {"partner": "hr"},
    "without a finding": {"finding": "maybe"},
    "without a text": {"text": ""},
    "with more in it": {"extra": 1},
    "without end": {"text": "核" * 2001},
}


@pytest.mark.parametrize("changes", WRONG_REVIEWS.values(), ids=WRONG_REVIEWS)
def test_a_review_that_is_none_is_refused(life: Life, changes: dict[str, JsonValue]) -> None:
    life.grant(path=EMERGENCY)
    told: dict[str, JsonValue] = {"partner": PARTNER, "grant": life.digest(), "finding": "justified", "text": "已核"}

    with pytest.raises(DeedError):
        life.draw(Kind.REVIEW, "2026-001", told | changes, REVIEWER)


def test_a_grant_on_the_usual_path_is_not_reviewed_afterwards(life: Life) -> None:
    life.grant()
    told: dict[str, JsonValue] = {"partner": PARTNER, "grant": life.digest(), "finding": "justified", "text": "已核"}

    with pytest.raises(DeedError, match="没有生效过此编号的应急签批单"):
        life.draw(Kind.REVIEW, "2026-001", told, REVIEWER)


# ---------------------------------------------------------------------------------------- attestations


def test_an_attestation_is_for_what_is_longer_than_a_year(life: Life) -> None:
    life.grant()

    with pytest.raises(DeedError, match="有效期超过一年"):
        life.attest()


def test_an_attestation_of_nothing_is_none(life: Life) -> None:
    life.grant(told=LONG)
    digest = life.digest()
    life.withdraw()

    with pytest.raises(DeedError, match="没有此编号的生效签批单"):
        life.draw(Kind.ATTESTATION, "2026-001", {"partner": PARTNER, "grant": digest}, HEAD)


def test_an_attestation_names_the_version_in_force(life: Life) -> None:
    life.grant(told=LONG)
    before = life.digest()
    life.grant(told=LONG | {"hit_rate": 95})

    with pytest.raises(DeedError, match="摘要"):
        life.draw(Kind.ATTESTATION, "2026-001", {"partner": PARTNER, "grant": before}, HEAD)
    assert life.attest().state is State.IN_FORCE


def test_each_year_needs_its_own_attestation(life: Life) -> None:
    life.set_parameters(longest_validity_days=1830)
    life.grant(told=content(valid_until="2031-06-29"))
    for _ in range(3):
        life.clock.pass_by(days=365)
        assert life.state() == "in_force"
        life.attest()

    life.clock.pass_by(days=366)
    assert life.state() == "lapsed"


# ---------------------------------------------------------------------------------------- parameters


def test_parameters_are_proposed_and_approved_by_two_duties(life: Life) -> None:
    assert life.set_parameters(reminder_days=10).state is State.IN_FORCE
    for account in (HEAD, REVIEWER, LEADER):
        with pytest.raises(ForbiddenError):
            life.draw(Kind.PARAMETERS, "parameters", {}, account)


def test_parameters_stand_under_one_id(life: Life) -> None:
    with pytest.raises(DeedError, match="编号须为 parameters"):
        life.draw(Kind.PARAMETERS, "mine", {}, SYSTEM)
