"""Serve's chore of statements over a wired gateway: made at midnight, given to the system, stepped up at last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.clock import FileClock
from audit.note import Ed25519Verifier, parse_vkey
from audit.statement import bounds, day_of, verify
from bidui_client import Kept, check_statement
from ops.prove.homes import FINANCE, Stage
from ops.stating import Stating
from tests.ops.test_serve import Wired, a_wired


@pytest.fixture
def wired(request: pytest.FixtureRequest, staged: Stage, tmp_path: Path) -> Iterator[Wired]:
    engine = getattr(request, "param", "sqlite")
    database = request.getfixturevalue("postgres_url") if engine == "postgresql" else ""
    with a_wired(staged, tmp_path, database) as made:
        yield made


def pass_by(wired: Wired, days: int) -> None:
    """Drives the clock that all of the home go by."""
    clock = wired.home.clock
    assert isinstance(clock, FileClock)
    clock.path.write_text((clock.now() + timedelta(days=days)).isoformat())


@pytest.mark.parametrize("wired", ["sqlite", "postgresql"], indirect=True)
def test_a_day_is_made_given_and_checked_by_the_client(wired: Wired) -> None:
    stating, clock = Stating(wired.gateway), wired.home.clock
    day, vkey = day_of(clock.now()), wired.gateway.log_keys.keys.receipts.vkey
    answers = [each.json() for each in wired.ask(wired.comparison(0), wired.comparison(1))]
    (refused,) = wired.ask(wired.comparison(0, purpose="benefit-check"))
    at = int(clock.now().timestamp())
    stating.run_once()
    (early,) = wired.ask(wired.get(f"/v1/statements?day={day}"))
    assert early.status_code == 404

    pass_by(wired, days=1)
    stating.run_once()
    (told,) = wired.ask(wired.get(f"/v1/statements?day={day}"))

    problem = refused.json()
    kept = Kept([each["receipt"]["body"] for each in answers], {problem["incident"]: (problem["reason"], at)})
    found = check_statement(vkey, told.json(), kept, system=FINANCE.client, day=day)
    assert found is not None
    assert found.agrees
    assert (found.answered, found.refused) == (2, 1)
    assert found.operators == {FINANCE.operator: (2, 1)}
    statement = json.dumps(told.json()["statement"], sort_keys=True, separators=(",", ":")).encode()
    assert verify(statement, Ed25519Verifier(parse_vkey(vkey)))
    assert wired.metric("bidui_statements_disputed") == 0
    assert wired.metric("bidui_statements_until_seconds") == bounds(day)[1].timestamp()


def test_a_month_that_nobody_acknowledges_asks_for_signed_requests(wired: Wired) -> None:
    stating = Stating(wired.gateway)
    wired.ask(wired.comparison())
    pass_by(wired, days=35)
    stating.run_once()
    wired.gateway.pipeline.follow(wired.gateway.rights.epoch())
    (still,) = wired.ask(wired.comparison())
    pass_by(wired, days=21)

    (refused,) = wired.ask(wired.comparison())

    assert still.status_code == 200 or still.json()["reason"] == "stale_data"
    assert (refused.status_code, refused.json()["reason"]) == (403, "not_permitted")
    assert "statement" not in refused.text
    assert wired.gateway.rights.load().signed_from.keys() == {FINANCE.code}

    wired.gateway.pipeline.seal_log()
    entries = wired.gateway.reader.head().size
    stating.run_once()
    assert wired.gateway.reader.head().size == entries
