"""An activation code: what one founder is handed on paper, and nobody finds from what entry 0 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deeds.activation import activation_key, make_code
from gateway.deeds.errors import DeedError
from tests.fakes_audit import CountingEntropy
from tests.people import LOG, public_of

CODE = make_code(CountingEntropy("code"))


@given(st.binary(min_size=17, max_size=17))
def test_a_code_can_be_read_out(drawn: bytes) -> None:
    code = make_code(lambda size: drawn[:size])

    groups = code.split("-")
    assert [len(group) for group in groups] == [5, 5, 5, 5, 5, 1]
    assert set("".join(groups)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@given(st.lists(st.binary(min_size=17, max_size=17), min_size=2, max_size=2, unique_by=lambda each: each[:16]))
def test_other_randomness_is_another_code_and_another_key(drawn: list[bytes]) -> None:
    codes = [make_code(lambda size, each=each: each[:size]) for each in drawn]  # type: ignore[misc]  # bound at once

    assert codes[0] != codes[1]
    assert len({public_of(activation_key(code, LOG)) for code in codes}) == 2


def test_a_code_draws_enough() -> None:
    asked: list[int] = []

    def entropy(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    make_code(entropy)

    assert sum(asked) * 8 >= 130


SPELT = [CODE, CODE.lower(), CODE.replace("-", ""), f" {CODE} ", CODE.replace("-", " - "), CODE.replace("-", " ")]


@pytest.mark.parametrize("spelt", SPELT)
def test_however_it_is_typed_it_is_the_same_key(spelt: str) -> None:
    assert public_of(activation_key(spelt, LOG)) == public_of(activation_key(CODE, LOG))


def test_in_another_installation_it_is_another_key() -> None:
    assert public_of(activation_key(CODE, f"{LOG}2")) != public_of(activation_key(CODE, LOG))


WRONG = ["", "A", CODE[:-1], f"{CODE}A", CODE.replace("-", "/"), "Ａ" * 26, "é" * 26, "\n".join(CODE), "A" * 1000]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_code_is_told_so_and_not_repeated(text: str) -> None:
    with pytest.raises(DeedError) as refused:
        activation_key(text, LOG)

    assert len(text) < 5 or text not in str(refused.value)


def test_one_letter_off_is_nobodys_key() -> None:
    other = ("B" if CODE[0] != "B" else "C") + CODE[1:]

    assert public_of(activation_key(other, LOG)) != public_of(activation_key(CODE, LOG))
