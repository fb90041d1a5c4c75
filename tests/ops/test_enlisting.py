"""Links for lists, asked of the sealing process by somebody who has taken over serve: all is doubted and counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from adapters.sealing.meter import comparisons_in
from adapters.sealing.wire import Admit, Admitted, Ask, Enlist, Enlisted, Know, Refused, Reply, Sealed
from gateway.deeds.document import Kind
from gateway.domain.grant import Grant
from gateway.seal import Plain, Question, Sealer, day_number
from ops.enlisting import FILINGS, PORTION
from ops.seal import SealingDesk
from tests.fakes import DrivenClock, a_desk
from tests.fakes_audit import CountingEntropy
from tests.gateways import a_deed
from tests.make import CATALOGUE, GENERATION, KEY, NAME, TODAY, a_credit_code, a_grant, an_id, limits
from tests.people import a_document, known, signed_by

SEALER = Sealer(KEY, CATALOGUE, "person", GENERATION, CountingEntropy())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SealingDesk]:
    made = a_desk(tmp_path)
    send(made, Know(list(known())))
    yield made
    made.close()


def closed(**changes: object) -> Grant:
    return a_grant(**{"class": "closed", **changes})


def send(desk: SealingDesk, message: object) -> Reply:
    return desk.answer(msgspec.msgpack.encode(message))


def admit(desk: SealingDesk, grant: Grant) -> None:
    assert isinstance(send(desk, Admit("", a_deed(grant).encode())), Admitted)


def enlist(desk: SealingDesk, *numbers: int, grant: str = "G-1") -> str:
    """What came of it, in a word."""
    reply = send(desk, Enlist(grant, [("person", an_id(number)) for number in numbers]))
    return reply.cause if isinstance(reply, Refused) else "enlisted"


def ask(desk: SealingDesk, number: int = 1) -> Question | str:
    plain = Plain("G-1", "person", an_id(number), [NAME], day_number(TODAY), [("unit", "equals", "盟教育局")])
    reply = send(desk, Ask(GENERATION, [plain]))
    assert isinstance(reply, Sealed)
    return reply.items[0]


def test_links_are_those_of_questions(desk: SealingDesk) -> None:
    admit(desk, closed())

    reply = send(desk, Enlist("G-1", [("person", an_id(2)), ("person", an_id(1)), ("organisation", a_credit_code(1))]))

    assert isinstance(reply, Enlisted)
    assert reply.links[:2] == [SEALER.link(an_id(2)), SEALER.link(an_id(1))]
    assert len(set(reply.links)) == 3
    question = ask(desk)
    assert isinstance(question, Question)
    assert question.link == reply.links[1]


REFUSED: dict[str, tuple[Grant | None, list[tuple[str, str]], str]] = {
    "a grant nobody handed in": (None, [("person", an_id(1))], "unknown_grant"),
    "a scoped grant": (a_grant(), [("person", an_id(1))], "not_granted"),
    "an open grant": (a_grant(**{"class": "open"}), [("person", an_id(1))], "not_granted"),
    "a grant that has ended": (closed(valid_until=date(2026, 6, 29)), [("person", an_id(1))], "not_granted"),
    "nobody": (closed(), [], "malformed"),
    "too many at once": (closed(), [("person", an_id(n)) for n in range(PORTION + 1)], "malformed"),
    "a wrong check digit": (closed(), [("person", an_id(1)[:17] + "0")], "malformed"),
    "another spelling": (closed(), [("person", f" {an_id(1)}")], "malformed"),
    "a name": (closed(), [("person", NAME)], "malformed"),
    "a kind nobody knows": (closed(), [("thing", an_id(1))], "malformed"),
    "one wrong among right ones": (closed(), [("person", an_id(1)), ("person", "1")], "malformed"),
}


@pytest.mark.parametrize(("grant", "numbers", "cause"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_to_be_had_is_refused_whole_and_free(
    desk: SealingDesk, grant: Grant | None, numbers: list[tuple[str, str]], cause: str
) -> None:
    if grant:
        admit(desk, grant)

    assert send(desk, Enlist("G-1", numbers)) == Refused(cause)
    assert comparisons_in(desk.meter._path) == 0


def test_a_grant_that_was_withdrawn_has_no_list(desk: SealingDesk) -> None:
    admit(desk, closed())
    follows: dict[str, object] = {"serial": 2, "previous": a_deed(closed()).digest, "path": "withdrawal"}
    withdrawal = a_document(Kind.GRANT, "G-1", {"partner": "hr"}, reason="到期", **follows)
    send(desk, Know([signed_by(withdrawal, "hr-head").encode()]))

    assert enlist(desk, 1) == "unknown_grant"


def test_twice_the_grants_own_people_in_thirty_days_and_no_more(desk: SealingDesk) -> None:
    admit(desk, closed(limits=limits(month=10)))

    assert enlist(desk, *range(1, 11)) == "enlisted"
    assert enlist(desk, *range(11, 21)) == "enlisted"
    assert enlist(desk, 21) == "limit"
    assert isinstance(desk.clock, DrivenClock)
    desk.clock.pass_by(days=1)
    assert enlist(desk, 22) == "limit"
    desk.clock.pass_by(days=30)
    assert enlist(desk, 22) == "enlisted"


def test_a_list_may_be_filed_again_and_again_but_not_for_ever(desk: SealingDesk) -> None:
    admit(desk, closed(limits=limits(month=10)))

    told = [enlist(desk, *range(1, 11)) for _ in range(2 * FILINGS + 1)]

    assert told == ["enlisted"] * 2 * FILINGS + ["limit"]


def test_lists_and_questions_are_counted_apart(desk: SealingDesk) -> None:
    admit(desk, closed(limits=limits(day=2, month=2)))

    assert [enlist(desk, 1, 2), enlist(desk, 3, 4), enlist(desk, 5)] == ["enlisted", "enlisted", "limit"]
    assert [type(ask(desk, number)) for number in (6, 7, 8)] == [Question, Question, str]
    assert comparisons_in(desk.meter._path) == 2


def test_what_was_given_for_lists_is_remembered_over_a_start(tmp_path: Path) -> None:
    for told in ("enlisted", "enlisted", "limit"):
        desk = a_desk(tmp_path)
        send(desk, Know(list(known())))
        admit(desk, closed(limits=limits(month=2)))
        first = {"enlisted": (1, 2) if not (tmp_path / "second").exists() else (3, 4), "limit": (5,)}[told]
        assert enlist(desk, *first) == told
        (tmp_path / "second").touch()
        desk.close()


def test_a_message_shows_no_number() -> None:
    assert an_id(1) not in repr(Enlist("G-1", [("person", an_id(1))]))
