"""Decoys are drawn by a fair sample of persons, where the register has people and where it has few."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date
from hashlib import sha256
from random import Random
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.seal import END_OF_DAYS, Facts
from ops.demo.numbers import with_check
from ops.sync.decoys import donors as sampling
from ops.sync.decoys.donors import WHOLE, Donors, Row, Sampler
from ops.sync.decoys.drawing import NEAR_DAYS, Dice, Model, Person, person_of
from ops.sync.decoys.dressing import Wardrobe
from policies.catalogue import load_catalogue
from policies.identifiers import parse_id_number

CATALOGUE = load_catalogue()
VALUES = {"name": "王伟", "sex": "男", "birth_date": "1970-01-01", "birth_month": "1970-01", "post": "科员"}


def key_of(n: int) -> bytes:
    return sha256(str(n).encode()).digest()[:16]


def a_number(region: int = 1, born: date = date(1980, 5, 1), code: int = 1) -> str:
    return with_check(f"1598{region:02}{born:%Y%m%d}{code:03}")


def a_facts(first: int = 0, after: int = END_OF_DAYS, *, main: bool = True, **values: str) -> Facts:
    return Facts(values=VALUES | values, effective=(first, after), units=("L01", "L"), main=main)


def a_donor(n: int, number: str = "", *facts: Facts) -> list[Row]:
    return [Row(key_of(n), number or a_number(code=n % 999 + 1), each) for each in facts or (a_facts(),)]


# ------------------------------------------------------------------------------------------------------ the sample


def test_of_few_persons_all_are_sampled() -> None:
    sampler = Sampler()

    assert all(sampler.takes(key_of(n)) for n in range(sampling.ENOUGH))
    assert sampler.bound == WHOLE


def test_a_sample_of_many_is_bounded_fair_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "ENOUGH", 100)
    samplers, donors = [Sampler(), Sampler()], Donors()
    order = [n for n in range(5_000) for _ in range(2)]
    Random(7).shuffle(order)
    for turn, n in enumerate(order):
        sampler = samplers[turn % 2]
        rows = a_donor(n, "", a_facts(turn, turn + 1)) if sampler.takes(key_of(n)) else []
        donors.take(rows, sampler.bound)

    # Nobody is half sampled: the rows of a person went to either sampler, in any order.
    found = Counter(row.key for donor in donors.people() for row in donor)
    assert set(found.values()) == {2}
    assert 40 < len(donors._rows) < 1_500
    assert donors.persons() == pytest.approx(5_000, rel=0.4)


def test_who_contradicts_themself_is_no_donor() -> None:
    donors = Donors()
    donors.take(a_donor(1, "", a_facts(0, 100), a_facts(50, 200)), WHOLE)
    donors.take(a_donor(2, "", a_facts(0, 100), a_facts(100, 200), a_facts(50, 150, main=False)), WHOLE)

    assert [donor[0].key for donor in donors.people()] == [key_of(2)]
    assert donors.persons() == 2


def test_a_sample_shows_itself_to_nobody() -> None:
    donors = Donors()
    donors.take(a_donor(1), WHOLE)

    assert "1598" not in repr(donors) + repr(a_donor(1))
    assert "王伟" not in repr(a_donor(1))


# ------------------------------------------------------------------------------------------------------ the numbers

births = st.dates(date(1950, 1, 1), date(2005, 12, 31))
registers = st.lists(
    st.builds(a_number, st.integers(1, 20), births, st.integers(1, 999)), min_size=1, max_size=40, unique=True
)


@given(register=registers, count=st.integers(0, 30), seed=st.binary(min_size=1, max_size=8))
@settings(max_examples=60)
def test_whatever_the_register_decoys_are_numbers_and_nobodys(register: list[str], count: int, seed: bytes) -> None:
    drawn = Model(register, Dice(Random(seed).randbytes)).draw(count)

    assert len(drawn) == len(set(drawn)) == count
    assert set(register).isdisjoint(drawn)
    assert all(parse_id_number(number) == number for number in drawn)
    regions, days = {number[:6] for number in register}, [person_of(number).born for number in register]
    assert {number[:6] for number in drawn} <= regions
    assert all(min(days) <= person_of(number).born <= max(days) for number in drawn)


def test_most_crowd_where_the_register_does_and_some_lie_where_it_has_few() -> None:
    dice = Random(3)
    crowded = [a_number(1, date.fromordinal(dice.randint(719_000, 722_000)), dice.randint(1, 40)) for _ in range(900)]
    thin = [a_number(2, date.fromordinal(dice.randint(719_000, 722_000)), dice.randint(1, 40)) for _ in range(20)]
    register = [*crowded, *thin]

    drawn = Model(register, Dice(Random(4).randbytes)).draw(1_000)

    shares = Counter(number[4:6] for number in drawn)
    assert 0.83 < shares["01"] / 1_000 < 0.93, "nine in ten lie where the people are, one in ten where they are not"
    low_codes = mean(int(number[14:17]) <= 40 for number in drawn)
    assert 0.75 < low_codes < 0.88
    births = {number[:6]: set[int]() for number in register}
    for number in register:
        births[number[:6]].add(person_of(number).born.toordinal())
    near = [
        any(abs(person_of(number).born.toordinal() - born) <= NEAR_DAYS for born in births[number[:6]])
        for number in drawn
    ]
    assert mean(near) > 0.8


def test_full_cells_end_the_drawing() -> None:
    register = [a_number(code=code) for code in range(1, 1_000)]

    assert Model(register, Dice(os.urandom)).draw(5) == []


def test_chance_that_says_nothing_ends_too() -> None:
    assert len(Model([a_number()], Dice(bytes)).draw(5)) <= 5


def test_the_same_chance_draws_the_same() -> None:
    register = [a_number(code=code) for code in range(1, 50)]
    one, two = (Model(register, Dice(Random(9).randbytes)).draw(10) for _ in range(2))

    assert one == two != Model(register, Dice(Random(8).randbytes)).draw(10)


# ------------------------------------------------------------------------------------------------------ the records


def dressed(decoy: Person, *donors: list[Row]) -> list[Facts]:
    return list(Wardrobe(donors, CATALOGUE, Dice(os.urandom)).dress(decoy))


def test_a_record_says_what_the_number_says_and_the_rest_is_a_donors() -> None:
    donor = a_donor(1, "", a_facts(0, 100), a_facts(100, 200, post="主任"))

    first, second = dressed(Person(date(1981, 2, 3), male=False), donor)

    assert first.values == VALUES | {
        "sex": CATALOGUE.fields["sex"].normalise("女"),
        "birth_date": "1981-02-03",
        "birth_month": "1981-02",
    }
    assert (first.effective, second.effective, second.values["post"]) == ((0, 100), (100, 200), "主任")
    assert first.units == ("L01", "L")


def test_what_a_donor_leaves_out_stays_out() -> None:
    donor = a_donor(1, "", Facts(values={"name": "王伟"}))

    assert dressed(Person(date(1981, 2, 3), male=False), donor)[0].values == {"name": "王伟"}


def test_names_are_of_the_same_sex_and_the_same_years() -> None:
    men = [a_donor(n, a_number(born=date(1980, 1, 1 + n), code=1), a_facts(name=f"男{n}")) for n in range(28)]
    women = [a_donor(n, a_number(born=date(1980, 1, 1 + n), code=2), a_facts(name=f"女{n}")) for n in range(20, 28)]
    old = [a_donor(n, a_number(born=date(1950, 1, 1), code=2), a_facts(name="老")) for n in range(40, 200)]

    names = {dressed(Person(date(1980, 1, 27), male=False), *men, *women, *old)[0].values["name"] for _ in range(60)}

    assert {name[0] for name in names} == {"女"}
    assert len(names) > 3
