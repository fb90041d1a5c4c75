"""The foundation: three people for three duties, and the public half of what lets each of them in."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Founder, found, read_foundation
from gateway.domain.people import Duty
from tests.people import FOUNDATION, FOUNDERS, LOG, STAFF, activation_of, public_of

THREE = [Founder(each, STAFF[each], public_of(activation_of(each))) for each in FOUNDERS]


def test_it_is_read_as_it_was_written() -> None:
    assert read_foundation(FOUNDATION.encode()) == FOUNDATION
    assert found(LOG, THREE[::-1]) == FOUNDATION


def test_entry_0_tells_account_duty_and_public_key_and_no_more() -> None:
    for told in FOUNDATION.members():
        assert told.keys() == {"person", "duty", "public"}
    assert [told["duty"] for told in FOUNDATION.members()] == ["audit_admin", "security_admin", "system_admin"]


WRONG: dict[str, Sequence[Founder]] = {
    "nobody": [],
    "two": THREE[:2],
    "four": [*THREE, Founder("leader", Duty.LEADER, THREE[0].public)],
    "two of one duty": [*THREE[:2], replace(THREE[2], duty=THREE[0].duty)],
    "one person for two duties": [*THREE[:2], replace(THREE[2], person=THREE[0].person)],
    "a leader for an administrator": [*THREE[:2], replace(THREE[2], duty=Duty.LEADER)],
}


@pytest.mark.parametrize("founders", WRONG.values(), ids=WRONG)
def test_an_installation_is_founded_by_three_people_for_three_duties(founders: Sequence[Founder]) -> None:
    with pytest.raises(DeedError):
        found(LOG, founders)


def _changed(change: Callable[[dict[str, object]], object]) -> bytes:
    told = json.loads(FOUNDATION.encode())
    change(told)
    return json.dumps(told).encode()


SPOILT: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"log",
    "no UTF-8": b"\xff\xfe",
    "a list": b"[]",
    "null": b"null",
    "no log": _changed(lambda told: told.pop("log")),
    "a log that is a number": _changed(lambda told: told.update(log=1)),
    "no founders": _changed(lambda told: told.pop("founders")),
    "founders that are no list": _changed(lambda told: told.update(founders={})),
    "a founder that is a text": _changed(lambda told: told.update(founders=["sys"])),
    "a founder without a key": _changed(lambda told: told["founders"][0].pop("public")),  # type: ignore[index]  # JSON
    "a key with padding": _changed(lambda told: told["founders"][0].update(public="A" * 43 + "=")),  # type: ignore[index]  # JSON
    "a key that is too short": _changed(lambda told: told["founders"][0].update(public="A" * 42)),  # type: ignore[index]  # JSON
    "a duty nobody knows": _changed(lambda told: told["founders"][0].update(duty="king")),  # type: ignore[index]  # JSON
}


@pytest.mark.parametrize("encoded", SPOILT.values(), ids=SPOILT)
def test_a_file_that_is_nearly_right_founds_nothing(encoded: bytes) -> None:
    with pytest.raises(DeedError):
        read_foundation(encoded)


def test_one_key_lets_one_founder_in() -> None:
    """Whoever was handed one code must not be able to come in as another of the three."""
    with pytest.raises(DeedError):
        found(LOG, [*THREE[:2], replace(THREE[2], public=THREE[0].public)])
