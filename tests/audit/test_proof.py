"""Proofs: every true one is believed, every changed one is not."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import proof
from audit.errors import ProofError
from audit.proof import TlogProof, check_consistency, check_inclusion, parse_tlog_proof
from audit.tree import StoredTree
from tests.audit.make import a_checkpoint_of, a_log
from tests.audit.test_tree import leaf, stored

LARGEST = 64
WHOLE = stored(70_000)
EMPTY = StoredTree(0, WHOLE.hashes).root()


def tree(size: int) -> StoredTree:
    return StoredTree(size, WHOLE.hashes)


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)


def test_every_leaf_of_every_small_tree_is_included() -> None:
    for size in range(1, LARGEST + 1):
        whole, root = tree(size), tree(size).root()
        for index in range(size):
            check_inclusion(leaf(index), index, size, root, whole.inclusion(index))


def test_every_small_tree_extends_every_smaller_one() -> None:
    roots = [tree(size).root() for size in range(LARGEST + 1)]
    for new in range(LARGEST + 1):
        for old in range(new + 1):
            check_consistency(old, roots[old], new, roots[new], tree(new).consistency(old))


large = st.integers(1, 70_000)


@given(large, large)
def test_large_trees_too(one: int, other: int) -> None:
    old, new = sorted((one, other))

    check_consistency(old, tree(old).root(), new, tree(new).root(), tree(new).consistency(old))
    check_inclusion(leaf(old - 1), old - 1, new, tree(new).root(), tree(new).inclusion(old - 1))


@given(st.integers(2, LARGEST), st.data(), st.integers(0, 255))
def test_no_changed_inclusion_proof_is_believed(size: int, data: st.DataObject, bit: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    root, path = tree(size).root(), tree(size).inclusion(index)
    place = data.draw(st.integers(0, len(path) - 1))
    changed = {
        "leaf": (flipped(leaf(index), bit), index, size, root, path),
        "root": (leaf(index), index, size, flipped(root, bit), path),
        "path": (leaf(index), index, size, root, [*path[:place], flipped(path[place], bit), *path[place + 1 :]]),
        "too long": (leaf(index), index, size, root, [*path, root]),
        "too short": (leaf(index), index, size, root, path[:-1]),
        "cut hash": (leaf(index), index, size, root, [*path[:-1], path[-1][:-1]]),
    }
    for claim in changed.values():
        with pytest.raises(ProofError):
            check_inclusion(*claim)


@given(st.integers(1, LARGEST), st.data())
def test_a_proof_is_good_for_one_index(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-2, size + 2).filter(lambda number: number != index))

    with pytest.raises(ProofError):
        check_inclusion(leaf(index), other, size, tree(size).root(), tree(size).inclusion(index))


@given(st.integers(2, LARGEST), st.data(), st.integers(0, 255))
def test_no_changed_consistency_proof_is_believed(new: int, data: st.DataObject, bit: int) -> None:
    old = data.draw(st.integers(1, new - 1))
    roots, path = (tree(old).root(), tree(new).root()), tree(new).consistency(old)
    place = data.draw(st.integers(0, len(path) - 1))
    changed = {
        "old root": (old, flipped(roots[0], bit), new, roots[1], path),
        "new root": (old, roots[0], new, flipped(roots[1], bit), path),
        "path": (old, roots[0], new, roots[1], [*path[:place], flipped(path[place], bit), *path[place + 1 :]]),
        "too long": (old, roots[0], new, roots[1], [*path, roots[0]]),
        "too short": (old, roots[0], new, roots[1], path[:-1]),
        "nothing": (old, roots[0], new, roots[1], []),
        "the other way round": (new, roots[1], old, roots[0], path),
    }
    for claim in changed.values():
        with pytest.raises(ProofError):
            check_consistency(*claim)


BORDERS = {
    "equal sizes, other roots": (3, tree(3).root(), 3, tree(4).root(), []),
    "equal sizes, a path": (3, tree(3).root(), 3, tree(3).root(), [leaf(0)]),
    "empty, with a root": (0, leaf(0), 3, tree(3).root(), []),
    "empty, with a path": (0, EMPTY, 3, tree(3).root(), [leaf(0)]),
    "empty twice, other roots": (0, EMPTY, 0, leaf(0), []),
    "negative": (-1, EMPTY, 3, tree(3).root(), []),
}


@pytest.mark.parametrize("claim", BORDERS.values(), ids=BORDERS.keys())
def test_at_the_border(claim: tuple[int, bytes, int, bytes, list[bytes]]) -> None:
    with pytest.raises(ProofError):
        check_consistency(*claim)


def test_the_root_of_a_part_is_not_the_root_of_the_whole() -> None:
    """The hashes agree in both cases; only their number tells that the proof stops half-way."""
    with pytest.raises(ProofError, match="too short"):
        check_inclusion(leaf(0), 0, 4, tree(2).root(), tree(2).inclusion(0))
    with pytest.raises(ProofError, match="too short"):
        check_consistency(1, tree(1).root(), 4, tree(2).root(), tree(2).consistency(1))


def a_proof(index: int = 3, extra: bytes | None = None) -> TlogProof:
    log = a_log(8)
    path = StoredTree(8, log.hashes).inclusion(index)
    return TlogProof(index, tuple(path), a_checkpoint_of(log), extra)


@pytest.mark.parametrize("extra", [None, b"", b"anything"])
@pytest.mark.parametrize("index", [0, 7])
def test_a_tlog_proof_is_read_as_it_was_written(index: int, extra: bytes | None) -> None:
    written = a_proof(index, extra)

    assert parse_tlog_proof(written.encode()) == written


def test_a_tlog_proof_of_a_log_of_one_has_no_hashes() -> None:
    written = TlogProof(0, (), a_checkpoint_of(a_log(1)))

    assert parse_tlog_proof(written.encode()) == written
    assert written.encode().startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\ngateway.example/audit/2025-1\n1\n")


SPOILS = {
    "another first line": (b"c2sp.org/tlog-proof@v1", b"c2sp.org/tlog-proof@v2"),
    "a leading zero": (b"index 3", b"index 03"),
    "no number": (b"index 3", b"index "),
    "another word": (b"index 3", b"place 3"),
    "a sign": (b"index 3", b"index +3"),
    "full-width": (b"index 3", "index ３".encode()),
    "a very long number": (b"index 3", b"index " + b"3" * 5000),
    "no index": (b"index 3\n", b""),
    "no blank line": (b"\n\n" + b"gateway", b"\ngateway"),
    "two spaces": (b"index 3", b"index  3"),
    "an empty extra": (b"index 3", b"extra  \nindex 3"),
    "no UTF-8": (b"index 3", b"index \xff"),
    "a short hash": (b"index 3\n", b"index 3\nAAAA\n"),
    "many hashes": (b"index 3\n", b"index 3\n" + (b"A" * 43 + b"=\n") * (proof.MAX_HASHES + 1)),
}


@pytest.mark.parametrize(("old", "new"), SPOILS.values(), ids=SPOILS.keys())
def test_what_is_nearly_a_tlog_proof_is_refused(old: bytes, new: bytes) -> None:
    content = a_proof().encode()
    assert old in content

    with pytest.raises(ProofError):
        parse_tlog_proof(content.replace(old, new, 1))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_politely(content: bytes) -> None:
    with pytest.raises(ProofError):
        parse_tlog_proof(content)


def test_cut_anywhere_a_tlog_proof_is_refused_or_its_last_signature_is_gone() -> None:
    content = a_proof().encode()
    ends = [place for place, _ in enumerate(content, 1) if content[:place].endswith(b"\n")]

    for start, end in pairwise(ends[:-1]):
        for place in (start, end - 1):
            with pytest.raises(ProofError):
                parse_tlog_proof(content[:place])
