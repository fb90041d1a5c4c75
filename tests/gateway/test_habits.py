"""Habits: what is new must be signed, on every store and every node; whoever keeps to their ways notices nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.deeds.calendar import Calendar
from gateway.domain.caller import Caller
from gateway.domain.exemption import Exemption
from gateway.domain.grant import SHANGHAI, Grant
from gateway.domain.incident import Action, Detector, Incident
from gateway.domain.reply import Answered, Refused, Wants
from gateway.habits import Habits
from gateway.watch.accounts import habit_account
from gateway.watch.thresholds import Thresholds
from policies.decision import Reason
from tests.fakes import MemoryStore
from tests.gateways import LENIENT, WATCH_KEY, Assembled, a_gateway, code_of
from tests.make import a_caller, a_grant, a_request

Make = Callable[..., Assembled]
LIMITS = replace(LENIENT, habit_days=30)
WIDE = {"hours": ["00:00-24:00"], "max_data_age_days": 999}
ALWAYS = a_grant(**WIDE)
HOME = a_caller()
NEAR = a_caller(address="10.20.0.200")
AWAY = a_caller(address="10.99.0.7")
OTHER = a_caller(client="hr-2", address="10.99.0.7")
TUESDAY = datetime(2026, 6, 30, 10, tzinfo=SHANGHAI)


def signed(caller: Caller) -> Caller:
    return replace(caller, signature=b"s")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    fixture = {"memory": "", "sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url, made = request.getfixturevalue(fixture) if fixture else "", list[Assembled]()

    def make_one(*grants: Grant, limits: Thresholds = LIMITS, node: str = "gateway") -> Assembled:
        folder = tmp_path / node
        folder.mkdir(exist_ok=True)
        gateway = a_gateway(folder, *(grants or (ALWAYS,)), url=url, limits=limits, seed=node)
        gateway.person(1)
        made.append(gateway)
        return gateway

    yield make_one
    for each in made:
        each.close()


def ask(gateway: Assembled, caller: Caller = HOME, grant: str = "G-1") -> str:
    (reply,) = gateway.ask(a_request(caller=caller, grant=grant))
    return code_of(reply)


def at(gateway: Assembled, hour: int, days: int = 0) -> None:
    gateway.clock.at = TUESDAY.replace(hour=hour) + timedelta(days=days)


def practised(gateway: Assembled) -> Assembled:
    """Used from home at ten on a Tuesday, and its first days are over."""
    at(gateway, 10)
    assert ask(gateway) == "confirmed"
    at(gateway, 10, days=35)
    return gateway


def incidents(gateway: Assembled) -> list[Incident]:
    found = (each for each in Detector if each in {Detector.NEW_NETWORK, Detector.OFF_HOURS})
    with gateway.store.begin() as work:
        met = [work.watch.recent("hr", "G-1", each.value, 0) for each in found]
    return [each for each in met if each is not None]


# ------------------------------------------------------------------------------------------------------ what is usual


def test_in_its_first_days_everything_is_usual_and_is_learned(make: Make) -> None:
    gateway = make()
    for day, (caller, hour) in enumerate([(HOME, 10), (AWAY, 3), (NEAR, 22)]):
        at(gateway, hour, days=day * 10)
        assert ask(gateway, caller) == "confirmed"

    at(gateway, 3, days=50)
    assert [ask(gateway, each) for each in (HOME, AWAY, NEAR)] == ["confirmed"] * 3
    assert incidents(gateway) == []


HOURS: dict[str, tuple[int, int, str]] = {
    "the same": (10, 35, "confirmed"),
    "an hour before": (9, 35, "confirmed"),
    "an hour behind": (11, 35, "confirmed"),
    "two behind": (12, 35, "held"),
    "at night": (3, 35, "held"),
    "the same, on a Saturday": (10, 39, "held"),
}


@pytest.mark.parametrize("case", HOURS)
def test_hours(make: Make, case: str) -> None:
    gateway = practised(make())
    hour, days, told = HOURS[case]
    at(gateway, hour, days)

    assert ask(gateway) == told


def test_an_hour_that_is_near_does_not_make_the_next_one_near(make: Make) -> None:
    gateway = practised(make())
    at(gateway, 11, 35)
    assert ask(gateway) == "confirmed"
    at(gateway, 12, 35)

    assert ask(gateway) == "held"


def test_days_are_worked_as_the_office_says(make: Make) -> None:
    gateway = practised(make())
    tuesday = (TUESDAY + timedelta(days=35)).date()
    gateway.pipeline._rights = replace(gateway.pipeline._rights, working=Calendar(off=frozenset({tuesday})))

    assert ask(gateway) == "held"


def test_networks_are_a_24_or_a_64(make: Make) -> None:
    gateway = make(from_also("2001:db8::/32"))
    at(gateway, 10)
    ask(gateway, a_caller(address="2001:db8:0:1::7"))
    ask(gateway, a_caller(address="::ffff:10.20.0.9"))
    at(gateway, 10, 35)

    told = [ask(gateway, a_caller(address=each)) for each in ("2001:db8:0:1:ffff::1", "2001:db8:0:2::7", "10.20.0.1")]

    assert told == ["confirmed", "held", "confirmed"]


def from_also(*more: str) -> Grant:
    return a_grant(**WIDE, networks=["10.0.0.0/8", *more])


def test_an_ordinary_turn_asks_the_store_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = practised(make())
    ask(gateway)
    with gateway.store.begin() as work:
        kind = type(work.habits)
    for name in ("habits", "networks", "learn"):
        monkeypatch.delattr(kind, name)

    assert ask(gateway) == "confirmed"
    assert gateway.broken == []


# ------------------------------------------------------------------------------------------------- what is asked of it


def test_unsigned_nobody_is_looked_up_and_it_is_recorded(make: Make) -> None:
    gateway = practised(make())
    asked, found = len(gateway.seal.asked), gateway.register.found
    with gateway.store.begin() as work:
        entries, used = work.ledger.lock_head().size, work.budgets.lock(["G-1"], 0)

    (reply,) = gateway.ask(a_request(caller=AWAY))

    assert isinstance(reply, Refused)
    assert (reply.reason, reply.wants) == (Reason.HELD, Wants.SIGNATURE)
    (incident,) = incidents(gateway)
    assert reply.incident == incident.number
    assert (len(gateway.seal.asked), gateway.register.found) == (asked, found)
    with gateway.store.begin() as work:
        assert work.ledger.lock_head().size == entries + 2, "the refusal, and that something was noticed"
        assert work.budgets.lock(["G-1"], 0) == used


def test_signed_it_is_answered_and_known_from_then_on(make: Make) -> None:
    gateway = practised(make())
    assert ask(gateway, AWAY) == "held"

    assert ask(gateway, signed(AWAY)) == "confirmed"

    assert ask(gateway, AWAY) == "confirmed"
    at(gateway, 22, 35)
    assert [ask(gateway, each) for each in (HOME, signed(HOME), AWAY)] == ["held", "confirmed", "confirmed"]


def test_who_always_signs_is_only_written_down(make: Make) -> None:
    gateway = make()
    at(gateway, 10)
    ask(gateway, signed(HOME))
    at(gateway, 3, 35)

    assert ask(gateway, signed(AWAY)) == "confirmed"

    found = {each.finding.detector: each.finding for each in incidents(gateway)}
    assert found.keys() == {Detector.NEW_NETWORK, Detector.OFF_HOURS}
    assert {each.action for each in found.values()} == {Action.RECORD}


def test_an_incident_is_one_in_seven_days(make: Make) -> None:
    gateway = practised(make())
    numbers = set[str]()
    for days in (35, 37, 41):
        at(gateway, 10, days)
        (reply,) = gateway.ask(a_request(caller=AWAY))
        assert isinstance(reply, Refused)
        numbers.add(reply.incident)
    assert len(numbers) == 1

    at(gateway, 10, 43)
    (reply,) = gateway.ask(a_request(caller=AWAY))

    assert isinstance(reply, Refused)
    assert reply.incident not in numbers


def test_what_was_written_down_first_and_stops_somebody_later_is_told_so(make: Make) -> None:
    gateway = practised(make())
    third = a_caller(address="10.98.0.1")
    assert [ask(gateway, each) for each in (signed(AWAY), third)] == ["confirmed", "held"]

    (incident,) = incidents(gateway)

    assert incident.finding.action is Action.STEP_UP
    assert incident.count == 2
    assert (incident.finding.observed, incident.finding.expected) == (3, 2)
    assert (incident.client, incident.network) == ("hr-1", "office")


def test_one_turn_may_meet_both(make: Make) -> None:
    gateway = practised(make())

    replies = gateway.ask(*(a_request(caller=each) for each in (HOME, AWAY, signed(AWAY), AWAY, NEAR)))

    assert [code_of(each) for each in replies] == ["confirmed", "held", "confirmed", "held", "confirmed"]
    assert ask(gateway, AWAY) == "confirmed"


def test_each_system_and_each_grant_has_habits_of_its_own(make: Make) -> None:
    gateway = practised(make(ALWAYS, replace(ALWAYS, number="G-2")))

    assert ask(gateway, OTHER) == "confirmed"
    assert ask(gateway, AWAY, grant="G-2") == "confirmed"
    assert ask(gateway, AWAY) == "held"


def test_a_repeat_by_its_key_is_asked_for_a_proof_too(make: Make) -> None:
    gateway = practised(make())
    request = a_request(caller=HOME, key="once")
    (first,) = gateway.ask(request)
    assert isinstance(first, Answered)

    (stolen,) = gateway.ask(type(request)(AWAY, request.query, request.body, request.key))

    assert isinstance(stolen, Refused)


# ----------------------------------------------------------------------------------------------- nodes, crashes, clocks


def test_what_one_node_learned_every_other_knows(make: Make, request: pytest.FixtureRequest) -> None:
    if "memory" in request.node.name:
        pytest.skip("two nodes share no memory")
    one = practised(make(node="one"))
    two = make(node="two")
    two.clock.at = one.clock.at
    assert ask(two, AWAY) == "held"

    assert ask(one, signed(AWAY)) == "confirmed"

    assert ask(two, AWAY) == "confirmed"


def test_what_was_rolled_back_was_not_learned(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, ALWAYS, limits=LIMITS)
    gateway.person(1)
    practised(gateway)
    assert isinstance(gateway.store, MemoryStore)
    gateway.store.full = True
    assert ask(gateway, signed(AWAY)) not in {"confirmed", "held"}
    gateway.store.full = False

    assert ask(gateway, AWAY) == "held"


def test_a_restart_forgets_nothing(make: Make) -> None:
    gateway = practised(make())
    gateway.pipeline.habits = Habits(WATCH_KEY, LIMITS)

    assert [ask(gateway, each) for each in (HOME, AWAY)] == ["confirmed", "held"]


def test_a_clock_that_stepped_far_back_begins_no_learning(make: Make) -> None:
    gateway = practised(make())
    at(gateway, 10, days=-364)
    gateway.rights.grants["G-1"] = replace(ALWAYS, valid_from=date(2024, 1, 1))
    gateway.grant(gateway.rights.grants["G-1"])

    assert ask(gateway, AWAY) == "held"
    assert ask(gateway, HOME) == "confirmed"


# ---------------------------------------------------------------------------------------------- who cannot sign at all


def excepted(gateway: Assembled, detector: Detector, until: date) -> None:
    """Two officers except the grant; rights are those of a new epoch."""
    rights = gateway.pipeline._rights
    exempt = {"G-1": Exemption("G-1", detector, until, None, "0" * 16)}
    gateway.pipeline._rights = replace(rights, exempt=exempt)


def test_while_two_officers_except_it_a_grant_learns_again(make: Make) -> None:
    gateway = practised(make())
    excepted(gateway, Detector.NEW_NETWORK, gateway.clock.at.date() + timedelta(days=3))
    assert ask(gateway, AWAY) == "confirmed"

    at(gateway, 10, 42)
    assert ask(gateway, AWAY) == "confirmed"
    assert ask(gateway, a_caller(address="10.98.0.1")) == "held"


def test_an_exception_from_one_is_none_from_the_other(make: Make) -> None:
    gateway = practised(make())
    excepted(gateway, Detector.NEW_NETWORK, gateway.clock.at.date() + timedelta(days=3))
    at(gateway, 3, 36)

    assert ask(gateway, AWAY) == "held"
    assert ask(gateway, HOME) == "held"


def test_what_is_kept_names_no_address(make: Make) -> None:
    gateway = practised(make())
    account = habit_account("hr-1", "G-1")
    with gateway.store.begin() as work:
        habit = work.habits.habits([account])[account]

    assert habit.networks == 1
    assert habit.hours == 1 << 10
    assert b"10.20" not in repr(habit).encode()


def test_whom_no_grant_lets_in_leaves_no_trace(make: Make) -> None:
    gateway = make()
    at(gateway, 10)
    assert ask(gateway, grant="G-404") == "not_permitted"

    with gateway.store.begin() as work:
        assert work.habits.habits([habit_account("hr-1", "G-404"), habit_account("hr-1", "G-1")]) == {}
