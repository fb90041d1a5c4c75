"""The promise of the sealing process, kept alike by a desk in this process and over a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread

import pytest

from adapters.sealing.client import Deeds, SealClient
from gateway.domain.errors import UnavailableError
from gateway.domain.grant import Grant
from gateway.ports import Seal, Withheld
from gateway.seal import Plain, Question, Sealer, day_number
from ops.seal import listen, serve_forever
from tests.fakes import DeskSeal, DrivenClock, a_desk
from tests.fakes_audit import CountingEntropy
from tests.gateways import a_deed
from tests.make import CATALOGUE, GENERATION, KEY, NAME, TODAY, a_grant, an_id, limits
from tests.people import known

Open = Callable[..., "DeskSeal | SealClient"]
SEALER = Sealer(KEY, CATALOGUE, "person", GENERATION, CountingEntropy())


@pytest.fixture(params=["fake", "socket"])
def open_seal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens a seal that these grants are known to, with a clock if time matters."""
    opened: list[Callable[[], None]] = []

    def open_one(*grants: Grant, clock: DrivenClock | None = None) -> DeskSeal | SealClient:
        desk = a_desk(Path(mkdtemp(dir=tmp_path)), clock)
        opened.append(desk.close)
        deeds = told_of(*grants)
        if request.param == "fake":
            return DeskSeal(desk, deeds)
        # The path of a unix socket is short, and pytest's folders are not.
        path = Path(mkdtemp(prefix="bidui-seal-")) / "seal.sock"
        server = listen(path)
        Thread(target=serve_forever, args=(server, desk), daemon=True).start()
        client = SealClient(path, deeds)
        opened.extend([client.close, server.close, path.unlink, path.parent.rmdir])
        return client

    yield open_one
    for close in opened:
        with suppress(OSError):
            close()


def told_of(*grants: Grant, serial: int = 1) -> Deeds:
    """What the sealing process is told when these grants are in force."""
    return Deeds(known(), {grant.number: a_deed(grant, serial).encode() for grant in grants})


def a_plain(number: int = 1, grant: str = "G-1", day: date = TODAY, *claims: tuple[str, str, str]) -> Plain:
    return Plain(
        grant, "person", an_id(number), [NAME], day_number(day), [*(claims or [("unit", "equals", "盟教育局")])]
    )


def ask(seal: Seal, *plains: Plain, generation: str = GENERATION) -> list[Question | Withheld]:
    return seal.ask(generation, plains).questions()


def told(items: list[Question | Withheld]) -> list[str]:
    """The answers in a word each."""
    return [item.cause if isinstance(item, Withheld) else "sealed" for item in items]


def test_questions_come_in_order_and_are_the_registers_own_digests(open_seal: Open) -> None:
    items = ask(open_seal(a_grant()), a_plain(2), a_plain(1), a_plain(2))

    questions = [item for item in items if isinstance(item, Question)]
    assert [each.link for each in questions] == [SEALER.link(an_id(number)) for number in (2, 1, 2)]
    assert questions[1].subject == SEALER.subject(SEALER.link(an_id(1)))
    assert questions[1] == SEALER.question(a_plain(1))


def test_nothing_asked_is_nothing_sealed(open_seal: Open) -> None:
    assert ask(open_seal(a_grant())) == []


def test_each_question_is_withheld_for_itself(open_seal: Open) -> None:
    seal = open_seal(a_grant(), a_grant(number="G-2", fields=["name", "sex"]))

    items = ask(seal, a_plain(1), a_plain(1, "G-2"), a_plain(1, "G-3"), a_plain(2))

    assert told(items) == ["sealed", "not_granted", "unknown_grant", "sealed"]


WITHHELD: dict[str, tuple[Grant, Plain, str]] = {
    "a field that is not granted": (a_grant(), a_plain(1, "G-1", TODAY, ("sex", "equals", "1")), "not_granted"),
    "a gate that is not granted": (a_grant(fields=["unit"]), a_plain(), "not_granted"),
    "a day that is not granted": (a_grant(), a_plain(1, "G-1", TODAY - timedelta(days=1)), "not_granted"),
    "tomorrow": (a_grant(), a_plain(1, "G-1", TODAY + timedelta(days=1)), "not_granted"),
    "an expired grant": (a_grant(valid_until=date(2026, 6, 29)), a_plain(), "not_granted"),
    "a grant of tomorrow": (a_grant(valid_from=date(2026, 7, 1)), a_plain(), "not_granted"),
    "out of hours": (a_grant(hours=["11:00-12:00"]), a_plain(), "not_granted"),
    "a bound without an order": (a_grant(), a_plain(1, "G-1", TODAY, ("unit", "at_least", "盟教育局")), "malformed"),
}


@pytest.mark.parametrize(("grant", "plain", "cause"), WITHHELD.values(), ids=WITHHELD)
def test_what_the_signed_grant_does_not_allow_is_withheld(
    open_seal: Open, grant: Grant, plain: Plain, cause: str
) -> None:
    seal = open_seal(grant)

    assert told(ask(seal, plain)) == [cause]
    # What was withheld has cost nothing: the grant is as good as before.
    assert told(ask(open_seal(a_grant(limits=limits(day=1))), a_plain())) == ["sealed"]


def test_a_reference_date_of_the_grant_is_sealed(open_seal: Open) -> None:
    past = date(2025, 12, 31)

    assert told(ask(open_seal(a_grant(reference_dates=[past])), a_plain(1, "G-1", past), a_plain())) == ["sealed"] * 2


LIMITS: dict[str, tuple[dict[str, int], list[int], list[str]]] = {
    "subjects of a day": (limits(day=2), [1, 2, 3], ["sealed", "sealed", "limit"]),
    "subjects of thirty days": (limits(month=2), [1, 2, 3], ["sealed", "sealed", "limit"]),
    "comparisons of a day": (limits(comparisons=2), [1, 1, 1], ["sealed", "sealed", "limit"]),
}


@pytest.mark.parametrize(("limit", "asked", "expected"), LIMITS.values(), ids=LIMITS)
def test_a_limit_holds_within_a_batch_and_between_batches(
    open_seal: Open, limit: dict[str, int], asked: list[int], expected: list[str]
) -> None:
    at_once, one_by_one = open_seal(a_grant(limits=limit)), open_seal(a_grant(limits=limit))

    assert told(ask(at_once, *(a_plain(number) for number in asked))) == expected
    assert [told(ask(one_by_one, a_plain(number)))[0] for number in asked] == expected


def test_a_new_day_has_room_again_and_a_new_month_too(open_seal: Open) -> None:
    clock = DrivenClock()
    seal = open_seal(a_grant(limits=limits(day=1, month=2)), clock=clock)

    def ask_today(number: int) -> list[str]:
        return told(ask(seal, a_plain(number, "G-1", TODAY + (clock.at.date() - TODAY))))

    assert [ask_today(1), ask_today(2)] == [["sealed"], ["limit"]]
    clock.pass_by(days=1)
    assert ask_today(2) == ["sealed"]
    clock.pass_by(days=1)
    assert ask_today(3) == ["limit"]
    clock.pass_by(days=28)
    assert ask_today(3) == ["sealed"]


def test_units_are_the_registers_own_tokens(open_seal: Open) -> None:
    seal = open_seal(a_grant(scope=["root", "150100"]))

    assert seal.units(GENERATION, "G-1") == {SEALER.unit("root"), SEALER.unit("150100")}
    assert seal.units("another", "G-1").isdisjoint(seal.units(GENERATION, "G-1"))


def test_an_unknown_grant_has_no_units(open_seal: Open) -> None:
    assert open_seal(a_grant()).units(GENERATION, "G-9") == frozenset()


REPLACED: dict[str, tuple[Grant, str]] = {
    "by a narrower one": (a_grant(fields=["name", "sex"]), "not_granted"),
    "by a wider one": (a_grant(fields=["name", "unit", "sex"]), "sealed"),
}


@pytest.mark.parametrize(("replaced", "expected"), REPLACED.values(), ids=REPLACED)
def test_a_grant_that_was_replaced_is_judged_anew(open_seal: Open, replaced: Grant, expected: str) -> None:
    before = a_grant(fields=["name", "unit"] if expected == "not_granted" else ["name", "sex"])
    seal = open_seal(before)
    ask(seal, a_plain())

    seal.know(told_of(replaced, serial=2))

    assert told(ask(seal, a_plain())) == [expected]


def test_a_grant_that_was_withdrawn_seals_nothing(open_seal: Open) -> None:
    seal = open_seal(a_grant())
    assert told(ask(seal, a_plain())) == ["sealed"]

    seal.know(told_of())

    assert seal.units(GENERATION, "G-1") == frozenset()


def test_generations_do_not_share_subjects_but_links(open_seal: Open) -> None:
    seal = open_seal(a_grant())
    (one,), (two,) = (ask(seal, a_plain(), generation=name) for name in ("g1", "g2"))

    assert isinstance(one, Question)
    assert isinstance(two, Question)
    assert one.link == two.link
    assert one.subject != two.subject


def test_many_generations_in_turn_are_all_answered(open_seal: Open) -> None:
    seal = open_seal(a_grant())
    names = [f"g{number}" for number in range(10)] * 2

    subjects = {
        item.subject for name in names for item in ask(seal, a_plain(), generation=name) if isinstance(item, Question)
    }

    assert len(subjects) == 10


def test_a_seal_out_of_order_is_unavailable(open_seal: Open, tmp_path: Path) -> None:
    seal = open_seal(a_grant())
    if isinstance(seal, DeskSeal):
        seal.broken = True
    else:
        seal = SealClient(tmp_path / "nobody.sock")

    with pytest.raises(UnavailableError):
        ask(seal, a_plain())
    with pytest.raises(UnavailableError):
        seal.units(GENERATION, "G-1") if isinstance(seal, DeskSeal) else seal.is_alive()
