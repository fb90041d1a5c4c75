"""Partners that move, or work at another hour, sign and are answered: nobody is held for it."""

from __future__ import annotations

from gateway.domain.incident import Action, Detector
from gateway.domain.reply import Answered
from ops.simulate.asking import Asking, Probe
from ops.simulate.fields import UNIT
from ops.simulate.partners import DAY_SECONDS, Kind
from ops.simulate.stage import Stage
from tests.ops.simulate.make import a_stage, a_world

MORNING = 10 * 3600


def ask(stage: Stage, second: int, nth: int, caller: int = 0) -> bool:
    """One person of a pay office's, asked by its system in this network; whether there was an answer."""
    member = next(each for each in stage.members if each.kind is Kind.PAYROLL)
    asking = Asking(a_world(), stage.members, gate=False)
    (request,) = asking.probing(member, member.operators[0], [Probe(int(member.roster.keys[nth]), 0, ((UNIT, 0),))])
    moved = type(request)(member.callers[caller], request.query, b"", "")
    return isinstance(stage.ask(second, [moved])[0], Answered)


def test_a_move_is_signed_for_once() -> None:
    stage = a_stage()
    assert ask(stage, MORNING, 0)
    month = 40 * DAY_SECONDS + MORNING

    assert [ask(stage, month, 1), ask(stage, month, 2, caller=1), ask(stage, month, 3, caller=1)] == [True] * 3

    assert stage.stepped_up == 1
    (incident,) = stage.store.watch.incidents
    assert incident.finding.detector is Detector.NEW_NETWORK
    assert incident.finding.action is Action.STEP_UP
    assert stage.store.watch.stops == {}
    assert not stage.causes()


def test_a_night_is_signed_for() -> None:
    stage = a_stage()
    assert ask(stage, MORNING, 0)

    assert ask(stage, 40 * DAY_SECONDS + 22 * 3600, 1)

    assert stage.stepped_up == 1
    assert [each.finding.detector for each in stage.store.watch.incidents] == [Detector.OFF_HOURS]
