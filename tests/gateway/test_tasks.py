"""Tasks: each person is told what they can do something about, and nothing of others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.keeping import State
from gateway.deeds.persons import person_content
from gateway.deeds.steps import EMERGENCY
from gateway.domain.people import Duty
from gateway.drafting import Proposal
from gateway.tasks import tasks_of
from gateway.waiting import EndingCredential, Proposable, Tasks
from ops.demo.office import IDS
from tests.lives import CLERK, HEAD, LEADER, LONG, NUMBER, PARTNER, REVIEWER, SECURITY, SYSTEM, Life, content
from tests.make import NOW
from tests.people import a_person

AUDIT = IDS[Duty.AUDIT_ADMIN]
EVERYBODY = (CLERK, HEAD, REVIEWER, LEADER, SYSTEM, SECURITY, AUDIT)
NOTHING = Tasks(sign=[], undertaking=[], agreements=[], ending=[], attest=[], review=[], credentials=[], people=[])


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with closing(Life(tmp_path)) as made:
        yield made


def tasks(life: Life, account: str, *waiting: Proposable) -> Tasks:
    return tasks_of(life.person(account), life.standing, life.office.pending(), waiting, life.now)


def who(life: Life, member: str) -> set[str]:
    """Everybody who is told something of this sort."""
    return {account for account in EVERYBODY if getattr(tasks(life, account), member)}


def test_where_nothing_waits_nobody_is_told_anything(life: Life) -> None:
    assert all(tasks(life, account) == NOTHING for account in EVERYBODY)


def test_a_grant_on_its_way_waits_for_one_after_the_other(life: Life) -> None:
    kept = life.apply()
    seen = [who(life, "sign")]
    for account in (HEAD, REVIEWER, LEADER):
        (task,) = tasks(life, account).sign
        assert (task.id, task.digest, task.author, task.overdue) == (NUMBER, kept.opened().digest, CLERK, False)
        kept = life.sign(kept, account)
        seen.append(who(life, "sign"))

    assert seen == [{HEAD}, {REVIEWER}, {LEADER}, set()]


def test_who_is_late_is_told_so(life: Life) -> None:
    life.apply()
    life.clock.pass_by(days=4)

    (task,) = tasks(life, HEAD).sign
    assert (task.step, task.due, task.overdue) == ("endorse", date(2026, 7, 3), True)


def test_who_has_to_undertake_is_told_and_can_draw_it_up_as_it_is(life: Life) -> None:
    life.set_parameters(undertaking="新的承诺书")
    assert who(life, "undertaking") == {CLERK, HEAD}

    (task,) = tasks(life, CLERK).undertaking
    life.synthetic.put_through(Proposal(kind=Kind.UNDERTAKING, id=task.id, content=task.content), [CLERK])

    assert who(life, "undertaking") == {HEAD}


def test_reviewers_are_told_which_partners_have_no_agreement(tmp_path: Path) -> None:
    with closing(Life(tmp_path, agrees=False)) as life:
        assert who(life, "agreements") == {REVIEWER}
        assert tasks(life, REVIEWER).agreements == [PARTNER]
        life.synthetic.agree(PARTNER)
        assert who(life, "agreements") == set()


def test_what_ends_soon_is_told_to_its_partner_and_to_those_who_sign(life: Life) -> None:
    life.grant()
    life.clock.pass_by(days=333)
    assert who(life, "ending") == set()

    life.clock.pass_by(days=1)
    assert who(life, "ending") == {CLERK, HEAD, REVIEWER, LEADER}
    (task,) = tasks(life, CLERK).ending
    assert (task.grant, task.until, task.is_drawn) == (NUMBER, date(2027, 6, 29), False)

    life.apply(told=content(valid_from="2027-06-01", valid_until="2028-05-31"))
    assert tasks(life, CLERK).ending[0].is_drawn

    life.clock.pass_by(days=31)
    assert who(life, "ending") == set(), "what has ended does not end soon"


def test_a_head_is_told_what_to_attest_and_can_draw_it_up_as_it_is(life: Life) -> None:
    life.grant(told=LONG)
    life.clock.pass_by(days=335)
    assert who(life, "attest") == set()

    life.clock.pass_by(days=1)
    assert who(life, "attest") == {HEAD}
    (task,) = tasks(life, HEAD).attest
    assert task.until == NOW + timedelta(days=366)

    kept = life.draw(Kind.ATTESTATION, task.draw.id, task.draw.content, HEAD)
    assert tasks(life, HEAD).attest[0].is_drawn
    assert life.sign(kept, HEAD, REVIEWER).state is State.IN_FORCE
    assert who(life, "attest") == set()


def test_nobody_is_asked_to_attest_what_ends_anyway_or_has_lapsed(life: Life) -> None:
    life.grant("2026-002", told=content(valid_until="2027-07-01"))
    life.clock.pass_by(days=350)
    assert who(life, "attest") == {HEAD}, "it would lapse hours before its last day is over"

    life.grant("2026-003", told=content(valid_from="2027-06-15", valid_until="2028-06-14"))
    life.clock.pass_by(days=16)
    assert who(life, "attest") == set()


def test_reviewers_are_told_of_emergencies_until_they_have_looked(life: Life) -> None:
    life.grant(path=EMERGENCY)
    (task,) = tasks(life, REVIEWER).review
    assert (task.grant, task.digest, task.due, task.overdue) == (NUMBER, life.digest(), date(2026, 7, 2), False)

    life.clock.pass_by(days=3)
    assert tasks(life, REVIEWER).review[0].overdue
    assert who(life, "review") == {REVIEWER}
    life.review()
    assert who(life, "review") == set()


SYSTEM_CONTENT: dict[str, JsonValue] = {
    "partner": PARTNER,
    "alg": "ES256",
    "certificates": [
        {"thumbprint": "A" * 43, "not_after": "2026-07-20T00:00:00+08:00"},
        {"thumbprint": "B" * 42 + "A", "not_after": "2027-07-20T00:00:00+08:00"},
    ],
    "networks": {"office": ["10.0.0.0/8"]},
    "jwks": [
        {
            "kid": "a",
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "not_after": "2026-07-15T00:00:00+08:00",
        }
    ],
}


def test_keys_and_certificates_that_end_soon_are_told_to_their_partner_and_to_the_administrator(life: Life) -> None:
    life.synthetic.put_through(Proposal(kind=Kind.SYSTEM, id="cz-1", content=SYSTEM_CONTENT), (SYSTEM, SECURITY))
    key = EndingCredential(
        system="cz-1", partner=PARTNER, is_certificate=False, name="a", until=datetime(2026, 7, 14, 16, tzinfo=UTC)
    )

    assert who(life, "credentials") == {CLERK, HEAD, SYSTEM}
    found = tasks(life, SYSTEM).credentials
    assert found[0] == key
    assert [(each.name, each.is_certificate) for each in found] == [("a", False), ("A" * 43, True)]

    life.clock.pass_by(days=20)
    assert who(life, "credentials") == set(), "what has ended is not told any more"


def test_who_has_enrolled_waits_for_the_administrator_until_their_deed_is_drawn_up(life: Life) -> None:
    person = Proposable(kind="person", id="cz-new", content={})

    assert tasks(life, SYSTEM, person).people == [person]
    assert tasks(life, SECURITY, person).people == []

    enrolled = person_content(a_person("cz-new", Duty.CLERK, PARTNER))
    life.draw(Kind.PERSON, "cz-new", enrolled, SYSTEM)
    assert tasks(life, SYSTEM, person).people == []


def test_people_of_another_partner_are_told_nothing(life: Life) -> None:
    life.synthetic.register("hr", {"zh": "人社局", "en": "HR", "department": "renshe"})
    life.synthetic.agree("hr")
    life.grant(told=LONG)
    life.apply("2026-002")
    life.clock.pass_by(days=350)

    assert tasks(life, "hr-head") == NOTHING
