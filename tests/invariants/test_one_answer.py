"""Promise 12, one_answer: alone, among others in a turn, on SQLite and on PostgreSQL, the same question gets the same
codes; and they are the ones that the register gives to whoever may read it (`tests/invariants/register.py`).

Files, DuckDB and Spark join when they exist: a way is a line of `WAYS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.grant import local_day
from ops.demo.person import Person
from ops.demo.staging import DEPARTMENTS, Department
from ops.prove.homes import add_grant
from policies.catalogue import load_catalogue
from tests.invariants.register import Register
from tests.invariants.world import NOW, Asking, Told, World

CATALOGUE = load_catalogue()
PEOPLE = 300
TODAY = local_day(NOW)
NUMBER = "ONE-{code}-1"


@dataclass(frozen=True)
class Question:
    """One comparison of somebody of the league: by whom, under which name, with which claims."""

    place: int
    department: Department
    name: str
    claims: tuple[tuple[str, object, str], ...]

    def asking(self, world: World) -> Asking:
        number = NUMBER.format(code=self.department.code)
        person = world.people[self.place]
        return world.question(person, *self.claims, department=self.department, name=self.name, grant=number)


@dataclass(frozen=True)
class Codes:
    """What was told."""

    subject: str
    fields: Mapping[str, str]

    @classmethod
    def of(cls, told: Told) -> Codes:
        return cls(str(told.json["subject"]), cast("Mapping[str, str]", told.json["fields"]))

    def agrees_with(self, subject: str, fields: Mapping[str, str]) -> bool:
        """Whether the register says the same, apart from fields without a right."""
        may = {field: code for field, code in self.fields.items() if code != "not_authorised"}
        return self.subject == subject and all(code == fields[field] for field, code in may.items())


def alone(world: World, questions: Sequence[Question]) -> list[Codes]:
    return [Codes.of(world.one(each.asking(world))) for each in questions]


def in_one_turn(world: World, questions: Sequence[Question]) -> list[Codes]:
    return [Codes.of(told) for told in world.ask(*(each.asking(world) for each in questions))]


WAYS: dict[str, Callable[[World, Sequence[Question]], list[Codes]]] = {"alone": alone, "in one turn": in_one_turn}


@pytest.fixture(scope="module")
def register(worlds: dict[str, World]) -> Register:
    """As it is now; another test may have given both worlds a day's work in the office."""
    return Register(worlds["sqlite"].home.path / "source" / "register.sqlite")


@pytest.fixture(scope="module")
def granted(worlds: dict[str, World]) -> dict[str, World]:
    """The worlds, with grants of every department that no limit cuts short."""
    for world in worlds.values():
        for department in DEPARTMENTS:
            with world.now():
                add_grant(world.home, NUMBER.format(code=department.code), world.stage, department)
    return worlds


@given(data=st.data())
def test_every_way_gives_the_answer_of_the_register(
    granted: dict[str, World], register: Register, data: st.DataObject
) -> None:
    people = granted["sqlite"].people
    questions = [a_question(data, register, people) for _ in range(data.draw(st.integers(1, 6)))]

    first, *others = [way(world, questions) for world in granted.values() for way in WAYS.values()]

    assert others == [first] * len(others)
    for question, told in zip(questions, first, strict=True):
        number = people[question.place].number
        assert told.agrees_with(*register.answer(number, TODAY, question.name, question.claims)), question


def test_everybody_with_their_own_values_agrees_with_themselves(granted: dict[str, World], register: Register) -> None:
    """The whole league, each under the department that may ask most of it."""
    world, department = granted["sqlite"], DEPARTMENTS[0]
    for start in range(0, PEOPLE, 50):
        questions = [own_values(place, department, register, world.people) for place in range(start, start + 50)]
        for question, told in zip(questions, in_one_turn(world, questions), strict=True):
            number = world.people[question.place].number
            assert told.agrees_with(*register.answer(number, TODAY, question.name, question.claims))


def own_values(place: int, department: Department, register: Register, people: Sequence[Person]) -> Question:
    """What the first record of somebody says."""
    held = register.records[people[place].number][0].values
    claims = [(field, held[field], "equals") for field in department.fields if field != "name" and held.get(field)]
    return Question(place, department, people[place].name, tuple(claims) or (("person_status", "在职", "equals"),))


def a_question(data: st.DataObject, register: Register, people: Sequence[Person]) -> Question:
    """A question whose name and values are somebody's: mostly of the person asked about, so that much agrees."""
    department = data.draw(st.sampled_from(DEPARTMENTS))
    place = data.draw(st.integers(0, PEOPLE - 1))
    mostly = st.just(place) | st.just(place) | st.integers(0, PEOPLE - 1)
    fields = data.draw(st.lists(st.sampled_from(department.fields[1:]), min_size=1, max_size=6, unique=True))
    claims = []
    for field in fields:
        record = data.draw(st.sampled_from(register.records[people[data.draw(mostly)].number]))
        if (value := record.values[field]) is not None:
            claims.append((field, value, data.draw(st.sampled_from(sorted(CATALOGUE.fields[field].comparators)))))
    name = people[data.draw(mostly)].name
    return Question(place, department, name, tuple(claims) or (("person_status", "在职", "equals"),))
