"""Lists of closed grants in a world: filed through the gateway's own desk, signed by the synthetic office."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from hashlib import sha256

from gateway.cohorts import Filed, Row
from gateway.deeds.document import Kind
from gateway.deeds.steps import USUAL
from gateway.domain.people import Person as Enrolled
from ops.demo.office import SyntheticOffice, head_of
from tests.invariants.world import World


def head(world: World, number: str) -> Enrolled:
    """The head of the department that a grant belongs to."""
    standing = world.gateway.people.office.standing()
    grant = standing.get(Kind.GRANT, number)
    person = standing.roll.person(head_of(str(grant.content["partner"]))) if grant else None
    assert person is not None
    return person


def salt_of(number: str) -> bytes:
    """The salt of a number: another number, another salt."""
    return sha256(f"salt of {number}".encode()).digest()[:16]


def follow(world: World) -> None:
    """Has the gateway load what came into force, as it does before a turn."""
    world.gateway.pipeline.follow(world.gateway.rights.epoch())


def file_list(world: World, number: str, people: Iterable[str]) -> Filed:
    """Files these id numbers; nothing is in force yet."""
    follow(world)
    desk, by = world.gateway.people.cohorts(), head(world, number)
    filing = desk.begin(by, number)
    try:
        filing.take([Row("person", each, salt_of(each)) for each in people])
        return desk.keep(by, filing)
    finally:
        filing.close()


def commit_list(world: World, number: str, people: Iterable[str], path: str = USUAL) -> Filed:
    """Files these id numbers, and has the deed signed."""
    filed = file_list(world, number, people)
    with closing(SyntheticOffice(world.home)) as office:
        office.cohort(filed.deeds[path], path)
    return filed
