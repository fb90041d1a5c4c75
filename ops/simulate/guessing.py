"""Attacks on what a register holds of people who are known: every value is tried until one agrees."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from ops.simulate.asking import Heard, Probe
from ops.simulate.fields import EDUCATION, FIELDS, QUOTA, RANK, STATUS
from ops.simulate.moves import OPENS, OUT, Move, Moves, Plan, Scene
from ops.simulate.partners import DAY_SECONDS, Kind, Member

SUBJECTS, VALUES = 300, 12
_PAUSE = 6
_DAY = 12 * 3600


def guess_one_person(scene: Scene) -> Plan:
    """One person, four fields at once, ten times a minute."""
    return _one(scene, 4)


def guess_by_twos(scene: Scene) -> Plan:
    """The same, two fields at once."""
    return _one(scene, 2)


def guess_again_alone(scene: Scene) -> Plan:
    """One person, four fields at once; then the same values each by itself."""
    member, person = scene.of(Kind.ONBOARDING)[0], int(scene.persons(1)[0])
    return Plan([member], _again_alone(scene, member, person))


def _again_alone(scene: Scene, member: Member, person: int) -> Moves:
    claims = [(field, 0) for field in (STATUS, RANK, EDUCATION, QUOTA)]
    for nth, asked in enumerate([tuple(claims), *((each,) for each in claims)]):
        yield Move(scene.start + nth * _PAUSE, member, member.operators[0], [_probe(scene, person, asked)])


def guess_one_by_one(scene: Scene) -> Plan:
    """The same, field by field."""
    return _one(scene, 1)


def guess_fields(scene: Scene) -> Plan:
    """300 people, one value of one field each a day, so that nobody is asked about often."""
    return _many(scene, scene.of(Kind.ONBOARDING)[:1])


def guess_over_grants(scene: Scene) -> Plan:
    """The same, each day through another of three grants."""
    return _many(scene, scene.of(Kind.ONBOARDING)[:3])


def _one(scene: Scene, at_once: int) -> Plan:
    member, person = scene.of(Kind.ONBOARDING)[0], int(scene.persons(1)[0])
    return Plan([member], _one_person(scene, member, person, at_once))


def _one_person(scene: Scene, member: Member, person: int, at_once: int) -> Moves:
    """Every field's first value, then every field's second: commonest first. A refusal is slept over."""
    fields, second = [STATUS, RANK, EDUCATION, QUOTA], scene.start
    found, sizes = set[int](), scene.world.values.sizes()
    for value in range(max(sizes[field] for field in fields)):
        for start in range(0, len(fields), at_once):
            left = [field for field in fields[start : start + at_once] if field not in found]
            if not left:
                continue
            claims = tuple((field, value % sizes[field]) for field in left)
            heard = yield Move(second, member, member.operators[0], [_probe(scene, person, claims)])
            if heard[0].refused in OUT:
                return
            found |= {field for field in left if FIELDS[field] in heard[0].agreed}
            second += DAY_SECONDS if heard[0].refused else _PAUSE


def _many(scene: Scene, members: Sequence[Member]) -> Plan:
    return Plan(members, _many_people(scene, members))


def _many_people(scene: Scene, members: Sequence[Member]) -> Moves:
    """The first refusal ends a day's work; the next day it begins with those who waited longest."""
    left = {person: list(range(VALUES)) for person in scene.persons(SUBJECTS).tolist()}
    for day in count(scene.start // DAY_SECONDS):
        member, today = members[day % len(members)], list(left)
        for nth, person in enumerate(today):
            second = day * DAY_SECONDS + OPENS + nth * _DAY // len(today)
            probe = _probe(scene, person, ((RANK, left[person][0]),))
            heard = yield Move(max(second, scene.start), member, member.operators[0], [probe])
            if heard[0].refused and heard[0].refused not in OUT:
                break
            _learn(left, person, heard[0])
        if not left:
            return


def _learn(left: dict[int, list[int]], person: int, heard: Heard) -> None:
    """A value that was answered is not asked again, nor a person whose value is found."""
    values = left.pop(person)[1:]
    if values and not heard.agreed:
        left[person] = values


def _probe(scene: Scene, person: int, claims: tuple[tuple[int, int], ...]) -> Probe:
    return Probe(int(scene.world.keys[person]), int(scene.world.names[person]), claims)
