"""Who harvests is told nothing from the request on that gave it away, on every store and every node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from audit.entry import decode
from gateway.checking import SpotChecks
from gateway.domain.errors import ConflictError
from gateway.domain.grant import Grant
from gateway.domain.incident import Detector
from gateway.domain.reply import Failed, Refused, Request
from gateway.domain.spot_check import CheckState
from gateway.ports import UnitFact
from gateway.watch.thresholds import DEFAULTS, Thresholds
from policies.decision import Reason
from policies.identifiers import id_check_character
from tests.fakes import MemoryStore
from tests.gateways import WATCH_KEY, Assembled, a_gateway, code_of, some_facts
from tests.make import a_claim, a_grant, a_request, an_id, limits

Make = Callable[..., Assembled]
KNOWN = 40
SURE = a_grant(hit_rate=99)
STRICT = Thresholds(least_misses=8, least_outside=3)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes gateways over one register with the watch as it is delivered, on every store."""
    fixture = {"memory": "", "sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url, made = request.getfixturevalue(fixture) if fixture else "", list[Assembled]()

    def make_one(*grants: Grant, limits: Thresholds = DEFAULTS, node: str = "gateway") -> Assembled:
        folder = tmp_path / node
        folder.mkdir(exist_ok=True)
        gateway = a_gateway(folder, *(grants or (SURE,)), url=url, limits=limits, seed=node)
        for number in range(1, KNOWN + 1):
            gateway.person(number)
        made.append(gateway)
        return gateway

    yield make_one
    for each in made:
        each.close()


def codes(gateway: Assembled, *requests: Request) -> list[str]:
    return [code_of(reply) for reply in gateway.ask(*requests)]


def one_by_one(gateway: Assembled, requests: Sequence[Request]) -> list[str]:
    return [code for each in requests for code in codes(gateway, each)]


def unknown(start: int, count: int) -> list[Request]:
    return [a_request(number) for number in range(start, start + count)]


def of_one_birthday(count: int) -> list[Request]:
    first17 = [f"15292119800101{number:03}" for number in range(1, count + 1)]
    numbers = [each + id_check_character(each) for each in first17]
    return [a_request(subject={"kind": "person", "id": number, "name": "张三"}) for number in numbers]


# ---------------------------------------------------------------------------------------- what trips


def test_numbers_that_nobody_has_are_a_harvest_from_the_sixth_on(make: Make) -> None:
    told = one_by_one(make(), unknown(100, 8))

    assert told == ["not_confirmed"] * 5 + ["held"] * 3


def test_hits_between_them_buy_nothing_that_was_not_paid_before(make: Make) -> None:
    """Good behaviour is no credit: whoever was right forty times may be wrong no more often than a newcomer."""
    gateway = make()
    assert set(one_by_one(gateway, [a_request(n) for n in range(1, KNOWN + 1)])) == {"confirmed"}

    assert one_by_one(gateway, unknown(100, 7)).count("not_confirmed") == 5


def test_numbers_of_one_birthday_are_one_from_the_fourth_on(make: Make) -> None:
    told = one_by_one(make(a_grant(hit_rate=60)), of_one_birthday(6))

    assert told == ["not_confirmed"] * 3 + ["frozen"] * 3


def test_a_turn_that_trips_tells_nothing_also_of_what_came_before(make: Make) -> None:
    gateway = make()

    assert codes(gateway, a_request(1), *unknown(100, 6), a_request(2)) == ["held"] * 8


def test_other_grants_of_the_turn_are_answered(make: Make) -> None:
    gateway = make(SURE, a_grant(number="G-2", hit_rate=99))

    told = codes(gateway, a_request(1, grant="G-2"), *unknown(100, 6), a_request(2, grant="G-2"))

    assert told == ["confirmed", *["held"] * 6, "confirmed"]


def test_wrong_values_for_people_one_after_the_other_are_a_guess(make: Make) -> None:
    wrong = [a_request(n, claims=[a_claim("person_status", "退休")]) for n in range(1, 12)]

    told = one_by_one(make(), wrong)

    assert told.index("held") == 6, told
    assert set(told[6:]) == {"held"}


def test_people_outside_the_scope_run_out(make: Make) -> None:
    gateway = make(limits=STRICT)
    requests = list[Request]()
    for number in range(200, 260):
        gateway.person(number, some_facts(units=("other",)))
        requests.append(a_request(number))

    told = one_by_one(gateway, requests)

    assert told.count("not_confirmed") == 50, "half a percent of ten thousand"
    assert set(told[50:]) == {"frozen"}


UNSCOPED = a_grant(**{"class": "open", "hit_rate": 99})
UNCHECKED = Thresholds(check_share=0.0)


def of_unit(gateway: Assembled, unit: str, start: int, count: int) -> list[Request]:
    """People whom the register has in a unit of forty, in a region of four thousand."""
    token = gateway.register.sealers["person"].unit(unit)
    gateway.register.units_known[token] = UnitFact(unit.encode().ljust(8), b"region  ", 40, 4000)
    numbers = range(start, start + count)
    for number in numbers:
        gateway.person(number, some_facts(units=(unit, "root")))
    return [a_request(number) for number in numbers]


def test_a_walk_through_a_unit_ends_at_the_eighth_step(make: Make) -> None:
    gateway = make(UNSCOPED, limits=UNCHECKED)

    assert one_by_one(gateway, of_unit(gateway, "u-9", 200, 9)) == ["confirmed"] * 7 + ["held"] * 2


def test_who_asks_about_many_units_walks_through_none(make: Make) -> None:
    gateway = make(UNSCOPED, limits=UNCHECKED)
    asked = [each for unit in range(12) for each in of_unit(gateway, f"u-{unit}", 200 + 10 * unit, 4)]

    assert set(one_by_one(gateway, asked)) == {"confirmed"}


def test_a_grant_with_a_scope_may_walk_through_it(make: Make) -> None:
    gateway = make(SURE)

    assert set(one_by_one(gateway, of_unit(gateway, "u-9", 200, 20))) == {"confirmed"}


@pytest.mark.parametrize("grant_class", ["open", "scoped"])
def test_a_decoy_is_nobody_and_a_second_one_is_no_accident(make: Make, grant_class: str) -> None:
    gateway = make(a_grant(**{"class": grant_class, "hit_rate": 60}), limits=UNCHECKED)
    sealer = gateway.register.sealers["person"]
    gateway.register.decoys |= {sealer.link(an_id(number)) for number in (3, 4)}

    told = one_by_one(gateway, [a_request(n) for n in (1, 3, 3, 3, 2, 4, 1)])

    assert told == ["confirmed", *["not_confirmed"] * 3, "confirmed", "frozen", "frozen"]


def test_a_decoy_reads_like_somebody_who_is_absent(make: Make) -> None:
    gateway = make(a_grant(hit_rate=60, tells_not_found=True))
    gateway.register.decoys.add(gateway.register.sealers["person"].link(an_id(3)))

    decoy, absent = gateway.ask(a_request(3), a_request(99))

    assert code_of(decoy) == code_of(absent) == "not_found"
    assert len(getattr(decoy, "json", b"")) == len(getattr(absent, "json", b"!"))


def test_who_asks_beyond_the_budget_of_an_unscoped_grant_is_held(make: Make) -> None:
    gateway = make(a_grant(**{"class": "open", "hit_rate": 99, "limits": limits(day=3)}), limits=UNCHECKED)

    assert one_by_one(gateway, [a_request(n) for n in (1, 2, 3, 4, 1)]) == ["confirmed"] * 3 + ["quota", "held"]


def test_beyond_the_budget_of_other_grants_there_is_a_tomorrow(make: Make) -> None:
    gateway = make(a_grant(hit_rate=99, limits=limits(day=3)))
    assert one_by_one(gateway, [a_request(n) for n in (1, 2, 3, 4)]) == ["confirmed"] * 3 + ["quota"]

    gateway.clock.pass_by(days=1)
    assert codes(gateway, a_request(4)) == ["confirmed"]


# ---------------------------------------------------------------------------------------- questions


def test_a_field_of_many_values_is_asked_three_times_and_then_says_nothing(make: Make) -> None:
    gateway = make()
    wrong = [a_request(1, claims=[a_claim("unit", f"某单位{n}")]) for n in range(3)]
    right = a_request(1, claims=[a_claim("unit", "盟教育局")])

    assert one_by_one(gateway, [*wrong, right]) == ["confirmed"] * 3 + ["not_confirmed"]


def test_a_repeated_question_is_no_other_one(make: Make) -> None:
    assert one_by_one(make(), [a_request(1) for _ in range(9)]) == ["confirmed"] * 9


def test_within_a_turn_the_last_question_counts_like_the_first(make: Make) -> None:
    requests = [a_request(1, claims=[a_claim("unit", f"某单位{n}")]) for n in range(5)]

    assert codes(make(), *requests) == ["confirmed"] * 3 + ["not_confirmed"] * 2


def test_after_thirty_days_a_field_may_be_asked_again(make: Make) -> None:
    gateway = make(a_grant(hit_rate=99, max_data_age_days=99))
    one_by_one(gateway, [a_request(1, claims=[a_claim("unit", f"某单位{n}")]) for n in range(3)])

    gateway.clock.pass_by(days=29)
    assert codes(gateway, a_request(1)) == ["not_confirmed"]
    gateway.clock.pass_by(days=1)
    assert codes(gateway, a_request(1)) == ["confirmed"]


def test_who_asked_too_much_meets_nobody_and_costs_the_same(make: Make) -> None:
    gateway = make()
    for n in range(4):
        gateway.ask(a_request(1, claims=[a_claim("unit", f"某单位{n}")]))
    locked, absent = gateway.ask(a_request(1), a_request(99))

    assert len(getattr(locked, "json", b"")) == len(getattr(absent, "json", b"!"))


WRONG = {"quota_type": "事业编制", "person_status": "退休"}
RIGHT = {"quota_type": "行政编制", "person_status": "在职"}
ONE_WRONG = {**RIGHT, "quota_type": "事业编制"}
TOLD = {
    "one of two is wrong": ("open", ONE_WRONG, {"quota_type": "mismatch", "person_status": "match"}),
    "both are wrong": ("open", WRONG, dict.fromkeys(WRONG, "not_compared")),
    "both are wrong, in the grant's own scope": ("scoped", WRONG, dict.fromkeys(WRONG, "mismatch")),
}


def of_one(claims: Mapping[str, str]) -> Request:
    return a_request(1, claims=[a_claim(field, value) for field, value in claims.items()])


@pytest.mark.parametrize(("grant_class", "claims", "told"), TOLD.values(), ids=TOLD)
def test_who_only_needs_to_ask_is_not_told_which_of_several_guesses_failed(
    make: Make, grant_class: str, claims: Mapping[str, str], told: Mapping[str, str]
) -> None:
    gateway = make(a_grant(**{"class": grant_class, "hit_rate": 99}), limits=UNCHECKED)

    answer = gateway.ask_one(of_one({"unit": "盟教育局", **claims}))

    assert answer["subject"] == "confirmed"
    assert answer["fields"] == {"name": "match", "unit": "match", **told}


def test_a_contradiction_ends_the_guessing_of_other_fields(make: Make) -> None:
    gateway = make(UNSCOPED, limits=UNCHECKED)
    one_by_one(gateway, [of_one({"quota_type": "事业编制"})])

    other, known, large = (
        of_one({"person_status": "在职"}),
        of_one({"quota_type": "事业编制"}),
        of_one({"unit": "盟教育局"}),
    )
    assert one_by_one(gateway, [other, known, large]) == ["not_confirmed", "confirmed", "confirmed"]


def test_whoever_was_right_may_ask_another_field(make: Make) -> None:
    gateway = make(UNSCOPED, limits=UNCHECKED)

    assert one_by_one(gateway, [of_one({each: RIGHT[each]}) for each in RIGHT]) == ["confirmed"] * 2


def test_guesses_in_one_turn_do_not_run_ahead_of_their_answers(make: Make) -> None:
    gateway = make(UNSCOPED, limits=UNCHECKED)

    first, second = [of_one({each: WRONG[each]}) for each in WRONG]
    answered, put_off = gateway.ask(first, second)

    assert code_of(answered) == "confirmed"
    assert isinstance(put_off, Failed)
    assert isinstance(put_off.error, ConflictError)
    assert codes(gateway, second) == ["not_confirmed"], "the first was contradicted meanwhile"


def test_two_jobs_that_ask_about_one_person_at_once_are_both_answered(make: Make) -> None:
    gateway = make(UNSCOPED, limits=UNCHECKED)
    first, second = [of_one({each: RIGHT[each]}) for each in RIGHT]
    gateway.ask(first, second)

    assert codes(gateway, first, second) == ["confirmed"] * 2


def test_what_was_not_told_of_several_is_not_told_one_by_one_either(make: Make) -> None:
    gateway = make(UNSCOPED, limits=UNCHECKED)
    hidden = {"name": "match", **dict.fromkeys(WRONG, "not_compared")}
    assert gateway.ask_one(of_one(WRONG))["fields"] == hidden

    again = [gateway.ask_one(of_one({each: value}))["fields"] for each, value in WRONG.items()]

    assert again == [{"name": "match", each: "not_compared"} for each in WRONG]


def test_who_goes_on_guessing_where_nothing_is_told_is_held(make: Make) -> None:
    gateway = make(UNSCOPED, limits=Thresholds(check_share=0.0, locks=3))
    guesses = [of_one({"leader_rank": each}) for each in "正处 副处 正科 副科 正厅".split()]

    assert one_by_one(gateway, guesses)[-3:] == ["not_confirmed", "not_confirmed", "held"]


# ---------------------------------------------------------------------------------------- what follows


def test_a_response_holds_on_every_node_from_the_next_turn_on(make: Make) -> None:
    first = make()
    second = first if isinstance(first.store, MemoryStore) else make(node="second")

    one_by_one(first, unknown(100, 6))

    assert codes(second, a_request(1)) == ["held"]


def test_the_partner_is_told_one_number_of_the_incident_and_no_more(make: Make) -> None:
    gateway = make()
    replies = [reply for each in unknown(100, 8) for reply in gateway.ask(each)]
    refused = [each for each in replies if isinstance(each, Refused)]

    assert [each.reason for each in refused] == [Reason.HELD] * 3
    assert len(refused[0].incident) == 16


def test_the_ledger_tells_what_was_stopped_in_the_same_transaction(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, SURE, limits=DEFAULTS)
    assert isinstance(gateway.store, MemoryStore)
    one_by_one(gateway, unknown(100, 6))

    last, before = (decode(row.entry) for row in gateway.store.ledger.rows[:-3:-1])

    assert isinstance(last, dict)
    assert isinstance(before, dict)
    assert last["type"] == "watch.stopped"
    body, refused = last["body"], before["body"]
    assert isinstance(body, dict)
    assert isinstance(refused, dict)
    assert body == {"incident": refused["outcome"]["incident"], "target": "grant.G-1", "response": "held"}
    (incident,) = gateway.store.watch.incidents.values()
    assert (incident.finding.detector, incident.finding.partner) == (Detector.MISS_RATE, "hr")
    assert all(len(each) == 8 for each in incident.samples)


def test_who_was_released_begins_anew(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, SURE, limits=DEFAULTS)
    gateway.person(1)
    assert isinstance(gateway.store, MemoryStore)
    one_by_one(gateway, unknown(100, 6))
    assert codes(gateway, a_request(1)) == ["held"]

    gateway.store.watch.stops.clear()
    gateway.store.epoch += 1

    assert one_by_one(gateway, [a_request(1), *unknown(200, 6)]) == ["confirmed", *["not_confirmed"] * 5, "held"]


def test_a_node_that_read_the_rights_before_the_response_withholds_all_the_same(tmp_path: Path) -> None:
    """Another node's response is there when the grant's lock is, but came after this turn had read the epoch."""
    gateway = a_gateway(tmp_path, SURE, limits=DEFAULTS)
    gateway.person(1)
    assert isinstance(gateway.store, MemoryStore)
    gateway.store.watch.stopped["G-1"] = gateway.store.epoch + 1

    assert codes(gateway, a_request(1)) == ["held"]
    assert gateway.store.watch.stopped == {"G-1": gateway.store.epoch + 1}, "and nobody took it for released"


# ---------------------------------------------------------------------------------------- spot checks

EVERYBODY = Thresholds(check_share=1.0, check_accept_share=0.0)
"""Of every new subject the document is asked for."""


def filed(gateway: Assembled, number: str, state: CheckState = CheckState.FILED) -> None:
    """The document came, or somebody of the office has looked at it."""
    with gateway.store.begin() as work:
        check = work.checks.check(number)
        assert check is not None
        work.checks.put([msgspec.structs.replace(check, state=state, judged=check.opened)])
        work.commit()


def refused(gateway: Assembled, request: Request) -> tuple[str, str]:
    (reply,) = gateway.ask(request)
    assert isinstance(reply, Refused)
    return reply.reason.value, reply.incident


def test_the_answer_about_a_chosen_subject_waits_for_its_document(make: Make) -> None:
    gateway = make(UNSCOPED, limits=EVERYBODY)

    reason, number = refused(gateway, a_request(1))
    assert reason == "held"
    assert refused(gateway, a_request(1)) == (reason, number), "the same subject, the same check"

    filed(gateway, number)
    assert codes(gateway, a_request(1)) == ["confirmed"]


def test_whether_somebody_is_there_makes_no_difference_to_who_is_chosen(make: Make) -> None:
    gateway = make(UNSCOPED, limits=EVERYBODY)

    assert refused(gateway, a_request(1))[0] == refused(gateway, a_request(99))[0] == "held"


def test_a_grant_with_a_scope_is_not_spot_checked(make: Make) -> None:
    gateway = make(SURE, limits=EVERYBODY)

    assert codes(gateway, a_request(1)) == ["confirmed"]


def test_matters_are_spot_checked_like_everything_that_only_need_bounds(make: Make) -> None:
    gateway = make(a_grant(**{"class": "matter"}), limits=EVERYBODY)

    assert codes(gateway, a_request(1, matter="M-1")) == ["held"]


def test_nobody_new_is_answered_about_while_a_document_is_overdue(make: Make) -> None:
    gateway = make(a_grant(**{"class": "open", "hit_rate": 99, "max_data_age_days": 99}), limits=EVERYBODY)
    _, number = refused(gateway, a_request(1))
    _, other = refused(gateway, a_request(2))
    filed(gateway, other)
    gateway.pipeline.spot_checks = SpotChecks(WATCH_KEY, Thresholds(check_share=0.0001))

    gateway.clock.pass_by(days=1)
    assert codes(gateway, a_request(3)) == ["confirmed"]
    gateway.clock.pass_by(days=1)
    assert refused(gateway, a_request(4)) == ("held", number)
    assert refused(gateway, a_request(4)) == ("held", number), "who was not told counts as asked, and is as new"
    assert codes(gateway, a_request(5), a_request(5)) == ["held"] * 2
    assert codes(gateway, a_request(2)) == ["confirmed"], "what was asked before goes on"

    filed(gateway, number)
    assert codes(gateway, a_request(4)) == ["confirmed"]


def test_one_that_fails_raises_the_share_of_every_grant_of_the_purpose(make: Make) -> None:
    few = Thresholds(check_share=1e-9, check_raised=1.0)
    gateway = make(UNSCOPED, a_grant(**{"number": "G-2", "class": "open", "hit_rate": 99}), limits=EVERYBODY)
    _, number = refused(gateway, a_request(1))
    gateway.pipeline.spot_checks = SpotChecks(WATCH_KEY, few)
    assert codes(gateway, a_request(2, grant="G-2")) == ["confirmed"]

    filed(gateway, number, CheckState.FAILED)
    gateway.pipeline.spot_checks = SpotChecks(WATCH_KEY, few)

    assert codes(gateway, a_request(3, grant="G-2")) == ["held"]
    assert codes(gateway, a_request(2, grant="G-2")) == ["confirmed"], "who was asked about before is nobody new"


def test_the_ledger_tells_of_a_spot_check_and_the_refusal_names_it(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, UNSCOPED, limits=EVERYBODY)
    _, number = refused(gateway, a_request(1))
    assert isinstance(gateway.store, MemoryStore)

    asked, comparison = (decode(row.entry) for row in gateway.store.ledger.rows[:-3:-1])

    assert isinstance(asked, dict)
    assert isinstance(comparison, dict)
    assert (asked["type"], asked["body"]) == ("spot_check.asked", {"check": number, "grant": "G-1"})
    assert isinstance(comparison["body"], dict)
    assert comparison["body"]["outcome"] == {"refused": "held", "incident": number}


def test_whose_answer_was_withheld_for_something_else_is_chosen_after_the_release(tmp_path: Path) -> None:
    """It counts as asked about, and was never answered."""
    gateway = a_gateway(tmp_path, UNSCOPED, limits=EVERYBODY)
    gateway.person(1)
    assert isinstance(gateway.store, MemoryStore)
    assert codes(gateway, a_request(1), *of_one_birthday(4)) == ["frozen"] * 5
    gateway.store.watch.stops.clear()
    gateway.store.epoch += 1

    assert refused(gateway, a_request(1))[0] == "held"
