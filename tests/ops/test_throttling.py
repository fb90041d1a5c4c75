"""Who is throttled at a gateway as it is wired: counted at once, and told to officers by a chore."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.sql.watch_reader import SqlWatchReader
from gateway.domain.errors import GatewayError
from gateway.watch.thresholds import DEFAULTS
from ops.prove.homes import Stage, add_grant, limits
from ops.settings import ServeSettings, load
from ops.throttling import tell_throttled
from tests.ops.test_serve import Wired, a_wired


@pytest.fixture
def wired(staged: Stage, tmp_path: Path) -> Iterator[Wired]:
    with a_wired(staged, tmp_path) as made:
        made.gateway.throttle.limits = replace(DEFAULTS, pace_burst=2)
        yield made


def flood(wired: Wired, count: int = 5) -> list[int]:
    """Requests under a grant of one comparison in ten seconds."""
    number = add_grant(wired.home, "G-slow", wired.stage, limits=limits(comparisons=60))
    wired.gateway.pipeline.follow(wired.gateway.rights.epoch())
    return [each.status_code for each in wired.ask(*(wired.comparison(n, grant=number) for n in range(count)))]


def incidents(wired: Wired) -> list[str]:
    reader = SqlWatchReader.open(wired.home.database_url(load(wired.home, "serve.toml", ServeSettings)))
    return [f"{each.finding.detector} {each.finding.grant} {each.finding.observed:g}" for each in reader.incidents()]


def test_a_flood_is_counted_and_told_once(wired: Wired) -> None:
    assert sorted(flood(wired)) == [200, 200, 429, 429, 429]
    assert wired.metric("bidui_throttled_total") == 3

    for _ in range(2):
        asyncio.run(tell_throttled(wired.gateway))

    assert incidents(wired) == ["throttle G-slow 3"]
    assert wired.gateway.throttle.late() == {}
    assert [each["type"] for each in wired.entries()].count("watch.noticed") == 1


def test_what_could_not_be_told_is_told_later(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    flood(wired)
    with monkeypatch.context() as broken:
        broken.setattr(wired.gateway.desk, "begin", _raise)
        with pytest.raises(GatewayError):
            asyncio.run(tell_throttled(wired.gateway))

    asyncio.run(tell_throttled(wired.gateway))

    assert incidents(wired) == ["throttle G-slow 3"]


def _raise() -> None:
    raise GatewayError("the control database is gone")
