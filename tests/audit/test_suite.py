"""Both suites: published vectors, and the same tree and proofs from either hash."""

from __future__ import annotations

import hashlib
from typing import NoReturn

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import leaf_hash
from audit.errors import ProofError, SuiteError
from audit.proof import check_consistency, check_inclusion
from audit.reader import suite_of_log
from audit.suite import GM, INTL, Digest, Suite, suite_of
from audit.tree import StoredTree, extend, filled_tiles, grow, root
from tests.fakes_audit import MemoryLedger

SUITES = pytest.mark.parametrize("suite", [INTL, GM], ids=lambda suite: suite.name)


def test_sm3_is_that_of_gb_t_32905() -> None:
    """Appendix A: the two examples."""
    assert GM.digest(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert GM.digest(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


def test_sm4_gcm_is_that_of_rfc_8998() -> None:
    """Appendix A.1."""
    key, nonce = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"), bytes.fromhex("00001234567800000000ABCD")
    bound = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    content = b"".join(bytes([octet]) * 8 for octet in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
    sealed = (
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )

    cipher = GM.cipher(key + bytes(16))

    assert cipher.encrypt(nonce, content, bound).hex().upper() == sealed
    assert cipher.decrypt(nonce, bytes.fromhex(sealed), bound) == content


@SUITES
@given(content=st.binary(max_size=60), bound=st.binary(max_size=20), at=st.integers(0, 200))
def test_what_was_changed_does_not_open(suite: Suite, content: bytes, bound: bytes, at: int) -> None:
    cipher, nonce = suite.cipher(bytes(range(32))), bytes(12)
    sealed = bytearray(cipher.encrypt(nonce, content, bound))

    assert cipher.decrypt(nonce, bytes(sealed), bound) == content
    sealed[at % len(sealed)] ^= 1
    for changed in (bytes(sealed), b"", bytes(sealed[:15])):
        with pytest.raises(InvalidTag):
            cipher.decrypt(nonce, changed, bound)


def defined(leaves: list[bytes], digest: Digest) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return digest(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return digest(b"\x01" + defined(leaves[:split], digest) + defined(leaves[split:], digest))


@SUITES
@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 255, 256, 257, 600])
def test_trees_are_those_of_the_definition(suite: Suite, size: int) -> None:
    leaves = [leaf_hash(f"entry {number}".encode(), suite.digest) for number in range(size)]
    one_by_one: list[bytes] = []
    for number, leaf in enumerate(leaves):
        grow(one_by_one, number, leaf, suite.digest)
    at_once: list[bytes] = []
    completed = extend(at_once, 0, leaves, suite.digest)
    tiles = filled_tiles(0, leaves, lambda *_: b"", digest=suite.digest)

    assert one_by_one == at_once
    assert root(at_once, suite.digest) == defined(leaves, suite.digest)
    assert tiles == filled_tiles(0, leaves, lambda *_: b"", completed, suite.digest)


@SUITES
@given(sizes=st.tuples(st.integers(0, 130), st.integers(1, 130)), data=st.data())
def test_proofs_hold_under_their_own_suite_alone(suite: Suite, sizes: tuple[int, int], data: st.DataObject) -> None:
    old, size = sorted(sizes)
    other = GM if suite is INTL else INTL
    leaves = [leaf_hash(bytes([number]), suite.digest) for number in range(size)]
    tree = StoredTree(size, lambda _, start, end: b"".join(leaves[start:end]), suite.digest)
    before, index = defined(leaves[:old], suite.digest), data.draw(st.integers(0, size - 1))
    path, extended = tree.inclusion(index), tree.consistency(old)

    check_inclusion(leaves[index], index, size, tree.root(), path, digest=suite.digest)
    check_consistency(old, before, size, tree.root(), extended, digest=suite.digest)
    if size > 1:
        with pytest.raises(ProofError):
            check_inclusion(leaves[index], index, size, tree.root(), path, digest=other.digest)
    if 0 < old < size:
        with pytest.raises(ProofError):
            check_consistency(old, before, size, tree.root(), extended, digest=other.digest)


def test_a_suite_is_found_by_its_name_alone() -> None:
    assert (suite_of("intl"), suite_of("gm")) == (INTL, GM)
    with pytest.raises(SuiteError, match="intl, gm"):
        suite_of("GM")


def test_a_machine_without_the_hash_is_told_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An OpenSSL without SM3: said when a log of that suite is opened, not at its first entry."""

    def refuse(name: str, _: bytes = b"") -> NoReturn:
        raise ValueError(f"unsupported hash type {name}")

    monkeypatch.setattr(hashlib, "new", refuse)

    with pytest.raises(SuiteError, match="bidui doctor"):
        suite_of("gm")
    assert suite_of("intl") is INTL


def test_a_log_without_any_entry_is_taken_for_one_of_the_usual_suite() -> None:
    assert suite_of_log(MemoryLedger()) is INTL
