"""Deeds: the single file says of every deed what the roll says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace as changed

from audit.standalone.deeds import Roll as Alone
from audit.standalone.deeds import read_deed as read_alone
from audit.standalone.verdicts import WrongError
from gateway.deeds.deed import Deed, Draft, read_deed
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.roll import Roll
from gateway.domain.grant import Grant
from gateway.domain.people import Duty
from tests.make import a_grant
from tests.people import (
    FOUNDATION,
    SIGNED_AT,
    a_document,
    a_person,
    enrolled,
    founded,
    granted,
    people,
    signed_by,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
EXPORT = {"entries": [1], "chain": None, "names": [], "until": "2027-01-01"}
USUAL = a_document(Kind.EXPORT, "E-1", EXPORT, author="aud", reason="r")
GRANT = a_grant(partner="hr")


def ours(deeds: Sequence[bytes], last: bytes) -> bool:
    try:
        roll = Roll(FOUNDATION, [read_deed(each) for each in deeds], NOW)
        roll.open(read_deed(last), NOW)
    except DeedError:
        return False
    return True


def alone(deeds: Sequence[bytes], last: bytes) -> bool:
    try:
        roll = Alone(json.loads(FOUNDATION.encode()), NOW)
        for each in deeds:
            roll.enrol(read_alone(each))
        roll.open(read_alone(last))
    except WrongError:
        return False
    return True


def narrowed(before: Grant, after: Grant) -> Deed:
    """A head endorses the first draft, reviewer and leader sign the second."""
    first, second = granted(before, "hr-head"), granted(after)
    whole = granted(after, "hr-head", "reviewer", "leader")
    draft = Draft(second.last.document, whole.last.signatures[1:])
    return Deed((first.last, draft))


def with_signature(deed: Deed, at: int, **changes: object) -> Deed:
    signatures = list(deed.last.signatures)
    signatures[at] = changed(signatures[at], **changes)
    return Deed((Draft(deed.last.document, tuple(signatures)),))


GOOD = signed_by(USUAL, "aud", "leader")
DEEDS: dict[str, tuple[Deed, bool]] = {
    "an export": (GOOD, True),
    "a grant": (granted(GRANT), True),
    "half signed": (signed_by(USUAL, "aud"), False),
    "by others": (signed_by(USUAL, "sys", "leader"), False),
    "by one twice": (signed_by(USUAL, "aud", "aud"), False),
    "of the future": (signed_by(USUAL, "aud", "leader", at=datetime(2026, 6, 2, tzinfo=UTC)), False),
    "before they were enrolled": (signed_by(USUAL, "aud", "leader", at=datetime(2025, 6, 2, tzinfo=UTC)), False),
    "another proof": (with_signature(GOOD, 1, proof=bytes(64)), False),
    "another step": (with_signature(GOOD, 1, step="propose"), False),
    "another deed": (with_signature(GOOD, 1, deeds=("ab" * 32,)), False),
    "more than was signed": (with_signature(GOOD, 1, client_data=b"x"), False),
    "another log": (signed_by(replace(USUAL, log="other/log"), "aud", "leader"), False),
    "by the author": (signed_by(replace(USUAL, author="leader"), "aud", "leader"), False),
    "a path that there is none": (signed_by(replace(USUAL, path="founding"), "aud", "leader"), False),
    "a grant of another partner": (granted(GRANT, "tax-head", "reviewer", "leader"), False),
    "a narrower grant": (narrowed(GRANT, replace(GRANT, hit_rate=100)), True),
    "a wider grant": (narrowed(replace(GRANT, hit_rate=100), replace(GRANT, hit_rate=1)), False),
    "a grant for longer": (narrowed(GRANT, replace(GRANT, valid_until=GRANT.valid_until.replace(year=2090))), False),
}


@pytest.mark.parametrize("case", DEEDS)
def test_both_say_the_same_of_a_deed(case: str) -> None:
    deed, is_good = DEEDS[case]
    known = [each.encode() for each in people()]

    assert ours(known, deed.encode()) == alone(known, deed.encode()) == is_good


ROLLS: dict[str, tuple[list[Deed], bool]] = {
    "everybody": ([*people()], True),
    "without a founder": ([*people()[1:]], False),
    "without the leader": ([each for each in people() if each.document.id != "leader"], False),
    "a founder twice": ([founded("sys"), founded("sys")], False),
    "another leader with the same key": (
        [*people(), enrolled(a_person("leader2", Duty.LEADER, keys=a_person("leader", Duty.LEADER).keys))],
        False,
    ),
    "the leader under another name": (
        [*people(), enrolled(a_person("leader2", Duty.LEADER, natural=a_person("leader", Duty.LEADER).natural))],
        False,
    ),
    "in another order": ([*people()[:3], *reversed(people()[3:])], True),
}


@pytest.mark.parametrize("case", ROLLS)
def test_both_say_the_same_of_a_roll(case: str) -> None:
    deeds, is_good = ROLLS[case]
    known = [each.encode() for each in deeds]

    assert ours(known, GOOD.encode()) == alone(known, GOOD.encode()) == is_good


def test_both_say_the_same_of_any_byte_of_a_deed() -> None:
    known, content = [each.encode() for each in people()], GOOD.encode()
    for at in range(0, len(content), 17):
        flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]

        assert ours(known, flipped) == alone(known, flipped)
    assert SIGNED_AT < NOW
