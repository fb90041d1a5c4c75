"""What a deed of each kind may say, before anybody signs it: a table of proposals that are nearly right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

import pytest

from audit.entry import JsonValue
from gateway.deeds.document import MAX_ID, Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.persons import person_content
from gateway.deeds.standing import Standing
from gateway.deeds.steps import BREAK_GLASS, EMERGENCY, FOUNDING, PATHS, RELEASE, USUAL, WITHDRAWAL
from gateway.domain.people import Duty
from gateway.proposals import FREEZABLE, RULEBOOKS_ID, check_proposal
from tests.gateway.test_partners import a_system
from tests.make import CATALOGUE, a_grant
from tests.people import FOUNDATION, SIGNED_AT, a_document, a_person, enrolled, granted, people, signed_by

NOW = SIGNED_AT + timedelta(hours=1)
OFFICE: Mapping[str, JsonValue] = {"zh": "人社局", "en": "HR", "department": "hr"}
JOB: Mapping[str, JsonValue] = {"partner": "hr", "name": "夜间核对", "owner": "hr-head"}
SYSTEM: Mapping[str, JsonValue] = a_system(partner="hr")


def a_standing() -> Standing:
    """Two partners with their heads, a clerk, a grant and a freeze."""
    standing = Standing(FOUNDATION)
    partners = [
        signed_by(a_document(Kind.PARTNER, code, {**OFFICE, "department": code}), "sys", "sec")
        for code in ("hr", "tax")
    ]
    freeze = a_document(Kind.FREEZE, "partner.tax", {"frozen": True}, reason="核查")
    clerk = enrolled(a_person("hr-wang", Duty.CLERK, "hr"))
    for deed in (*people(), *partners, clerk, granted(a_grant()), signed_by(freeze, "sec")):
        standing.add(deed, NOW)
    return standing


STANDING = a_standing()


def after(kind: Kind, deed_id: str) -> dict[str, object]:
    """The place of the next version."""
    document, deed = STANDING.get(kind, deed_id), STANDING.deed(kind, deed_id)
    return {"serial": document.serial + 1, "previous": deed.digest} if document and deed else {}


def proposed(kind: Kind, deed_id: str, told: Mapping[str, object], path: str = USUAL, reason: str = "") -> Document:
    return a_document(kind, deed_id, told, path=path, reason=reason, **after(kind, deed_id))


def somebody(account: str = "wang", duty: Duty = Duty.REVIEWER, **changes: object) -> dict[str, JsonValue]:
    """The content of a person's deed."""
    return person_content(a_person(account, duty, cast("str | None", changes.pop("partner", None)), **changes))


GOOD: dict[str, Document] = {
    "a person": proposed(Kind.PERSON, "wang", somebody()),
    "a clerk of a partner": proposed(Kind.PERSON, "wang", somebody(duty=Duty.CLERK, partner="hr")),
    "a person in an emergency": proposed(Kind.PERSON, "wang", somebody(), BREAK_GLASS, "失联"),
    "a person who leaves": proposed(Kind.PERSON, "leader", somebody("leader", Duty.LEADER, active=False)),
    "a partner": proposed(Kind.PARTNER, "pension", OFFICE),
    "a partner that changes": proposed(Kind.PARTNER, "hr", {**OFFICE, "zh": "人社厅", "contact": "某"}),
    "a partner that ends": proposed(Kind.PARTNER, "hr", {**OFFICE, "active": False}),
    "a system": proposed(Kind.SYSTEM, "hr-1", SYSTEM),
    "a job": proposed(Kind.JOB, "hr-nightly", JOB),
    "a freeze": proposed(Kind.FREEZE, "grant.G-1", {"frozen": True}, reason="核查"),
    "a release": proposed(Kind.FREEZE, "partner.tax", {"frozen": False}, RELEASE, "查清"),
    "a withdrawal": proposed(Kind.GRANT, "G-1", {"partner": "hr"}, WITHDRAWAL, "不再需要"),
}


@pytest.mark.parametrize("document", GOOD.values(), ids=GOOD)
def test_what_is_right_may_be_proposed(document: Document) -> None:
    check_proposal(document, STANDING, CATALOGUE, NOW)


WRONG: dict[str, Document] = {
    "a path that a kind does not have": proposed(Kind.PARTNER, "pension", OFFICE, EMERGENCY),
    "a path that nobody has": proposed(Kind.PARTNER, "pension", OFFICE, "quick"),
    "founding, by somebody who is no founder": proposed(Kind.RULEBOOKS, RULEBOOKS_ID, {}, FOUNDING),
    # people
    "a person with a member more": proposed(Kind.PERSON, "wang", {**somebody(), "admin": True}),
    "a clerk of nobody": proposed(Kind.PERSON, "wang", {**somebody(), "duty": "clerk"}),
    "a clerk of a partner that is not there": proposed(Kind.PERSON, "wang", somebody(duty=Duty.CLERK, partner="x")),
    "somebody who has an account": proposed(
        Kind.PERSON, "wang", somebody(natural=a_person("leader", Duty.LEADER).natural)
    ),
    "somebody with another's key": proposed(Kind.PERSON, "wang", somebody(keys=a_person("leader", Duty.LEADER).keys)),
    "another duty for an account": proposed(Kind.PERSON, "leader", somebody("leader")),
    "the last of an administrators' duty": proposed(
        Kind.PERSON, "aud", somebody("aud", Duty.AUDIT_ADMIN, active=False)
    ),
    "an emergency without a reason": proposed(Kind.PERSON, "wang", somebody(), BREAK_GLASS, " "),
    # partners, systems and jobs
    "a partner without a name": proposed(Kind.PARTNER, "pension", {**OFFICE, "zh": ""}),
    "a partner with a member more": proposed(Kind.PARTNER, "pension", {**OFFICE, "quota": 1}),
    "a partner with a member less": proposed(Kind.PARTNER, "pension", {"zh": "x", "en": "x"}),
    "a partner that ends by a text": proposed(Kind.PARTNER, "hr", {**OFFICE, "active": "false"}),
    "a partner whose number is too long to freeze": proposed(Kind.PARTNER, "p" * (MAX_ID - 7), OFFICE),
    "a system of nobody": proposed(Kind.SYSTEM, "hr-1", {**SYSTEM, "partner": "x"}),
    "a system without a partner": proposed(Kind.SYSTEM, "hr-1", {k: v for k, v in SYSTEM.items() if k != "partner"}),
    "a system without keys": proposed(Kind.SYSTEM, "hr-1", {**SYSTEM, "jwks": []}),
    "a system with a member more": proposed(Kind.SYSTEM, "hr-1", {**SYSTEM, "operators": []}),
    "a system of another algorithm": proposed(Kind.SYSTEM, "hr-1", {**SYSTEM, "alg": "HS256"}),
    "a system with a network of host bits": proposed(
        Kind.SYSTEM, "hr-1", {**SYSTEM, "networks": {"x": ["10.0.0.1/8"]}}
    ),
    "a job of nobody": proposed(Kind.JOB, "nightly", {**JOB, "partner": "x"}),
    "a job without an owner": proposed(Kind.JOB, "nightly", {k: v for k, v in JOB.items() if k != "owner"}),
    "a job owned by somebody of another partner": proposed(Kind.JOB, "nightly", {**JOB, "owner": "tax-head"}),
    "a job owned by one of us": proposed(Kind.JOB, "nightly", {**JOB, "owner": "leader"}),
    "a job owned by somebody who is not there": proposed(Kind.JOB, "nightly", {**JOB, "owner": "nobody"}),
    "a job without a name": proposed(Kind.JOB, "nightly", {**JOB, "name": ""}),
    # rulebooks
    "rulebooks under another id": proposed(Kind.RULEBOOKS, "mine", {"files": {}, "expectations": {}, "units": {}}),
    "rulebooks that are none": proposed(Kind.RULEBOOKS, RULEBOOKS_ID, {"files": "all"}),
    # freezes
    "a freeze of nothing": proposed(Kind.FREEZE, "grant", {"frozen": True}, reason="核查"),
    "a freeze of what is not there": proposed(Kind.FREEZE, "grant.G-9", {"frozen": True}, reason="核查"),
    "a freeze of what cannot be frozen": proposed(Kind.FREEZE, "rulebooks.rulebooks", {"frozen": True}, reason="核查"),
    "a freeze without a reason": proposed(Kind.FREEZE, "grant.G-1", {"frozen": True}),
    "a freeze that releases": proposed(Kind.FREEZE, "partner.tax", {"frozen": False}, reason="查清"),
    "a release that freezes": proposed(Kind.FREEZE, "partner.tax", {"frozen": True}, RELEASE, "查清"),
    "a freeze in words": proposed(Kind.FREEZE, "grant.G-1", {"frozen": "true"}, reason="核查"),
    "a freeze as a number": proposed(Kind.FREEZE, "grant.G-1", {"frozen": 1}, reason="核查"),
    "a freeze with a member more": proposed(Kind.FREEZE, "grant.G-1", {"frozen": True, "x": 1}, reason="核查"),
    # withdrawals
    "a withdrawal of nothing": proposed(Kind.GRANT, "G-9", {"partner": "hr"}, WITHDRAWAL, "因"),
    "a withdrawal that says more": proposed(Kind.GRANT, "G-1", {"partner": "hr", "x": 1}, WITHDRAWAL, "因"),
    "a withdrawal for another partner": proposed(Kind.GRANT, "G-1", {"partner": "tax"}, WITHDRAWAL, "因"),
    "a withdrawal without a reason": proposed(Kind.GRANT, "G-1", {"partner": "hr"}, WITHDRAWAL),
    # places
    "the first version again": a_document(Kind.PARTNER, "hr", OFFICE),
    "a version over another one": a_document(Kind.PARTNER, "hr", OFFICE, serial=2, previous="0" * 64),
    "a version too many": a_document(Kind.PARTNER, "hr", OFFICE, serial=3, previous="0" * 64),
}


@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG)
def test_what_is_nearly_right_may_not_be_proposed(document: Document) -> None:
    with pytest.raises(DeedError) as refused:
        check_proposal(document, STANDING, CATALOGUE, NOW)

    assert str(refused.value)
    assert not any(person.name in str(refused.value) for person in STANDING.roll.people())


ALIKE = {"in capitals": "HR", "in full width": "ｈｒ", "with one letter of it": "hＲ"}


@pytest.mark.parametrize("deed_id", ALIKE.values(), ids=ALIKE)
def test_what_looks_like_another_id_is_not_another_thing(deed_id: str) -> None:
    with pytest.raises(DeedError, match="形近"):
        check_proposal(a_document(Kind.PARTNER, deed_id, OFFICE), STANDING, CATALOGUE, NOW)


@pytest.mark.parametrize("kind", Kind)
def test_no_kind_takes_anything(kind: Kind) -> None:
    """Nothing proves nothing: an empty deed of any kind and path says nothing that could be in force."""
    for path in PATHS[kind]:
        with pytest.raises(DeedError):
            check_proposal(proposed(kind, "empty", {}, path, "因"), STANDING, CATALOGUE, NOW)


def test_what_can_be_frozen_is_what_answers() -> None:
    assert {Kind.GRANT, Kind.PARTNER, Kind.SYSTEM, Kind.PERSON} == FREEZABLE
