"""The tree of keys: whole, every leaf follows from the root; cut, exactly the leaves that were cut out are gone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.puncture import MONTHS, Tree, month_number

ROOT = bytes(range(32))
WHOLE = Tree.grown(ROOT)
points = st.binary(min_size=16, max_size=16)
months = st.integers(0, MONTHS - 1)


@given(points, points, months, st.integers(0, MONTHS))
def test_a_cut_takes_the_months_before_it_and_nothing_else(mine: bytes, other: bytes, month: int, before: int) -> None:
    cut = WHOLE.without(mine, before)

    is_gone = month < before
    assert (cut.leaf(mine, month) is None) == is_gone
    assert is_gone or cut.leaf(mine, month) == WHOLE.leaf(mine, month)
    assert cut.leaf(other, month) == (None if is_gone and other[:8] == mine[:8] else WHOLE.leaf(other, month))
    assert cut.lacks(mine, before)


@given(st.lists(st.tuples(points, st.integers(1, MONTHS)), min_size=1, max_size=4), months)
def test_any_order_of_cuts_comes_to_the_same_tree(cuts: list[tuple[bytes, int]], month: int) -> None:
    one, other = WHOLE, WHOLE
    for point, before in cuts:
        one = one.without(point, before)
    for point, before in reversed(cuts):
        other = other.without(point, before)

    assert one.encode() == other.encode() == Tree.decode(one.encode()).encode()
    for point, before in cuts:
        assert month >= before or one.leaf(point, month) is None


@given(points, months)
def test_no_node_that_is_left_leads_to_what_was_cut(point: bytes, month: int) -> None:
    cut = WHOLE.without(point, month + 1)
    leaf = int.from_bytes(point[:8], "big") * MONTHS + month

    assert not any(first <= leaf < end for first, end in (node.span() for node in cut.nodes()))


def test_leaves_differ() -> None:
    leaves = {WHOLE.leaf(bytes([n]) * 16, month) for n in range(16) for month in range(16)}

    assert len(leaves) == 256


def test_a_cut_adds_some_three_hundred_nodes() -> None:
    assert len(WHOLE.without(bytes(16), month_number("2023-11")).nodes()) < 300


@pytest.mark.parametrize("spoil", [b"", b"x", WHOLE.encode()[:-1], WHOLE.encode() * 2, b"\x14" + WHOLE.encode()[1:]])
def test_what_is_no_tree_is_refused(spoil: bytes) -> None:
    with pytest.raises(ValueError, match="nodes of a tree"):
        Tree.decode(spoil)


@pytest.mark.parametrize("month", ["1999-12", "2026-13", "2026-00", "9999-01", "xxxx-01"])
def test_no_such_month(month: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int() has words of its own
        month_number(month)


def test_a_root_is_a_whole_key() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tree.grown(b"short")


def test_nothing_shows_a_key() -> None:
    assert ROOT.hex() not in repr(WHOLE) + repr(WHOLE.nodes())
