"""Password digests: argon2id, of the cost that was asked for, each with a salt of its own."""

from __future__ import annotations

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from adapters.identity.passwords import Argon2Passwords, Cost
from tests.fakes_accounts import CHEAP
from tests.fakes_audit import CountingEntropy

PASSWORDS = Argon2Passwords(CountingEntropy(), CHEAP)


def test_a_password_holds_for_its_own_digest_alone() -> None:
    kept = PASSWORDS.make("正确的 password 1")

    assert PASSWORDS.holds("正确的 password 1", kept)
    assert not PASSWORDS.holds("正确的 password 2", kept)
    assert not PASSWORDS.holds("", kept)


def test_equal_passwords_do_not_look_alike() -> None:
    assert PASSWORDS.make("the same password") != PASSWORDS.make("the same password")


@pytest.mark.parametrize("kept", ["", "x", "$argon2id$v=19$m=8,t=1,p=1$", "plain password"])
def test_what_is_no_digest_holds_for_nothing(kept: str) -> None:
    assert not PASSWORDS.holds("plain password", kept)
    assert not PASSWORDS.holds("", kept)


def test_the_usual_cost_is_that_of_the_reference() -> None:
    cost = Cost()

    parameters = extract_parameters(Argon2Passwords(CountingEntropy()).make("some long password"))

    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (65_536, 3, 4)
    assert (cost.memory_kibibytes, cost.passes, cost.lanes) == (65_536, 3, 4)
    assert parameters.salt_len == 16


def test_a_digest_of_another_cost_still_holds() -> None:
    kept = Argon2Passwords(CountingEntropy(), Cost(16, 2, 1)).make("some long password")

    assert PASSWORDS.holds("some long password", kept)
