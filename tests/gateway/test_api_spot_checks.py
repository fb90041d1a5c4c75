"""The doors of spot checks for partners: from a refused comparison by its number to the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest
from msgspec import structs

from gateway.checking import SpotChecks
from gateway.domain.spot_check import CheckState
from gateway.watch.thresholds import Thresholds
from tests import doors
from tests.doors import Entrance, problem_of
from tests.fakes import MemoryStore
from tests.gateways import LENIENT, WATCH_KEY, a_gateway, entries, some_facts
from tests.make import a_body, a_caller, a_grant, an_id

EVERYBODY = Thresholds(check_share=1.0)
OPEN = a_grant(**{"class": "open", "hit_rate": 99, "max_data_age_days": 99})
FORM = "调档函 2026-117 号"


@pytest.fixture
def entrance(tmp_path: Path) -> Entrance:
    gateway = a_gateway(tmp_path, OPEN, limits=EVERYBODY)
    for number in range(1, 6):
        gateway.register.put(an_id(number), some_facts())
    return Entrance(gateway)


def refused(entrance: Entrance, number: int = 1) -> Mapping[str, object]:
    response = entrance.compare(a_body(number), key=f"key-{number}")
    assert response.status_code == 403
    return problem_of(response)


def file(entrance: Entrance, number: object, caller: str | None = "hr", **body: object) -> httpx2.Response:
    told = {"document": FORM, "operator": "wang-01", **body}
    return entrance.post(f"/v1/spot-checks/{number}", json.dumps(told).encode(), caller)


def test_from_the_refusal_by_its_number_to_the_answer(entrance: Entrance) -> None:
    no = refused(entrance)
    number = no["incident"]
    assert (no["type"], no["reason"]) == ("urn:bidui:problem:document-required", "held")
    assert "POST /v1/spot-checks/" in str(no["detail"])
    waits = {"number": number, "grant": "G-1", "opened": "2026-06-30", "due": "2026-07-01", "last": "2026-07-06"}
    assert entrance.get("/v1/spot-checks", "hr").json() == {
        "spot_checks": [waits | {"state": "due"}],
        "more": False,
    }

    filed = file(entrance, number, sha256="0a" * 32)

    assert (filed.status_code, filed.json()) == (200, waits | {"state": "filed"})
    assert filed.headers["cache-control"] == "no-store"
    answer = entrance.compare(a_body(1), key="key-1")
    assert (answer.status_code, answer.json()["subject"]) == (200, "confirmed")


def test_a_document_that_is_overdue_is_told_from_ones_own(entrance: Entrance) -> None:
    own = refused(entrance)
    entrance.gateway.clock.pass_by(days=2)
    entrance.gateway.pipeline.spot_checks = SpotChecks(WATCH_KEY, Thresholds(check_share=1e-9))

    other = refused(entrance, 2)

    assert (other["type"], other["incident"]) == ("urn:bidui:problem:document-overdue", own["incident"])
    assert "另有" in str(other["detail"])


def test_a_document_that_failed_is_asked_for_no_more(entrance: Entrance) -> None:
    number = str(refused(entrance)["incident"])
    store = entrance.gateway.store
    assert isinstance(store, MemoryStore)
    with store.begin() as work:
        check = work.checks.check(number)
        assert check is not None
        work.checks.put([structs.replace(check, state=CheckState.FAILED, judged=check.opened)])
        work.commit()

    assert refused(entrance)["type"] == "urn:bidui:problem:refused"
    assert file(entrance, number).status_code == 422
    assert entrance.get("/v1/spot-checks", "hr").json()["spot_checks"] == []


def test_a_check_is_tied_to_the_entry_of_the_comparison_it_withheld(entrance: Entrance) -> None:
    numbers = [str(refused(entrance, each)["incident"]) for each in (1, 2)]
    store = entrance.gateway.store
    assert isinstance(store, MemoryStore)

    told = entries(entrance.gateway)
    for number in numbers:
        outcome = told[store.checks.kept[number].entry]["body"]
        assert isinstance(outcome, dict)
        assert outcome["outcome"] == {"refused": "held", "incident": number}


def test_another_partner_sees_and_files_nothing(entrance: Entrance) -> None:
    number = refused(entrance)["incident"]

    others, none = file(entrance, number, "tax"), file(entrance, "0" * 16, "tax")

    assert (others.status_code, others.content) == (404, none.content)
    assert entrance.get("/v1/spot-checks", "tax").json() == {"spot_checks": [], "more": False}
    assert file(entrance, number, None).status_code == 401
    assert entrance.get("/v1/spot-checks").status_code == 401
    assert file(entrance, number, "hr-2").status_code == 200, "another system of the same partner"


WRONG: dict[str, tuple[bytes, int]] = {
    "no JSON": (b"{", 400),
    "far too long": (b'"' + b"x" * 5000 + b'"', 413),
    "nothing": (b"{}", 422),
    "another member": (json.dumps({"document": FORM, "operator": "wang-01", "name": "x"}).encode(), 422),
    "a number of somebody": (json.dumps({"document": f"函 {an_id(1)}", "operator": "wang-01"}).encode(), 422),
    "half a character": (b'{"document": "\\ud800 2026-117", "operator": "wang-01"}', 400),
    "a stranger": (json.dumps({"document": FORM, "operator": "mallory"}).encode(), 422),
    "no text": (json.dumps({"document": 7, "operator": "wang-01"}).encode(), 422),
}


@pytest.mark.parametrize(("body", "status"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_so_and_repeated_nowhere(entrance: Entrance, body: bytes, status: int) -> None:
    number = refused(entrance)["incident"]

    response = entrance.post(f"/v1/spot-checks/{number}", body)

    assert response.status_code == status
    assert an_id(1) not in response.text
    assert refused(entrance)["incident"] == number


def test_the_longest_document_fits_however_it_is_written(entrance: Entrance) -> None:
    number = refused(entrance)["incident"]
    body = json.dumps({"document": "\U00020000" * 100, "operator": "wang-01", "sha256": "0a" * 32}).encode()

    assert entrance.post(f"/v1/spot-checks/{number}", body).status_code == 200


def test_a_filing_is_of_the_body_that_was_signed(entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    number = refused(entrance)["incident"]
    body = json.dumps({"document": FORM, "operator": "wang-01"}).encode()
    caller = a_caller()
    signed = type(caller)(
        caller.partner,
        caller.client_id,
        caller.department,
        caller.operators,
        caller.address,
        caller.network,
        body_sha256=sha256(body).digest(),
    )
    monkeypatch.setitem(doors.CALLERS, "signed", signed)

    assert entrance.post(f"/v1/spot-checks/{number}", body + b" ", "signed").status_code == 401
    assert entrance.post(f"/v1/spot-checks/{number}", body, "signed").status_code == 200


def test_a_log_that_takes_nothing_in_takes_no_document_in(entrance: Entrance) -> None:
    number = refused(entrance)["incident"]
    entrance.may_write = False

    assert file(entrance, number).status_code == 503
    assert refused(entrance)["incident"] == number


def test_under_a_watch_that_checks_nobody_there_is_nothing(tmp_path: Path) -> None:
    entrance = Entrance(a_gateway(tmp_path, OPEN, limits=LENIENT))
    entrance.compare(a_body(1))

    assert entrance.get("/v1/spot-checks", "hr").json() == {"spot_checks": [], "more": False}
