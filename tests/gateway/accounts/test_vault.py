"""The vault: nothing opens for another use or account, and a challenge vouches for itself alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from gateway.accounts.codes import activation_digest, code_digest, is_activation_code, recovery_codes
from gateway.accounts.vault import CHALLENGE_SECONDS, Vault
from gateway.deeds.activation import make_code
from tests.fakes_accounts import SECRET
from tests.fakes_audit import CountingEntropy
from tests.make import NOW

VAULT = Vault(SECRET, CountingEntropy())
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)


@given(TEXTS, TEXTS, st.binary(max_size=64))
def test_what_is_sealed_opens_for_its_own_use_and_account(use: str, account: str, plain: bytes) -> None:
    sealed = VAULT.seal(use, account, plain)

    assert VAULT.open(use, account, sealed) == plain
    for other_use, other_account in ((f"{use}x", account), (use, f"{account}x"), (f"{use}{account}", "")):
        if (other_use, other_account) != (use, account):
            with pytest.raises(InvalidTag):
                VAULT.open(other_use, other_account, sealed)


def test_another_secret_opens_nothing() -> None:
    with pytest.raises(InvalidTag):
        Vault(b"t" * 32, CountingEntropy()).open("totp", "a", VAULT.seal("totp", "a", b"plain"))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_secret_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32"):
        Vault(b"s" * length, CountingEntropy())


@given(st.lists(TEXTS, max_size=3), st.lists(TEXTS, max_size=3))
def test_names_are_alike_only_for_what_is_alike(one: list[str], other: list[str]) -> None:
    assert (VAULT.name(*one) == VAULT.name(*other)) == (one == other)


@given(st.binary(max_size=80))
def test_no_challenge_can_be_made_up(made_up: bytes) -> None:
    assert not VAULT.is_challenge(made_up, "use", "a", NOW)


@given(st.integers(0, 39), st.integers(1, 255))
def test_a_challenge_that_was_altered_is_none_of_ours(place: int, change: int) -> None:
    challenge = VAULT.challenge("use", "a", NOW)
    altered = bytearray(challenge)
    altered[place] ^= change

    assert VAULT.is_challenge(challenge, "use", "a", NOW)
    assert not VAULT.is_challenge(bytes(altered), "use", "a", NOW)


def test_a_challenge_is_for_one_use_one_account_and_ten_minutes() -> None:
    challenge = VAULT.challenge("use", "a", NOW)

    assert VAULT.is_challenge(challenge, "use", "a", NOW + timedelta(seconds=CHALLENGE_SECONDS - 1))
    assert not VAULT.is_challenge(challenge, "use", "a", NOW + timedelta(seconds=CHALLENGE_SECONDS))
    assert not VAULT.is_challenge(challenge, "other", "a", NOW)
    assert not VAULT.is_challenge(challenge, "use", "b", NOW)
    assert not Vault(b"t" * 32, CountingEntropy()).is_challenge(challenge, "use", "a", NOW)


def test_each_challenge_brings_a_one_time_code_secret_of_its_own() -> None:
    one, other = (VAULT.totp_secret(VAULT.challenge("use", "a", NOW)) for _ in range(2))

    assert len(one) == len(other) == 20
    assert one != other


# ---------------------------------------------------------------------------------------- codes


def test_codes_are_read_however_they_are_typed() -> None:
    code = make_code(CountingEntropy())

    assert activation_digest(VAULT, code) == activation_digest(VAULT, f" {code.lower().replace('-', ' ')} ")
    assert is_activation_code(code)
    assert not is_activation_code(code[:-1])


def test_digits_that_base32_lacks_are_the_letters_they_look_like() -> None:
    assert code_digest(VAULT, "a", "OIB0-1800") == code_digest(VAULT, "a", "OIBO-IBOO")


def test_ten_codes_are_all_different_and_bound_to_their_account() -> None:
    codes = recovery_codes(CountingEntropy())

    assert len(set(codes)) == 10
    assert all(len(each.replace("-", "")) == 16 for each in codes)
    assert code_digest(VAULT, "a", codes[0]) != code_digest(VAULT, "b", codes[0])


def test_whoever_writes_to_the_database_knows_no_digest_of_a_code_of_theirs() -> None:
    other, code = Vault(b"o" * 32, CountingEntropy()), recovery_codes(CountingEntropy())[0]

    assert code_digest(VAULT, "a", code) != code_digest(other, "a", code)
    assert activation_digest(VAULT, code) != activation_digest(other, code)
    assert code_digest(VAULT, "a", code) != activation_digest(VAULT, code)
