"""A closed grant in turns: it answers about its list, and about everybody else as about somebody out of scope."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.domain.cohort import Members, pack
from gateway.domain.grant import Grant
from tests.gateways import Assembled, a_gateway, entries, secrets_of
from tests.make import a_grant, a_request, an_id, told

MEMBER, STRANGER, NOBODY = 1, 2, 3
"""On the list; in the register alone; in neither."""


def closed(**changes: object) -> Grant:
    return a_grant(**{"class": "closed", **changes})


def a_closed_gateway(folder: Path, *grants: Grant, members: tuple[int, ...] | None = (MEMBER,)) -> Assembled:
    gateway = a_gateway(folder, *(grants or (closed(),)))
    for number in (MEMBER, STRANGER):
        gateway.person(number)
    if members is not None:
        sealer = gateway.register.sealers["person"]
        gateway.rights.cohorts["G-1"] = Members(pack(sealer.link(an_id(each)) for each in members))
    gateway.pipeline.follow(-1)
    return gateway


WHO: dict[str, tuple[int, str, str]] = {
    "a member": (MEMBER, "confirmed", "confirmed"),
    "somebody who is not on the list": (STRANGER, "not_confirmed", "not_in_cohort"),
    "nobody": (NOBODY, "not_confirmed", "not_in_cohort"),
}


@pytest.mark.parametrize(("number", "code", "cause"), WHO.values(), ids=WHO)
def test_a_closed_grant_answers_about_members_alone(tmp_path: Path, number: int, code: str, cause: str) -> None:
    gateway = a_closed_gateway(tmp_path)

    answer = gateway.ask_one(a_request(number))

    assert answer["subject"] == code
    field = "match" if code == "confirmed" else "not_compared"
    assert answer["fields"] == {"name": field, "unit": field}
    assert cause in repr(secrets_of(gateway, len(entries(gateway)) - 1))


@pytest.mark.parametrize("number", [STRANGER, NOBODY])
def test_the_right_to_know_who_is_absent_holds_for_members_alone(tmp_path: Path, number: int) -> None:
    gateway = a_closed_gateway(tmp_path, closed(tells_not_found=True))

    assert gateway.ask_one(a_request(number))["subject"] == "not_confirmed"


def test_a_member_who_is_absent_is_told_so_where_that_is_granted(tmp_path: Path) -> None:
    gateway = a_closed_gateway(tmp_path, closed(tells_not_found=True), members=(MEMBER, NOBODY))

    assert gateway.ask_one(a_request(NOBODY))["subject"] == "not_found"


@pytest.mark.parametrize("members", [None, ()])
def test_a_closed_grant_without_a_list_answers_about_nobody(tmp_path: Path, members: tuple[int, ...] | None) -> None:
    gateway = a_closed_gateway(tmp_path, members=members)

    assert [gateway.ask_one(a_request(number))["subject"] for number in (1, 2, 3)] == ["not_confirmed"] * 3


def test_a_list_of_one_grant_is_no_list_of_another(tmp_path: Path) -> None:
    gateway = a_closed_gateway(tmp_path, closed(), closed(number="G-2"))

    assert gateway.ask_one(a_request(MEMBER, grant="G-2"))["subject"] == "not_confirmed"


def test_a_list_says_nothing_to_a_grant_of_another_class(tmp_path: Path) -> None:
    gateway = a_closed_gateway(tmp_path, a_grant())

    assert gateway.ask_one(a_request(STRANGER))["subject"] == "confirmed"


def test_a_stranger_is_looked_up_and_paid_for_like_a_member(tmp_path: Path) -> None:
    gateway = a_closed_gateway(tmp_path)
    sizes, spent = set[int](), list[object]()

    for number in (MEMBER, STRANGER, NOBODY):
        before = gateway.register.found
        reply = gateway.ask(a_request(number, key=f"key-{number:04}"))[0]
        assert gateway.register.found == before + 1
        with gateway.store.begin() as work:
            spent.append(work.budgets.lock(["G-1"], 739_797)["G-1"])
        if number != MEMBER:
            sizes.add(len(told(reply.json).__repr__()))  # type: ignore[union-attr]  # it was answered
    assert len(sizes) == 1
    assert [each.subjects_today for each in spent] == [1, 2, 3]  # type: ignore[attr-defined]  # a Used


def test_one_turn_keeps_its_callers_apart(tmp_path: Path) -> None:
    gateway = a_closed_gateway(tmp_path, closed(), a_grant(number="G-2"))

    replies = gateway.ask(a_request(STRANGER), a_request(STRANGER, grant="G-2"), a_request(MEMBER))

    codes = [told(each.json)["subject"] for each in replies]  # type: ignore[union-attr]  # all were answered
    assert codes == ["not_confirmed", "confirmed", "confirmed"]
