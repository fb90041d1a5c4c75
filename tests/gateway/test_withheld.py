"""Why somebody got no answer while the watch held or froze a grant: told to officers, also long after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.sql.engine import open_engine
from gateway.deeds.lapse import parameters_in
from gateway.domain.errors import UnavailableError
from gateway.review.explaining import When
from gateway.review.hindsight import Agrees, Recalled
from ops.settings import ServeSettings, load
from tests.bygones import Bygones, bygones
from tests.make import NOW
from tests.stops import ask, harvest, incident_of, lying_now, release, watched


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Bygones]:
    with closing(bygones(tmp_path / "home")) as made:
        yield watched(made)


def recalled(world: Bygones, entry: int) -> Recalled:
    found = world.hindsight.recall(entry)
    assert found is not None
    return found


def test_each_decision_is_explained_by_what_lay_there_then(world: Bygones) -> None:
    entries = harvest(world)
    held = ask(world, 1)
    stop = lying_now(world)
    release(world, stop)
    after = ask(world, 1)

    before, last_straw, during, since = (recalled(world, each) for each in (entries[0], entries[-1], held, after))

    assert [each.agrees for each in (before, last_straw, during, since)] == [Agrees.SAME] * 4
    assert [each.decision.refused for each in (before, last_straw, during, since)] == ["", "held", "held", ""]
    assert last_straw.explained.verdict.cause == "watch:held"
    assert during.explained.verdict.cause == "held:grant"
    assert last_straw.decision.incident == stop.incident
    assert (before.explained.stopped, since.explained.stopped) == ((), ())


def test_the_explanation_says_what_was_seen_and_what_would_release_it(world: Bygones) -> None:
    harvest(world)
    stop = lying_now(world)
    found = incident_of(world, stop).finding

    explained = recalled(world, ask(world, 1)).explained

    (told,) = explained.stopped
    assert told.seen is not None
    assert (told.target, told.response, told.incident) == ("grant.G-1", "held", stop.incident)
    assert (told.seen.detector, told.seen.observed, told.seen.expected) == (
        found.detector,
        str(found.observed),
        str(found.expected),
    )
    (check,) = [each for each in explained.checks if each.holds is False]
    for part in (stop.incident, "查无此号", f"{found.observed:g}", f"{found.expected:g}", "bidui release grant.G-1"):
        assert part in check.zh
    assert "前无人处置即转为冻结" in check.zh


def test_a_request_that_nobody_made_is_explained_by_what_lies_there_now(world: Bygones) -> None:
    harvest(world)
    decision = recalled(world, ask(world, 1))
    then, now = world.bygone.present(), world.bygone.lying()
    question = decision.explained

    assert question.verdict.reason == "held"
    assert world.bygone.lying(lying_now(world).entry) == {}, "before it was laid"
    release(world, lying_now(world))
    assert (world.bygone.lying(), len(now), then.frozen) == ({}, 1, frozenset())


def sql(world: Bygones, *statements: str) -> None:
    """As whoever owns the database."""
    engine = open_engine(world.home.database_url(load(world.home, "serve.toml", ServeSettings)))
    with engine.begin() as connection:
        for each in (*statements, "UPDATE control SET epoch = epoch + 1"):
            connection.execute(text(each))
    engine.dispose()


LIFTED = ("DELETE FROM watch_stop", "UPDATE watch_score SET stopped = 0, misses = 0")


def test_whoever_takes_a_response_out_of_its_table_lifts_nothing(world: Bygones) -> None:
    harvest(world)
    stop = lying_now(world)

    sql(world, *LIFTED)

    assert world.rights.load().held == {stop.target}
    assert recalled(world, ask(world, 1)).decision.refused == "held"


def test_an_answer_under_a_hold_does_not_follow(world: Bygones) -> None:
    """Whoever calls the entry something else as well is answered, and found out when that is put right."""
    harvest(world)
    stop = lying_now(world)
    guard = "DROP TRIGGER ledger_entry_no_UPDATE"
    sql(world, *LIFTED, guard, f"UPDATE ledger_entry SET type = 'x' WHERE \"index\" = {stop.entry}")
    world.clock.pass_by(minutes=1)
    entry = ask(world, 1)
    sql(world, f"UPDATE ledger_entry SET type = 'watch.stopped' WHERE \"index\" = {stop.entry}")

    found = recalled(world, entry)

    assert (found.decision.refused, found.agrees) == ("", Agrees.DIFFERS)
    assert stop.incident in "".join(each.zh for each in found.explained.checks)


def test_an_entry_that_cannot_be_read_stops_all(world: Bygones) -> None:
    harvest(world)
    stop = lying_now(world)

    sql(
        world,
        "DROP TRIGGER ledger_entry_no_UPDATE",
        f"UPDATE ledger_entry SET entry = x'7b' WHERE \"index\" = {stop.entry}",
    )

    with pytest.raises(UnavailableError, match="fsck"):
        world.rights.load()


def test_a_hold_says_until_when_somebody_must_act(world: Bygones) -> None:
    harvest(world)
    stop = lying_now(world)

    told = world.bygone.responses.tell(stop, parameters_in(world.bygone.present().standing))

    assert told.freezes is not None
    assert told.freezes > (NOW + timedelta(hours=8)).date()
    assert When(at=NOW).lying == {}
