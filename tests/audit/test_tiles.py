"""Paths of tiles: one spelling each, and exactly the tiles that a tree of some size has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tiles import MAX_LEVEL, TilePath, parse_tile_path, tiles_of
from audit.tree import TILE_WIDTH

SPELLED = {
    "0/000": TilePath(0, 0),
    "0/067": TilePath(0, 67),
    "1/x001/x234/067": TilePath(1, 1_234_067),
    "5/x001/000.p/12": TilePath(5, 1000, 12),
}
REFUSED = [
    "",
    "0",
    "0/0",
    "0/00",
    "0/0000",
    "00/000",
    "6/000",
    "-1/000",
    "0/x000/067",
    "0/001/067",
    "0/x001",
    "0/x001/67",
    "0/000.p",
    "0/000.p/",
    "0/000.p/0",
    "0/000.p/256",
    "0/000.p/01",
    "0/000/",
    "/0/000",
    "0//000",
    "0/000\n",
    "0/٠٠٠",
    "0/../0/000",
    "entries/000",
    "0/x999/x999/x999/x999/x999/x999/999",
]


@pytest.mark.parametrize(("text", "path"), SPELLED.items())
def test_a_path_is_read_and_written_the_same(text: str, path: TilePath) -> None:
    assert parse_tile_path(text) == path
    assert str(path) == text


@pytest.mark.parametrize("text", REFUSED)
def test_no_other_spelling_is_a_path(text: str) -> None:
    assert parse_tile_path(text) is None


@given(st.integers(0, MAX_LEVEL), st.integers(0, 10**17), st.integers(1, TILE_WIDTH))
def test_every_tile_has_a_path(level: int, number: int, width: int) -> None:
    path = TilePath(level, number, width)

    assert parse_tile_path(str(path)) == path


@given(st.integers(0, 10**9))
def test_a_tree_has_these_tiles_and_not_one_hash_more(size: int) -> None:
    few = size % 300_000
    tiles = tiles_of(few)

    assert all(each.is_within(few) for each in tiles)
    assert sum(each.width for each in tiles if each.level == 0) == few
    assert not any(each.is_within(few - 1) for each in tiles if each.level == 0 and each.width < TILE_WIDTH)
    assert not TilePath(0, few // TILE_WIDTH, few % TILE_WIDTH + 1).is_within(few)
