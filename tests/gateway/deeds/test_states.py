"""The states of a grant: every arrow of the table is walked in a real office, and nothing walks elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.deeds.document import Kind
from gateway.deeds.drawing import drawing, paths, table
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import Kept
from gateway.deeds.parameters import DEFAULTS, parameters_content
from gateway.deeds.states import ACT_ZH, FINAL, OWNERS, STATE_ZH, TRANSITIONS, Act, GrantState, after
from gateway.deeds.steps import EMERGENCY
from tests.lives import HEAD, LEADER, LONG, NUMBER, REVIEWER, Life, content

S = GrantState
DOCUMENT = Path(__file__).parents[3] / "docs" / "grants.md"


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with closing(Life(tmp_path)) as made:
        yield made


@dataclass
class Walk:
    """A story as it goes: each act with the states around it."""

    life: Life
    kept: Kept
    seen: list[tuple[GrantState, Act, GrantState]] = field(default_factory=list)

    def do(self, act: Act, how: Callable[[Walk], object]) -> Walk:
        before = self.life.state()
        how(self)
        self.seen.append((before, act, self.life.state()))
        return self


def sign(account: str) -> Callable[[Walk], object]:
    def signed(walk: Walk) -> None:
        walk.kept = walk.life.sign(walk.kept, account)

    return signed


def narrow(account: str) -> Callable[[Walk], object]:
    def narrowed(walk: Walk) -> None:
        told = content(fields={"name": "核对"})
        by = walk.life.person(account)
        walk.kept = walk.life.office.narrow(by, walk.kept.opened().digest, told, "只需姓名")

    return narrowed


def refuse(account: str) -> Callable[[Walk], object]:
    return lambda walk: walk.life.office.refuse(walk.life.person(account), walk.kept.opened().digest, "依据不足")


def wait(**how_long: float) -> Callable[[Walk], object]:
    return lambda walk: walk.life.clock.pass_by(**how_long)


USUAL_STEPS = [(Act.ENDORSE, sign(HEAD)), (Act.REVIEW, sign(REVIEWER)), (Act.SIGN_OFF, sign(LEADER))]
URGENT_STEPS = [(Act.ENDORSE, sign(HEAD)), (Act.SIGN_OFF, sign(LEADER))]
FREEZE = (Act.FREEZE, lambda walk: walk.life.freeze())
RELEASE = (Act.RELEASE, lambda walk: walk.life.release())
WITHDRAW = (Act.WITHDRAW, lambda walk: walk.life.withdraw())
AMEND = (Act.AMEND, lambda walk: walk.life.grant())
EXPIRE = (Act.EXPIRE, wait(days=400))
Story = list[tuple[Act, Callable[["Walk"], object]]]

LATER = content(valid_from="2027-08-01", valid_until="2028-06-29")
USUAL_STORIES: dict[str, Story] = {
    "refused by the head": [(Act.NARROW, narrow(HEAD)), (Act.REFUSE, refuse(HEAD))],
    "refused by the reviewer": [*USUAL_STEPS[:1], (Act.NARROW, narrow(REVIEWER)), (Act.REFUSE, refuse(REVIEWER))],
    "refused by the leader": [*USUAL_STEPS[:2], (Act.NARROW, narrow(LEADER)), (Act.REFUSE, refuse(LEADER))],
    "expired and renewed": [*USUAL_STEPS, EXPIRE, (Act.AMEND, lambda walk: walk.life.grant(told=LATER))],
    "expired and given back": [*USUAL_STEPS, EXPIRE, WITHDRAW],
    "given back and given again": [*USUAL_STEPS, WITHDRAW, AMEND],
    "amended": [*USUAL_STEPS, AMEND],
    "frozen and released": [*USUAL_STEPS, FREEZE, RELEASE],
    "frozen and given back": [*USUAL_STEPS, FREEZE, WITHDRAW],
    "frozen and amended": [*USUAL_STEPS, FREEZE, AMEND],
    "frozen until it ended": [*USUAL_STEPS, FREEZE, EXPIRE],
}

LONG_STORIES: dict[str, Story] = {
    "attested": [*USUAL_STEPS, (Act.ATTEST, lambda walk: walk.life.attest())],
    "not attested": [*USUAL_STEPS, (Act.LAPSE, wait(days=366)), WITHDRAW],
    "not attested, and applied for again": [*USUAL_STEPS, (Act.LAPSE, wait(days=366)), AMEND],
    "frozen until it lapsed": [*USUAL_STEPS, FREEZE, (Act.LAPSE, wait(days=366))],
}
URGENT_STORIES: dict[str, Story] = {
    "reviewed": [*URGENT_STEPS, (Act.EMERGENCY_REVIEW, lambda walk: walk.life.review())],
    "objected to": [*URGENT_STEPS, (Act.EMERGENCY_REVIEW, lambda walk: walk.life.review("objected"))],
    "not reviewed": [*URGENT_STEPS, (Act.LAPSE, wait(days=3))],
    "over before anybody looked": [*URGENT_STEPS, (Act.EXPIRE, wait(days=3))],
    "given back": [*URGENT_STEPS, WITHDRAW],
    "put on the usual path": [*URGENT_STEPS, AMEND],
    "frozen and released": [*URGENT_STEPS, FREEZE, RELEASE],
}


def walk(life: Life, kept: Kept, story: Story) -> list[tuple[GrantState, Act, GrantState]]:
    walked = Walk(life, kept)
    for act, how in story:
        walked.do(act, how)
    return walked.seen


SEEN: set[tuple[GrantState, Act, GrantState]] = set()


def check(seen: list[tuple[GrantState, Act, GrantState]]) -> None:
    assert set(seen) <= set(TRANSITIONS), "the office did what the table does not have"
    SEEN.update(seen)


@pytest.mark.parametrize("story", USUAL_STORIES.values(), ids=USUAL_STORIES)
def test_a_grant_goes_as_the_table_says(life: Life, story: Story) -> None:
    check(walk(life, life.apply(), story))


@pytest.mark.parametrize("story", LONG_STORIES.values(), ids=LONG_STORIES)
def test_a_grant_of_two_years_goes_as_the_table_says(life: Life, story: Story) -> None:
    check(walk(life, life.apply(told=LONG), story))


@pytest.mark.parametrize(("name", "story"), URGENT_STORIES.items(), ids=URGENT_STORIES)
def test_an_emergency_grant_goes_as_the_table_says(life: Life, name: str, story: Story) -> None:
    told = content(valid_until="2026-07-01") if name.startswith("over") else None
    check(walk(life, life.apply(path=EMERGENCY, told=told), story))


def test_the_stories_above_walk_every_arrow() -> None:
    """Runs behind them; by itself it has seen nothing, and says so."""
    if not SEEN:
        pytest.skip("the stories were not told in this process")
    assert set(TRANSITIONS) - SEEN == set()


def test_an_emergency_review_that_objects_leaves_nothing_in_force(life: Life) -> None:
    life.grant(path=EMERGENCY)

    life.review("objected")

    assert life.state() is S.LAPSED


def test_of_a_withdrawal_the_state_is_withdrawn(life: Life) -> None:
    life.grant()
    life.withdraw()

    assert (life.state(1), life.state(2)) == (S.WITHDRAWN, S.WITHDRAWN)


# ---------------------------------------------------------------------------------------- the table


@pytest.mark.parametrize("state", GrantState)
def test_every_state_has_an_owner_and_a_name(state: GrantState) -> None:
    assert OWNERS[state]
    assert STATE_ZH[state]


def test_every_state_is_reached_and_only_final_ones_are_never_left() -> None:
    reached = {end for _, __, end in TRANSITIONS}
    left = {start for start, _, end in TRANSITIONS if end is not start}

    assert reached | {S.APPLIED} == set(GrantState)
    assert set(GrantState) - left == FINAL


def test_every_act_leads_somewhere_and_has_a_name() -> None:
    assert {act for _, act, __ in TRANSITIONS} == set(Act) == set(ACT_ZH)


def test_nothing_leads_from_refused_or_superseded_and_nothing_unheard_of_is_done() -> None:
    assert not any(after(state, act) for state in FINAL for act in Act)
    assert after(S.APPLIED, Act.SIGN_OFF) == frozenset()
    assert after(S.LAPSED, Act.ATTEST) == frozenset()


def test_no_right_comes_back_from_where_it_was_taken() -> None:
    """What gives something is reached from a signature or a release, never from what is over."""
    giving = {S.IN_FORCE, S.PROVISIONAL}
    over = {S.REFUSED, S.SUPERSEDED, S.WITHDRAWN, S.EXPIRED, S.LAPSED}
    assert not [each for each in TRANSITIONS if each[0] in over and each[2] in giving]


def test_the_drawing_in_the_documents_is_that_of_the_table() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert f"```mermaid\n{drawing()}\n```" in text, "paste what `gateway.deeds.drawing` gives"
    assert table() in text


def test_a_lapsed_grant_cannot_be_attested_any_more(life: Life) -> None:
    life.grant(told=LONG)
    life.clock.pass_by(days=366)

    with pytest.raises(DeedError, match="已失效"):
        life.attest()
    assert life.standing.get(Kind.ATTESTATION, NUMBER) is None


def test_the_document_says_who_signs_what_and_which_parameters_count() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    (block,) = re.findall(r"```json\n(.*?)\n```", text, re.DOTALL)

    assert paths() in text
    assert json.loads(block) | {"undertaking": DEFAULTS.undertaking} == parameters_content(DEFAULTS)
