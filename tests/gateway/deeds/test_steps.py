"""The table of who signs what: nobody gives anything alone, and the duties of one path are never one duty."""

from __future__ import annotations

import pytest

from gateway.deeds.custody import CUSTODY
from gateway.deeds.document import Kind
from gateway.deeds.steps import (
    ADDITION,
    BREAK_GLASS,
    FOUNDING,
    PATHS,
    SELF,
    SHADOW,
    TAKES_AWAY,
    USUAL,
    Step,
    path_of,
)
from gateway.domain.people import PARTNER_DUTIES, THREE, Duty

ALL = [(kind, name, steps) for kind, paths in PATHS.items() for name, steps in paths.items()]
IDS = [f"{kind.value} {name}" for kind, name, _ in ALL]
ALONE = TAKES_AWAY | {
    (Kind.PERSON, FOUNDING),  # by an activation key of entry 0
    (Kind.UNDERTAKING, USUAL),  # what one says for oneself
    (Kind.REVIEW, USUAL),  # a look at what others have signed before
    (Kind.COHORT, ADDITION),  # what the signatures under the grant allow
    (Kind.HOLD, USUAL),  # keeps evidence from being erased
    (Kind.ACKNOWLEDGEMENT, USUAL),  # a head says that a statement is right
    (Kind.THRESHOLDS, SHADOW),  # runs beside what is in force and decides nothing
}
"""The only paths of one step, each with its reason."""


def test_every_kind_has_its_paths() -> None:
    assert PATHS.keys() == set(Kind)


@pytest.mark.parametrize(("kind", "name", "steps"), ALL, ids=IDS)
def test_nothing_is_given_by_one_signature(kind: Kind, name: str, steps: tuple[Step, ...]) -> None:
    assert len(steps) >= 1
    assert (len(steps) == 1) == ((kind, name) in ALONE)


@pytest.mark.parametrize(("kind", "name", "steps"), ALL, ids=IDS)
def test_the_steps_of_a_path_are_told_apart(kind: Kind, name: str, steps: tuple[Step, ...]) -> None:
    assert len({step.name for step in steps}) == len(steps)
    assert all(step.duties for step in steps) or name == FOUNDING


@pytest.mark.parametrize(("kind", "name", "steps"), ALL, ids=IDS)
def test_no_duty_can_take_two_steps_of_a_path(kind: Kind, name: str, steps: tuple[Step, ...]) -> None:
    """But in an emergency, where the signatures are checked for it instead."""
    duties = [duty for step in steps for duty in step.duties]

    assert len(set(duties)) == len(duties) or name == BREAK_GLASS


def test_the_duties_are_those_of_the_design() -> None:
    def by(kind: Kind, name: str = USUAL) -> list[set[Duty]]:
        return [set(step.duties) for step in PATHS[kind][name]]

    administered = [{Duty.SYSTEM_ADMIN}, {Duty.SECURITY_ADMIN}]
    for kind in (Kind.PERSON, Kind.PARTNER, Kind.SYSTEM, Kind.PARAMETERS):
        assert by(kind) == administered
    assert by(Kind.RULEBOOKS) == [{Duty.SECURITY_ADMIN}, {Duty.LEADER}]
    assert by(Kind.GRANT) == [{Duty.HEAD}, {Duty.REVIEWER}, {Duty.LEADER}]
    assert by(Kind.FREEZE) == [{Duty.SECURITY_ADMIN}]
    assert by(Kind.FREEZE, "release") == [{Duty.SECURITY_ADMIN}, {Duty.LEADER}]
    assert all(step.name == SELF for step in PATHS[Kind.UNDERTAKING][USUAL])


def test_who_looks_after_the_log_gives_no_rights() -> None:
    """审计管理员 has a say in what concerns the ledger; the one path open to them besides is that of an emergency."""
    signed = {(kind, name) for kind, name, steps in ALL if any(Duty.AUDIT_ADMIN in step.duties for step in steps)}
    theirs = {(kind, name) for kind, name in signed if kind not in CUSTODY}

    assert theirs == {(Kind.PERSON, BREAK_GLASS), (Kind.UNDERTAKING, USUAL)}


def test_a_clerk_brings_nothing_into_force() -> None:
    for kind, name, steps in ALL:
        if kind is not Kind.UNDERTAKING:
            assert Duty.CLERK not in steps[-1].duties, (kind, name)


def test_nobody_of_a_partner_gives_without_the_office() -> None:
    for kind, name, steps in ALL:
        duties = {duty for step in steps for duty in step.duties}
        if (kind, name) not in ALONE:
            assert duties - PARTNER_DUTIES or not duties & PARTNER_DUTIES, (kind, name)


def test_what_takes_away_alone_takes_no_more_than_two_hands() -> None:
    assert {duty for kind, name in TAKES_AWAY for step in PATHS[kind][name] for duty in step.duties} & THREE == {
        Duty.SECURITY_ADMIN
    }


@pytest.mark.parametrize("name", ["", "founding", "break_glass", "USUAL", "usual ", "self"])
def test_a_path_that_a_kind_does_not_have_has_no_steps(name: str) -> None:
    assert path_of(Kind.GRANT, name) == ()
    assert path_of(Kind.RULEBOOKS, name) == ()
