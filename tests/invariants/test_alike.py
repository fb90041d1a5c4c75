"""Promise 6, alike: not in the register, out of scope, not at that date, the wrong name, not on the list of a closed
grant, a decoy, and somebody of whom too much was asked are one answer: one status, one shape and length, one price, one
entry. (How long each takes: `bidui bench`.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import pytest
from sqlalchemy import Select, select

from adapters.keys.files import read_x25519
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.tables import answer, budget_day, seen_subject
from audit.entry import decode
from ops.demo.person import Person
from ops.demo.staging import CUSTODIANS
from ops.sync.decoys.keeping import lists, read_list
from policies.identifiers import id_check_character
from tests.cohorts import commit_list
from tests.gateways import LENIENT
from tests.invariants.world import Claim, Told, World

CLAIMS: tuple[Claim, ...] = (("unit", "盟教育局"), ("person_status", "在职"), ("pay_amount", 5_000, "at_least"))
LONG_AGO = date(1960, 1, 4)
CLOSED: Mapping[str, object] = {"class": "closed"}


def others(world: World, person: Person) -> list[str]:
    """Everybody else."""
    return [each.id_number for each in world.people if each is not person][:50]


def nobody(world: World) -> str:
    """A number that is right and not in the register."""
    known = {each.id_number for each in world.people}
    candidates = (f"15990519800101{place:03}" for place in range(1000))
    return next(number for each in candidates if (number := each + id_check_character(each)) not in known)


@dataclass(frozen=True)
class Case:
    """What is changed of a question about somebody, and of the grant it is asked under."""

    question: Callable[[World], Mapping[str, object]] = lambda _: {}
    grant: Callable[[World, Person], Mapping[str, object]] = lambda _, __: {}
    listed: Callable[[World, Person], list[str]] | None = None
    """Of a closed grant, who is on its list."""
    before: Callable[[World, Person], None] = lambda _, __: None
    """What was asked before, under another grant of the same purpose."""

    def ask(self, world: World, person: Person, **further: object) -> tuple[str, Told]:
        """The number of a new grant, and what was told under it."""
        number = world.grant(**self.grant(world, person), **further)
        if self.listed:
            commit_list(world, number, self.listed(world, person))
        told = world.one(world.compare(world.body(person, *CLAIMS, grant=number, **self.question(world))))
        assert told.status == 200, told.body
        return number, told


def a_decoy(world: World) -> str:
    """A number of the list that the two custodians open."""
    folder = world.home.path / "data" / "sync"
    keys = [read_x25519(world.stage.path / "keys" / "people" / f"{name}.pem", None) for name in CUSTODIANS]
    return read_list(folder, lists(folder)[-1], keys).numbers[0]


def ask_too_much(world: World, person: Person) -> None:
    """So many units are asked that the next is one too many."""
    number = world.grant()
    asked = [("unit", f"某县第{nth}办公室") for nth in range(LENIENT.questions[-1])]
    world.ask(*(world.question(person, each, grant=number) for each in asked))


CASES: dict[str, Case] = {
    "not in the register": Case(lambda world: {"id": nobody(world)}),
    "the wrong name": Case(lambda _: {"name": "金丝雀"}),
    "out of scope": Case(grant=lambda world, person: {"scope": [world.unit_without(person)]}),
    "out of scope and the wrong name": Case(
        lambda _: {"name": "金丝雀"}, lambda world, person: {"scope": [world.unit_without(person)]}
    ),
    "on no list": Case(grant=lambda _, __: CLOSED),
    "not on the list": Case(grant=lambda _, __: CLOSED, listed=others),
    "neither on the list nor in the register": Case(lambda world: {"id": nobody(world)}, lambda _, __: CLOSED, others),
    "on the list, and not in the register": Case(
        lambda world: {"id": nobody(world)}, lambda _, __: CLOSED, lambda world, _: [nobody(world)]
    ),
    "a decoy": Case(lambda world: {"id": a_decoy(world)}),
    "a decoy out of scope": Case(
        lambda world: {"id": a_decoy(world)}, lambda world, person: {"scope": [world.unit_without(person)]}
    ),
    "asked too much of": Case(before=ask_too_much),
    "not at that date": Case(lambda _: {"as_of": str(LONG_AGO)}, lambda _, __: {"reference_dates": [LONG_AGO]}),
}


NOBODY = {
    "not in the register",
    "not at that date",
    "on the list, and not in the register",
    "a decoy",
    "a decoy out of scope",
}
"""Whom the right to know tells from the others."""
PLACES = dict(zip(CASES, range(100, 200), strict=False))
"""For each case somebody about whom nobody else asks, and always alike: many questions would change the answer."""


@dataclass(frozen=True)
class Trace:
    """Everything that one question left behind, as far as its form may tell it from another."""

    status: int
    headers: tuple[str, ...]
    codes: tuple[object, object]
    answer: object
    entry: object
    disclosed_bytes: int
    kept_bytes: int
    price: tuple[int, ...]


@pytest.fixture(scope="module")
def traces(worlds: dict[str, World]) -> dict[str, dict[str, Trace]]:
    """What each case left, on each engine."""
    return {
        engine: {name: trace(world, case, PLACES[name]) for name, case in CASES.items()}
        for engine, world in worlds.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_who_is_not_confirmed_is_so_in_one_way(world: World, traces: dict[str, dict[str, Trace]], name: str) -> None:
    assert traces[world.engine][name] == traces[world.engine]["not in the register"]


def test_the_price_is_that_of_somebody_who_is_there(world: World, traces: dict[str, dict[str, Trace]]) -> None:
    """What is told of them differs; so a trace is known to hold what would differ."""
    here, gone = trace(world, Case(), 0), traces[world.engine]["not in the register"]

    assert here.price == gone.price == (1, 1, 1)
    assert (here.disclosed_bytes, here.kept_bytes, here.headers) == (
        gone.disclosed_bytes,
        gone.kept_bytes,
        gone.headers,
    )
    assert here.codes != gone.codes
    assert here.entry != gone.entry


def test_engines_leave_the_same_traces(traces: dict[str, dict[str, Trace]]) -> None:
    assert traces["sqlite"] == traces["postgresql"]


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES)
def test_with_the_right_to_know_only_who_is_absent_is_told_apart(world: World, name: str, case: Case) -> None:
    person = world.plain_person(PLACES[name])
    case.before(world, person)
    _, told = case.ask(world, person, tells_not_found=True)

    absent = name in NOBODY
    assert told.codes[0] == ("not_found" if absent else "not_confirmed")


def trace(world: World, case: Case, place: int) -> Trace:
    """Asks under a grant of its own, and reads what is left of it."""
    person = world.plain_person(place)
    case.before(world, person)
    before = kept_answers(world)
    number, told = case.ask(world, person)
    entry, disclosed = stored(world, told)
    (kept,) = [size for name, size in kept_answers(world).items() if name not in before]
    return Trace(
        status=told.status,
        headers=tuple(name for name, _ in told.headers),
        codes=told.codes,
        answer=form_of(told.json),
        entry=form_of(entry),
        disclosed_bytes=disclosed,
        kept_bytes=kept - len(told.body),
        price=price_of(world, number),
    )


def form_of(value: object) -> object:
    """A JSON value with every text as its length, but the codes as they are; numbers are numbers."""
    match value:
        case dict():
            members = cast("Mapping[str, object]", value)
            return {key: each if key in {"subject", "fields"} else form_of(each) for key, each in members.items()}
        case list():
            return [form_of(each) for each in cast("list[object]", value)]
        case str():
            return len(value)
        case _:
            return type(value).__name__


def stored(world: World, told: Told) -> tuple[object, int]:
    """The clear part of the entry, and the length of its disclosures."""
    index = cast("dict[str, dict[str, int]]", told.json["receipt"])["body"]["index"]
    reader = SqlLedgerReader.open(world.home.database_url(world.gateway.settings))
    try:
        (entry,) = reader.entries(index, index + 1)
        ((_, disclosures),) = reader.disclosures(index, index + 1)
    finally:
        reader.close()
    return decode(entry), len(disclosures)


def kept_answers(world: World) -> dict[bytes, int]:
    """The answers kept for repeats, and how long each is."""
    rows = select_from(world, select(answer.c.name, answer.c.answer))
    return {bytes(cast("bytes", name)): len(cast("bytes", content)) for name, content in rows}


def price_of(world: World, number: str) -> tuple[int, ...]:
    """Subjects and comparisons that a grant has used, and how many links are kept for it."""
    used = select(budget_day.c.subjects, budget_day.c.comparisons).where(budget_day.c.granted == number)
    seen = select(seen_subject.c.link).where(seen_subject.c.granted == number)
    ((subjects, comparisons),) = select_from(world, used)
    return cast("int", subjects), cast("int", comparisons), len(select_from(world, seen))


def select_from(world: World, statement: Select[Any]) -> list[tuple[object, ...]]:
    """Rows of the control database."""
    engine = open_engine(world.home.database_url(world.gateway.settings))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(statement)]
    finally:
        engine.dispose()
