"""The published attack suite: fifteen ways to harvest a register by questions.

A1  a list of 300,000 people is put to a stolen credential, fast
A2  numbers are guessed: in sequence, shuffled, at random, hidden among people who are known
A3  what fields hold is guessed
A4  a clerk asks about eight people more each workday
A5  a clerk walks through one organisation
A6  several grants share the work
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ops.simulate.asking import Probe
from ops.simulate.fields import QUOTA, STATUS, UNIT
from ops.simulate.guessing import (
    guess_again_alone,
    guess_by_twos,
    guess_fields,
    guess_one_by_one,
    guess_one_person,
    guess_over_grants,
)
from ops.simulate.moves import Plan, Scene, press, spread, together
from ops.simulate.numbers import BIRTH_DAYS, SEQUENCES, Ints, keys_of
from ops.simulate.partners import Kind
from ops.simulate.world import sequences

LIST = 300_000
LIST_ERRORS = 0.02
GUESSES = 2_000
PADDING_OPEN, PADDING_CLOSED = 0.075, 0.9
_THREE = (UNIT, STATUS, QUOTA)
_TWO = (UNIT, STATUS)
_TOP_REGIONS, _YOUNGEST, _OLDEST = 5, 27, 53
"""Where guessing pays most: the largest regions, and those who work."""
_END_OF_BIRTHS = 82
_CHUNK, _FAST, _SLOW = 100, 3, 6


@dataclass(frozen=True)
class Attack:
    """One way to harvest, with the words for it."""

    name: str
    says: str
    plan: Callable[[Scene], Plan]
    is_published: bool = True
    """Whether it is one of the fifteen; the others are run where they are named."""


def _fast_list(scene: Scene) -> Plan:
    """2,000 a minute through a pay office's scoped grant."""
    member = scene.of(Kind.PAYROLL)[0]
    return Plan([member], press(scene.start, member, stacks(_list(scene, LIST), _CHUNK), _FAST))


def _slow_list(scene: Scene) -> Plan:
    """Ten a minute through an un-scoped grant."""
    member = scene.of(Kind.ONBOARDING)[0]
    return Plan([member], press(scene.start, member, stacks(_list(scene, LIST // 3), 1), _SLOW))


def _in_sequence(scene: Scene) -> Plan:
    """Every sequence code of one cell after the other."""
    return _guessing(scene, np.arange(GUESSES) // SEQUENCES, np.arange(GUESSES) % SEQUENCES)


def _shuffled(scene: Scene) -> Plan:
    """Likely codes of fifty cells, in no order."""
    cells = scene.rng.integers(50, size=GUESSES)
    return _guessing(scene, cells, sequences(scene.rng, GUESSES))


def _at_random(scene: Scene) -> Plan:
    """Likely numbers, each in a cell of its own."""
    member = scene.of(Kind.ONBOARDING)[0]
    return Plan([member], press(scene.start, member, stacks(_strangers(scene, _likely(scene, GUESSES)), 1), _SLOW))


def _hidden_open(scene: Scene) -> Plan:
    """A screening partner guesses a thousand numbers a day and hides them among so many people that 8 % are hits."""
    member = scene.of(Kind.SCREENING)[0]
    days, a_day = 330, max(_CHUNK, member.volume // 20)
    probes, known = _padded(scene, days * a_day, PADDING_OPEN, _TWO)
    moves = press(scene.start, member, stacks(probes, _CHUNK), 3600 * 13 * _CHUNK // a_day)
    return Plan([member], moves, known, silences=True)


def _hidden_closed(scene: Scene) -> Plan:
    """A clerk hides one guess among ten questions about people it knows."""
    member = scene.of(Kind.ONBOARDING)[0]
    probes, known = _padded(scene, 8_000, PADDING_CLOSED, _THREE)
    return Plan([member], spread(scene, member, probes, 32), known)


def _a_few_more(scene: Scene) -> Plan:
    """A clerk asks about eight people of a list on each workday."""
    member = scene.of(Kind.ONBOARDING)[5]
    return Plan([member], spread(scene, member, _list(scene, 8 * 213), 8))


def _walk(scene: Scene) -> Plan:
    """A clerk asks about everybody in one organisation, fifteen a day."""
    member = scene.of(Kind.ONBOARDING)[5]
    return Plan([member], spread(scene, member, _people(scene, _organisation(scene, 400)), 15))


def _shared_walk(scene: Scene) -> Plan:
    """Five grants share one organisation, five people a day each."""
    return _shared(scene, _organisation(scene, 1_000))


def _shared_guessing(scene: Scene) -> Plan:
    """Ten grants guess twenty numbers a day each, for a hundred days."""
    members = scene.of(Kind.ONBOARDING)
    plans = [spread(scene, each, _strangers(scene, _likely(scene, 2_000)), 20) for each in members]
    return Plan(members, together(plans))


def _shared_list(scene: Scene) -> Plan:
    """Five grants share a list of 4,000, five people a day each."""
    return _shared(scene, scene.persons(4_000))


ATTACKS = {
    each.name: each
    for each in (
        Attack("A1a", "300k list, scoped payroll grant, 2000/min", _fast_list),
        Attack("A1b", "list, onboarding grant, 10/min", _slow_list),
        Attack("A2a", "sequential enumeration", _in_sequence),
        Attack("A2b", "shuffled in 50 cells", _shuffled),
        Attack("A2c", "random informed", _at_random),
        Attack("A2d", "open grant, 7.5 % fresh known-good", _hidden_open),
        Attack("A2e", "onboarding, 90:10 fresh known-good", _hidden_closed),
        Attack("A3a", "one subject, 4 fields, all values", guess_one_person),
        Attack("A3b", "300 subjects x 12 values, one a day", guess_fields),
        Attack("A3c", "the same over 3 grants", guess_over_grants),
        Attack("A4", "+8 new a day for 300 days", _a_few_more),
        Attack("A5", "organisation walk, 15/day", _walk),
        Attack("A6a", "5 grants split an organisation of 1000", _shared_walk),
        Attack("A6b", "10 grants enumerate 20/day", _shared_guessing),
        Attack("A6c", "5 grants split a 4,000 list, 5/day", _shared_list),
        Attack("A3a2", "A3a, two fields at once", guess_by_twos, is_published=False),
        Attack("A3a1", "A3a, field by field", guess_one_by_one, is_published=False),
        Attack("A3a3", "A3a once, then each field alone", guess_again_alone, is_published=False),
    )
}

PUBLISHED = tuple(name for name, attack in ATTACKS.items() if attack.is_published)


def stacks(probes: Iterator[Probe], size: int) -> Iterator[Sequence[Probe]]:
    """So many at a time."""
    stack: list[Probe] = []
    for probe in probes:
        stack.append(probe)
        if len(stack) == size:
            yield stack
            stack = []
    if stack:
        yield stack


def _shared(scene: Scene, persons: Ints) -> Plan:
    members = scene.of(Kind.ONBOARDING)[5:]
    parts = [persons[nth :: len(members)] for nth in range(len(members))]
    plans = [spread(scene, each, _people(scene, part), 5) for each, part in zip(members, parts, strict=True)]
    return Plan(members, together(plans))


def _guessing(scene: Scene, cells: Ints, codes: Ints) -> Plan:
    """Numbers of likely cells, one every six seconds."""
    member = scene.of(Kind.ONBOARDING)[0]
    places = _likely(scene, int(cells.max()) + 1) // SEQUENCES
    probes = _strangers(scene, places[cells] * SEQUENCES + codes)
    return Plan([member], press(scene.start, member, stacks(probes, 1), _SLOW))


def _likely(scene: Scene, count: int) -> Ints:
    """Numbers as somebody guesses them who knows how they are given out."""
    rng, shares = scene.rng, scene.world.region_shares
    top = np.argsort(-shares)[:_TOP_REGIONS]
    first, last = (int((_END_OF_BIRTHS - age) * 365.25) for age in (_OLDEST, _YOUNGEST))
    days = rng.integers(first, min(last, BIRTH_DAYS), size=count)
    return keys_of(rng.choice(top, count), days, sequences(rng, count))


def _strangers(scene: Scene, keys: Ints, fields: Sequence[int] = _THREE) -> Iterator[Probe]:
    """Guessed numbers, claimed to be somebody like somebody else."""
    for key, donor in zip(keys.tolist(), scene.rng.integers(scene.world.size, size=len(keys)).tolist(), strict=True):
        yield Probe(key, int(scene.world.names[donor]), _values(scene, donor, fields))


def _people(scene: Scene, persons: Ints, fields: Sequence[int] = _THREE) -> Iterator[Probe]:
    """Real people with what they are known for, two values of a hundred wrong."""
    world, sizes = scene.world, scene.world.values.sizes()
    for person in persons.tolist():
        claims = [
            (field, (value + int(scene.rng.random() < LIST_ERRORS)) % sizes[field])
            for field, value in _values(scene, person, fields)
        ]
        yield Probe(int(world.keys[person]), int(world.names[person]), tuple(claims))


def _values(scene: Scene, person: int, fields: Sequence[int]) -> tuple[tuple[int, int], ...]:
    return tuple((field, int(scene.world.codes[person, field])) for field in fields)


def _list(scene: Scene, size: int) -> Iterator[Probe]:
    """A list as it is sold: of a small world it holds no more than a third."""
    return _people(scene, scene.persons(min(size, scene.world.size // 3)))


def _organisation(scene: Scene, size: int) -> Ints:
    """The staff of the organisation that comes nearest to this size, in any order."""
    sizes = scene.world.staff_sizes()
    wanted = min(size, int(sizes.max()))
    return scene.rng.permutation(scene.world.staff(int(np.argmin(np.abs(sizes - wanted)))))


def _padded(scene: Scene, count: int, share: float, fields: Sequence[int]) -> tuple[Iterator[Probe], frozenset[int]]:
    """Guesses among people whom the attacker knows, each of them asked about once."""
    is_known = scene.rng.random(count) < share
    friends = scene.persons(int(is_known.sum()))
    known, guessed = _people(scene, friends, fields), _strangers(scene, _likely(scene, count), fields)
    mixed = (next(known if each else guessed, None) for each in is_known.tolist())
    return (probe for probe in mixed if probe), frozenset(scene.world.keys[friends].tolist())
