"""The life of a query, turn by turn: what is told, what is kept, what is spent, and who suffers for whom."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from adapters.sealing.client import Deeds
from audit.entry import encode
from audit.report import Exit
from audit.trust import Trust
from audit.verify_receipt import verify_receipt
from gateway.domain.errors import DownError, MismatchedKeyError, UnavailableError
from gateway.domain.grant import Grant
from gateway.domain.query import MAX_CLAIMS
from gateway.domain.reply import Answered, Failed, Refused, Reply, Request
from gateway.seal import END_OF_DAYS, day_number
from policies.decision import Reason
from tests.audit.make import a_trust
from tests.fakes import MemoryStore
from tests.gateways import Assembled, a_gateway, code_of, entries, secrets_of, some_facts
from tests.make import NAME, ORIGIN, TODAY, a_caller, a_claim, a_grant, a_request, an_id, limits, told
from tests.people import known

Make = Callable[..., Assembled]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Assembled]:
    """A gateway in memory, with the usual grant and one person."""
    with closing(a_gateway(tmp_path)) as assembled:
        assembled.person(1)
        yield assembled


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes gateways in memory with other grants, and the usual person in each."""
    made: list[Assembled] = []

    def make_one(*grants: Grant) -> Assembled:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(a_gateway(folder, *grants))
        made[-1].person(1)
        return made[-1]

    yield make_one
    for each in made:
        each.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Assembled]:
    """The usual gateway on every store."""
    fixture = {"memory": "", "sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url = request.getfixturevalue(fixture) if fixture else ""
    with closing(a_gateway(tmp_path, url=url)) as assembled:
        for number in range(1, 9):
            assembled.person(number)
        yield assembled


def codes(gateway: Assembled, *requests: Request) -> list[str]:
    return [code_of(reply) for reply in gateway.ask(*requests)]


def size(gateway: Assembled) -> int:
    with gateway.store.begin() as work:
        return work.ledger.lock_head().size


# ---------------------------------------------------------------------------------------- what is told


def test_an_answer_holds_codes_date_data_and_a_receipt_and_nothing_else(gateway: Assembled) -> None:
    claims = [
        a_claim("unit", "盟敎育局"),
        a_claim("person_status", "退休"),
        a_claim("sex", "男"),
        a_claim("post", "局长"),
    ]

    answer = gateway.ask_one(a_request(claims=claims))

    assert {key: value for key, value in answer.items() if key != "receipt"} == {
        "subject": "confirmed",
        "fields": {
            "name": "match",
            "unit": "variant",
            "person_status": "mismatch",
            "sex": "not_authorised",
            "post": "not_authorised",
        },
        "as_of": "2026-06-30",
        "data": {"version": "a" * 64, "time": "2026-06-30T02:00:00Z"},
    }


def _elsewhere(gateway: Assembled) -> Request:
    gateway.person(2, some_facts(units=("other",)))
    return a_request(2)


def _gone(gateway: Assembled) -> Request:
    gateway.person(3, some_facts(effective=(0, day_number(TODAY))))
    return a_request(3)


NOT_CONFIRMED: dict[str, Callable[[Assembled], Request]] = {
    "nobody": lambda _: a_request(99),
    "another name": lambda _: a_request(1, "李四"),
    "out of scope": _elsewhere,
    "gone since yesterday": _gone,
}


@pytest.mark.parametrize("ask", NOT_CONFIRMED.values(), ids=NOT_CONFIRMED)
def test_all_that_is_not_confirmed_is_one_answer(gateway: Assembled, ask: Callable[[Assembled], Request]) -> None:
    answer = gateway.ask_one(ask(gateway))

    assert answer["subject"] == "not_confirmed"
    assert answer["fields"] == {"name": "not_compared", "unit": "not_compared"}


def test_answers_alike_are_equally_long_in_every_part(gateway: Assembled) -> None:
    requests = [ask(gateway) for ask in NOT_CONFIRMED.values()]
    gateway.ask(a_request(1))  # the first entry of a partner has none before it

    replies = gateway.ask(*requests)

    assert len({len(reply.json) for reply in replies if isinstance(reply, Answered)}) == 1
    assert isinstance(gateway.store, MemoryStore)
    rows = gateway.store.ledger.rows[-len(requests) :]
    assert len({len(row.disclosures) for row in rows}) == 1
    assert len({len(row.entry) for row in rows}) == 1


def test_a_grant_may_carry_the_right_to_know_that_nobody_is_there(make: Make) -> None:
    gateway = make(a_grant(tells_not_found=True))

    assert codes(gateway, a_request(99), a_request(1, "李四"), a_request(1)) == [
        "not_found",
        "not_confirmed",
        "confirmed",
    ]


def test_a_reference_date_is_answered_as_of_its_day(make: Make) -> None:
    gateway, past = make(a_grant(reference_dates=[date(2025, 12, 31)])), day_number(date(2026, 1, 1))
    gateway.person(2, some_facts({"unit": "盟财政局"}, effective=(0, past)), some_facts(effective=(past, END_OF_DAYS)))

    then = gateway.ask_one(a_request(2, as_of="2025-12-31"))
    now = gateway.ask_one(a_request(2))

    assert (then["as_of"], then["fields"]) == ("2025-12-31", {"name": "match", "unit": "mismatch"})
    assert (now["as_of"], now["fields"]) == ("2026-06-30", {"name": "match", "unit": "match"})


def test_organisations_are_compared_like_persons(make: Make) -> None:
    gateway = make(a_grant(fields=["org_quota_approved", "org_name"]))
    gateway.register.put(
        "150100000001", replace(some_facts(), values={"org_quota_approved": "40"}), kind="organisation"
    )
    subject = {"kind": "organisation", "id": "150100000001"}
    claims = [a_claim("org_quota_approved", 40, "at_least"), a_claim("org_name", "盟教育局")]

    answer = gateway.ask_one(a_request(subject=subject, claims=claims))

    assert answer["subject"] == "confirmed"
    assert answer["fields"] == {"org_quota_approved": "match", "org_name": "not_compared"}


def test_a_turn_answers_many_callers_each_in_their_place(make: Make) -> None:
    gateway = make(a_grant(), a_grant(number="T-1", partner="tax", fields=["name", "sex"]))
    gateway.person(2, some_facts({"sex": "女"}))
    tax = a_caller("tax", "tax-1")
    requests = [
        a_request(2, caller=tax, grant="T-1", claims=[a_claim("sex", "女")]),
        a_request(1),
        a_request(1, grant="T-1"),
        a_request(1, caller=tax),
        a_request(2, "李四"),
        a_request(2, caller=tax, grant="T-1"),
    ]

    replies = gateway.ask(*requests)

    expected = ["confirmed", "confirmed", "not_permitted", "not_permitted", "not_confirmed", "confirmed"]
    assert [code_of(reply) for reply in replies] == expected
    assert isinstance(replies[0], Answered)
    assert isinstance(replies[5], Answered)
    assert told(replies[0].json)["fields"] == {"name": "match", "sex": "match"}
    assert told(replies[5].json)["fields"] == {"name": "match", "unit": "not_authorised"}


def test_a_turn_may_be_as_large_as_the_sequencer_makes_it(gateway: Assembled) -> None:
    assert codes(gateway, *(a_request(number) for number in range(256))).count("confirmed") == 1
    assert size(gateway) == 1 + 256


def test_nobody_asking_is_nothing_answered(gateway: Assembled) -> None:
    assert gateway.ask() == []
    assert size(gateway) == 1


# ---------------------------------------------------------------------------------------- what is refused


def test_a_refusal_tells_a_class_and_an_incident(gateway: Assembled) -> None:
    (one,), (two,) = gateway.ask(a_request(purpose="curiosity")), gateway.ask(a_request(grant="G-9"))

    assert isinstance(one, Refused)
    assert isinstance(two, Refused)
    assert one.reason is two.reason is Reason.NOT_PERMITTED
    assert one.incident != two.incident
    assert len(one.incident) == len(two.incident) == 16


def test_refused_requests_reach_neither_seal_nor_index_and_cost_nothing(gateway: Assembled) -> None:
    gateway.ask(a_request(purpose="curiosity"), a_request(grant="G-9"), a_request(operator="nobody"))

    assert gateway.seal.asked == []
    assert gateway.register.found == 0
    assert used(gateway) == (0, 0, 0)


def test_only_fields_with_a_right_are_sealed(gateway: Assembled) -> None:
    gateway.ask(a_request(claims=[a_claim("unit", "盟教育局"), a_claim("sex", "男")]))

    assert [claim[0] for plain in gateway.seal.asked for claim in plain.claims] == ["unit"]


def used(gateway: Assembled, grant: str = "G-1") -> tuple[int, int, int]:
    day = (gateway.clock.at + timedelta(hours=8)).date().toordinal()
    with gateway.store.begin() as work:
        counted = work.budgets.lock([grant], day)[grant]
    return counted.subjects_today, counted.subjects_30_days, counted.comparisons_today


def test_a_spent_budget_is_a_refusal_of_its_own_class(make: Make) -> None:
    gateway = make(a_grant(limits=limits(day=2)))

    assert codes(gateway, *(a_request(number) for number in (1, 2, 3))) == ["confirmed", "not_confirmed", "quota"]
    assert codes(gateway, a_request(4), a_request(1)) == ["quota", "quota"]
    assert used(gateway) == (2, 2, 2)
    gateway.clock.pass_by(days=1)
    assert codes(gateway, a_request(4)) == ["not_confirmed"]


def test_a_subject_that_is_not_there_costs_as_much_as_one_that_is(gateway: Assembled) -> None:
    gateway.ask(a_request(1))
    there = used(gateway)
    gateway.ask(a_request(99), a_request(98, "李四"))

    assert (there, used(gateway)) == ((1, 1, 1), (3, 3, 3))


def test_asking_again_about_a_subject_costs_a_comparison_only(gateway: Assembled) -> None:
    gateway.ask(a_request(1), a_request(1), a_request(1, "李四"))
    gateway.ask(a_request(1))

    assert used(gateway) == (1, 1, 4)


@pytest.mark.parametrize(("limit", "code"), [(limits(day=1), "quota"), (limits(), "confirmed")])
def test_the_sealing_process_may_know_less_room_than_we_do(make: Make, limit: Mapping[str, int], code: str) -> None:
    gateway = make(a_grant())
    other = make(a_grant(limits=limit))
    gateway.seal.know(other.seal.deeds)

    assert codes(gateway, a_request(99)) == ["not_confirmed"]
    assert codes(gateway, a_request(1)) == [code]
    assert used(gateway) == ((1, 1, 1) if code == "quota" else (2, 2, 2))


def test_the_sealing_process_may_know_less_right_than_we_do(make: Make) -> None:
    gateway = make(a_grant())
    gateway.seal.know(Deeds(known()))

    assert codes(gateway, a_request(1)) == ["not_permitted"]
    assert used(gateway) == (0, 0, 0)


STALE: dict[str, tuple[int, str]] = {"at its limit": (30, "confirmed"), "a day later": (31, "stale_data")}


@pytest.mark.parametrize(("days", "code"), STALE.values(), ids=STALE)
def test_data_grows_stale(gateway: Assembled, days: int, code: str) -> None:
    gateway.clock.pass_by(days=days)

    assert codes(gateway, a_request(1)) == [code]


LONGEST = "𠮷" * 64
LONG_WORDS: dict[str, dict[str, object]] = {
    "an operator": {"operator": LONGEST},
    "a grant": {"grant": LONGEST},
    "a purpose": {"purpose": LONGEST},
    "all of them": {"operator": LONGEST, "grant": LONGEST, "purpose": LONGEST, "matter": LONGEST},
    "all but the grant": {"operator": LONGEST, "purpose": LONGEST, "matter": LONGEST},
    "quotes and backslashes": {"operator": '"' * 64, "grant": "\\" * 64, "purpose": '"' * 64, "matter": "\\" * 64},
}


@pytest.mark.parametrize("words", LONG_WORDS.values(), ids=LONG_WORDS)
def test_whatever_may_be_written_may_be_refused(gateway: Assembled, words: Mapping[str, object]) -> None:
    assert codes(gateway, a_request(**words)) == ["not_permitted"]  # type: ignore[arg-type]  # members of the body
    assert gateway.broken == []


# ---------------------------------------------------------------------------------------- what is kept


def test_every_reply_has_its_entry_in_order(gateway: Assembled) -> None:
    replies = gateway.ask(a_request(1), a_request(1, purpose="curiosity"), a_request(99))

    kept = entries(gateway)[1:]
    assert [entry["type"] for entry in kept] == ["comparison.answered", "comparison.refused", "comparison.answered"]
    assert [code_of(reply) for reply in replies] == ["confirmed", "not_permitted", "not_confirmed"]
    assert [index_of(reply) for reply in replies if isinstance(reply, Answered)] == [1, 3]
    assert isinstance(replies[1], Refused)
    assert replies[1].incident in json.dumps(kept[1])


def index_of(reply: Answered) -> object:
    receipt = told(reply.json)["receipt"]
    assert isinstance(receipt, dict)
    return receipt["body"]["index"]


def test_the_clear_part_of_an_entry_says_what_was_told_and_no_more(gateway: Assembled) -> None:
    gateway.ask(a_request(1, matter="办件 7"), a_request(99), a_request(1, "李四"), a_request(2, operator="nobody"))

    bodies = [entry["body"] for entry in entries(gateway)[1:]]
    assert all(isinstance(body, dict) for body in bodies)
    outcomes = [body["outcome"] for body in bodies if isinstance(body, dict)]
    assert outcomes[0] == {"subject": "confirmed", "fields": {"name": "match", "unit": "match"}}
    assert outcomes[1] == outcomes[2]
    clear = encode(bodies).decode()
    assert [word for word in ("absent", "gate", "scope", "unknown_operator", "wang-01", NAME) if word in clear] == []
    assert [number for number in range(100) if an_id(number) in clear] == []


def test_inner_causes_operator_and_number_are_kept_for_officers(gateway: Assembled) -> None:
    gateway.ask(a_request(1), a_request(99), a_request(1, "李四"), _elsewhere(gateway), a_request(1, operator="nobody"))

    secrets = [secrets_of(gateway, index) for index in range(1, 6)]
    causes = [each["inner"]["cause"] for each in secrets if isinstance(each["inner"], dict)]
    assert causes == ["confirmed", "absent", "gate", "scope", "unknown_operator"]
    assert [each["subject"] for each in secrets] == [an_id(number) for number in (1, 99, 1, 2, 1)]
    assert [each["operator"] for each in secrets] == ["wang-01"] * 4 + ["nobody"]


OWN_WORDS: dict[str, dict[str, object]] = {
    "a number for a grant": {"grant": an_id(50)},
    "a name for a purpose": {"purpose": "查张伟"},
    "a name for an operator": {"operator": "张伟"},
    "a number in a matter": {"matter": f"张伟 {an_id(50)}"},
}


@pytest.mark.parametrize("words", OWN_WORDS.values(), ids=OWN_WORDS)
def test_what_callers_write_in_their_own_words_is_never_kept_in_clear(
    gateway: Assembled, words: Mapping[str, object]
) -> None:
    gateway.ask(a_request(1, **words))  # type: ignore[arg-type]  # members of the body

    (entry,) = entries(gateway)[1:]
    clear = encode(entry).decode()
    assert [word for word in (an_id(50), "张伟") if word in clear] == []


def test_claimed_values_are_kept_nowhere(gateway: Assembled) -> None:
    claims = [a_claim("unit", "盟水利局灌区管理中心"), a_claim("pay_amount", 98_765), a_claim("post", "灌区主任")]
    gateway.ask(a_request(1, claims=claims), a_request(1, claims=claims, purpose="curiosity"))

    assert isinstance(gateway.store, MemoryStore)
    rows = b"".join(row.entry + row.disclosures for row in gateway.store.ledger.rows)
    kept = rows + b"".join(each.body + each.answer for each in gateway.store.answers.kept.values())
    opened = json.dumps([secrets_of(gateway, index) for index in (1, 2)], ensure_ascii=False)
    for value in ("灌区", "987", NAME):
        assert value.encode() not in kept
        assert value not in opened


def test_receipts_of_a_turn_are_each_good_alone(gateway: Assembled) -> None:
    requests = [a_request(1), a_request(2, purpose="curiosity"), a_request(99), a_request(1, "李四")]

    for request, reply in zip(requests, gateway.ask(*requests), strict=True):
        if not isinstance(reply, Answered):
            continue
        answer = dict(told(reply.json))
        receipt = json.dumps(answer.pop("receipt")).encode()
        response = encode(answer)  # type: ignore[arg-type]  # plain JSON
        good = verify_receipt(receipt, OURS, request=request.body, response=response)
        assert good.verdict is Exit.INCOMPLETE, "only the proof is missing"
        assert len(good.problems) == 1
        forged = verify_receipt(receipt, OURS, request=request.body + b" ", response=response)
        assert forged.verdict is Exit.TAMPERED


OURS = Trust(ORIGIN, a_trust().keys)


# --------------------------------------------------------------------------------- nothing told before it is kept

BROKEN: dict[str, Callable[[Assembled], None]] = {
    "the database is gone": lambda gateway: setattr(gateway.store, "broken", True),
    "the disk is full": lambda gateway: setattr(gateway.store, "full", True),
    "the sealing process is gone": lambda gateway: setattr(gateway.seal, "broken", True),
    "the index is gone": lambda gateway: setattr(gateway.register, "broken", True),
    "the log is not what was signed": lambda gateway: gateway.pipeline.seal_log(),
}


@pytest.mark.parametrize("break_it", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_tells_nothing_and_costs_nothing(
    gateway: Assembled, break_it: Callable[[Assembled], None]
) -> None:
    break_it(gateway)

    replies = gateway.ask(a_request(1), a_request(99), a_request(1, "李四"))

    assert all(isinstance(reply, Failed) and isinstance(reply.error, UnavailableError) for reply in replies)
    assert isinstance(gateway.store, MemoryStore)
    gateway.store.broken = gateway.store.full = False
    assert (size(gateway), used(gateway)) == (1, (0, 0, 0))
    assert gateway.store.answers.kept == {}


@pytest.mark.parametrize("break_it", [BROKEN["the database is gone"], BROKEN["the sealing process is gone"]])
def test_what_is_down_is_not_tried_again_and_again(gateway: Assembled, break_it: Callable[[Assembled], None]) -> None:
    break_it(gateway)

    replies = gateway.ask(*(a_request(number) for number in range(64)))

    assert all(isinstance(reply, Failed) and isinstance(reply.error, DownError) for reply in replies)
    assert gateway.broken == []


def test_what_was_broken_works_again(gateway: Assembled) -> None:
    request = a_request(1)
    gateway.register.broken = True
    assert codes(gateway, request) == ["UnavailableError"]

    gateway.register.broken = False

    assert codes(gateway, request) == ["confirmed"]


# ---------------------------------------------------------------------------------------- nobody suffers for another


@pytest.mark.parametrize("of", [1, 2, 3, 8])
def test_an_exception_in_one_request_refuses_that_one_alone(stored: Assembled, of: int) -> None:
    for bad in range(of):
        numbers = [9 if place == bad else place + 1 for place in range(of)]
        stored.register.spoil(an_id(9))
        before, (subjects, _, comparisons) = size(stored), used(stored)

        told_codes = codes(stored, *(a_request(number) for number in numbers))

        assert told_codes == ["UnavailableError" if place == bad else "confirmed" for place in range(of)]
        assert size(stored) == before + of - 1
        assert used(stored)[2] == comparisons + of - 1
        assert used(stored)[0] >= subjects
        assert stored.broken[0][0] == of
        stored.broken.clear()


def test_several_exceptions_refuse_those_alone(gateway: Assembled) -> None:
    for number in (3, 4, 17):
        gateway.register.spoil(an_id(number))

    told_codes = codes(gateway, *(a_request(number) for number in range(20)))

    assert [place for place, code in enumerate(told_codes) if code == "UnavailableError"] == [3, 4, 17]
    assert size(gateway) == 1 + 17


def test_a_broken_request_may_be_sent_again(gateway: Assembled) -> None:
    gateway.register.spoil(an_id(2))
    request = a_request(2)
    assert codes(gateway, request) == ["UnavailableError"]

    gateway.register.spoiled.clear()

    assert codes(gateway, request) == ["not_confirmed"]


def test_rights_that_cannot_be_read_refuse_until_they_can(gateway: Assembled) -> None:
    good = gateway.rights.snapshot
    gateway.grant(a_grant(number="G-2"))
    gateway.rights.snapshot = None  # type: ignore[assignment]  # what a broken file would give
    assert codes(gateway, a_request(1), a_request(2)) == ["UnavailableError"] * 2

    gateway.rights.snapshot = good
    gateway.grant(a_grant(number="G-3"))

    assert codes(gateway, a_request(1)) == ["confirmed"]


# ---------------------------------------------------------------------------------------- rights change


def test_rights_are_read_again_when_their_epoch_changed_and_only_then(gateway: Assembled) -> None:
    before = gateway.rights.loads
    for _ in range(3):
        gateway.ask(a_request(1))
    assert gateway.rights.loads == before + 1  # the grant came into force after the pipeline was made

    gateway.grant(a_grant(number="G-2"))
    for _ in range(3):
        gateway.ask(a_request(1))
    assert gateway.rights.loads == before + 2


def test_a_withdrawn_grant_refuses_from_the_next_turn_on(stored: Assembled) -> None:
    assert codes(stored, a_request(1)) == ["confirmed"]

    stored.withdraw(a_grant())

    assert codes(stored, a_request(1)) == ["not_permitted"]


# ---------------------------------------------------------------------------------------- the same request again


def test_a_repeat_gets_the_same_answer_and_receipt_at_no_cost(stored: Assembled) -> None:
    request = a_request(1)
    (first,) = stored.ask(request)
    before = size(stored), used(stored)

    assert stored.ask(request) == [first]
    assert (size(stored), used(stored)) == before
    stored.clock.pass_by(hours=23, minutes=59)
    assert stored.ask(a_request(2), request)[1] == first
    assert used(stored) == (1, 2, 1)


def test_a_repeat_with_another_body_is_told_so(stored: Assembled) -> None:
    stored.ask(a_request(1, key="k"))
    before = size(stored), used(stored)

    (reply,) = stored.ask(a_request(2, key="k"))

    assert isinstance(reply, Failed)
    assert isinstance(reply.error, MismatchedKeyError)
    assert (size(stored), used(stored)) == before


def test_the_same_key_of_another_system_is_another_key(stored: Assembled) -> None:
    (ours,) = stored.ask(a_request(1, key="k"))
    (theirs,) = stored.ask(a_request(1, key="k", caller=a_caller(client="hr-2")))

    assert code_of(ours) == code_of(theirs) == "confirmed"
    assert ours != theirs
    assert used(stored) == (1, 1, 2)


def test_after_a_day_a_key_is_new(stored: Assembled) -> None:
    (first,) = stored.ask(a_request(1, key="k"))
    stored.clock.pass_by(days=1)

    (again,) = stored.ask(a_request(1, key="k"))
    (repeat,) = stored.ask(a_request(1, key="k"))
    (other,) = stored.ask(a_request(2, key="k"))

    assert code_of(again) == "confirmed"
    assert again == repeat != first
    assert isinstance(other, Failed)


def test_a_repeat_under_a_withdrawn_grant_is_refused(stored: Assembled) -> None:
    request = a_request(1)
    stored.ask(request)

    stored.withdraw(a_grant())

    assert codes(stored, request) == ["not_permitted"]


def test_a_repeat_out_of_hours_is_refused(make: Make) -> None:
    gateway, request = make(a_grant(hours=["09:00-11:00"])), a_request(1)
    assert codes(gateway, request) == ["confirmed"]

    gateway.clock.pass_by(hours=2)

    assert codes(gateway, request) == ["not_permitted"]


def test_a_repeat_is_answered_though_the_budget_is_spent(make: Make) -> None:
    gateway, request = make(a_grant(limits=limits(day=1))), a_request(1)
    (first,) = gateway.ask(request)

    assert gateway.ask(request) == [first]
    assert codes(gateway, a_request(2)) == ["quota"]


def test_a_refusal_is_not_remembered(make: Make) -> None:
    gateway, request = make(a_grant(limits=limits(day=1))), a_request(1)
    gateway.ask(a_request(2))
    assert codes(gateway, request) == ["quota"]

    gateway.clock.pass_by(days=1)

    assert codes(gateway, request) == ["confirmed"]


def test_a_repeat_after_a_failure_is_answered_once(gateway: Assembled) -> None:
    request = a_request(1)
    assert isinstance(gateway.store, MemoryStore)
    gateway.store.full = True
    assert codes(gateway, request) == ["DownError"]
    gateway.store.full = False

    (first,) = gateway.ask(request)

    assert gateway.ask(request) == [first]
    assert (size(gateway), used(gateway)) == (2, (1, 1, 1))


# ---------------------------------------------------------------------------------------- one answer, replayable


def test_every_store_gives_the_same_bytes(tmp_path: Path, sqlite_url: str, postgres_url: str) -> None:
    given = []
    for name, url in (("memory", ""), ("sqlite", sqlite_url), ("postgresql", postgres_url), ("again", "")):
        (tmp_path / name).mkdir()
        with closing(a_gateway(tmp_path / name, a_grant(limits=limits(day=5)), url=url)) as gateway:
            gateway.person(1)
            gateway.person(2, some_facts(units=("other",)))
            turns = [[a_request(n, key=f"{turn}-{n}") for n in range(1, 4)] for turn in range(3)]
            replies = [gateway.ask(*turn) for turn in turns]
            with gateway.store.begin() as work:
                given.append((replies, work.ledger.lock_head()))

    assert given[0] == given[1] == given[2] == given[3]


def test_a_request_alone_and_among_others_gets_the_same_codes(make: Make) -> None:
    requests = [a_request(1), a_request(99), a_request(1, "李四"), a_request(1, claims=[a_claim("sex", "男")])]
    alone, together = make(a_grant()), make(a_grant())

    one_by_one = [alone.ask(request)[0] for request in requests]
    at_once = together.ask(*requests)

    assert [parts_of(reply) for reply in one_by_one] == [parts_of(reply) for reply in at_once]


TERMS: dict[str, Callable[[], Request]] = {
    "another address": lambda: a_request(caller=a_caller(address="192.168.0.1")),
    "another system": lambda: a_request(caller=a_caller(client="hr-9")),
    "another partner": lambda: a_request(caller=a_caller("tax", "tax-1")),
    "an operator fewer": lambda: a_request(caller=replace(a_caller(), operators={})),
    "another operator": lambda: a_request(operator="li-02"),
    "another grant": lambda: a_request(grant="G-2"),
    "another purpose": lambda: a_request(purpose="curiosity"),
    "another date": lambda: a_request(as_of="2020-01-01"),
    "no matter": lambda: a_request(grant="M-1"),
    "another field": lambda: a_request(claims=[a_claim("title", "正高级")]),
    "another comparator": lambda: a_request(claims=[a_claim("birth_month", "1980-01", "at_least")]),
}


@pytest.mark.parametrize("other", TERMS.values(), ids=TERMS)
def test_requests_that_differ_in_one_thing_are_judged_each_for_itself(make: Make, other: Callable[[], Request]) -> None:
    grants = a_grant(), a_grant(number="M-1", **{"class": "matter"})

    def told_alone(request: Request) -> object:
        return parts_of(make(*grants).ask(request)[0])

    usual = [
        a_request(),
        a_request(grant="M-1", matter="办件 7"),
        a_request(claims=[a_claim("birth_month", "1980-01")]),
    ]
    for turn in ([*usual, other()], [other(), *usual]):
        together = [parts_of(reply) for reply in make(*grants).ask(*turn)]
        assert together == [told_alone(request) for request in turn]


def parts_of(reply: Reply) -> object:
    """What a caller is told, but for the numbers that are never alike."""
    if not isinstance(reply, Answered):
        return code_of(reply)
    opened = told(reply.json)
    return opened["subject"], opened["fields"], opened["as_of"]


def test_the_largest_request_is_answered(make: Make) -> None:
    from tests.make import CATALOGUE

    fields = [each for each in CATALOGUE.fields_of("person") if each.key != "name" and each.normaliser == "code"]
    gateway = make(a_grant(fields=["name", *(each.key for each in fields)]))
    claims = [a_claim(each.key, next(iter(each.codes))) for each in fields][:MAX_CLAIMS]

    assert gateway.ask_one(a_request(1, claims=claims))["subject"] == "confirmed"
