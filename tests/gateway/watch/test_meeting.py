"""Whom many meet at: counted by partner, not by grant, and the same question is one whoever puts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.domain.grant import Grant
from gateway.ports import Asked, Seen
from gateway.watch.accounts import purpose_account
from gateway.watch.circle import Circle
from gateway.watch.meeting import asked_too_much, fanned_in
from gateway.watch.questions import Asked as Field
from gateway.watch.questions import add, contradicted
from gateway.watch.sketches import Sketch
from gateway.watch.thresholds import Thresholds
from tests.make import a_grant

LIMITS = Thresholds()
TODAY = 739_797
LINK = b"l" * 16
PARTNERS = [f"partner-{place}" for place in range(8)]


def grants(partners: list[str]) -> dict[str, Grant]:
    made = [
        a_grant(**{"number": f"G-{place}", "partner": each, "class": "open"}) for place, each in enumerate(partners)
    ]
    return {each.number: each for each in made}


def seen(count: int, day: int = TODAY) -> list[Seen]:
    return [Seen(f"G-{place}", LINK, day) for place in range(count)]


def test_five_partners_within_seven_days_are_many() -> None:
    (met,) = fanned_in(seen(5), grants(PARTNERS), TODAY, LIMITS)

    assert (met.observed, met.expected) == (5, 4)
    assert met.grants == ("G-0", "G-1", "G-2", "G-3", "G-4")
    assert not list(fanned_in(seen(4), grants(PARTNERS), TODAY, LIMITS))


def test_who_asked_a_week_ago_is_not_counted() -> None:
    rows = [*seen(4), Seen("G-4", LINK, TODAY - 7)]

    assert not list(fanned_in(rows, grants(PARTNERS), TODAY, LIMITS))
    assert list(fanned_in([*seen(4), Seen("G-4", LINK, TODAY - 6)], grants(PARTNERS), TODAY, LIMITS))


def test_one_partner_with_many_grants_is_one() -> None:
    assert not list(fanned_in(seen(8), grants(["hr"] * 4 + ["tax"] * 4), TODAY, LIMITS))


def kept(*tokens: int, day: int = TODAY) -> bytes:
    found = b""
    for token in tokens:
        found, _ = add(found, day, [(Field("rank", 99, is_small=False), token)], 99)
    return found


def asked(*rows: bytes, partners: list[str] = PARTNERS) -> list[Asked]:
    made = list(grants(partners).values())
    accounts = list(dict.fromkeys(purpose_account(each.partner, each.purpose) for each in made))
    return [Asked(account, LINK, row) for account, row in zip(accounts, rows, strict=False)]


def test_different_questions_of_several_add_up() -> None:
    (met,) = asked_too_much(asked(kept(1, 2), kept(3, 4)), grants(PARTNERS), TODAY, LIMITS)

    assert (met.observed, met.expected) == (3, 2)
    assert met.grants == ("G-0", "G-1")


def test_the_same_question_of_several_is_one() -> None:
    rows = asked(*[kept(7)] * 8)

    assert not list(asked_too_much(rows, grants(PARTNERS), TODAY, LIMITS))


def test_what_one_partner_may_ask_is_its_own_affair() -> None:
    """Each purpose of a partner has limits of its own; these are told in the line."""
    assert not list(asked_too_much(asked(kept(1, 2, 3, 4, 5)), grants(PARTNERS), TODAY, LIMITS))


def test_a_contradiction_that_is_kept_beside_questions_is_none_of_them() -> None:
    rows = asked(contradicted(kept(1, 2), TODAY), contradicted(kept(3), TODAY))

    assert not list(asked_too_much(rows, grants(PARTNERS), TODAY, LIMITS))


def test_questions_of_a_window_ago_are_forgotten() -> None:
    rows = asked(kept(1, 2, day=TODAY - 30), kept(3, 4))

    assert not list(asked_too_much(rows, grants(PARTNERS), TODAY, LIMITS))


def test_a_circle_takes_an_hour_and_a_clock_that_steps_back_stops_it() -> None:
    circle, start = Circle(), datetime(2026, 11, 20, tzinfo=UTC)

    assert circle.spans(start) == []
    assert sum(len(circle.spans(start + timedelta(seconds=15 * n))) for n in range(1, 257)) == 256
    assert circle.spans(start) == []
    assert circle.spans(start + timedelta(seconds=1)) == []
    assert len(circle.spans(start + timedelta(days=9))) == 256, "once round, however long nobody swept"


def test_sketches_know_what_is_in_both() -> None:
    def links(first: int, last: int) -> Sketch:
        sketch = Sketch()
        for number in range(first, last):
            sketch.add(number.to_bytes(8, "big") * 2)
        return sketch

    small, other, large = links(0, 300), links(250, 700), links(0, 20_000)
    assert (small.size, other.size, small.common(other)) == (300, 450, 50), "exact while they are small"
    assert 19_000 < large.size < 21_000
    assert 180 < small.common(large) <= 300, "at least so many"
