"""Checking proofs (RFC 9162 sections 2.1.3.2 and 2.1.4.2), and the `.tlog-proof` text that carries one (C2SP).

A proof is believed only when it has exactly the hashes its size and index call for.
"""

from base64 import b64encode
from collections.abc import Sequence

from msgspec import Struct

from audit import note
from audit.errors import NoteError, ProofError
from audit.suite import INTL, Digest
from audit.tree import HASH_BYTES, node_hash

_FIRST_LINE = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 63
_MAX_DIGITS = 19


def check_inclusion(
    leaf: bytes, index: int, size: int, root: bytes, path: Sequence[bytes], *, digest: Digest = INTL.digest
) -> None:
    """Raise `ProofError` unless this path leads from the leaf at this index to the root of a tree of this size."""
    if root_from_inclusion(leaf, index, size, path, digest) != root:
        raise ProofError(f"the proof does not lead from entry {index} to the root of a tree of {size}")


def root_from_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], digest: Digest = INTL.digest
) -> bytes:
    """Return the root that a leaf and its path give. Raise `ProofError` when the path has the wrong length."""
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} has no entry {index}")
    node, place, last = leaf, index, size - 1
    for sibling in path:
        if last == 0 or len(sibling) != HASH_BYTES:
            raise ProofError("the inclusion proof is too long or holds what is no hash")
        if place & 1 or place == last:
            node = node_hash(sibling, node, digest)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling, digest)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the inclusion proof is too short")
    return node


def check_consistency(
    old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes], *, digest: Digest = INTL.digest
) -> None:
    """Raise `ProofError` unless this path shows that the tree of `new` entries extends that of `old`.

    A tree of 0 entries is extended by every tree.
    """
    if not 0 <= old <= new:
        raise ProofError(f"a log of {new} entries does not extend one of {old}")
    if old == 0:
        empty = digest(b"")
        agreed = not path and old_root == empty and (new > 0 or new_root == empty)
    elif old == new:
        agreed = not path and old_root == new_root
    else:
        agreed = _roots_from_consistency(old, new, old_root, path, digest) == (old_root, new_root)
    if not agreed:
        raise ProofError(f"the log of {new} entries does not extend the one of {old}, or the proof is not theirs")


def _roots_from_consistency(
    old: int, new: int, old_root: bytes, path: Sequence[bytes], digest: Digest
) -> tuple[bytes, bytes]:
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    # A tree that is one full subtree is its own starting point; every other proof brings it along.
    nodes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not nodes or any(len(node) != HASH_BYTES for node in nodes):
        raise ProofError("the consistency proof is too short or holds what is no hash")
    ours = theirs = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if place & 1 or place == last:
            ours, theirs = node_hash(node, ours, digest), node_hash(node, theirs, digest)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            theirs = node_hash(theirs, node, digest)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the consistency proof is too short")
    return ours, theirs


class TlogProof(Struct, frozen=True):
    """An inclusion proof that travels with its checkpoint. `extra` is not authenticated."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def encode(self) -> bytes:
        """Write it as text."""
        extra = [] if self.extra is None else [f"extra {b64encode(self.extra).decode()}"]
        hashes = [b64encode(node).decode() for node in self.path]
        head = [_FIRST_LINE, *extra, f"index {self.index}", *hashes]
        return "".join(f"{line}\n" for line in head).encode() + b"\n" + self.checkpoint


def parse_tlog_proof(content: bytes) -> TlogProof:
    """Read a proof. Raise `ProofError` for anything but the exact format; the checkpoint is not verified here."""
    head, blank, checkpoint = content.partition(b"\n\n")
    try:
        lines = head.decode().split("\n")
        note.parse(checkpoint)
        proof = _from_lines(lines, checkpoint)
    except (UnicodeDecodeError, NoteError) as error:
        raise ProofError("not a tlog-proof") from error
    if not blank or proof.encode() != content:
        raise ProofError("a tlog-proof in another spelling than its own")
    return proof


def _from_lines(lines: list[str], checkpoint: bytes) -> TlogProof:
    if lines[0] != _FIRST_LINE:
        raise ProofError(f"a tlog-proof begins with {_FIRST_LINE}")
    rest = lines[1:]
    extra = None
    if rest and rest[0].startswith("extra "):
        extra = note.from_base64(rest.pop(0).removeprefix("extra "))
    number = rest.pop(0).removeprefix("index ") if rest else ""
    path = tuple(note.from_base64(line) for line in rest)
    if not (number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS) or len(path) > MAX_HASHES:
        raise ProofError("a tlog-proof has an index line and at most 63 hashes")
    if any(len(node) != HASH_BYTES for node in path):
        raise ProofError(f"a hash of a tlog-proof has {HASH_BYTES} bytes")
    return TlogProof(int(number), path, checkpoint, extra)
