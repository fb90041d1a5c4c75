"""The published world: as skewed as it is said to be, and the same for everybody who knows the seed."""

from __future__ import annotations

import numpy as np
import pytest

from ops.simulate.fields import FIELDS, NAMES, UNIT, code_of, name_of
from ops.simulate.numbers import SEQUENCES, cells_of, texts_of
from ops.simulate.world import build
from policies.catalogue import load_catalogue
from tests.ops.simulate.make import ORGANISATIONS, PERSONS, SEED, a_world


def test_the_same_seed_gives_the_same_bytes() -> None:
    world, again = a_world(), build(SEED, PERSONS, ORGANISATIONS)

    assert [each.tobytes() for each in (world.keys, world.names, world.codes, world.regions)] == [
        each.tobytes() for each in (again.keys, again.names, again.codes, again.regions)
    ]
    assert build(SEED + 1, PERSONS, ORGANISATIONS).keys.tobytes() != world.keys.tobytes()


def test_numbers_are_valid_and_nobody_shares_one() -> None:
    catalogue, texts = load_catalogue(), texts_of(a_world().keys)

    assert [catalogue.identifier("person", text) for text in texts] == texts
    assert len(set(texts)) == PERSONS


def test_names_are_names_and_are_read_back() -> None:
    catalogue, codes = load_catalogue(), [0, 1, 119, 120, 14_400, NAMES - 1]
    names = [name_of(code) for code in codes]

    assert [code_of(name) for name in names] == codes
    assert [catalogue.fields["name"].normalise(name) for name in names] == names


def test_a_person_is_found_by_the_number_and_nobody_else_is() -> None:
    world, rng = a_world(), np.random.default_rng(1)

    assert (world.persons_of(world.keys) == np.arange(PERSONS)).all()
    assert (world.persons_of(world.unregistered(rng, 5_000)) == -1).all()


def test_organisations_and_sequences_are_skewed() -> None:
    world = build(SEED, 40_000, 80)
    sizes, codes = np.sort(world.staff_sizes()), world.keys % SEQUENCES

    assert sizes[-1] > 8 * np.median(sizes)
    assert (codes < 250).mean() > 0.5
    assert len(np.unique(cells_of(world.keys))) < len(world.keys)


@pytest.mark.parametrize("field", range(1, len(FIELDS)), ids=FIELDS[1:])
def test_values_are_those_of_the_catalogue(field: int) -> None:
    world = a_world()
    texts = [claim.value for claim in world.values.claims[field]]

    assert texts == list(load_catalogue().fields[FIELDS[field]].codes)
    assert world.codes[:, field].max() < len(texts)


def test_everybody_works_somewhere() -> None:
    world = a_world()

    assert world.staff_sizes().sum() == PERSONS
    assert (world.codes[world.staff(3), UNIT] == 3).all()
