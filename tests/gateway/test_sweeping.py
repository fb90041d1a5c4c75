"""What grants do together is seen beside the line, on every store; whose part was an accident is not stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from audit.entry import decode
from gateway.checking import SpotChecks
from gateway.domain.budget import DAYS
from gateway.domain.exemption import Exemption
from gateway.domain.grant import Grant, local_day
from gateway.domain.incident import Action, Detector, Incident, Level
from gateway.domain.reply import Request
from gateway.ports import UnitFact
from gateway.sweeping import Sweep
from gateway.watch.thresholds import Thresholds
from policies.identifiers import id_check_character
from tests.fakes import MemoryStore
from tests.gateways import WATCH_KEY, Assembled, a_gateway, code_of, some_facts
from tests.make import a_caller, a_claim, a_grant, a_request

Make = Callable[..., Assembled]
LIMITS = Thresholds(check_share=0.0)
UNIT = UnitFact(b"unit-9  ", b"region  ", 40, 4000)


def unscoped(number: str, **members: object) -> Grant:
    return a_grant(**{"number": number, "class": "open", "hit_rate": 99, "max_data_age_days": 99} | members)


FIVE = [unscoped(f"G-{place}") for place in range(1, 6)]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    fixture = {"memory": "", "sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    made = list[Assembled]()

    def make_one(*grants: Grant) -> Assembled:
        url = request.getfixturevalue(fixture) if fixture else ""
        made.append(a_gateway(tmp_path, *(grants or FIVE), url=url, limits=LIMITS))
        return made[-1]

    yield make_one
    for each in made:
        each.close()


def sweep(gateway: Assembled, limits: Thresholds = LIMITS) -> list[Incident]:
    sweeping, at = Sweep(WATCH_KEY, limits), gateway.clock.now()
    sweeping.know("g", gateway.register.units())
    with gateway.store.begin() as work:
        note = gateway.pipeline.recorder.note
        found = sweeping.run(work, gateway.pipeline.rights.load(), at, lambda drafts: note(drafts, work.ledger, at))
        work.commit()
    return found


def of_unit(gateway: Assembled, unit: str, fact: UnitFact, numbers: Sequence[int]) -> None:
    """People whom the register has in a unit."""
    gateway.register.units_known[gateway.register.sealers["person"].unit(unit)] = fact
    for number in numbers:
        gateway.person(number, some_facts(units=(unit, "root")))


def shared(numbers: Sequence[int], grants: int = 5) -> list[Request]:
    return [a_request(number, grant=f"G-{1 + place % grants}") for place, number in enumerate(numbers)]


def of_one_birthday(count: int) -> list[Request]:
    first17 = [f"15292119800101{number:03}" for number in range(1, count + 1)]
    numbers = [each + id_check_character(each) for each in first17]
    return [
        a_request(grant=f"G-{place + 1}", subject={"kind": "person", "id": number, "name": "张三"})
        for place, number in enumerate(numbers)
    ]


def ask(gateway: Assembled, requests: Sequence[Request]) -> list[str]:
    return [code_of(reply) for each in requests for reply in gateway.ask(each)]


def test_a_walk_that_five_share_is_one(make: Make) -> None:
    gateway, walk = make(), range(200, 210)
    of_unit(gateway, "u-9", UNIT, walk)
    assert set(ask(gateway, shared(walk))) == {"confirmed"}

    found = sweep(gateway)

    assert {each.finding.grant for each in found} == {each.number for each in FIVE}
    assert {each.finding.detector for each in found} == {Detector.UNION_UNIT}
    assert all(len(each.others) == 4 for each in found)
    limits = FIVE[0].limits
    assert {each.left["subjects_per_day"] for each in found} == {limits.subjects_per_day - 2}, "two of the ten each"
    assert set(ask(gateway, [a_request(200, grant=each.number) for each in FIVE])) == {"held"}


def test_who_is_excepted_from_it_for_a_time_goes_on(make: Make) -> None:
    gateway, walk = make(), range(200, 210)
    of_unit(gateway, "u-9", UNIT, walk)
    today = local_day(gateway.clock.now())
    gateway.rights.exempt["G-1"] = Exemption("G-1", Detector.UNION_UNIT, today, None, "ab" * 8)
    gateway.rights.exempt["G-2"] = Exemption("G-2", Detector.UNION_CELL, today, None, "ab" * 8)
    ask(gateway, shared(walk))

    assert {each.finding.grant for each in sweep(gateway)} == {"G-2", "G-3", "G-4", "G-5"}


def test_whose_part_was_no_more_than_his_region_brings_along_goes_on(make: Make) -> None:
    gateway = make()
    of_unit(gateway, "u-9", UNIT, range(200, 211))
    of_unit(gateway, "u-8", UnitFact(b"unit-8  ", b"region  ", 3960, 4000), range(300, 340))
    ask(gateway, shared(range(200, 210), 4))
    ask(gateway, [a_request(number, grant="G-5") for number in [210, *range(300, 340)]])

    assert {each.finding.grant for each in sweep(gateway)} == {"G-1", "G-2", "G-3", "G-4"}
    assert ask(gateway, [a_request(300, grant="G-5"), a_request(200, grant="G-1")]) == ["confirmed", "held"]


def test_who_is_stopped_already_has_done_his_part(make: Make) -> None:
    gateway = make()
    of_unit(gateway, "u-9", UNIT, range(200, 220))
    assert set(ask(gateway, shared(range(200, 210), 2))) == {"confirmed"}
    assert {each.finding.grant for each in sweep(gateway)} == {"G-1", "G-2"}

    assert ask(gateway, [a_request(number, grant="G-3") for number in (210, 211)]) == ["confirmed"] * 2
    assert {each.finding.grant for each in sweep(gateway)} == {"G-3"}


def test_numbers_of_one_birthday_that_four_share_are_an_enumeration(make: Make) -> None:
    gateway = make()
    assert set(ask(gateway, of_one_birthday(4))) == {"not_confirmed"}

    assert {each.finding.detector for each in sweep(gateway)} == {Detector.UNION_CELL}
    assert ask(gateway, [a_request(1, grant="G-5"), a_request(1, grant="G-4")]) == ["not_confirmed", "held"]


def test_a_second_sweep_finds_what_the_first_has_stopped(make: Make) -> None:
    gateway, walk = make(), range(200, 210)
    of_unit(gateway, "u-9", UNIT, walk)
    ask(gateway, shared(walk))

    assert [len(sweep(gateway)) for _ in range(3)] == [5, 0, 0]


TEN = [unscoped(f"G-{place}") for place in range(1, 11)]
HONEST, GUESSED = 3, 2
"""People whom each of ten asks about, of whom the register has some and not the others."""


def guess(gateway: Assembled, grants: int = 10) -> None:
    """Each asks about a few people, and guesses a few numbers: fewer than its own test would mind."""
    for place in range(grants):
        known, guessed = range(20 * place, 20 * place + HONEST), range(1000 + 20 * place, 1000 + 20 * place + GUESSED)
        for number in known:
            gateway.person(number)
        ask(gateway, [a_request(number, grant=f"G-{place + 1}") for number in [*known, *guessed]])


def test_ten_that_guess_a_few_numbers_each_are_held_together(make: Make) -> None:
    gateway = make(*TEN)
    guess(gateway)

    found = sweep(gateway)

    assert {each.finding.grant for each in found} == {each.number for each in TEN}
    assert {each.finding.detector for each in found} == {Detector.UNION_MISS}
    assert {(each.finding.principal.level, each.finding.action) for each in found} == {(Level.PATTERN, Action.HOLD)}
    assert {each.finding.observed for each in found} == {GUESSED * 10}
    assert all(len(each.others) == 9 for each in found)
    assert set(ask(gateway, [a_request(1000, grant=each.number) for each in TEN])) == {"held"}
    assert sweep(gateway) == [], "what was judged is judged"


def test_numbers_guessed_over_many_sweeps_add_up(make: Make) -> None:
    gateway, found = make(*TEN), list[Incident]()
    for place in range(10):
        for number in range(20 * place, 20 * place + HONEST):
            gateway.person(number)
    for at in range(HONEST + GUESSED):
        wanted = [20 * place + (at if at < HONEST else 1000 + at) for place in range(10)]
        ask(gateway, [a_request(number, grant=f"G-{place + 1}") for place, number in enumerate(wanted)])
        found += sweep(gateway)
        gateway.clock.pass_by(hours=20)

    assert len(found) == 10


def test_who_is_excepted_from_the_union_of_misses_goes_on(make: Make) -> None:
    gateway = make(*TEN)
    today = local_day(gateway.clock.now())
    gateway.rights.exempt["G-1"] = Exemption("G-1", Detector.UNION_MISS, today, None, "ab" * 8)
    guess(gateway)

    assert {each.finding.grant for each in sweep(gateway)} == {each.number for each in TEN[1:]}


def test_grants_that_guess_no_more_than_they_declared_go_on(make: Make) -> None:
    gateway = make(*[unscoped(f"G-{place}", hit_rate=60) for place in range(1, 11)])
    guess(gateway)

    assert sweep(gateway) == []


DRIFTS = replace(LIMITS, drift_days=5, drift_alarm=2.0)
PEOPLE = iter(range(2000, 10**6))


def workdays(gateway: Assembled, days: int, *, a_day: int) -> list[Incident]:
    """Each day somebody asks about so many new people under `G-1`; swept in the evening and in the morning."""
    found = list[Incident]()
    for _ in range(days):
        numbers = [next(PEOPLE) for _ in range(a_day)]
        for number in numbers:
            gateway.person(number)
        ask(gateway, [a_request(number, grant="G-1") for number in numbers])
        found += sweep(gateway, DRIFTS)
        gateway.clock.pass_by(days=1)
        found += sweep(gateway, DRIFTS)
    return found


def test_a_grant_that_goes_faster_than_its_own_past_is_checked_more_and_not_stopped(make: Make) -> None:
    gateway = make(unscoped("G-1"), unscoped("G-2", partner="tax"))
    assert workdays(gateway, 8, a_day=1) == []
    (found,) = workdays(gateway, 6, a_day=6)[:1]

    finding = found.finding
    assert (finding.detector, finding.action, finding.grant) == (Detector.DRIFT, Action.STEP_UP, "G-1")
    assert finding.observed > 1.45 * finding.expected > 0
    assert finding.principal.level is Level.GRANT
    number = next(PEOPLE)
    gateway.person(number)
    raising = Thresholds(
        check_share=1e-12, check_raised=1.0, check_raised_days=20, check_due_days=60, check_late_days=61
    )
    gateway.pipeline.spot_checks = SpotChecks(WATCH_KEY, raising)
    assert ask(gateway, [a_request(number, grant="G-1")]) == ["held"], "its document is asked for"
    assert ask(gateway, [a_request(number, grant="G-2", caller=a_caller("tax", "tax-1"))]) == ["confirmed"], (
        "nobody else's is"
    )
    gateway.clock.pass_by(days=26)
    assert ask(gateway, [a_request(next(PEOPLE), grant="G-1")]) == ["not_confirmed"], "it ends by itself"


def test_every_node_learns_of_a_drift_from_its_next_turn_on(make: Make) -> None:
    gateway = make(unscoped("G-1"))
    checks = gateway.pipeline.spot_checks = SpotChecks(WATCH_KEY, Thresholds(check_share=1e-12, check_raised=1.0))
    workdays(gateway, 8, a_day=1)
    drifted = workdays(gateway, 6, a_day=6)

    assert drifted
    assert gateway.pipeline.spot_checks is checks, "which knew the share of before"
    number = next(PEOPLE)
    gateway.person(number)
    assert ask(gateway, [a_request(number, grant="G-1")]) == ["held"]


def test_the_ledger_tells_of_a_drift_once(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, unscoped("G-1"), limits=LIMITS)
    assert isinstance(gateway.store, MemoryStore)
    workdays(gateway, 8, a_day=1)
    workdays(gateway, 6, a_day=6)

    told = [decode(row.entry) for row in gateway.store.ledger.rows if b"watch.noticed" in row.entry]
    assert [each["body"]["target"] for each in told if isinstance(each, dict)] == ["grant.G-1"]


def test_at_another_control_epoch_nothing_is_looked_at(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, *TEN, limits=LIMITS)
    guess(gateway)
    old = gateway.pipeline.rights.load()
    assert isinstance(gateway.store, MemoryStore)
    gateway.store.epoch += 1

    with gateway.store.begin() as work:
        assert Sweep(WATCH_KEY, LIMITS).run(work, old, gateway.clock.now(), lambda drafts: range(len(drafts))) == []
        work.commit()

    assert len(sweep(gateway)) == 10, "the next one has newer rights, and nothing was lost"


MANY = [unscoped(f"G-{place}", partner=f"dept-{place}") for place in range(1, 7)]
PLACES = {each.number: each.partner for each in MANY}


def of_partner(number: int, grant: str, claims: Sequence[object] | None = None) -> Request:
    partner = PLACES[grant]
    return a_request(number, claims=claims, grant=grant, caller=a_caller(partner, f"{partner}-1"))


def go_round(gateway: Assembled, sweeping: Sweep, hours: int = 2) -> list[Incident]:
    """Until all subjects were met, and pairs compared."""
    found = list[Incident]()
    for _ in range(hours + 1):
        at = gateway.clock.now()
        with gateway.store.begin() as work:
            note, ledger = gateway.pipeline.recorder.note, work.ledger
            rights = gateway.pipeline.rights.load()
            found += sweeping.run(work, rights, at, lambda drafts: note(drafts, ledger, at))  # noqa: B023 - run at once
            work.commit()
        gateway.clock.pass_by(hours=1)
    return found


def test_a_person_about_whom_five_departments_ask_is_told_of_once_and_nobody_is_stopped(make: Make) -> None:
    gateway, sweeping = make(*MANY), Sweep(WATCH_KEY, LIMITS)
    gateway.person(1)
    gateway.person(2)
    several = [of_partner(1, each.number) for each in MANY[:5]]
    ask(gateway, [*several, *(of_partner(2, each.number) for each in MANY[:4])])

    (found,) = go_round(gateway, sweeping)

    finding = found.finding
    assert (finding.detector, finding.action) == (Detector.FAN_IN, Action.RECORD)
    assert (finding.observed, finding.days, found.count) == (5, 7, 1)
    assert (finding.principal.level, finding.grant, finding.partner) == (Level.SUBJECT, "", "")
    assert found.others == tuple(each.number for each in MANY[:5])
    assert found.samples == (finding.principal.name,)
    assert go_round(gateway, Sweep(WATCH_KEY, LIMITS)) == [], "also by another node"
    assert set(ask(gateway, [of_partner(1, each.number) for each in MANY])) == {"confirmed"}


def test_many_people_at_once_are_one_incident(make: Make) -> None:
    gateway = make(*MANY)
    for number in range(1, 8):
        gateway.person(number)
        ask(gateway, [of_partner(number, each.number) for each in MANY[:5]])

    told = go_round(gateway, Sweep(WATCH_KEY, LIMITS))
    (found,) = [each for each in told if each.finding.detector is Detector.FAN_IN]

    assert found.count == 7
    assert len(found.samples) == 5
    assert found.finding.principal.name == ""


def test_lists_of_employers_meet_at_one_person_and_mean_nothing(make: Make) -> None:
    gateway = make(*(unscoped(each.number, partner=each.partner, **{"class": "scoped"}) for each in MANY))
    gateway.person(1)
    ask(gateway, [of_partner(1, each.number) for each in MANY])

    assert go_round(gateway, Sweep(WATCH_KEY, LIMITS)) == []


def test_several_who_together_try_more_values_than_one_may_are_told_of(make: Make) -> None:
    gateway = make(*MANY)
    gateway.person(1)
    for place, unit in enumerate(("盟教育局", "盟财政局", "盟审计局", "盟民政局")):
        ask(gateway, [of_partner(1, MANY[place].number, claims=[a_claim("unit", unit)])])

    (found,) = go_round(gateway, Sweep(WATCH_KEY, LIMITS))

    assert (found.finding.detector, found.finding.principal.level) == (Detector.QUESTIONS, Level.SUBJECT)
    assert (found.finding.observed, found.finding.expected) == (3, 2)
    assert found.finding.action is Action.RECORD


def test_two_grants_that_ask_about_the_same_people_are_told_of_and_named_in_a_pattern(make: Make) -> None:
    gateway, sweeping, walk = make(*MANY), Sweep(WATCH_KEY, LIMITS), range(200, 225)
    of_unit(gateway, "u-9", UnitFact(b"unit-9  ", b"region  ", 4000, 4000), walk)
    sweeping.know("g", gateway.register.units())
    ask(gateway, [of_partner(number, grant) for number in walk for grant in ("G-1", "G-2")])

    (found,) = go_round(gateway, sweeping)

    assert (found.finding.detector, found.finding.action) == (Detector.OVERLAP, Action.RECORD)
    assert (found.finding.grant, found.others) == ("G-1", ("G-2",))
    assert found.finding.observed == 25
    assert found.finding.expected == pytest.approx(25 * 25 / 4000)
    go_round(gateway, sweeping)
    for place in range(2, 6):
        numbers = range(1000 + 20 * place, 1005 + 20 * place)
        ask(gateway, [of_partner(number, MANY[place].number) for number in numbers])
    ask(gateway, [of_partner(number, "G-1") for number in range(1900, 1905)])
    held = [each for each in go_round(gateway, sweeping) if each.finding.action is Action.HOLD]
    named = {each.finding.grant: each.others for each in held}
    assert "G-2" in named["G-1"], "who asks about the same people belongs to it"


def test_two_who_share_no_more_than_their_region_brings_are_not_told_of(make: Make) -> None:
    gateway, sweeping, town = make(*MANY), Sweep(WATCH_KEY, LIMITS), range(200, 225)
    of_unit(gateway, "u-9", UnitFact(b"unit-9  ", b"region  ", 30, 30), town)
    sweeping.know("g", gateway.register.units())
    ask(gateway, [of_partner(number, grant) for number in town for grant in ("G-1", "G-2")])

    assert [each for each in go_round(gateway, sweeping) if each.finding.detector is Detector.OVERLAP] == []


def test_what_was_done_a_window_ago_is_forgotten(make: Make) -> None:
    gateway = make()
    of_unit(gateway, "u-9", UNIT, range(200, 210))
    ask(gateway, shared(range(200, 205)))
    gateway.clock.pass_by(days=DAYS)
    ask(gateway, shared(range(205, 210)))

    assert sweep(gateway) == []


@pytest.mark.parametrize(
    "grants",
    [
        [unscoped(f"G-{place}", **{"class": "scoped"}) for place in range(1, 6)],
        [unscoped(f"G-{place}", hit_rate=8) for place in range(1, 6)],
        [unscoped("G-1")],
    ],
    ids=["scoped", "those who look for people at large", "one alone"],
)
def test_only_grants_that_nothing_but_need_bounds_are_counted_together(make: Make, grants: list[Grant]) -> None:
    gateway = make(*grants)
    of_unit(gateway, "u-9", UNIT, range(200, 207))
    ask(gateway, shared(range(200, 207), len(grants)))

    assert sweep(gateway) == []


def test_who_was_released_and_has_not_asked_since_does_not_count(tmp_path: Path) -> None:
    gateway, walk = a_gateway(tmp_path, *FIVE, limits=LIMITS), range(200, 210)
    assert isinstance(gateway.store, MemoryStore)
    of_unit(gateway, "u-9", UNIT, range(200, 211))
    ask(gateway, shared(walk))
    assert len(sweep(gateway)) == 5

    gateway.store.watch.stops.clear()
    gateway.store.epoch += 1

    assert ask(gateway, [a_request(210, grant="G-1")]) == ["confirmed"]
    assert sweep(gateway) == []
