"""Cells: numbers of one region and birthday, which somebody who enumerates fills and nobody else does.

A cell is kept as a block that a cipher made of it under a key of serve's: what stands in the database is no part of
anybody's number. What is counted beside cells stands there as keyed digests, each of its own kind: units, regions,
decoys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

_ONE_BY_ONE = modes.ECB()  # noqa: S305 - nothing is encrypted: each block alone is put to a keyed function
_BLOCK = "%-16.14s"
"""Six digits of the region and eight of the birthday, in a block of the cipher."""
CELL_BYTES = 16
PERSON = "person"


def watch_key(secret: bytes) -> bytes:
    """The key of cells and pseudonyms, from a secret that serve alone has."""
    return hashlib.blake2b(key=secret, person=b"bidui-watch", digest_size=32).digest()


@lru_cache(maxsize=1 << 16)
def mark_of(key: bytes, what: str, name: bytes) -> bytes:
    """What counts for a unit, a region or all decoys stand under, as cells do."""
    return hashlib.blake2b(name, key=key, person=what.encode(), digest_size=CELL_BYTES).digest()


def pseudonym_of(key: bytes, kind: str, number: str) -> str:
    """What somebody is called among the samples of an incident: whoever can open the ledger makes it again."""
    return hashlib.blake2b(f"{kind}/{number}".encode(), key=key, person=b"sample", digest_size=4).hexdigest()


def cells_of(key: bytes, numbers: Sequence[str]) -> list[bytes]:
    """The cells of normalised numbers of persons, in their order, made in one call."""
    blocks = _BLOCK * len(numbers) % tuple(numbers)
    made = _block_cipher(key).update(blocks.encode("ascii"))
    return [made[at : at + CELL_BYTES] for at in range(0, len(made), CELL_BYTES)]


@lru_cache(maxsize=16)
def _block_cipher(key: bytes) -> CipherContext:
    """Keeps nothing of the blocks that were put to it, as long as they are whole."""
    own = hashlib.blake2b(key=key, person=b"cell", digest_size=32).digest()
    return Cipher(algorithms.AES256(own), _ONE_BY_ONE).encryptor()
