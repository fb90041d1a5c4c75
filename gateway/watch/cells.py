"""Cells: numbers of one region and birthday, which somebody who enumerates fills and nobody else does.

A cell is kept as a keyed digest: what stands in the database is no part of anybody's number. So is what is counted
beside cells, each under a digest of its own kind: units, regions, decoys.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

_CELL = slice(0, 14)
"""Six digits of the region, eight of the birthday."""
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


def cell_of(key: bytes, kind: str, number: str) -> bytes | None:
    """The cell of a normalised number; None for kinds whose numbers have no such structure."""
    if kind != PERSON:
        return None
    # A keyed hash that is copied costs half of one that is made.
    cell = _begun(key).copy()
    cell.update(number[_CELL].encode())
    return cell.digest()


@lru_cache(maxsize=16)
def _begun(key: bytes) -> hashlib.blake2b:
    return hashlib.blake2b(key=key, digest_size=CELL_BYTES)
