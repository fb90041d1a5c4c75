"""The union of misses: who guesses together is seen together, and nobody else is named."""

from __future__ import annotations

import pytest

from gateway.domain.grant import Grant
from gateway.domain.incident import Detector
from gateway.domain.tally import Tally
from gateway.watch.pooling import pool
from gateway.watch.thresholds import DEFAULTS, Thresholds
from gateway.watch.unions import unions
from tests.make import a_grant

LIMITS = Thresholds()


def grants(count: int, **members: object) -> dict[str, Grant]:
    made = [a_grant(**({"number": f"G-{place}", "class": "open", "hit_rate": 99} | members)) for place in range(count)]
    return {each.number: each for each in made}


def tallies(*counts: tuple[int, int]) -> dict[str, Tally]:
    """New subjects and unknown ones of each."""
    return {f"G-{place}": Tally(firsts=firsts, missed=missed) for place, (firsts, missed) in enumerate(counts)}


TEN = [(9, 3)] * 10


def test_ten_that_guess_a_little_are_one_that_guesses() -> None:
    found = pool(tallies(*TEN), grants(10), frozenset(), LIMITS)

    assert found.union is not None
    assert found.union.detector is Detector.UNION_MISS
    assert found.union.observed == 30
    assert found.union.expected == pytest.approx(0.03 * 90)
    assert len(found.union.grants) == 10
    assert set(found.tallies.values()) == {Tally()}, "what was judged is judged"


def test_an_honest_part_is_not_named_and_goes_on_counting() -> None:
    honest = (60, 1)

    found = pool(tallies(*TEN, honest), grants(11), frozenset(), LIMITS)

    assert found.union is not None
    assert "G-10" not in found.union.grants
    assert found.tallies["G-10"] == Tally(firsts=60, missed=1)


def test_one_typing_error_beside_two_who_guess_is_nobodys_part() -> None:
    """Or anybody could have an honest partner held by giving it one wrong number to ask about."""
    tallies = {"A": Tally(firsts=3, missed=3), "B": Tally(firsts=3, missed=3), "H": Tally(firsts=1, missed=1)}
    grants = {name: a_grant(**{"number": name, "class": "open", "hit_rate": 99}) for name in tallies}

    found = pool(tallies, grants, frozenset(), DEFAULTS).union

    assert found is not None
    assert found.grants == ("A", "B")


def test_one_unknown_number_in_somebody_elses_cell_is_nobodys_part() -> None:
    (found,) = unions({b"c" * 16: {"A": 3, "H": 1}}, {}, 12, DEFAULTS)

    assert found.grants == ("A",)


def test_whoever_declared_more_unknown_people_may_have_them() -> None:
    assert pool(tallies(*TEN), grants(10, hit_rate=85), frozenset(), LIMITS).union is None


def test_one_alone_is_judged_by_its_own_test() -> None:
    found = pool(tallies((20, 12), (9, 0)), grants(2), frozenset(), LIMITS)

    assert found.score > LIMITS.alarm
    assert found.union is None


def test_good_behaviour_earns_no_credit() -> None:
    honest = pool(tallies(*[(400, 1)] * 10), grants(10), frozenset(), LIMITS)

    assert (honest.score, honest.union) == (0.0, None)
    assert set(honest.tallies.values()) == {Tally()}, "it begins anew, however good they were"


def test_who_is_stopped_already_has_done_his_part() -> None:
    found = pool(tallies(*TEN), grants(10), frozenset(f"G-{place}" for place in range(8)), LIMITS)

    assert found.union is None
    assert found.tallies["G-0"] == Tally()
    assert found.tallies["G-9"] == Tally(firsts=9, missed=3)


def test_what_several_did_together_need_not_be_anybodys() -> None:
    """Of so many small parts none is rare by itself, so nobody is accused before somebody's is."""
    found = pool(tallies(*[(6, 1)] * 60), grants(60), frozenset(), LIMITS)
    later = pool(tallies(*[(24, 4)] * 60), grants(60), frozenset(), LIMITS)

    assert found.score > LIMITS.alarm
    assert found.union is None
    assert later.union is not None
    assert len(later.union.grants) == 60
