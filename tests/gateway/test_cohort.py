"""Cohorts as values: members, leaves, roots; and the same computed by a partner with the client SDK."""

from __future__ import annotations

import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tree import node_hash
from gateway.domain.cohort import (
    Members,
    is_packed,
    leaf_of,
    pack,
    pack_leaves,
    root_of,
    root_of_packed,
    unpack,
)

LINKS = st.sets(st.binary(min_size=16, max_size=16), max_size=60)
LEAVES = st.sets(st.binary(min_size=32, max_size=32), min_size=1, max_size=60)


@given(LINKS, st.binary(min_size=16, max_size=16))
def test_members_are_those_that_were_packed_and_nobody_else(links: set[bytes], stranger: bytes) -> None:
    members = Members(pack(links))

    assert len(members) == len(links)
    assert all(link in members for link in links)
    assert (stranger in members) == (stranger in links)


@given(LINKS)
def test_packed_links_are_sorted_and_come_apart_again(links: set[bytes]) -> None:
    packed = pack(links)

    assert is_packed(packed)
    assert unpack(packed) == sorted(links)
    assert Members(packed).digest == sha256(packed).hexdigest()


UNPACKED: dict[str, bytes] = {
    "one twice": b"a" * 32,
    "the wrong way round": b"b" * 16 + b"a" * 16,
    "one cut off": b"a" * 16 + b"b" * 15,
}


@pytest.mark.parametrize("links", UNPACKED.values(), ids=UNPACKED)
def test_what_is_not_packed_is_known(links: bytes) -> None:
    assert not is_packed(links)


@given(LEAVES, st.randoms(use_true_random=False))
def test_the_order_of_leaves_makes_no_difference(leaves: set[bytes], dice: random.Random) -> None:
    shuffled = list(leaves)
    dice.shuffle(shuffled)

    assert root_of(shuffled) == root_of(leaves) == root_of_packed(pack_leaves(leaves)) == _root(sorted(leaves)).hex()


@given(LEAVES, st.binary(min_size=32, max_size=32))
def test_another_leaf_is_another_root(leaves: set[bytes], other: bytes) -> None:
    assert (root_of(leaves | {other}) == root_of(leaves)) == (other in leaves)


def test_a_leaf_is_salt_and_number_and_none_is_found_by_number_alone() -> None:
    assert leaf_of(b"s" * 16, "15292119800101001X") == sha256(b"s" * 16 + b"15292119800101001X").digest()
    assert leaf_of(b"s" * 16, "1") != leaf_of(b"t" * 16, "1")


def test_leaves_that_are_cut_off_have_no_root() -> None:
    assert root_of_packed(b"x" * 33) == ""


def test_members_show_nothing_of_themselves() -> None:
    assert repr(Members(b"secret-secret-12")) == "Members(1)"


def _root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word, over hashes of leaves."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(_root(leaves[:left]), _root(leaves[left:]))
