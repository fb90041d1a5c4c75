"""The office against its own people: a partner against another one, and anybody who wants to be in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import State
from gateway.deeds.states import GrantState
from gateway.deeds.steps import RELEASE, WITHDRAWAL
from gateway.domain.people import Duty
from gateway.drafting import MOST_PENDING, ForbiddenError
from ops.demo.office import IDS
from tests.lives import CLERK, HEAD, LEADER, NUMBER, PARTNER, REVIEWER, SECURITY, SYSTEM, Life, content

OTHER, OTHERS_CLERK = "rs", "rs-wang"
AUDIT = IDS[Duty.AUDIT_ADMIN]


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """An office with two partners; the first has a grant."""
    life = Life(tmp_path)
    life.synthetic.register(OTHER, {"zh": "人社局", "en": "HR", "department": "caizheng"})
    life.synthetic.enrol(OTHERS_CLERK, "经办人", Duty.CLERK, OTHER)
    life.synthetic.agree(OTHER)
    life.grant()
    yield life
    life.close()


ANOTHERS: dict[str, tuple[Kind, dict[str, JsonValue], str]] = {
    "their number, our name": (Kind.GRANT, content(partner=OTHER), "usual"),
    "their number, their name": (Kind.GRANT, content(), "usual"),
    "to withdraw it in our name": (Kind.GRANT, {"partner": OTHER}, WITHDRAWAL),
    "to withdraw it in theirs": (Kind.GRANT, {"partner": PARTNER}, WITHDRAWAL),
    "to attest it": (Kind.ATTESTATION, {"partner": OTHER, "grant": "0" * 64}, "usual"),
    "to list people for it": (Kind.COHORT, {"partner": OTHER, "grant": NUMBER}, "usual"),
}


@pytest.mark.parametrize(("kind", "told", "path"), ANOTHERS.values(), ids=ANOTHERS.keys())
def test_what_is_another_partners_is_neither_replaced_nor_shown(
    life: Life, kind: Kind, told: dict[str, JsonValue], path: str
) -> None:
    for by in (OTHERS_CLERK, "rs-head"):
        with pytest.raises(DeedError) as refused:
            life.draw(kind, NUMBER, told, by, path=path, reason="因")
        assert "某办法" not in str(refused.value)
    assert not life.office.pending()


def test_a_draft_in_the_way_keeps_no_right_alive(life: Life) -> None:
    life.apply(told=content(contact="另一联系人"))

    with pytest.raises(ForbiddenError):
        life.office.refuse(life.person(SECURITY), life.office.pending()[0].opened().digest, "不属于我")
    life.withdraw()

    assert life.state() is GrantState.WITHDRAWN


def test_a_withdrawal_in_the_way_stops_nobody_elses(life: Life) -> None:
    told: dict[str, JsonValue] = {"partner": PARTNER}
    life.draw(Kind.GRANT, NUMBER, told, HEAD, path=WITHDRAWAL, reason="缓一缓")
    with pytest.raises(DeedError, match="已有一版待签"):
        life.draw(Kind.GRANT, NUMBER, told, HEAD, path=WITHDRAWAL, reason="再缓一缓")

    kept = life.sign(life.draw(Kind.GRANT, NUMBER, told, SECURITY, path=WITHDRAWAL, reason="不再需要"), SECURITY)

    assert kept.state is State.IN_FORCE
    assert life.standing.content(Kind.GRANT, NUMBER) is None


def test_a_release_in_the_way_stops_no_freeze(life: Life) -> None:
    life.freeze()
    life.release()
    life.synthetic.enrol("an-2", "安全管理员", Duty.SECURITY_ADMIN, None)
    released: dict[str, JsonValue] = {"frozen": False}
    life.draw(Kind.FREEZE, f"grant.{NUMBER}", released, "an-2", path=RELEASE, reason="先占着")

    life.freeze()

    assert life.standing.is_frozen(Kind.GRANT, NUMBER)


def test_nothing_is_granted_that_cannot_be_frozen(life: Life) -> None:
    with pytest.raises(DeedError, match="改短"):
        life.apply("长" * 59)
    longest = "长" * 58
    life.grant(longest)

    life.freeze(longest)

    assert life.state(number=longest) is GrantState.FROZEN


@pytest.mark.parametrize("ended", [0, "false", None, []], ids=str)
def test_what_is_ended_is_ended_by_false_alone(life: Life, ended: JsonValue) -> None:
    told: dict[str, JsonValue] = {"zh": "人社局", "en": "HR", "department": "caizheng", "active": ended}
    with pytest.raises(DeedError, match="active"):
        life.draw(Kind.PARTNER, OTHER, told, SYSTEM)


LONG: dict[str, Callable[[Life], object]] = {
    "a grant": lambda life: life.apply("G-2", told=content(legal_basis="x" * 140_000)),
    "a narrower draft": lambda life: life.office.narrow(
        life.person(HEAD), life.apply("G-3").opened().digest, content(contact="某", legal_basis="x" * 140_000), ""
    ),
    "nested too deeply": lambda life: life.apply("G-4", told=content(scope=_nested(100_000))),
}


def _nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("draw", LONG.values(), ids=LONG.keys())
def test_nobody_fills_the_memory_with_one_deed(life: Life, draw: Callable[[Life], object]) -> None:
    with pytest.raises(DeedError):
        draw(life)


def test_nobody_fills_it_with_many(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_PENDING == 256
    monkeypatch.setattr("gateway.drafting.MOST_PENDING", 2)
    life.apply("G-5")
    life.apply("G-6")

    with pytest.raises(DeedError, match="先退回其中一些"):
        life.apply("G-7")

    life.office.refuse(life.person(CLERK), life.office.pending()[0].opened().digest, "不办了")
    life.apply("G-7")


def test_whoever_is_refused_has_no_signature_checked_again(life: Life) -> None:
    standing = life.standing
    for by in (CLERK, OTHERS_CLERK, REVIEWER, SYSTEM):
        with pytest.raises(DeedError):
            life.office.refuse(life.person(by), "0" * 64, "无此文书")
        with pytest.raises(DeedError):
            life.draw(Kind.RULEBOOKS, "rulebooks", {}, by)

    assert life.standing is standing


DONE_WHILE_FROZEN: dict[str, Callable[[Life], object]] = {
    "draws up": lambda life: life.apply("G-8"),
    "signs": lambda life: life.sign(life.office.pending()[0], HEAD),
    "refuses": lambda life: life.office.refuse(life.person(HEAD), life.office.pending()[0].opened().digest, "因"),
    "narrows": lambda life: life.office.narrow(
        life.person(HEAD), life.office.pending()[0].opened().digest, content(), "因"
    ),
}


@pytest.mark.parametrize("act", DONE_WHILE_FROZEN.values(), ids=DONE_WHILE_FROZEN.keys())
def test_whoever_is_frozen_does_nothing(life: Life, act: Callable[[Life], object]) -> None:
    life.apply("G-9")
    for each in (HEAD, CLERK):
        kept = life.draw(Kind.FREEZE, f"person.{each}", {"frozen": True}, SECURITY, reason="核查")
        life.sign(kept, SECURITY)

    with pytest.raises(ForbiddenError, match="已冻结"):
        act(life)


def freeze_person(life: Life, account: str) -> None:
    kept = life.draw(Kind.FREEZE, f"person.{account}", {"frozen": True}, SECURITY, reason="核查")
    life.sign(kept, SECURITY)


@pytest.mark.parametrize("first", [SYSTEM, AUDIT, LEADER])
def test_nobody_alone_stops_the_office_for_good(life: Life, first: str) -> None:
    freeze_person(life, first)

    for other in {SYSTEM, AUDIT, LEADER} - {first}:
        with pytest.raises(DeedError, match="未被冻结"):
            freeze_person(life, other)
    freeze_person(life, REVIEWER)
    freeze_person(life, SECURITY)


def test_with_another_leader_more_may_be_frozen(life: Life) -> None:
    life.synthetic.enrol("ld-2", "编办领导", Duty.LEADER, None)

    for each in (LEADER, SYSTEM):
        freeze_person(life, each)

    with pytest.raises(DeedError, match="未被冻结"):
        freeze_person(life, "ld-2")


def test_a_grant_does_not_begin_in_another_age(life: Life) -> None:
    with pytest.raises(DeedError, match="valid_from"):
        life.apply("G-10", told=content(valid_from="9999-12-31", valid_until="9999-12-31"))
