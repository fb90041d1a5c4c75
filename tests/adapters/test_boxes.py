"""A box is opened by whom it was closed for, and a box for two by neither alone."""

from __future__ import annotations

import os
from itertools import permutations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from adapters.keys.boxes import BoxError, close_box, close_for_two, fingerprint, open_box, open_by_two

ONE, TWO, STRANGER = (X25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2, 3))
BOTH = (ONE.public_key(), TWO.public_key())


@given(content=st.binary(max_size=300))
def test_what_was_closed_is_opened(content: bytes) -> None:
    assert open_box(close_box(content, ONE.public_key(), b"p", os.urandom), ONE, b"p") == content
    assert open_by_two(close_for_two(content, BOTH, b"p", os.urandom), (ONE, TWO), b"p") == content


def test_the_order_of_two_keys_does_not_matter() -> None:
    box = close_for_two(b"list", BOTH, b"p", os.urandom)

    assert {open_by_two(box, (first, second), b"p") for first, second in permutations((ONE, TWO))} == {b"list"}


@pytest.mark.parametrize("keys", [(ONE, ONE), (TWO, TWO), (ONE, STRANGER), (STRANGER, TWO), (STRANGER, STRANGER)])
def test_less_than_both_open_nothing(keys: tuple[X25519PrivateKey, X25519PrivateKey]) -> None:
    box = close_for_two(b"list", BOTH, b"p", os.urandom)

    with pytest.raises(BoxError):
        open_by_two(box, keys, b"p")


def test_another_purpose_is_another_box() -> None:
    with pytest.raises(BoxError):
        open_box(close_box(b"x", ONE.public_key(), b"p", os.urandom), ONE, b"q")
    with pytest.raises(BoxError):
        open_by_two(close_for_two(b"x", BOTH, b"p", os.urandom), (ONE, TWO), b"q")


@given(place=st.integers(0, 500), bit=st.integers(0, 7))
def test_no_bit_of_a_box_can_be_changed(place: int, bit: int) -> None:
    box = bytearray(close_for_two(b"list", BOTH, b"p", os.urandom))
    box[place % len(box)] ^= 1 << bit

    # Of a public key on this curve the highest bit is ignored; the key that is derived is not that of the box.
    with pytest.raises(BoxError):
        open_by_two(bytes(box), (ONE, TWO), b"p")


@pytest.mark.parametrize("box", [b"", b"x" * 31, bytes(32), bytes(200), b"\xff" * 300])
def test_what_is_no_box_is_told_as_such(box: bytes) -> None:
    with pytest.raises(BoxError):
        open_box(box, ONE, b"p")
    with pytest.raises(BoxError):
        open_by_two(box, (ONE, TWO), b"p")


def test_two_boxes_of_one_content_do_not_look_alike() -> None:
    first, second = (close_for_two(b"list" * 20, BOTH, b"p", os.urandom) for _ in range(2))

    assert not [place for place in range(0, len(first), 16) if first[place : place + 16] == second[place : place + 16]]


def test_a_fingerprint_names_a_key() -> None:
    assert len({fingerprint(key.public_key()) for key in (ONE, TWO, STRANGER)}) == 3
