"""Outcomes: whoever said that people will be employed is held to it, by what sync tells, and else meets more checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.checking import SpotChecks
from gateway.domain.exemption import Exemption
from gateway.domain.grant import Grant, local_day
from gateway.domain.incident import Action, Detector, Incident
from gateway.domain.outcome import UNJUDGED, Outcome
from gateway.ports import DataVersion
from gateway.sweeping import Sweep
from gateway.watch.outcomes import OUTCOME_DAYS, judged, outcome_steps
from gateway.watch.thresholds import DEFAULTS, Thresholds
from tests.gateways import WATCH_KEY, Assembled, a_gateway, code_of
from tests.make import a_grant, a_request, an_id

Make = Callable[..., Assembled]
LIMITS = Thresholds(check_share=0.0, check_raised=1.0, check_accept_share=0.0)
HIRING = a_grant(**{"class": "open", "hit_rate": 99, "max_data_age_days": 999, "outcome_rate": 80})
MANY = 60


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    fixture = {"memory": "", "sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    made = list[Assembled]()

    def make_one(*grants: Grant) -> Assembled:
        url = request.getfixturevalue(fixture) if fixture else ""
        gateway = a_gateway(tmp_path, *(grants or (HIRING,)), url=url)
        gateway.pipeline.spot_checks = SpotChecks(WATCH_KEY, LIMITS)
        gateway.register.since = day(gateway) - 10
        made.append(gateway)
        return gateway

    yield make_one
    for each in made:
        each.close()


def day(gateway: Assembled) -> int:
    return local_day(gateway.clock.now()).toordinal()


def link(gateway: Assembled, number: int) -> bytes:
    return gateway.register.sealers["person"].link(an_id(number))


def asked(gateway: Assembled, count: int = MANY, start: int = 1, grant: str = "G-1") -> list[int]:
    """Somebody asks about so many, whether the register has them or not."""
    numbers = list(range(start, start + count))
    gateway.ask(*(a_request(number, grant=grant) for number in numbers))
    return numbers


def moves(gateway: Assembled, numbers: list[int], after: int = 30) -> None:
    """Sync saw their records begin so many days after today."""
    gateway.register.moved |= {link(gateway, number): day(gateway) + after for number in numbers}


def later(gateway: Assembled, days: int = OUTCOME_DAYS) -> None:
    """Days go by, and sync goes on."""
    gateway.clock.pass_by(days=days)
    before = gateway.register.version
    gateway.register.version = DataVersion(before.digest, before.generation, gateway.clock.now())


def sweep(gateway: Assembled, limits: Thresholds = LIMITS, **rights: object) -> list[Incident]:
    sweeping, at = Sweep(WATCH_KEY, limits), gateway.clock.now()
    sweeping.follow(gateway.register)
    known = replace(gateway.pipeline.rights.load(), **rights)  # type: ignore[arg-type]  # members of rights
    with gateway.store.begin() as work:
        note = gateway.pipeline.recorder.note
        found = sweeping.run(work, known, at, lambda drafts: note(drafts, work.ledger, at))
        work.commit()
    return found


def standing(gateway: Assembled) -> Outcome:
    with gateway.store.begin() as work:
        return work.outcomes.outcomes(["G-1"]).get("G-1", UNJUDGED)


def test_of_whom_nothing_came_it_is_noticed_and_more_documents_are_asked_for(make: Make) -> None:
    gateway = make()
    moves(gateway, asked(gateway)[:6])
    later(gateway)

    (incident,) = sweep(gateway)

    assert (incident.finding.detector, incident.finding.action) == (Detector.RECONCILIATION, Action.STEP_UP)
    assert incident.finding.expected == 0.8
    assert incident.finding.observed < 0.48
    assert incident.finding.days == OUTCOME_DAYS
    assert code_of(gateway.ask(a_request(500))[0]) == "held", "more of this purpose is checked"


def test_whoever_employs_those_it_asked_about_is_left_alone(make: Make) -> None:
    gateway = make()
    numbers = asked(gateway)
    moves(gateway, [each for each in numbers if each % 5])
    later(gateway)

    assert sweep(gateway) == []
    assert standing(gateway).day == day(gateway) - OUTCOME_DAYS


def test_before_ninety_days_nobody_is_judged(make: Make) -> None:
    gateway = make()
    asked(gateway)
    later(gateway, OUTCOME_DAYS - 1)

    assert sweep(gateway) == []
    assert standing(gateway).asked == 0


def test_a_second_sweep_of_the_day_judges_nobody_twice(make: Make) -> None:
    gateway = make()
    asked(gateway, 4)
    later(gateway)
    sweep(gateway)
    before = standing(gateway)

    assert sweep(gateway) == []
    assert standing(gateway) == before
    assert before.asked == 4


def test_scores_add_up_over_days(make: Make) -> None:
    gateway = make()
    found = list[Incident]()
    for start in range(1, 21, 4):
        asked(gateway, 4, start)
        later(gateway, 1)
    for _ in range(OUTCOME_DAYS):
        later(gateway, 1)
        found += sweep(gateway)

    assert len(found) == 1, "twenty in a row, no day of which had enough"


def test_whoever_moved_before_it_was_asked_about_does_not_count_for_it(make: Make) -> None:
    gateway = make()
    moves(gateway, asked(gateway), after=-1)
    later(gateway)

    assert len(sweep(gateway)) == 1


def test_what_sync_does_not_know_is_held_against_nobody(make: Make) -> None:
    gateway = make()
    asked(gateway)
    gateway.register.since = day(gateway) + 1
    later(gateway)

    assert sweep(gateway) == []
    assert standing(gateway).asked == 0
    later(gateway, 1)
    gateway.register.since = day(gateway) - 100
    assert sweep(gateway) == [], "it is not judged later either"


def test_without_movers_nothing_is_judged(make: Make) -> None:
    gateway = make()
    gateway.register.since = None
    asked(gateway)
    later(gateway)

    assert sweep(gateway) == []


def test_a_register_that_stands_still_ripens_nothing(make: Make) -> None:
    gateway = make()
    asked(gateway)
    gateway.clock.pass_by(days=OUTCOME_DAYS)

    assert sweep(gateway) == [], "who was employed meanwhile could not be told yet"


def test_a_clock_that_ran_ahead_and_came_back_judges_nobody(make: Make) -> None:
    gateway = make()
    asked(gateway)
    gateway.clock.pass_by(days=400)
    assert sweep(gateway) == []
    gateway.clock.at -= timedelta(days=400)
    moves(gateway, list(range(1, MANY + 1)))
    later(gateway)

    assert sweep(gateway) == []
    assert standing(gateway).score == 0.0


def test_a_grant_that_said_nothing_is_not_held_to_anything(make: Make) -> None:
    gateway = make(replace(HIRING, outcome_rate=None))
    asked(gateway)
    later(gateway)

    assert sweep(gateway) == []
    with gateway.store.begin() as work:
        assert list(work.outcomes.ripe("G-1", day(gateway))) == []


def test_a_repeated_question_is_no_first_one(make: Make) -> None:
    gateway = make()
    asked(gateway, 1)
    later(gateway, 5)
    asked(gateway, 1)

    with gateway.store.begin() as work:
        assert [on for on, _ in work.outcomes.ripe("G-1", day(gateway))] == [day(gateway) - 5]


def test_whom_two_officers_excepted_goes_on(make: Make) -> None:
    gateway = make()
    asked(gateway)
    later(gateway)
    until = local_day(gateway.clock.now()) + timedelta(days=30)

    exempt = {"G-1": Exemption("G-1", Detector.RECONCILIATION, until, None, "0" * 16)}

    assert sweep(gateway, exempt=exempt) == []


def test_a_sweep_that_was_not_committed_has_judged_nobody(make: Make) -> None:
    gateway = make()
    asked(gateway)
    later(gateway)
    sweeping = Sweep(WATCH_KEY, LIMITS)
    sweeping.follow(gateway.register)

    with gateway.store.begin() as work:
        sweeping.run(work, gateway.pipeline.rights.load(), gateway.clock.now(), lambda drafts: range(len(drafts)))

    assert standing(gateway) == UNJUDGED
    assert len(sweep(gateway)) == 1


@given(st.integers(1, 100), st.lists(st.booleans(), max_size=300))
def test_who_is_employed_as_was_said_takes_off_and_who_is_not_adds(rate: int, moved: list[bool]) -> None:
    test = outcome_steps(rate, DEFAULTS)

    assert test.bad > 0 > test.good
    for each in judged(UNJUDGED, moved, test, DEFAULTS):
        assert each.score >= 0
        assert 0 <= each.moved <= each.asked


def test_from_four_fifths_to_half_is_seen_within_a_few_dozen() -> None:
    half = [number % 2 == 0 for number in range(200)]

    scores = [each.score for each in judged(UNJUDGED, half, outcome_steps(80, DEFAULTS), DEFAULTS)]

    assert next(place for place, score in enumerate(scores, 1) if score >= DEFAULTS.alarm) <= 80
