"""Protected persons (重点人员): a second person before the answer where only need bounds a grant, and officers know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from audit.entry import decode
from gateway.checking import SpotChecks
from gateway.domain.incident import Action, Detector, Incident
from gateway.domain.reply import Refused, Request, Wants
from gateway.domain.spot_check import CheckState, SpotCheck
from gateway.watch.thresholds import Thresholds
from tests.fakes import MemoryStore
from tests.gateways import LENIENT, WATCH_KEY, Assembled, a_gateway, code_of
from tests.make import a_grant, a_request, an_id

OPEN = a_grant(**{"class": "open", "hit_rate": 99, "max_data_age_days": 99})
UNCHECKED = LENIENT
"""Nobody is drawn, so that whoever is checked is protected."""
DRAWN = Thresholds(check_share=1.0, check_accept_share=0.0)
Make = Callable[..., Assembled]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """A gateway with persons 1 to 9 in the register, of whom 1 to 3 are protected."""
    urls = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}
    url = request.getfixturevalue(urls[request.param]) if request.param in urls else ""

    def build(*grants: object, limits: Thresholds = UNCHECKED) -> Assembled:
        gateway = a_gateway(tmp_path, *grants, url=url, limits=limits)  # type: ignore[arg-type]  # grants
        request.addfinalizer(gateway.close)
        return populated(gateway)

    return build


def populated(gateway: Assembled) -> Assembled:
    for number in range(1, 10):
        gateway.person(number)
    protect(gateway, 1, 2, 3)
    return gateway


def protect(gateway: Assembled, *numbers: int) -> None:
    gateway.register.protected |= {gateway.register.sealers["person"].link(an_id(number)) for number in numbers}


def asked(gateway: Assembled, request: Request) -> tuple[str, Wants]:
    (reply,) = gateway.ask(request)
    return code_of(reply), reply.wants if isinstance(reply, Refused) else Wants.NOTHING


def number_of(gateway: Assembled, request: Request) -> str:
    (reply,) = gateway.ask(request)
    assert isinstance(reply, Refused)
    return reply.incident


def check_of(gateway: Assembled, number: str) -> SpotCheck:
    with gateway.store.begin() as work:
        check = work.checks.check(number)
    assert check is not None
    return check


def become(gateway: Assembled, number: str, state: CheckState) -> None:
    check = check_of(gateway, number)
    with gateway.store.begin() as work:
        work.checks.put([msgspec.structs.replace(check, state=state)])
        work.commit()


def incidents(gateway: Assembled) -> list[Incident]:
    assert isinstance(gateway.store, MemoryStore)
    return [each for each in gateway.store.watch.incidents.values() if each.finding.detector is Detector.VIP]


def test_an_answer_waits_for_a_document_and_then_for_somebody_to_accept_it(make: Make) -> None:
    gateway = make(OPEN)

    assert asked(gateway, a_request(1)) == ("held", Wants.DOCUMENT)
    number = number_of(gateway, a_request(1))
    become(gateway, number, CheckState.FILED)
    assert asked(gateway, a_request(1)) == ("held", Wants.REVIEW)
    assert number_of(gateway, a_request(1)) == number
    become(gateway, number, CheckState.ACCEPTED)
    assert asked(gateway, a_request(1)) == ("confirmed", Wants.NOTHING)
    assert asked(gateway, a_request(4)) == ("confirmed", Wants.NOTHING), "who is not protected waits for nothing"


def test_one_whose_document_is_none_is_never_answered_about(make: Make) -> None:
    gateway = make(OPEN)
    become(gateway, number_of(gateway, a_request(1)), CheckState.FAILED)

    assert asked(gateway, a_request(1)) == ("held", Wants.NOTHING)


def test_until_somebody_files_it_cannot_be_told_from_a_check_that_was_drawn(make: Make) -> None:
    gateway = make(OPEN, limits=DRAWN)

    (protected, drawn) = gateway.ask(a_request(1), a_request(4))

    assert isinstance(protected, Refused)
    assert isinstance(drawn, Refused)
    assert msgspec.structs.replace(protected, incident="") == msgspec.structs.replace(drawn, incident="")
    for reply in (protected, drawn):
        become(gateway, reply.incident, CheckState.FILED)
    assert [asked(gateway, a_request(n))[0] for n in (1, 4)] == ["held", "confirmed"]


def test_some_of_those_that_were_drawn_wait_for_an_acceptance_too(make: Make) -> None:
    gateway = make(OPEN, limits=Thresholds(check_share=1.0, check_accept_share=1.0))
    number = number_of(gateway, a_request(4))

    become(gateway, number, CheckState.FILED)

    assert asked(gateway, a_request(4)) == ("held", Wants.REVIEW)


def test_the_share_that_waits_is_that_of_the_threshold(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, OPEN)
    checks = SpotChecks(WATCH_KEY, Thresholds(check_accept_share=0.25))

    links = [gateway.register.sealers["person"].link(str(number)) for number in range(2_000)]
    waiting = sum(checks.open(OPEN, link, 1, is_protected=False).needs_acceptance for link in links)

    assert 420 <= waiting <= 580
    assert all(checks.open(OPEN, link, 1, is_protected=True).needs_acceptance for link in links)


def test_a_grant_with_a_scope_waits_for_nobody(make: Make) -> None:
    assert asked(make(a_grant(hit_rate=99)), a_request(1)) == ("confirmed", Wants.NOTHING)


def test_matters_wait_as_open_grants_do(make: Make) -> None:
    assert asked(make(a_grant(**{"class": "matter"})), a_request(1, matter="M-1")) == ("held", Wants.DOCUMENT)


def test_whoever_asked_before_somebody_was_protected_waits_from_then_on(make: Make) -> None:
    gateway = make(OPEN)
    assert asked(gateway, a_request(4)) == ("confirmed", Wants.NOTHING)

    protect(gateway, 4)

    assert asked(gateway, a_request(4)) == ("held", Wants.DOCUMENT)


def test_a_check_that_is_there_needs_acceptance_once_its_subject_is_protected(make: Make) -> None:
    gateway = make(OPEN, limits=DRAWN)
    number = number_of(gateway, a_request(4))
    become(gateway, number, CheckState.FILED)
    assert asked(gateway, a_request(4))[0] == "confirmed"

    protect(gateway, 4)

    assert asked(gateway, a_request(4)) == ("held", Wants.REVIEW)
    assert check_of(gateway, number).needs_acceptance, "officers see that somebody waits"
    assert check_of(gateway, number).entry >= 0


def test_what_needs_acceptance_waits_for_it_even_when_nobody_is_protected_any_more(make: Make) -> None:
    gateway = make(OPEN)
    number = number_of(gateway, a_request(1))
    become(gateway, number, CheckState.FILED)

    gateway.register.protected.clear()

    assert asked(gateway, a_request(1)) == ("held", Wants.REVIEW)


def test_somebody_unknown_who_is_protected_by_number_waits_alike(make: Make) -> None:
    gateway = make(OPEN)
    protect(gateway, 77)

    assert asked(gateway, a_request(77)) == ("held", Wants.DOCUMENT)


def test_officers_are_told_once_in_seven_days_and_by_pseudonym(tmp_path: Path) -> None:
    gateway = populated(a_gateway(tmp_path, a_grant(hit_rate=99, max_data_age_days=99)))

    gateway.ask(a_request(1), a_request(2), a_request(4))
    gateway.ask(a_request(3))
    (incident,) = incidents(gateway)

    assert incident.finding.action is Action.RECORD
    assert incident.finding.observed == 2
    assert len(incident.samples) == 2
    assert not [each for each in incident.samples if an_id(1) in each]
    gateway.clock.pass_by(days=8)
    gateway.ask(a_request(1))
    assert len(incidents(gateway)) == 2


def test_the_ledger_tells_of_it(tmp_path: Path) -> None:
    gateway = populated(a_gateway(tmp_path, OPEN))
    gateway.ask(a_request(1))
    assert isinstance(gateway.store, MemoryStore)

    told = [decode(row.entry) for row in gateway.store.ledger.rows]
    bodies = [each["body"] for each in told if isinstance(each, dict) and each["type"] == "watch.noticed"]

    assert [body["target"] for body in bodies if isinstance(body, dict)] == ["grant.G-1"]


def test_who_asks_about_nobody_protected_makes_no_incident(tmp_path: Path) -> None:
    gateway = populated(a_gateway(tmp_path, OPEN))

    gateway.ask(a_request(4), a_request(5))

    assert incidents(gateway) == []
