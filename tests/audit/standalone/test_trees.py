"""Trees and proofs of the single file: too few hashes, too many, and proofs in another spelling."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import leaf_hash
from audit.errors import ProofError
from audit.proof import parse_tlog_proof
from audit.standalone.trees import MAX_HASHES, Hashing, parse_proof, split
from audit.standalone.verdicts import WrongError
from audit.tree import StoredTree
from tests.audit.make import a_checkpoint_of, a_log

HASHING = Hashing("intl")
LOG = a_log(11)
TREE = StoredTree(11, LOG.hashes)
LEAF, OTHER = leaf_hash(LOG.rows[5].entry), bytes(32)
PATH = tuple(TREE.inclusion(5))
HEAD = b"c2sp.org/tlog-proof@v1\n"
SIGNED = a_checkpoint_of(LOG)
HASH = b64encode(OTHER) + b"\n"


def test_an_empty_tree_has_a_root_of_its_own() -> None:
    assert HASHING.root([]) == HASHING.hash(b"")


@given(st.integers(1, 11), st.data())
def test_a_path_leads_to_the_root(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tree = StoredTree(size, LOG.hashes)

    assert HASHING.from_inclusion(leaf_hash(LOG.rows[index].entry), index, size, tree.inclusion(index)) == tree.root()


PATHS: dict[str, tuple[int, int, tuple[bytes, ...], str]] = {
    "not in the tree": (11, 11, PATH, "no entry 11"),
    "before the tree": (-1, 11, PATH, "no entry -1"),
    "an empty tree": (0, 0, (), "no entry 0"),
    "half a hash": (5, 11, (*PATH[:-1], bytes(31)), "no such proof"),
    "a hash less": (5, 11, PATH[:-1], "too short"),
    "no hash": (5, 11, (), "too short"),
    "a hash more": (5, 11, (*PATH, OTHER), "too long"),
    "a tree of one entry, and a hash": (0, 1, (OTHER,), "too long"),
}


@pytest.mark.parametrize("case", PATHS)
def test_a_path_has_the_length_that_place_and_size_ask_for(case: str) -> None:
    index, size, path, cause = PATHS[case]

    with pytest.raises(WrongError, match=cause):
        HASHING.from_inclusion(LEAF, index, size, path)


MANY: dict[str, tuple[dict[int, bytes], int, int, str]] = {
    "nothing chosen": ({}, 11, 0, "not in the tree"),
    "not in the tree": ({5: LEAF, 11: LEAF}, 11, 0, "not in the tree"),
    "before the tree": ({-1: LEAF}, 11, 0, "not in the tree"),
    "too few hashes": ({5: LEAF}, 11, -1, "too short"),
    "too many hashes": ({5: LEAF}, 11, 1, "too long"),
}


@pytest.mark.parametrize("case", MANY)
def test_a_proof_of_many_has_one_hash_for_each_subtree_without_any(case: str) -> None:
    leaves, size, more, cause = MANY[case]
    path = [*TREE.inclusion_of_many([5]), OTHER]

    with pytest.raises(WrongError, match=cause):
        HASHING.from_many(leaves, size, iter(path[: len(path) - 1 + more]))


@given(st.sets(st.integers(0, 10), min_size=1))
def test_a_proof_of_many_leads_to_the_root(chosen: set[int]) -> None:
    leaves = {index: leaf_hash(LOG.rows[index].entry) for index in chosen}
    path = b"".join(TREE.inclusion_of_many(sorted(chosen)))

    assert HASHING.from_many(leaves, 11, iter(split(path))) == TREE.root()


def test_indices_that_are_not_in_the_tree_have_no_proof() -> None:
    for indices in ([], [11], [-1, 3]):
        with pytest.raises(ValueError, match="not all of these"):
            TREE.inclusion_of_many(indices)


PROOFS: dict[str, tuple[bytes, bool]] = {
    "plain": (HEAD + b"index 5\n" + HASH + b"\n" + SIGNED, True),
    "with something extra": (HEAD + b"extra AAAA\nindex 5\n\n" + SIGNED, True),
    "nothing": (b"", False),
    "another first line": (b"c2sp.org/tlog-proof@v2\nindex 5\n\n" + SIGNED, False),
    "no ASCII": (HEAD.replace(b"proof", "prööf".encode()) + b"index 5\n\n" + SIGNED, False),
    "no UTF-8": (b"\xff" + HEAD + b"index 5\n\n" + SIGNED, False),
    "no checkpoint": (HEAD + b"index 5\n", False),
    "a checkpoint that is no note": (HEAD + b"index 5\n\nlog\n11\n", False),
    "no index": (HEAD + b"\n" + SIGNED, False),
    "extra and no index": (HEAD + b"extra AAAA\n\n" + SIGNED, False),
    "an index with a nought in front": (HEAD + b"index 05\n\n" + SIGNED, False),
    "a negative index": (HEAD + b"index -5\n\n" + SIGNED, False),
    "an endless index": (HEAD + b"index " + b"9" * 20 + b"\n\n" + SIGNED, False),
    "half a hash": (HEAD + b"index 5\n" + b64encode(bytes(31)) + b"\n\n" + SIGNED, False),
    "a hash in another spelling": (HEAD + b"index 5\n" + HASH.replace(b"=", b"") + b"\n" + SIGNED, False),
    "hashes without end": (HEAD + b"index 5\n" + HASH * (MAX_HASHES + 1) + b"\n" + SIGNED, False),
}


@pytest.mark.parametrize("case", PROOFS)
def test_both_take_and_refuse_the_same_proofs(case: str) -> None:
    content, is_one = PROOFS[case]
    if is_one:
        alone, ours = parse_proof(content), parse_tlog_proof(content)
        assert (alone.index, alone.path, alone.checkpoint) == (ours.index, ours.path, ours.checkpoint)
        return

    with pytest.raises(WrongError):
        parse_proof(content)
    with pytest.raises(ProofError):
        parse_tlog_proof(content)
