"""What is sealed of a decoy: the records of a person born about the same time, under another name and birthday."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from gateway.seal import Facts
from ops.sync.decoys.donors import Donor
from ops.sync.decoys.drawing import Dice, Person, person_of
from policies.catalogue import Catalogue

NEIGHBOURS = 25
"""Persons of the sample on either side of a birthday, among whom a decoy's records and name are looked for."""
_NAME = "name"
_SEX = {True: "男", False: "女"}


class Wardrobe:
    """The sample of this sync, by birthday. Units, posts, periods and gaps of a decoy are those of one person of it."""

    def __init__(self, donors: Sequence[Donor], catalogue: Catalogue, dice: Dice) -> None:
        self._catalogue = catalogue
        self._dice = dice
        born = [(person_of(donor[0].number), donor) for donor in donors]
        self._donors = sorted(born, key=lambda pair: (pair[0].born, pair[1][0].key))
        self._days = [person.born for person, _ in self._donors]

    def dress(self, decoy: Person) -> Iterator[Facts]:
        """The facts of each of its records."""
        near = self._near(decoy.born)
        same_sex = [donor for person, donor in near if person.male == decoy.male]
        name = self._dice.choice(same_sex or [donor for _, donor in near])[0].facts.values.get(_NAME)
        _, donor = self._dice.choice(near)
        for row in donor:
            yield replace(row.facts, values=self._fitted(row.facts, decoy, name))

    def _near(self, born: date) -> list[tuple[Person, Donor]]:
        place = bisect_left(self._days, born)
        return self._donors[max(place - NEIGHBOURS, 0) : place + NEIGHBOURS]

    def _fitted(self, facts: Facts, decoy: Person, name: str | None) -> dict[str, str]:
        """What the number says must be what the record says; what the donor leaves out stays out."""
        told: dict[str, object] = {"sex": _SEX[decoy.male], "birth_date": decoy.born, "birth_month": decoy.born}
        fields = self._catalogue.fields
        values = dict(facts.values)
        values |= {key: fields[key].normalise(raw) for key, raw in told.items() if key in values}
        return values | ({_NAME: name} if name is not None else {})
