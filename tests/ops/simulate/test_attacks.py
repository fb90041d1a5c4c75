"""The suite: what an attacker does depends on what it was told, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

from gateway.domain.reply import Answered, Refused
from ops.simulate.asking import Heard, heard
from ops.simulate.attacks import ATTACKS, PUBLISHED, stacks
from ops.simulate.moves import CLOSES, OPENS, Move, Plan, Scene, insist, press
from ops.simulate.partners import DAY_SECONDS, FIELDS_OF
from policies.decision import Reason
from tests.ops.simulate.make import a_world, the_members

START = 100 * DAY_SECONDS + 9 * 3600
YES, NO = Heard(True, frozenset(), ""), Heard(False, frozenset(), "")
QUOTA, FROZEN = Heard(False, frozenset(), "quota"), Heard(False, frozenset(), "frozen")


def a_scene(seed: int = 1) -> Scene:
    return Scene(a_world(), the_members(), np.random.default_rng(seed), START)


def moves(plan: Plan, reply: Callable[[Move], list[Heard]], most: int = 300) -> list[Move]:
    """What an attacker asks when it is told these replies."""
    made = list[Move]()
    move = next(plan.moves, None)
    while move is not None and len(made) < most:
        made.append(move)
        try:
            move = plan.moves.send(reply(move))
        except StopIteration:
            move = None
    return made


def always(each: Heard) -> Callable[[Move], list[Heard]]:
    return lambda move: [each] * len(move.probes)


def test_there_are_fifteen() -> None:
    names = "A1a A1b A2a A2b A2c A2d A2e A3a A3b A3c A4 A5 A6a A6b A6c".split()

    assert list(PUBLISHED) == names == list(ATTACKS)[:15], "luck is drawn by their places"


@pytest.mark.parametrize("name", ATTACKS)
def test_the_same_luck_and_the_same_replies_give_the_same_moves(name: str) -> None:
    first, again = (moves(ATTACKS[name].plan(a_scene()), always(NO)) for _ in range(2))
    other = moves(ATTACKS[name].plan(a_scene(2)), always(NO))

    assert first == again
    assert first != other


@pytest.mark.parametrize("name", ATTACKS)
def test_moves_go_forward_in_time_and_ask_what_the_grant_allows(name: str) -> None:
    plan = ATTACKS[name].plan(a_scene())
    made = moves(plan, always(YES))

    assert made[0].second >= START
    assert [move.second for move in made] == sorted(move.second for move in made)
    for move in made:
        assert move.member in plan.members
        assert {field for probe in move.probes for field, _ in probe.claims} <= set(FIELDS_OF[move.member.kind])
        assert OPENS <= move.second % DAY_SECONDS <= CLOSES


@pytest.mark.parametrize("name", ATTACKS)
def test_whoever_is_out_of_quota_comes_back_another_day_and_gives_up_in_the_end(name: str) -> None:
    made = moves(ATTACKS[name].plan(a_scene()), always(QUOTA), most=5_000)

    days = {move.second // DAY_SECONDS for move in made}
    assert len(days) > 1 or name in {"A3a", "A3a3"}
    assert len(made) < 5_000 or name in {"A1a", "A1b", "A2a", "A2b", "A2c", "A2d", "A3b", "A3c"}


def test_what_was_refused_is_asked_again_in_the_morning_and_what_was_answered_is_not() -> None:
    scene = a_scene()
    stack = next(move.probes for move in moves(ATTACKS["A1a"].plan(scene), always(NO), 1))
    asking = insist(START, scene.members[0], stack)
    next(asking)

    again = asking.send([QUOTA if place % 2 else YES for place in range(len(stack))])

    assert again.probes == stack[1::2]
    assert again.second == 101 * DAY_SECONDS + OPENS


def test_nobody_insists_on_what_was_frozen() -> None:
    scene = a_scene()
    stack = next(move.probes for move in moves(ATTACKS["A1a"].plan(scene), always(NO), 1))
    asking = press(START, scene.members[0], [stack, stack[:1]], 5)
    next(asking)

    following = asking.send([FROZEN] * len(stack))

    assert following.probes == stack[:1]
    assert following.second == START + 5


def test_whose_value_is_found_is_not_asked_again() -> None:
    def confirming(move: Move) -> list[Heard]:
        return [Heard(True, frozenset({"leader_rank"}), "")] * len(move.probes)

    made = moves(ATTACKS["A3b"].plan(a_scene()), confirming, most=1_000)

    assert len(made) == len({probe.key for move in made for probe in move.probes}) == 300


def test_known_people_are_not_learned_and_pad_as_much_as_said() -> None:
    plan = ATTACKS["A2e"].plan(a_scene())
    probes = [probe for move in moves(plan, always(YES), 400) for probe in move.probes]

    assert 0.85 < sum(probe.key in plan.known for probe in probes) / len(probes) < 0.95


def test_stacks_hold_all_of_it() -> None:
    probes = [move.probes[0] for move in moves(ATTACKS["A4"].plan(a_scene()), always(NO), 7)]

    assert [len(stack) for stack in stacks(iter(probes), 3)] == [3, 3, 1]
    assert [probe for stack in stacks(iter(probes), 3) for probe in islice(stack, 3)] == probes


HEARD = {
    "an answer": (
        Answered(b'{"subject":"confirmed","fields":{"name":"match","unit":"match","title":"mismatch"}}'),
        YES,
    ),
    "nobody": (Answered(b'{"subject":"not_confirmed","fields":{"unit":"not_compared"}}'), NO),
    "a refusal": (Refused(Reason.FROZEN, "ab"), FROZEN),
}


@pytest.mark.parametrize(("reply", "knows"), HEARD.values(), ids=HEARD)
def test_an_attacker_knows_what_it_was_told(reply: Answered | Refused, knows: Heard) -> None:
    assert heard(reply)._replace(agreed=frozenset()) == knows
    assert heard(reply).agreed == (frozenset({"unit"}) if knows is YES else frozenset())
