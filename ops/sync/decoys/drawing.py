"""Numbers of decoys: where the register has its people, and some where it has few.

Most lie in a region and near a birthday that a person of the sample has, with a sequence number of somebody's of the
same region, so that they crowd where the register crowds. One in five is spread evenly over the regions, the years
and the sequence numbers: whoever tries one number after the other meets those.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from random import Random
from typing import NamedTuple

from gateway.seal import Entropy
from policies.identifiers import id_check_character

SPARSE = 0.2
NEAR_DAYS = 15
_LAST_CODE = 999
_TRIES = 30


class Dice(Random):
    """Chance from the entropy that sync is given; a test can give its own."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        super().__init__()

    def random(self) -> float:
        return (int.from_bytes(self._entropy(7), "big") >> 3) * 2.0**-53

    def getrandbits(self, k: int, /) -> int:
        size = (k + 7) // 8
        return int.from_bytes(self._entropy(size), "big") >> (size * 8 - k)

    def seed(self, *_: object, **__: object) -> None:
        """Does nothing."""


class Person(NamedTuple):
    """What a number says of whom it was given to."""

    born: date
    male: bool


def person_of(number: str) -> Person:
    """Birthday and sex, as the number has them."""
    born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    return Person(born, male=int(number[16]) % 2 == 1)


class Model:
    """Draws numbers like those of a sample, and never one of them. The sample must not be empty."""

    def __init__(self, numbers: Sequence[str], dice: Dice) -> None:
        self._numbers = sorted(set(numbers))
        self._dice = dice
        self._codes: defaultdict[str, list[str]] = defaultdict(list)
        for number in self._numbers:
            self._codes[number[:6]].append(number[14:17])
        self._regions = sorted(self._codes)
        days = [person_of(number).born.toordinal() for number in self._numbers]
        self._first, self._last = min(days), max(days)

    def draw(self, count: int) -> list[str]:
        """As many different numbers; fewer where the sample's cells are full."""
        drawn: set[str] = set()
        for _ in range(_TRIES * count):
            if len(drawn) == count:
                break
            number = self._sparse() if self._dice.random() < SPARSE else self._crowded()
            if not self._is_sampled(number):
                drawn.add(number)
        return sorted(drawn)

    def _crowded(self) -> str:
        near = self._dice.choice(self._numbers)
        region = near[:6]
        day = person_of(near).born.toordinal() + self._dice.randint(-NEAR_DAYS, NEAR_DAYS)
        return _number(region, min(max(day, self._first), self._last), self._dice.choice(self._codes[region]))

    def _sparse(self) -> str:
        day = self._dice.randint(self._first, self._last)
        return _number(self._dice.choice(self._regions), day, f"{self._dice.randint(1, _LAST_CODE):03}")

    def _is_sampled(self, number: str) -> bool:
        found = bisect_left(self._numbers, number)
        return found < len(self._numbers) and self._numbers[found] == number


def _number(region: str, day: int, code: str) -> str:
    first17 = f"{region}{date.fromordinal(day):%Y%m%d}{code}"
    return first17 + id_check_character(first17)
