"""The tree of RFC 6962: published roots, and every way of growing it leads to the same."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.entry import leaf_hash
from audit.errors import ProofError
from audit.tree import StoredTree, Tile, extend, filled_tiles, grow, node_hash, perfect_root, root, split

# The eight leaves and the roots that the Certificate Transparency implementations test with.
LEAVES = [
    leaf_hash(bytes.fromhex(text))
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
INCLUSION_OF_0_IN_8 = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]


def leaf(number: int) -> bytes:
    return sha256(b"leaf %d" % number).digest()


def recursive_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return node_hash(recursive_root(leaves[:left]), recursive_root(leaves[left:]))


class Stored:
    """Leaf hashes and tiles, as a store keeps them."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.tiles: dict[tuple[int, int], Tile] = {}

    def add(self, leaves: list[bytes]) -> None:
        for tile in filled_tiles(len(self.leaves), leaves, self.hashes):
            assert (tile.level, tile.index) not in self.tiles
            self.tiles[tile.level, tile.index] = tile
        self.leaves += leaves

    def hashes(self, level: int, start: int, end: int) -> bytes:
        if level == 0:
            return b"".join(self.leaves[start:end])
        return b"".join(self.tiles[level - 1, index].root for index in range(start, end))


def stored(size: int, batch: int = 1000) -> Stored:
    whole = Stored()
    for start in range(0, size, batch):
        whole.add([leaf(number) for number in range(start, min(size, start + batch))])
    return whole


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size: int) -> None:
    frontier: list[bytes] = []
    for number in range(size):
        grow(frontier, number, LEAVES[number])

    assert root(frontier).hex() == ROOTS[size]


def test_the_published_inclusion_proof() -> None:
    whole = Stored()
    whole.add(LEAVES)

    assert [node.hex() for node in StoredTree(8, whole.hashes).inclusion(0)] == INCLUSION_OF_0_IN_8


def test_the_frontier_gives_the_root_of_the_definition() -> None:
    leaves = [leaf(number) for number in range(300)]
    frontier: list[bytes] = []

    for size in range(301):
        assert root(frontier) == recursive_root(leaves[:size])
        assert len(frontier) == size.bit_count()
        grow(frontier, size, leaf(size))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 66_000])
def test_a_tree_over_stored_hashes_has_the_same_frontier(size: int) -> None:
    whole = stored(size, batch=999)
    frontier: list[bytes] = []
    for number in range(size):
        grow(frontier, number, leaf(number))

    tree = StoredTree(size, whole.hashes)

    assert tree.frontier() == frontier
    assert tree.root() == root(frontier)


@given(st.lists(st.integers(0, 400), max_size=8))
def test_a_row_at_a_time_is_the_same_as_a_leaf_at_a_time(batches: list[int]) -> None:
    rows, one_by_one, size = list[bytes](), list[bytes](), 0
    for batch in batches:
        fresh = [leaf(number) for number in range(size, size + batch)]
        completed = extend(rows, size, fresh)
        for number, each in enumerate(fresh, size):
            grow(one_by_one, number, each)
        assert rows == one_by_one
        for height, nodes in enumerate(completed):
            assert len(nodes) == ((size + batch) >> height) - (size >> height)
        size += batch


@given(st.integers(0, 66_000), st.integers(1, 70_000))
@settings(max_examples=15)
def test_roots_of_tiles_are_among_what_growing_completes(size: int, batch: int) -> None:
    """Also where one batch fills tiles of the second level."""
    leaves = [leaf(number) for number in range(size + batch)]
    frontier = list[bytes]()
    extend(frontier, 0, leaves[:size])
    tiles: dict[tuple[int, int], Tile] = {(t.level, t.index): t for t in filled_tiles(0, leaves[:size], lambda *_: b"")}

    def hashes(level: int, start: int, end: int) -> bytes:
        return b"".join(leaves[start:end] if level == 0 else [tiles[level - 1, at].root for at in range(start, end)])

    completed = extend(frontier, size, leaves[size:])

    assert filled_tiles(size, leaves[size:], hashes, completed) == filled_tiles(size, leaves[size:], hashes)


@given(st.lists(st.integers(1, 400), max_size=8))
def test_batches_do_not_matter(batches: list[int]) -> None:
    total = sum(batches)
    pieces = Stored()
    for batch in batches:
        pieces.add([leaf(number) for number in range(len(pieces.leaves), len(pieces.leaves) + batch)])

    assert pieces.tiles == stored(total, batch=max(total, 1)).tiles
    assert len(pieces.tiles) == total // 256


def test_tiles_of_the_second_level_fill_at_65536() -> None:
    whole = stored(65_535)
    assert {level for level, _ in whole.tiles} == {0}

    whole.add([leaf(65_535)])

    top = whole.tiles[1, 0]
    assert split(top.hashes) == [whole.tiles[0, index].root for index in range(256)]
    assert top.root == recursive_root(whole.leaves)


def test_a_tile_is_asked_only_for_what_was_stored_before() -> None:
    asked: list[tuple[int, int, int]] = []

    def hashes(level: int, start: int, end: int) -> bytes:
        asked.append((level, start, end))
        return b"".join(leaf(number) for number in range(start, end))

    filled_tiles(255, [leaf(255)], hashes)
    filled_tiles(256, [leaf(number) for number in range(256, 512)], hashes)
    filled_tiles(512, [leaf(512)], hashes)

    assert asked == [
        (0, 0, 255),
    ]


def test_a_tree_over_missing_hashes_gives_no_root() -> None:
    whole = stored(300)
    del whole.leaves[280:]

    with pytest.raises(ProofError, match="not all there"):
        StoredTree(300, whole.hashes).root()


@pytest.mark.parametrize("index", [-1, 5, 6])
def test_a_leaf_outside_the_tree_has_no_proof(index: int) -> None:
    with pytest.raises(ValueError, match="not in a tree of 5"):
        StoredTree(5, stored(5).hashes).inclusion(index)


@pytest.mark.parametrize("old", [-1, 6])
def test_a_larger_tree_is_not_extended(old: int) -> None:
    with pytest.raises(ValueError, match="does not extend"):
        StoredTree(5, stored(5).hashes).consistency(old)


def test_a_perfect_root_over_one_hash_is_that_hash() -> None:
    assert perfect_root([leaf(0)]) == leaf(0)
