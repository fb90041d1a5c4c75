"""What grants do together is seen beside the line, on every store; whose part was an accident is not stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from gateway.domain.budget import DAYS
from gateway.domain.exemption import Exemption
from gateway.domain.grant import Grant, local_day
from gateway.domain.incident import Detector, Incident
from gateway.domain.reply import Request
from gateway.ports import UnitFact
from gateway.sweeping import Sweep
from gateway.watch.thresholds import Thresholds
from policies.identifiers import id_check_character
from tests.fakes import MemoryStore
from tests.gateways import WATCH_KEY, Assembled, a_gateway, code_of, some_facts
from tests.make import a_grant, a_request

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


def sweep(gateway: Assembled) -> list[Incident]:
    sweeping, at = Sweep(WATCH_KEY, LIMITS), gateway.clock.now()
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
