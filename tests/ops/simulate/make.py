"""A small published world, built once for all tests of the simulation."""

from __future__ import annotations

from functools import cache

from ops.simulate.granting import members_of
from ops.simulate.partners import Member
from ops.simulate.stage import Stage
from ops.simulate.world import World, build

SEED, PERSONS, ORGANISATIONS = 7, 5_000, 60


@cache
def a_world() -> World:
    return build(SEED, PERSONS, ORGANISATIONS)


@cache
def the_members() -> list[Member]:
    return members_of(a_world(), gate=False)


def a_stage(*, gate: bool = False) -> Stage:
    """The real pipeline on the small world."""
    return Stage(a_world(), gate=gate)
