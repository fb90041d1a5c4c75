"""What a hostile partner tries against the watch itself, on every store: it gains nothing, and nobody else is hurt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.caller import Caller, Operator, OperatorKind
from gateway.domain.grant import Grant
from gateway.domain.reply import Failed, Refused, Reply, Request
from gateway.watch.thresholds import Thresholds
from tests.fakes import MemoryStore
from tests.gateways import Assembled, a_gateway, code_of
from tests.make import a_caller, a_claim, a_grant, a_request, limits

Make = Callable[..., Assembled]
KNOWN = 60
UNCHECKED = Thresholds(check_share=0.0)
HR = a_grant(hit_rate=99)
SEEKING = a_grant(**{"class": "open", "hit_rate": 99})
TAX = a_grant(number="G-2", partner="tax", hit_rate=99)
TAX_CALLER = a_caller("tax", "tax-1")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """A gateway with the watch as it is delivered, without spot checks, over a register of sixty."""
    fixture = {"memory": "", "sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url, made = request.getfixturevalue(fixture) if fixture else "", list[Assembled]()

    def make_one(*grants: Grant) -> Assembled:
        gateway = a_gateway(tmp_path, *(grants or (HR,)), url=url, limits=UNCHECKED)
        for number in range(1, KNOWN + 1):
            gateway.person(number)
        made.append(gateway)
        return gateway

    yield make_one
    for each in made:
        each.close()


def codes(gateway: Assembled, requests: Sequence[Request]) -> list[str]:
    return [code_of(reply) for each in requests for reply in gateway.ask(each)]


def unknown(start: int, count: int) -> list[Request]:
    return [a_request(number) for number in range(start, start + count)]


def shape_of(reply: Reply) -> tuple[str, int, str]:
    assert isinstance(reply, Refused)
    return reply.reason.value, len(reply.incident), reply.wants.value


def test_probing_for_thresholds_shows_nothing_of_which_detector_went_off(make: Make) -> None:
    """Misses and mismatches are held alike: a number, and nothing that grows with what was crossed."""
    gateway = make(HR, a_grant(number="G-3", hit_rate=99))
    wrong = [a_request(n, grant="G-3", claims=[a_claim("unit", "某局")]) for n in range(1, 20)]

    missed = [reply for each in unknown(100, 9) for reply in gateway.ask(each)]
    mismatched = [reply for each in wrong for reply in gateway.ask(each)]

    assert shape_of(missed[-1]) == shape_of(mismatched[-1]) == ("held", 16, "")


def test_a_flood_of_alarms_is_one_incident_and_delays_nobody(make: Make) -> None:
    gateway = make(HR, TAX)
    codes(gateway, unknown(100, 60))

    assert codes(gateway, [a_request(1, caller=TAX_CALLER, grant="G-2")]) == ["confirmed"]
    if isinstance(gateway.store, MemoryStore):
        assert len(gateway.store.watch.incidents) == 1


def test_nobody_locks_a_record_for_another(make: Make) -> None:
    """The victim's record is asked about until nothing is told; its own pay office notices nothing."""
    gateway = make(SEEKING, TAX)
    guesses = [a_request(1, claims=[a_claim("unit", f"某单位{n}")]) for n in range(8)]
    assert codes(gateway, guesses)[-1] == "not_confirmed"

    asked = a_request(1, caller=TAX_CALLER, grant="G-2")
    assert codes(gateway, [asked]) == ["confirmed"]


def test_an_old_batch_sent_again_is_answered_again_and_costs_nothing(make: Make) -> None:
    gateway = make(a_grant(hit_rate=99, limits=limits(day=20, comparisons=20)))
    batch = [a_request(n, key=f"batch-{n}") for n in range(1, 21)]
    first = codes(gateway, batch)

    assert first == codes(gateway, batch) == codes(gateway, batch) == ["confirmed"] * 20
    assert codes(gateway, [a_request(21)]) == ["quota"]


def test_the_same_people_under_new_keys_are_nobody_new(make: Make) -> None:
    gateway = make(a_grant(hit_rate=99, limits=limits(day=21)))

    assert codes(gateway, [a_request(n) for _ in range(3) for n in range(1, 21)]) == ["confirmed"] * 60
    assert codes(gateway, [a_request(n) for n in (21, 22)]) == ["confirmed", "quota"]


def many_hands() -> Caller:
    hands = {f"clerk-{n}": Operator(f"clerk-{n}", "某人", OperatorKind.PERSON, None) for n in range(5)}
    return replace(a_caller(), operators=hands)


def test_a_list_split_over_five_operators_is_one_list(make: Make) -> None:
    gateway, caller = make(a_grant(hit_rate=99, limits=limits(day=10))), many_hands()
    asked = [a_request(n, caller=caller, operator=f"clerk-{n % 5}") for n in range(1, 16)]

    assert codes(gateway, asked) == ["confirmed"] * 10 + ["quota"] * 5


def test_known_good_numbers_between_guesses_buy_a_few_and_no_more(make: Make) -> None:
    """Nine known people to every guess keep the rate low; what is counted without a rate ends it."""
    gateway = make(a_grant(hit_rate=99, limits=limits(day=1_000, month=1_000)))
    padded = [[a_request(n, operator="wang-01") for n in range(1, 10)] + unknown(1000 + n, 1) for n in range(40)]

    told = [code for stack in padded for code in codes(gateway, stack)]

    assert told.count("not_confirmed") <= 20
    assert told[-1] in {"held", "frozen"}


def test_a_store_that_is_down_answers_nobody_and_counts_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = make(a_grant(hit_rate=99, limits=limits(day=3)))
    begin = gateway.store.begin

    def down() -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(gateway.store, "begin", down)
    assert all(isinstance(reply, Failed) for reply in gateway.ask(a_request(1), a_request(2)))
    monkeypatch.setattr(gateway.store, "begin", begin)

    assert codes(gateway, [a_request(n) for n in (1, 2, 3, 4)]) == ["confirmed"] * 3 + ["quota"]


@pytest.mark.parametrize("days", [1, 29, 365, -1, -29])
def test_a_clock_that_jumps_there_and_back_gives_nothing_twice(make: Make, days: int) -> None:
    """What was spent and locked before the jump is spent and locked behind it."""
    gateway = make(a_grant(hit_rate=99, max_data_age_days=999, limits=limits(day=3), valid_until="2099-01-01"))
    home = gateway.clock.at
    asked = [a_request(n) for n in (1, 2, 3, 4)]
    assert codes(gateway, asked)[-1] == "quota"

    gateway.clock.at = home + timedelta(days=days)
    codes(gateway, [a_request(5)])
    gateway.clock.at = home

    assert codes(gateway, [a_request(6)]) == ["quota"]
    assert codes(gateway, unknown(100, 3)) == ["quota"] * 3


def test_a_response_outlives_a_clock_that_was_put_back(make: Make) -> None:
    gateway = make()
    assert codes(gateway, unknown(100, 8))[-1] == "held"

    gateway.clock.pass_by(days=-40)

    assert codes(gateway, [a_request(1)])[-1] in {"held", "not_permitted"}
