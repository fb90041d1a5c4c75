"""A year through the real pipeline: what is answered, what an attack learns, and that a snapshot changes nothing."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from gateway.domain.reply import Answered
from ops.simulate.asking import Probe, heard
from ops.simulate.attacks import ATTACKS
from ops.simulate.fields import NAMES, STATUS, UNIT
from ops.simulate.partners import Kind
from ops.simulate.replay import Honesty, assail, live
from ops.simulate.report import alarms, document, leaks, markdown
from ops.simulate.running import SeedRun, Settings, simulate
from ops.simulate.stage import BLIND, BackwardsError, Stage
from tests.ops.simulate.make import a_stage, a_world

NOON = 12 * 3600


def a_probe(person: int, *, wrong: bool = False, misnamed: bool = False) -> Probe:
    world = a_world()
    unit, status = (int(world.codes[person, field]) for field in (UNIT, STATUS))
    name = (int(world.names[person]) + misnamed) % NAMES
    return Probe(int(world.keys[person]), name, ((UNIT, unit), (STATUS, (status + wrong) % 10)))


def answers(stage: Stage, place: int, probes: list[Probe], second: int = NOON) -> list[tuple[bool, set[str]]]:
    member = stage.members[place]
    replies = stage.ask(second, stage.asking.probing(member, member.operators[0], probes))
    assert all(isinstance(reply, Answered) for reply in replies)
    return [(each.confirmed, set(each.agreed)) for each in map(heard, replies)]


ONBOARDING = 8


def test_a_person_is_confirmed_field_by_field() -> None:
    stage = a_stage()

    assert answers(stage, ONBOARDING, [a_probe(1), a_probe(2, wrong=True)]) == [
        (True, {"unit", "person_status"}),
        (True, {"unit"}),
    ]


def test_nobody_is_told_of_a_guessed_number_or_another_name() -> None:
    stranger = a_probe(3)._replace(key=int(a_world().unregistered(np.random.default_rng(1), 1)[0]))

    assert answers(a_stage(), ONBOARDING, [stranger, a_probe(3, misnamed=True)]) == [
        (False, set()),
        (True, {"unit", "person_status"}),
    ]
    assert answers(a_stage(gate=True), ONBOARDING, [stranger, a_probe(3, misnamed=True), a_probe(3)]) == [
        (False, set()),
        (False, set()),
        (True, {"unit", "person_status"}),
    ]


@pytest.mark.parametrize("place", [0, 1], ids=["scoped", "closed"])
def test_a_pay_office_is_told_of_its_own_staff_alone(place: int) -> None:
    stage = a_stage()
    own = set(stage.members[place].roster.donors.tolist())
    inside, outside = min(own), min(set(range(a_world().size)) - own)

    assert [told for told, _ in answers(stage, place, [a_probe(inside), a_probe(outside)])] == [True, False]


def test_time_never_goes_back() -> None:
    stage = a_stage()
    answers(stage, ONBOARDING, [a_probe(1)])

    with pytest.raises(BackwardsError):
        answers(stage, ONBOARDING, [a_probe(1)], NOON - 1)


def test_an_honest_month_is_answered_and_breaks_nothing() -> None:
    stage = Stage(a_world(), limits=BLIND)
    honesty = Honesty(stage, stage.members)

    live(stage, honesty, 0, 31)

    assert not stage.broken
    assert honesty.seen.records[Kind.PAYROLL] > 500
    assert sum(honesty.seen.refused.values()) < 0.02 * stage.answered


def test_without_a_watch_a_walk_learns_as_much_as_the_budgets_allow() -> None:
    assault = assail(Stage(a_world(), limits=BLIND), ATTACKS["A5"], [11], 10, 200)

    assert not assault.stopped
    assert assault.end.persons > 50
    assert assault.end.attributes > 2 * assault.end.persons
    assert assault.checked is None or assault.checked.by == "quota:budget"


def test_enumeration_is_stopped_by_the_watch_and_learns_nothing() -> None:
    assault = assail(a_stage(), ATTACKS["A2a"], [2], 10, 20)

    assert assault.stopped
    assert assault.end.persons == 0
    assert assault.checked is not None
    assert assault.checked.by.partition(":")[2].startswith("watch:")


def test_whoever_asks_all_values_of_one_person_is_locked_out_of_them() -> None:
    assault = assail(a_stage(), ATTACKS["A3a"], [7], 10, 20)

    assert assault.checked is not None
    assert assault.checked.by == "locked"
    assert assault.stopped
    assert assault.end.queries > assault.checked.queries
    assert assault.end.attributes == assault.checked.attributes < 4


class Silent:
    """Is told how far it is, and says nothing."""

    def day(self, seed: int, day: int) -> None: ...

    def attacked(self, assault: object) -> None: ...


def test_a_simulation_reports_the_same_each_time() -> None:
    settings = Settings(seeds=1, persons=2_000, days=40, attacks=("A2a", "A3a"), repeats=2, limits=BLIND)
    runs, again = simulate(settings, Silent()), simulate(settings, Silent())

    assert [len(run.assaults) for run in runs] == [4]
    assert _told(runs) == _told(again)
    assert [run.honest for run in runs] == [run.honest for run in again]
    assert [leak.name for leak in leaks(runs)] == ["A2a", "A3a"]
    assert {each.kind: each.records for each in alarms(runs)}["payroll"] > 100
    assert document(settings, runs)["records"] == sum(run.records for run in runs)
    assert "|A3a|" in markdown(settings, runs)


def _told(runs: list[SeedRun]) -> list[bytes]:
    """Children come back in any order."""
    return sorted(msgspec.json.encode(each) for run in runs for each in run.assaults)


def test_an_attack_begins_on_a_day_of_its_seed() -> None:
    settings = Settings()

    assert {settings.begins(nth, 100) for nth in range(15)} == {103, 124, 145}
    assert settings.begins(0, 100) != settings.begins(0, 101)


def test_each_attack_is_run_as_often_as_was_asked() -> None:
    settings = Settings(attacks=("A1a", "A6c"), repeats=5)
    begun = [each for day in range(settings.days) for each in settings.beginning(100, day)]

    assert sorted(begun) == [(nth, again) for nth in (0, 14) for again in range(5)]
