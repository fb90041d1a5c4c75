"""The throttle: as fast as a plain model says, for each system and grant alone, and never for long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.caller import Caller
from gateway.domain.errors import TooFastError
from gateway.domain.grant import Grant
from gateway.domain.incident import Action, Detector, Incident
from gateway.ports import Rights
from gateway.watch.threshold_file import content_of
from gateway.watch.thresholds import DEFAULTS, Thresholds
from gateway.watch.throttle import NO_GRANT, Pace, Throttle, pace_of
from gateway.watch.throttled import tell_late
from tests.fakes import DrivenClock
from tests.gateways import WATCH_KEY, Assembled, a_gateway
from tests.make import a_caller, a_grant, a_snapshot, limits

CALLER = a_caller()
OTHER = a_caller(client="hr-2")
FEW = limits(comparisons=600)
"""One a second, and a hundred at once."""


def some_rights(*grants: Grant, epoch: int = 1, pace_burst: int = 0) -> Rights:
    told = content_of(replace(DEFAULTS, pace_burst=pace_burst)) if pace_burst else {}
    return Rights(epoch, a_snapshot(), {each.number: each for each in grants}, thresholds=told)


@dataclass
class Door:
    """A throttle, and who was told to wait."""

    rights: Rights = field(default_factory=lambda: some_rights(a_grant(limits=FEW)))
    clock: DrivenClock = field(default_factory=DrivenClock)
    counted: int = 0

    def __post_init__(self) -> None:
        self.throttle = Throttle(self.clock, lambda: self.rights, self._count)

    def _count(self) -> None:
        self.counted += 1

    def wait(self, caller: Caller = CALLER, grant: str = "G-1") -> int:
        """The seconds that somebody was told to wait; 0 for who need not."""
        try:
            self.throttle.take(caller, grant)
        except TooFastError as error:
            return error.seconds
        return 0

    def burst(self, caller: Caller = CALLER, grant: str = "G-1") -> int:
        """How many come in before somebody must wait."""
        return next(count for count in range(1_000_000) if self.wait(caller, grant))

    def rest(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)


# ------------------------------------------------------------------------------------------------------------ the pace


def test_a_burst_may_be_a_hundred_or_a_sixtieth_of_the_day() -> None:
    assert Door(some_rights(a_grant(limits=FEW))).burst() == 100
    assert Door(some_rights(a_grant(limits=limits(comparisons=60_000)))).burst() == 1_000


def test_a_day_is_used_in_ten_minutes_and_no_sooner() -> None:
    door = Door(some_rights(a_grant(limits=limits(comparisons=5_000))))
    come = 0
    for _ in range(6_000):
        come += not door.wait()
        door.rest(0.1)

    assert 5_000 <= come <= 5_000 + 101


def test_who_waits_as_told_is_heard() -> None:
    door = Door()
    door.burst()
    for _ in range(50):
        seconds = door.wait()
        assert seconds >= 1

        door.rest(seconds)

        assert door.wait() == 0
        while not door.wait():
            pass


@given(
    step=st.integers(1, 64).map(lambda n: n / 16),
    burst=st.integers(1, 20),
    pauses=st.lists(st.integers(0, 200).map(lambda n: n / 16), max_size=120),
)
def test_it_lets_in_whom_a_leaking_bucket_lets_in(step: float, burst: int, pauses: list[float]) -> None:
    """The model keeps what the rule of the throttle does not: a level that leaks, and that nobody may fill."""
    throttle, now, level, name = Door().throttle, 0.0, 0.0, ("hr", "G-1")
    for pause in pauses:
        now, level = now + pause, max(0.0, level - pause / step)
        has_room = level + 1 <= burst + 0.5

        waited = throttle.wait(name, Pace(step, (burst + 0.5) * step), now)

        assert (waited == 0) is has_room
        level += has_room
        assert waited == 0 or waited == pytest.approx((level + 1 - burst - 0.5) * step)


@given(
    moves=st.lists(st.tuples(st.integers(-10_000, 10_000), st.integers(1, 5)), max_size=60),
    a_day=st.integers(1, 2**31 - 1),
)
def test_a_clock_that_leaps_shuts_nobody_out(moves: list[tuple[int, int]], a_day: int) -> None:
    door = Door()
    pace = pace_of(a_day, DEFAULTS)
    now = 1.8e9
    for leap, requests in moves:
        now += leap
        for _ in range(requests):
            assert 0 <= door.throttle.wait(("hr", "G-1"), pace, now) <= pace.step + 1e-6


def test_after_a_step_back_everybody_begins_anew() -> None:
    door = Door()
    door.burst()
    assert door.wait()
    door.rest(-86_400)

    assert door.wait() == 0
    door.burst()
    assert door.wait()


# ---------------------------------------------------------------------------------------------- for whom it is counted


def test_each_system_and_each_grant_has_its_own() -> None:
    second = a_grant(number="G-2", limits=FEW)
    door = Door(some_rights(a_grant(limits=FEW), second))
    door.burst()

    assert door.wait(OTHER) == 0
    assert door.wait(CALLER, "G-2") == 0
    assert door.wait(a_caller("tax", "tax-1"), "G-1") == 0


def test_names_that_are_nobodys_count_together_and_take_no_room() -> None:
    door = Door()
    door.throttle.take(CALLER, "G-1")
    waited = sum(bool(door.wait(CALLER, f"G-x{place}")) for place in range(10_000))

    assert waited == 10_000 - 100
    assert len(door.throttle._due) == 2
    assert len(door.throttle._paces) == 2
    assert door.wait() == 0


def test_the_grant_of_somebody_else_is_none_of_ones_own() -> None:
    door = Door(some_rights(a_grant(limits=FEW), a_grant(number="T-1", partner="tax")))
    door.burst(CALLER, "T-1")

    assert door.wait(CALLER, NO_GRANT) > 0
    assert door.wait(a_caller("tax", "tax-1"), "T-1") == 0


def test_what_cannot_be_read_may_come_as_fast_as_what_can() -> None:
    large = limits(comparisons=60_000)
    door = Door(some_rights(a_grant(limits=FEW), a_grant(number="G-2", limits=large)))

    assert door.burst(CALLER, NO_GRANT) == 1_000


def test_who_has_paused_is_forgotten_with_the_next_rights() -> None:
    door = Door()
    door.burst()
    door.rest(3_600)
    door.rights = some_rights(a_grant(number="G-9"), epoch=2)
    door.throttle.take(OTHER, "G-9")

    assert list(door.throttle._due) == [("hr-2", "G-9")]


def test_thresholds_and_amended_grants_count_from_the_next_turn_on() -> None:
    door = Door()
    door.burst()
    door.rights = some_rights(a_grant(limits=FEW), epoch=2, pace_burst=200)

    assert door.burst() == 100

    door.rights = some_rights(a_grant(limits=limits(comparisons=600_000)), epoch=3)
    assert door.wait() == 1
    door.rest(1)
    assert door.burst() == 1_000


# ------------------------------------------------------------------------------------------------- what officers hear


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Assembled]:
    fixture = {"memory": "", "sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    made = a_gateway(tmp_path, url=request.getfixturevalue(fixture) if fixture else "")
    yield made
    made.close()


def tell(gateway: Assembled, late: Mapping[tuple[str, str], int]) -> list[Incident]:
    at, note = gateway.clock.now(), gateway.pipeline.recorder.note
    with gateway.store.begin() as work:
        new = tell_late(
            work, late, key=WATCH_KEY, epoch=work.epoch(), at=at, note=lambda drafts: note(drafts, work.ledger, at)
        )
        work.commit()
    return new


def test_officers_hear_of_it_once_in_seven_days(gateway: Assembled) -> None:
    (incident,) = tell(gateway, {("hr", "G-1"): 7})
    assert incident.finding.detector is Detector.THROTTLE
    assert incident.finding.action is Action.THROTTLE
    assert incident.finding.observed == 7

    gateway.clock.at += timedelta(days=6)
    assert tell(gateway, {("hr", "G-1"): 1}) == []

    gateway.clock.at += timedelta(days=2)
    assert [each.finding.grant for each in tell(gateway, {("hr", "G-1"): 1})] == ["G-1"]


def test_what_names_no_grant_is_told_of_each_partner(gateway: Assembled) -> None:
    told = tell(gateway, {("hr", NO_GRANT): 5, ("tax", NO_GRANT): 6, ("hr", "G-1"): 1})

    assert len({each.number for each in told}) == 3
    assert sorted((each.finding.partner, each.finding.principal.level.value) for each in told) == [
        ("hr", "grant"),
        ("hr", "partner"),
        ("tax", "partner"),
    ]


def test_the_door_forgets_who_was_told_and_nobody_else() -> None:
    door = Door()
    door.burst()
    late = door.throttle.late()
    assert late == {("hr", "G-1"): 1}
    assert door.counted == 1
    door.wait()

    door.throttle.told(late)

    assert door.throttle.late() == {("hr", "G-1"): 1}
    door.throttle.told({("hr", "G-1"): 1})
    assert door.throttle.late() == {}


def test_a_delivered_pace_is_ten_minutes() -> None:
    assert Thresholds().pace_seconds == 600
    assert pace_of(600, DEFAULTS).step == 1.0
