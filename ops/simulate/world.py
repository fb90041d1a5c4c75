"""The published world: persons, organisations and id numbers, drawn from a seed.

A million persons work in 2,000 organisations of very unlike size in 120 regions. Their numbers crowd: few regions hold
many of them, and within a cell (region and birth day) low sequences come first. That is what makes guessing pay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ops.simulate.fields import FIELDS, GIVEN, SURNAMES, UNIT, Values, values_of
from ops.simulate.numbers import BIRTH_DAYS, REGIONS, SEQUENCES, Floats, Ints, keys_of
from policies.catalogue import load_catalogue

PERSONS, ORGANISATIONS = 1_000_000, 2_000
_MEDIAN_STAFF, _MOST_STAFF, _SPREAD = 185, 13_300, 1.41
DECOYS = 0.005
"""Share of the register."""
_BORN_HERE = 0.7
"""Share of the staff whose number names the region of their organisation."""
_CODE_SCALE = 280.0
_FIRST_ADULT_AGE, _EPOCH_AGE = 22, 82
"""At the beginning of the simulated year the oldest birth day of the world lies 82 years back."""
_SHARES: tuple[tuple[float, ...], ...] = (
    (0.88, 0.05, 0.03, 0.015),
    (0.46, 0.31, 0.12, 0.06, 0.03, 0.02),
    (0.02, 0.03, 0.05, 0.07, 0.1, 0.1, 0.13, 0.15, 0.15, 0.1, 0.05, 0.03, 0.02),
    (0.004, 0.01, 0.03, 0.05, 0.1, 0.26, 0.2, 0.14, 0.08, 0.05, 0.04),
    (0.38, 0.02, 0.09, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.42),
)
"""How often the first values of the coded fields occur; what is left is spread over the others."""


@dataclass(frozen=True, eq=False)
class World:
    """A register by columns; persons go by their place in it. `keys` ascend."""

    seed: int
    keys: Ints
    names: Ints
    codes: Ints
    """A row a person, a column a field of `ops.simulate.fields.FIELDS`."""
    regions: Ints
    """The region in which each organisation lies."""
    region_shares: Floats
    values: Values
    decoys: Ints
    """Numbers that are nobody's, drawn like those of the register."""

    @property
    def size(self) -> int:
        return len(self.keys)

    def persons_of(self, keys: Ints) -> Ints:
        """The person of each number, -1 where there is none."""
        places = np.minimum(np.searchsorted(self.keys, keys), self.size - 1)
        return np.where(self.keys[places] == keys, places, -1)

    def staff(self, organisation: int) -> Ints:
        """The persons of an organisation."""
        return np.flatnonzero(self.codes[:, UNIT] == organisation)

    def staff_sizes(self) -> Ints:
        """How many persons each organisation has."""
        return np.bincount(self.codes[:, UNIT], minlength=len(self.regions))

    def unregistered(self, rng: Generator, count: int) -> Ints:
        """Valid numbers that are not in the register, as people at large have them."""
        drawn = _draw(rng, self.region_shares, count)
        taken = self.persons_of(drawn) >= 0
        while taken.any():
            drawn[taken] = _draw(rng, self.region_shares, int(taken.sum()))
            taken = self.persons_of(drawn) >= 0
        return drawn


def build(seed: int, persons: int = PERSONS, organisations: int = ORGANISATIONS) -> World:
    """The world of a seed: the same columns, byte for byte, each time."""
    rng = np.random.default_rng([seed, 1])
    values = values_of(load_catalogue(), organisations)
    shares = _falling(REGIONS, 7)
    regions = rng.choice(REGIONS, organisations, p=shares)
    units = _employ(rng, persons, organisations)
    keys = _distinct_keys(rng, regions[units], shares)
    order = np.argsort(keys)
    decoys = _decoys(np.random.default_rng([seed, 5]), keys[order], regions[units], shares)
    codes = np.stack([units, *(_coded(rng, place, values, persons) for place in range(1, len(FIELDS)))], axis=1)
    return World(seed, keys[order], _names(rng, persons), codes[order], regions, shares, values, decoys)


def sequences(rng: Generator, count: int) -> Ints:
    """Sequence codes as they are given out: low ones first."""
    drawn = rng.exponential(_CODE_SCALE, count)
    return (drawn % SEQUENCES).astype(np.int64)


def births(rng: Generator, count: int) -> Ints:
    """Birth days: working ages crowd the middle."""
    ages = _FIRST_ADULT_AGE + (_EPOCH_AGE - _FIRST_ADULT_AGE) * rng.beta(1.55, 2.3, count)
    return np.clip(((_EPOCH_AGE - ages) * 365.25).astype(np.int64), 0, BIRTH_DAYS - 1)


def _employ(rng: Generator, persons: int, organisations: int) -> Ints:
    """The organisation of each person."""
    sizes = np.minimum(_MEDIAN_STAFF * np.exp(_SPREAD * rng.standard_normal(organisations)), _MOST_STAFF)
    sizes = np.maximum(sizes, 3.0)
    return rng.choice(organisations, persons, p=sizes / sizes.sum())


def _distinct_keys(rng: Generator, homes: Ints, shares: Floats) -> Ints:
    """A number for each person; whoever drew a taken one draws again."""
    keys = np.full(len(homes), -1, dtype=np.int64)
    free = np.arange(len(homes))
    while len(free):
        elsewhere = rng.choice(REGIONS, len(free), p=shares)
        regions = np.where(rng.random(len(free)) < _BORN_HERE, homes[free], elsewhere)
        keys[free] = keys_of(regions, births(rng, len(free)), sequences(rng, len(free)))
        first = np.unique(keys, return_index=True)[1]
        free = np.setdiff1d(np.arange(len(keys)), first)
    return keys


def _decoys(rng: Generator, keys: Ints, homes: Ints, shares: Floats) -> Ints:
    """Numbers as people of the register might have them, and none has."""
    drawn = _distinct_keys(rng, rng.choice(homes, 2 * round(DECOYS * len(keys))), shares)
    places = np.minimum(np.searchsorted(keys, drawn), len(keys) - 1)
    return np.asarray(drawn[keys[places] != drawn][: round(DECOYS * len(keys))])


def _draw(rng: Generator, shares: Floats, count: int) -> Ints:
    return keys_of(rng.choice(REGIONS, count, p=shares), births(rng, count), sequences(rng, count))


def _coded(rng: Generator, place: int, values: Values, persons: int) -> Ints:
    size, given = len(values.claims[place]), _SHARES[place - 1]
    rest = max(0.0, 1 - sum(given)) / max(1, size - len(given))
    shares = np.array([*given, *[rest] * (size - len(given))])[:size]
    return rng.choice(size, persons, p=shares / shares.sum())


def _names(rng: Generator, persons: int) -> Ints:
    """Names as they repeat in life: the most frequent full name is that of about one person in 6,000."""
    surnames = rng.choice(len(SURNAMES), persons, p=_falling(len(SURNAMES), 3))
    first, second = (rng.choice(GIVEN, persons, p=_falling(GIVEN, 10)) for _ in range(2))
    return (surnames * GIVEN + first) * GIVEN + second


def _falling(count: int, flat: int) -> Floats:
    shares = 1 / (np.arange(count) + flat)
    return np.asarray(shares / shares.sum())
