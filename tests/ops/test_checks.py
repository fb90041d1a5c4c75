"""Spot checks in a gateway as it is served: the real doors, the real proof of who asks, and the chore that sweeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from structlog.testing import capture_logs

from gateway.domain.grant import local_day
from gateway.domain.spot_check import CheckState, SpotCheck
from ops.checks import sweep
from ops.prove.homes import FINANCE, Stage, credentials
from tests.checks import FORM, a_check
from tests.doors import problem_of
from tests.ops.test_serve import Wired, a_wired

GRANT = f"2026-{FINANCE.code}-001"


@pytest.fixture
def wired(staged: Stage, tmp_path: Path) -> Iterator[Wired]:
    with a_wired(staged, tmp_path) as made:
        yield made


def opened(wired: Wired, number: str, days_ago: int, **changes: object) -> SpotCheck:
    """One that a turn opened so many days ago."""
    day = local_day(wired.home.clock.now()).toordinal() - days_ago
    check = a_check(number, day, **({"grant": GRANT, "partner": FINANCE.code} | changes))
    with wired.gateway.desk.begin() as work:
        work.checks.put([check])
        work.commit()
    return check


def gauge(wired: Wired, state: str) -> float | None:
    return wired.gateway.metrics.registry.get_sample_value("bidui_spot_checks", {"state": state})


def test_a_system_lists_and_files_its_own_by_its_own_proof(wired: Wired) -> None:
    own, other = opened(wired, "ab" * 8, 0), opened(wired, "cd" * 8, 0, partner="somebody-else")
    body = json.dumps({"document": FORM, "operator": FINANCE.operator}).encode()

    def file(check: SpotCheck) -> httpx2.Request:
        url = f"http://gateway/v1/spot-checks/{check.number}"
        return httpx2.Request("POST", url, headers=credentials(wired.home), content=body)

    listed, nobody = wired.ask(wired.get("/v1/spot-checks"), httpx2.Request("GET", "http://gateway/v1/spot-checks"))
    filed, strange = wired.ask(file(own), file(other))

    assert [each["number"] for each in listed.json()["spot_checks"]] == [own.number]
    assert nobody.status_code == 401
    assert (filed.status_code, filed.json()["state"]) == (200, "filed")
    assert problem_of(strange)["type"] == "urn:bidui:problem:not-found"


def test_the_sweep_freezes_at_once_says_so_and_counts_what_waits(wired: Wired) -> None:
    late, due = opened(wired, "ab" * 8, 7), opened(wired, "cd" * 8, 0)
    opened(wired, "ef" * 8, 9, state=CheckState.FILED)
    (before,) = wired.ask(wired.comparison())

    with capture_logs() as said:
        sweep(wired.gateway.people.checks, wired.gateway.metrics)
    (after,) = wired.ask(wired.comparison(1))

    assert (before.status_code, after.status_code) == (200, 403)
    assert problem_of(after)["reason"] == "frozen"
    assert [(each["event"], each["check"]) for each in said] == [("spot_check_failed", late.number)]
    assert [gauge(wired, state) for state in ("due", "filed")] == [1, 1]
    found = wired.gateway.people.checks.reader.check(due.number)
    assert found == due
    with capture_logs() as said:
        sweep(wired.gateway.people.checks, wired.gateway.metrics)
    assert said == []
