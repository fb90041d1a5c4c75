"""A harvest over HTTP: held, told to officers, released by two, and then answered again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.steps import RELEASE
from gateway.domain.incident import State
from gateway.domain.people import Duty
from ops.demo.office import SyntheticOffice
from ops.prove.homes import FINANCE, Stage
from policies.identifiers import id_check_character
from tests.ops.test_serve import Wired, a_wired

GRANT = f"2026-{FINANCE.code}-001"


@pytest.fixture
def wired(staged: Stage, tmp_path: Path) -> Iterator[Wired]:
    with a_wired(staged, tmp_path) as made:
        yield made


def nobody(number: int) -> dict[str, object]:
    first17 = f"1529211975{1 + number % 12:02}{1 + number % 28:02}{number:03}"
    return {"kind": "person", "id": first17 + id_check_character(first17), "name": "张三"}


def harvest(wired: Wired, start: int = 0, count: int = 40) -> list[httpx2.Response]:
    return [wired.ask(wired.comparison(subject=nobody(number)))[0] for number in range(start, start + count)]


def test_a_harvest_over_http_is_held_and_two_people_release_it(wired: Wired) -> None:
    told = harvest(wired)

    answered = [each for each in told if each.status_code == 200]
    refused = [each.json() for each in told if each.status_code == 403]
    assert 0 < len(answered) < 30
    assert {each.json()["subject"] for each in answered} == {"not_confirmed"}
    assert {each["reason"] for each in refused} == {"held"}
    assert wired.ask(wired.comparison())[0].status_code == 403, "the grant is held, not the question"
    assert [each for each in wired.entries() if each["type"] == "watch.stopped"]

    (incident,) = wired.gateway.people.incidents().incidents()
    assert (incident.finding.grant, incident.finding.detector.value) == (GRANT, "miss_rate")
    assert refused[0]["incident"] == incident.number

    with closing(SyntheticOffice(wired.home)) as office:
        duties = Duty.SECURITY_ADMIN, Duty.LEADER
        content: dict[str, JsonValue] = {"frozen": False, "incident": incident.number}
        office.put_in_force(Kind.FREEZE, f"grant.{GRANT}", content, *duties, path=RELEASE, reason="已核实")

    assert wired.ask(wired.comparison())[0].json()["subject"] == "confirmed"
    again = [each.status_code for each in harvest(wired, 100)]
    assert again.index(403) == len(answered)
    assert set(again[again.index(403) :]) == {403}
    (joined,) = wired.gateway.people.incidents().incidents()
    assert (joined.number, joined.count) == (incident.number, 2), "one for each grant and detector and seven days"


def test_a_hold_that_nobody_handles_is_frozen_and_told_again(wired: Wired) -> None:
    harvest(wired)
    tending = wired.gateway.people.tending()
    assert tending.run_once() == []

    path = wired.home.path.with_name("home.clock")
    path.write_text((wired.home.clock.now() + timedelta(days=4)).isoformat())

    (escalated,) = tending.run_once()
    assert escalated.state is State.ESCALATED
    assert [each["type"] for each in wired.entries()][-1] == "watch.escalated"
    assert wired.ask(wired.comparison())[0].json()["reason"] == "frozen"
