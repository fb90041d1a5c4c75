"""All deeds in force: the latest of each thing, and one digest over them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.deeds.deed import Deed
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.persons import person_content
from gateway.deeds.standing import Standing, is_live
from gateway.deeds.steps import RELEASE, WITHDRAWAL
from gateway.domain.people import Duty
from tests.make import a_grant, limits
from tests.people import FOUNDATION, SIGNED_AT, a_document, a_person, granted, people, signed_by

NOW = SIGNED_AT + timedelta(hours=1)
OFFICE = {"zh": "人社局", "en": "HR", "department": "hr"}


def a_standing(*deeds: Deed) -> Standing:
    """Everybody is enrolled; and these are in force."""
    standing = Standing(FOUNDATION)
    for deed in (*people(), *deeds):
        standing.add(deed, NOW)
    return standing


def a_partner(code: str = "hr", told: Mapping[str, object] | None = None, **changes: object) -> Deed:
    return signed_by(a_document(Kind.PARTNER, code, told or OFFICE, **changes), "sys", "sec")


def after(standing: Standing, kind: Kind, deed_id: str) -> dict[str, object]:
    """The place of the next version."""
    document, deed = standing.get(kind, deed_id), standing.deed(kind, deed_id)
    assert document is not None
    assert deed is not None
    return {"serial": document.serial + 1, "previous": deed.digest}


def test_the_latest_version_counts() -> None:
    standing = a_standing(granted(a_grant()))

    standing.add(granted(a_grant(limits=limits(day=7)), **after(standing, Kind.GRANT, "G-1")), NOW)

    told = standing.content(Kind.GRANT, "G-1")
    assert told is not None
    assert told["limits"] == limits(day=7)
    assert [document.serial for document in standing.of(Kind.GRANT)] == [2]


PLACES: dict[str, dict[str, object]] = {
    "the first again": {},
    "one left out": {"serial": 3, "previous": "0" * 64},
    "over another one": {"serial": 2, "previous": "0" * 64},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_version_follows_the_one_in_force(place: dict[str, object]) -> None:
    standing = a_standing(granted(a_grant()))
    before = standing.digest()

    with pytest.raises(DeedError):
        standing.add(granted(a_grant(limits=limits(day=7)), **place), NOW)
    assert standing.digest() == before


def test_what_is_not_signed_by_all_is_not_in_force() -> None:
    standing = a_standing()
    before = (standing.digest(), standing.size)

    for deed in (granted(a_grant(), "hr-head", "reviewer"), a_partner(log="other"), Deed(())):
        with pytest.raises(DeedError):
            standing.add(deed, NOW)
    assert (standing.digest(), standing.size) == before


ENDED: dict[str, tuple[Kind, str]] = {"a grant": (Kind.GRANT, "G-1"), "a partner": (Kind.PARTNER, "hr")}


@pytest.mark.parametrize(("kind", "deed_id"), ENDED.values(), ids=ENDED)
def test_what_was_withdrawn_or_ended_gives_nothing_and_is_remembered(kind: Kind, deed_id: str) -> None:
    standing = a_standing(granted(a_grant()), a_partner())
    place = after(standing, kind, deed_id)
    ending = (
        signed_by(a_document(kind, deed_id, {"partner": "hr"}, path=WITHDRAWAL, **place), "leader")
        if kind is Kind.GRANT
        else a_partner(told={**OFFICE, "active": False}, **place)  # type: ignore[arg-type]  # a table
    )

    standing.add(ending, NOW)

    assert standing.content(kind, deed_id) is None
    assert list(standing.of(kind)) == []
    document = standing.get(kind, deed_id)
    assert document is not None
    assert not is_live(document)


def test_a_freeze_lies_on_what_it_names_until_it_is_released() -> None:
    standing = a_standing(granted(a_grant()))
    freeze = a_document(Kind.FREEZE, "grant.G-1", {"frozen": True}, reason="核查")
    standing.add(signed_by(freeze, "sec"), NOW)

    assert standing.is_frozen(Kind.GRANT, "G-1")
    assert not standing.is_frozen(Kind.GRANT, "G-2")
    assert not standing.is_frozen(Kind.PARTNER, "G-1")

    release = replace(
        freeze, content={"frozen": False}, path=RELEASE, serial=2, previous=signed_by(freeze, "sec").digest
    )
    with pytest.raises(DeedError):
        standing.add(signed_by(release, "sec"), NOW)
    standing.add(signed_by(release, "sec", "leader"), NOW)
    assert not standing.is_frozen(Kind.GRANT, "G-1")


def test_one_digest_stands_for_everything_in_force() -> None:
    one, other = granted(a_grant()), granted(a_grant(number="G-2"))
    digests = {
        a_standing(*deeds).digest()
        for deeds in (
            (),
            (one,),
            (other,),
            (one, other),
            (one, a_partner()),
            (granted(a_grant(limits=limits(day=7))),),
            (granted(a_grant(), author="hr-head"),),
        )
    }

    assert len(digests) == 7
    assert a_standing(one, other).digest() == a_standing(other, one).digest()
    assert all(len(digest) == 64 for digest in digests)


def test_people_are_on_the_roll_and_among_the_rest() -> None:
    standing = a_standing()
    clerk = a_person("wang", Duty.CLERK, "hr")

    standing.add(signed_by(a_document(Kind.PERSON, "wang", person_content(clerk)), "sys", "sec"), NOW)

    assert standing.roll.person("wang") == clerk
    assert standing.content(Kind.PERSON, "wang") == person_content(clerk)


def test_somebody_whom_the_roll_refuses_is_nowhere() -> None:
    standing = a_standing()
    twice = a_person("wang", Duty.CLERK, "hr", natural=a_person("leader", Duty.LEADER).natural)

    with pytest.raises(DeedError):
        standing.add(signed_by(a_document(Kind.PERSON, "wang", person_content(twice)), "sys", "sec"), NOW)
    assert standing.get(Kind.PERSON, "wang") is None
    assert standing.roll.person("wang") is None
