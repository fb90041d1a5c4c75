"""Whose record began or moved to another unit of late: what serve holds outcomes against (核对结果), and nothing more.

    since   uint32   the first local day (as an ordinal) from which on all of them are told
    key     32 bytes drawn for this file
    token, day      16 bytes and uint32 each: a keyed digest of a link, and the last day on which sync saw a change

All of it in a box for serve, like the tokens of `adapters.index.tokens`. Serve learns of links that were asked about
whether and when they moved, not from where nor to where.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from adapters.index.tokens import KEY_BYTES, TOKEN_BYTES, Marked, open_marked, token_of
from adapters.keys.boxes import Entropy, close_box

MOVED_DAYS = 120
"""How far back a file goes at most: the 90 days of an outcome, and a month in which sync may have stood still."""
_head, _row = struct.Struct(f"<I{KEY_BYTES}s"), struct.Struct(f"<{TOKEN_BYTES}sI")


class MoverTokens:
    """The movers of one generation."""

    __slots__ = ("_days", "_key", "since")

    def __init__(self, since: int, key: bytes, days: Mapping[bytes, int]) -> None:
        self.since, self._key, self._days = since, key, days

    def __repr__(self) -> str:
        return "MoverTokens(***)"

    def day(self, link: bytes) -> int:
        """The last day on which the link's record began or moved; 0 where it did not."""
        return self._days.get(token_of(self._key, link), 0)


def write_movers(since: int, days: Mapping[bytes, int], to: X25519PublicKey, entropy: Entropy) -> bytes:
    """The content of the file: the days by link."""
    key = entropy(KEY_BYTES)
    rows = sorted(_row.pack(token_of(key, link), day) for link, day in days.items())
    return close_box(_head.pack(since, key) + b"".join(rows), to, Marked.MOVERS.value, entropy)


def read_movers(content: bytes, key: X25519PrivateKey) -> MoverTokens:
    """Raises `GenerationError` for what was written for another key."""
    inside = open_marked(content, Marked.MOVERS, key)
    since, token_key = _head.unpack_from(inside)
    return MoverTokens(since, token_key, dict(_row.iter_unpack(inside[_head.size :])))
