"""An unusual hour, from the refusal to the answer: told to officers, explained, signed for, or excepted by two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from audit.entry import JsonValue
from gateway.deeds.errors import DeedError
from gateway.domain.incident import Incident, State
from gateway.domain.standing import Stop
from gateway.habits import Habits
from gateway.review.hindsight import Agrees, Recalled
from gateway.watch.board import Board
from gateway.watch.seen_words import seen_of
from tests.bygones import Bygones, bygones
from tests.gateways import LENIENT, WATCH_KEY
from tests.stops import ask, release


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Bygones]:
    """Used at ten on a Tuesday; now it is two on a Wednesday, and everything was learned."""
    with closing(bygones(tmp_path / "home")) as made:
        made.pipeline.habits = Habits(WATCH_KEY, replace(LENIENT, habit_days=1))
        ask(made, 1)
        made.clock.pass_by(days=1, hours=4)
        yield made


def recalled(world: Bygones, entry: int) -> Recalled:
    found = world.hindsight.recall(entry)
    assert found is not None
    return found


def refused(world: Bygones) -> Incident:
    """The incident of a request that should have been signed."""
    found = world.bygone.responses.history.incident(recalled(world, ask(world, 1)).decision.incident)
    assert found is not None
    return found


def state(world: Bygones, incident: Incident) -> State:
    board = Board(reader=world.bygone.responses.history, releases=lambda: world.rights._releases)
    world.rights.load()
    return board.stand([incident], world.clock.now())[0].state


def let_in(world: Bygones, incident: Incident, detector: str = "off_hours", **also: JsonValue) -> None:
    exception: JsonValue = {"detector": detector, "until": f"{world.clock.now():%Y-%m-%d}", "most": None}
    release(world, Stop("grant.G-1", False, incident.number, 0), **({"exception": exception} | also))


def test_it_is_explained_by_what_was_new(world: Bygones) -> None:
    found = recalled(world, ask(world, 1))

    assert (found.decision.refused, found.agrees) == ("held", Agrees.SAME)
    assert found.explained.verdict.cause == "watch:step_up"
    (check,) = [each for each in found.explained.checks if each.holds is False]
    assert "工作日 14 时使用" in check.zh
    assert found.decision.incident in check.zh


def test_officers_read_what_was_new_and_never_an_address(world: Bygones) -> None:
    incident = refused(world)

    said = seen_of(incident)

    assert "系统 caizheng-pay-01" in said.zh
    assert "工作日 14 时" in said.zh
    assert "14:00 on a working day" in said.en
    assert world.caller().address not in repr(incident)


def test_two_people_let_in_who_cannot_sign(world: Bygones) -> None:
    incident = refused(world)
    assert state(world, incident) is State.OPEN

    let_in(world, incident)

    assert recalled(world, ask(world, 1)).decision.refused == ""
    assert state(world, incident) is State.EXCEPTION
    world.clock.pass_by(days=1)
    assert state(world, incident) is State.RELEASED
    assert recalled(world, ask(world, 1)).decision.refused == "", "it learned meanwhile"
    world.clock.pass_by(hours=3)
    assert recalled(world, ask(world, 1)).decision.refused == "held"


WRONG: dict[str, dict[str, JsonValue]] = {
    "without an exception": {"exception": None},
    "from another detector": {"detector": "new_network"},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_release_of_it_is_an_exception_from_it(world: Bygones, case: str) -> None:
    incident = refused(world)
    with pytest.raises(DeedError):
        let_in(world, incident, **WRONG[case])  # type: ignore[arg-type]  # a table of changes


def test_a_grant_is_not_excepted_by_the_incident_of_another(world: Bygones) -> None:
    incident = refused(world)
    exception: JsonValue = {
        "detector": "off_hours",
        "until": f"{world.clock.now() + timedelta():%Y-%m-%d}",
        "most": None,
    }
    with pytest.raises(DeedError):
        release(world, Stop("grant.G-2", False, incident.number, 0), exception=exception)
